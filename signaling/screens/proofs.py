"""Proofs that a request comes from the browser that was paired: DPoP (RFC 9449), bound to a screen's key. Pure.

1. **A copied device token is worthless without its key**, which no script can read out of the browser that made it.
2. **The clock of a classroom proves nothing**: `iat` is not looked at. What makes a proof fresh is a nonce of ours (section 8): the
   second in which it was given and a MAC, so that nothing is kept and every node of one key reads it.
3. **A proof works once** (section 11.1). Those seen are kept as long as their nonces live; when there is no more room the oldest
   second is forgotten, and nonces up to then are too old from that moment on: forgetting never lets a proof in twice.
4. The algorithm is named here, never taken from the proof (RFC 8725 section 3.1); the key in its header must be the screen's own.

A process that starts has seen nothing: for `seconds` after it, a proof of the time before could be shown a second time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

ALGORITHM: Final = "ES256"
TYPE: Final = "dpop+jwt"
MEMBERS: Final = ("crv", "kty", "x", "y")
"""The members of an elliptic curve key that its thumbprint is made of, in their order (RFC 7638 section 3.2)."""

LONGEST: Final = 2048
LONGEST_ID: Final = 128
_SECOND_BYTES: Final = 6
_MAC_BYTES: Final = 12


class BadProof(ValueError):
    """A proof that is not one for this request; the message says why."""


class StaleNonce(ValueError):
    """A proof that is right but for its nonce: with a fresh one it may come again."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The request that a proof must be for: `urls` are the ways in which its address may be written."""

    method: str
    urls: Collection[str]
    token: str


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """Return the SHA-256 thumbprint (RFC 7638) of a P-256 key; raise ValueError when it is none, or holds a private part."""
    plain = {name: jwk.get(name) for name in MEMBERS}
    if plain["kty"] != "EC" or plain["crv"] != "P-256" or "d" in jwk:
        raise ValueError("not a public key on P-256")
    try:
        ECKey.import_key({name: str(value) for name, value in plain.items()})
    except (JoseError, ValueError, TypeError) as error:
        raise ValueError("not a point of P-256") from error
    return _thumbprint(plain)


def _thumbprint(plain: Mapping[str, Any]) -> str:
    text = json.dumps({name: plain.get(name) for name in MEMBERS}, separators=(",", ":"))
    return _base64(hashlib.sha256(text.encode()).digest())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Nonces:
    """Gives nonces that are good for `seconds`; `now` is Unix seconds."""

    def __init__(self, key: bytes, seconds: float) -> None:
        self._key = key
        self._seconds = seconds

    def give(self, now: float) -> str:
        """Return the nonce of this second."""
        second = int(now).to_bytes(_SECOND_BYTES, "big")
        return _base64(second + self._mac(second))

    def second(self, nonce: object, now: float) -> int:
        """Return the second in which a nonce was given; raise `StaleNonce` when it is not ours or too old."""
        try:
            raw = base64.urlsafe_b64decode(nonce) if isinstance(nonce, str) else b""
        except ValueError:
            raw = b""
        second, mac = raw[:_SECOND_BYTES], raw[_SECOND_BYTES:]
        given = int.from_bytes(second, "big")
        if not hmac.compare_digest(mac, self._mac(second)) or not now - self._seconds <= given <= now + 1:
            raise StaleNonce("the nonce is not one of ours, or too old")
        return given

    def _mac(self, second: bytes) -> bytes:
        return hmac.digest(self._key, second, "sha256")[:_MAC_BYTES]


class Seen:
    """The proofs that were seen, by the second of their nonce. **Bounded** (rule 3); `floor` is the first second that is believed."""

    def __init__(self, seconds: float, capacity: int) -> None:
        self._seconds = seconds
        self._capacity = capacity
        self._by_second: OrderedDict[int, set[bytes]] = OrderedDict()
        self._count = 0
        self.floor = 0

    def __len__(self) -> int:
        return self._count

    def first(self, second: int, name: bytes, now: float) -> bool:
        """Whether a proof comes for the first time; raise `StaleNonce` when that cannot be told any more."""
        self._forget(lambda oldest: oldest < now - self._seconds)
        if second < self.floor:
            raise StaleNonce("too many proofs of that time")
        names = self._by_second.setdefault(second, set())
        if name in names:
            return False
        names.add(name)
        self._count += 1
        if self._count > self._capacity:
            self.floor = min(self._by_second) + 1
            self._forget(lambda oldest: oldest < self.floor)
        return True

    def _forget(self, is_old: Any) -> None:
        for second in [one for one in self._by_second if is_old(one)]:
            self._count -= len(self._by_second.pop(second))


class Proofs:
    """Gives nonces and checks proofs."""

    def __init__(self, key: bytes, seconds: float, capacity: int) -> None:
        self._nonces = Nonces(key, seconds)
        self._seen = Seen(seconds, capacity)

    def nonce(self, now: float) -> str:
        """Return a nonce to give away."""
        return self._nonces.give(now)

    def check(self, proof: str, bound: str, asked: Asked, now: float) -> None:
        """Return when a proof shows, for the first time, that this request was made with the key of thumbprint `bound`.

        Raise `BadProof` or `StaleNonce`.
        """
        claims = self._verified(proof, bound)
        if claims.get("htm") != asked.method or claims.get("htu") not in asked.urls:
            raise BadProof("the proof is for another request")
        if claims.get("ath") != _base64(hashlib.sha256(asked.token.encode()).digest()):
            raise BadProof("the proof is for another token")
        name = claims.get("jti")
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_ID:
            raise BadProof("the proof has no name")
        second = self._nonces.second(claims.get("nonce"), now)
        if not self._seen.first(second, hashlib.sha256(f"{bound}:{name}".encode()).digest()[:16], now):
            raise BadProof("the proof was used before")

    def _verified(self, proof: str, bound: str) -> dict[str, Any]:
        if len(proof) > LONGEST or not proof.isascii():
            raise BadProof(f"a proof of {len(proof)} characters; at most {LONGEST}")
        try:
            return jwt.decode(proof, lambda signed: _own_key(signed.headers(), bound), algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError, TypeError) as error:
            raise BadProof(f"not a proof with this screen's key: {error}") from error


def _own_key(header: Mapping[str, Any], bound: str) -> ECKey:
    """Return the key of a proof's header if it is the screen's; thumbprints are compared before anything is computed with it."""
    jwk = header.get("jwk")
    if header.get("typ") != TYPE or not isinstance(jwk, dict) or "d" in jwk:
        raise ValueError("the header is not that of a proof")
    if not hmac.compare_digest(_thumbprint(jwk), bound):
        raise ValueError("another key")
    return ECKey.import_key({name: str(jwk[name]) for name in MEMBERS})
