"""The nonces of rendering reports: a chain that nobody keeps. Pure.

1. **A nonce is good for one broadcast, one screen, one session, one number and one key**: all of them are in its MAC. Its number is that of the
   report that it is for; the answer to that report brings the next.
2. **Nothing is stored**: every process with the same key reads every nonce, also after a restart.
3. What a nonce tells of time is the server's: when its session began and when it was given, in whole seconds.

    session 8 | began 5 | number 4 | given 5 | key 16 | MAC 16        bytes, base64url without padding
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

SESSION_BYTES: Final = 8
_SECOND, _NUMBER, _KEY, _MAC = 5, 4, 16, 16
_BODY: Final = SESSION_BYTES + _SECOND + _NUMBER + _SECOND + _KEY
LENGTH: Final = 72
"""Characters of a nonce."""


class ForeignNonce(ValueError):
    """Not one of ours for this broadcast and screen; the message says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a nonce is bound to besides itself."""

    broadcast_id: str
    screen_id: str


@dataclass(frozen=True, slots=True)
class Link:
    """What a nonce says: the session and its beginning, the number of the report, when it was given, and a short form of the key."""

    session: bytes
    began: int
    number: int
    given: int
    key: bytes

    @property
    def signed(self) -> bool:
        """Whether the report must be signed."""
        return self.key != bytes(_KEY)


class OldNonce(ValueError):
    """One of ours that was given too long ago: `link` is what it said."""

    def __init__(self, link: Link) -> None:
        super().__init__("the nonce was given too long ago")
        self.link = link


def short(thumbprint: str | None) -> bytes:
    """Return what stands in a nonce for a key, zeros for a screen without one."""
    return bytes(_KEY) if thumbprint is None else sha256(thumbprint.encode()).digest()[:_KEY]


class Chain:
    """Gives nonces that are good for `seconds`, and reads them; `now` is Unix seconds."""

    def __init__(self, key: bytes, seconds: float) -> None:
        self._key = key
        self._seconds = seconds

    def begin(self, place: Place, thumbprint: str | None, session: bytes, now: float) -> str:
        """Return the first nonce of a session, which is some random bytes."""
        return self._written(place, Link(session, int(now), 1, int(now), short(thumbprint)))

    def after(self, place: Place, link: Link, number: int, now: float) -> str:
        """Return the nonce of the same session for the report after `number`."""
        return self._written(place, replace(link, number=number + 1, given=int(now)))

    def read(self, place: Place, nonce: str, now: float) -> Link:
        """Return what a nonce says; raise `ForeignNonce` or `OldNonce`."""
        link, body, mac = _parsed(nonce)
        if not hmac.compare_digest(mac, self._mac(place, body)):
            raise ForeignNonce("the nonce was not given in this broadcast to this screen")
        if now - link.given > self._seconds:
            raise OldNonce(link)
        return link

    def _written(self, place: Place, link: Link) -> str:
        body = (
            link.session + link.began.to_bytes(_SECOND) + link.number.to_bytes(_NUMBER) + link.given.to_bytes(_SECOND)
        )
        body += link.key
        return base64.urlsafe_b64encode(body + self._mac(place, body)).decode()

    def _mac(self, place: Place, body: bytes) -> bytes:
        text = f"{place.broadcast_id} {place.screen_id} ".encode()
        return hmac.digest(self._key, text + body, "sha256")[:_MAC]


def _parsed(nonce: str) -> tuple[Link, bytes, bytes]:
    try:
        raw = base64.b64decode(nonce, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ForeignNonce("the nonce is no text of ours") from error
    if len(raw) != _BODY + _MAC:
        raise ForeignNonce(f"a nonce of {len(raw)} bytes; ours have {_BODY + _MAC}")
    cuts = [SESSION_BYTES, _SECOND, _NUMBER, _SECOND, _KEY]
    parts, at = [], 0
    for size in cuts:
        parts.append(raw[at : at + size])
        at += size
    session, began, number, given, key = parts
    link = Link(session, int.from_bytes(began), int.from_bytes(number), int.from_bytes(given), key)
    return link, raw[:_BODY], raw[_BODY:]
