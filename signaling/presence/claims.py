"""What a screen says it has shown, and whether its key says so too. Pure.

A report is a compact JWS (RFC 7515) with `alg` ES256, `typ` `report+jwt` and the public key of the screen in `jwk`; from a browser without WebCrypto the
same members come as they are, unsigned.

1. The algorithm is named here, never taken from the report (RFC 8725 section 3.1).
2. **The payload is read before the signature is checked, to find the nonce, and believed only after**: the nonce says which key it must be.
3. A key is imported once; those of the screens that reported last are kept (`KEYS`).
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from signaling.presence.nonces import Link, short
from signaling.screens.proofs import ALGORITHM, MEMBERS, thumbprint

TYPE: Final = "report+jwt"
HEADER: Final = frozenset({"alg", "typ", "jwk"})
"""The members of the header, no more: none of those that change what is signed (`b64`, `crit`)."""

LONGEST: Final = 2048
KEYS: Final = 20_000

Milliseconds = Annotated[int, Field(ge=0, lt=1 << 40)]
Count = Annotated[int, Field(ge=0, lt=1 << 53)]


class BadReport(Exception):
    """No report at all; the message says why."""


class BadSignature(ValueError):
    """A report that the screen's key did not sign."""


class Claims(BaseModel):
    """A screen's word about one minute of the server's: how long frames were shown, media went on, the page was visible, sound could be heard.

    Times are milliseconds within that minute; `volume` is the last one, 0 to 1.
    """

    model_config = ConfigDict(extra="ignore", strict=True)

    nonce: Annotated[str, Field(max_length=128)]
    broadcast_id: Annotated[str, Field(max_length=36)]
    counter: Annotated[int, Field(ge=0, lt=1 << 31)]
    minute: Annotated[int, Field(ge=0, lt=1 << 31)]
    rendered_ms: Milliseconds
    media_ms: Milliseconds
    visible_ms: Milliseconds
    audible_ms: Milliseconds
    frames: Count
    volume: Annotated[float, Field(ge=0, le=1, strict=False)]
    muted: bool
    blocked: bool
    path: Literal["webrtc", "hls", "replay"]


class Keys:
    """Public keys by their coordinates, imported once each. **Bounded**: the one that was not used for longest is forgotten."""

    def __init__(self, capacity: int = KEYS) -> None:
        self._capacity = capacity
        self._known: OrderedDict[tuple[str, ...], tuple[ECKey, bytes]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def find(self, jwk: Any) -> tuple[ECKey, bytes]:
        """Return the key of a report's header with its short form; raise `BadSignature` when it is none on P-256."""
        if not isinstance(jwk, dict) or "d" in jwk:
            raise BadSignature("the header shows no public key")
        name = tuple(str(jwk.get(member)) for member in MEMBERS)
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = _imported(jwk)
            if len(self._known) > self._capacity:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(name)
        return known


def _imported(jwk: dict[str, Any]) -> tuple[ECKey, bytes]:
    try:
        named = short(thumbprint(jwk))
    except ValueError as error:
        raise BadSignature(str(error)) from error
    return ECKey.import_key({member: str(jwk[member]) for member in MEMBERS}), named


@dataclass(frozen=True, slots=True)
class Letter:
    """A report as it came: what it claims, and what is signed; None from a screen that does not sign."""

    claims: Claims
    signed: jws.CompactSignature | None


def read(report: str | dict[str, Any]) -> Letter:
    """Return what a report claims, **not believed yet**; raise `BadReport`."""
    try:
        if isinstance(report, dict):
            return Letter(Claims.model_validate(report), None)
        signed = jws.extract_compact(_bytes(report))
        return Letter(Claims.model_validate_json(signed.payload), signed)
    except ValidationError as error:
        wrong = sorted({".".join(str(part) for part in item["loc"]) for item in error.errors(include_input=False)})
        raise BadReport(f"wrong members: {', '.join(wrong)}") from error
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise BadReport(f"not a compact JWS: {error}") from error


def _bytes(report: str) -> bytes:
    if len(report) > LONGEST or not report.isascii():
        raise BadReport(f"a report of {len(report)} characters; at most {LONGEST}")
    return report.encode()


def check(letter: Letter, link: Link, keys: Keys) -> None:
    """Return when a report comes from the screen that its nonce was given to; raise `BadSignature`."""
    signed = letter.signed
    if signed is None or not link.signed:
        if signed is None and not link.signed:
            return
        raise BadSignature("this screen has a key and must sign" if link.signed else "this screen has no key")
    header = signed.headers()
    if header.keys() != HEADER or header["typ"] != TYPE or header["alg"] != ALGORITHM:
        raise BadSignature("the header is not that of a report")
    key, named = keys.find(header["jwk"])
    if not hmac.compare_digest(named, link.key):
        raise BadSignature("another key")
    try:
        good = jws.validate_compact(signed, key, [ALGORITHM])
    except (JoseError, ValueError, TypeError) as error:
        raise BadSignature(f"not signed by this screen: {error}") from error
    if not good:
        raise BadSignature("not signed by this screen")
