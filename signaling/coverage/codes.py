"""Codes that a training's venue shows, and the pass that one of them opens. Pure; nothing is stored.

1. **A code is a new one every 15 s and is taken for 30 s**: it holds lecture, venue, whether one comes or goes, and its time, under
   96 bits of a MAC (RFC 2104 with SHA-256, truncated), that is 16 letters which nobody can guess.
2. Scanning it in time gives a **pass** that is good for one person and some three minutes: a code that was sent on is too old by then.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import uuid
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

STEP_SECONDS: Final = 15
VALID_SECONDS: Final = 30
PASS_SECONDS: Final = 180
MAC_BYTES: Final = 12
_IDS: Final = 32
_TIME: Final = 5


class BadCode(ValueError):
    """This was made by nobody here."""


class OldCode(ValueError):
    """This was good once."""


class Way(IntEnum):
    """Whether one comes or goes."""

    IN = 1
    OUT = 2


@dataclass(frozen=True, slots=True)
class Shown:
    """What a code says."""

    lecture_id: str
    class_id: str
    way: Way
    begins: int


def show(key: bytes, lecture_id: str, class_id: str, way: Way, now: float) -> tuple[str, float]:
    """Return the code of now, and for how many seconds it is shown."""
    begins = int(now) // STEP_SECONDS * STEP_SECONDS
    body = _ids(lecture_id, class_id) + bytes((way,)) + begins.to_bytes(_TIME, "big")
    return _sealed(key, b"code", body), begins + STEP_SECONDS - now


def read(key: bytes, code: str, now: float) -> Shown:
    """Return what a code says; raise `BadCode`, or `OldCode` when it was shown more than 30 s ago."""
    body = _opened(key, b"code", code, _IDS + 1 + _TIME)
    shown = Shown(*_id_pair(body), Way(body[_IDS]), int.from_bytes(body[_IDS + 1 :], "big"))
    if not shown.begins <= now < shown.begins + VALID_SECONDS:
        raise OldCode("the code is not shown any more")
    return shown


def admit(key: bytes, shown: Shown, number: bytes) -> str:
    """Return the pass that a code opens; `number` are 8 random bytes, so that no two are the same."""
    if len(number) != 8:
        raise ValueError("a pass has a number of 8 bytes")
    body = _ids(shown.lecture_id, shown.class_id) + bytes((shown.way,)) + shown.begins.to_bytes(_TIME, "big") + number
    return _sealed(key, b"pass", body)


def admitted(key: bytes, text: str, now: float) -> Shown:
    """Return whom a pass lets in, and where; raise `BadCode` or `OldCode`."""
    body = _opened(key, b"pass", text, _IDS + 1 + _TIME + 8)
    begins = int.from_bytes(body[_IDS + 1 : _IDS + 1 + _TIME], "big")
    if now >= begins + VALID_SECONDS + PASS_SECONDS:
        raise OldCode("the pass is over")
    return Shown(*_id_pair(body), Way(body[_IDS]), begins)


def _ids(*ids: str) -> bytes:
    return b"".join(uuid.UUID(one).bytes for one in ids)


def _id_pair(body: bytes) -> tuple[str, str]:
    return str(uuid.UUID(bytes=body[:16])), str(uuid.UUID(bytes=body[16:_IDS]))


def _sealed(key: bytes, purpose: bytes, body: bytes) -> str:
    return base64.urlsafe_b64encode(body + _mac(key, purpose, body)).rstrip(b"=").decode()


def _opened(key: bytes, purpose: bytes, text: str, length: int) -> bytes:
    try:
        whole = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise BadCode("this is no code") from None
    body, mac = whole[:length], whole[length:]
    if len(whole) != length + MAC_BYTES or not hmac.compare_digest(mac, _mac(key, purpose, body)):
        raise BadCode("this is no code of ours")
    return body


def _mac(key: bytes, purpose: bytes, body: bytes) -> bytes:
    return hmac.digest(key, purpose + b":" + body, "sha256")[:MAC_BYTES]
