"""H.264 over RTP (RFC 6184), packetization modes 0 and 1: single NAL units, STAP-A and FU-A.

Nothing is decoded: the fan-out must know only where a picture that needs no other begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

SLICE: Final = 1
IDR: Final = 5
SEI: Final = 6
SPS: Final = 7
PPS: Final = 8
STAP_A: Final = 24
FU_A: Final = 28
_INTRA: Final = frozenset((IDR, SPS))


class H264Error(ValueError):
    """Bytes that are no H.264 payload of packetization mode 0 or 1."""


class NalPiece(NamedTuple):
    """A NAL unit or a fragment of one: `type` of RFC 6184 table 1, `header` its first byte, `body` what follows it."""

    type: int
    header: int
    body: bytes
    first: bool
    last: bool


class Contents(NamedTuple):
    """What a payload holds: any part of SPS or IDR, and whether decoding may begin with it."""

    keyframe: bool
    begins: bool


def pieces(payload: bytes) -> Iterator[NalPiece]:
    """Yield the NAL units, or the one fragment, of a payload; raise H264Error when a length points outside of it."""
    if not payload:
        raise H264Error("H.264 payload is empty")
    kind = payload[0] & 0x1F
    if 1 <= kind <= 23:
        yield NalPiece(kind, payload[0], payload[1:], True, True)
    elif kind == STAP_A:
        yield from _aggregate(payload)
    elif kind == FU_A:
        yield _fragment(payload)
    else:
        raise H264Error(f"H.264 payload type {kind} is not of packetization mode 1")


def _aggregate(payload: bytes) -> Iterator[NalPiece]:
    """RFC 6184 section 5.7.1."""
    position, end = 1, len(payload)
    if position == end:
        raise H264Error("H.264 STAP-A holds no NAL unit")
    while position < end:
        size = int.from_bytes(payload[position : position + 2], "big")
        start = position + 2
        position = start + size
        if size == 0 or start >= end or position > end:
            raise H264Error(f"H.264 STAP-A of {end} bytes has no room for a NAL unit of {size} at {start}")
        header = payload[start]
        yield NalPiece(header & 0x1F, header, payload[start + 1 : position], True, True)


def _fragment(payload: bytes) -> NalPiece:
    """RFC 6184 section 5.8: the NAL unit's header is split between the FU indicator and the FU header."""
    if len(payload) < 2:
        raise H264Error("H.264 FU-A of 1 byte has no FU header")
    indicator, fu = payload[0], payload[1]
    header = indicator & 0xE0 | fu & 0x1F
    return NalPiece(fu & 0x1F, header, payload[2:], bool(fu & 0x80), bool(fu & 0x40))


def inspect(payload: bytes) -> Contents:
    """Return whether `payload` carries SPS or IDR data and whether a NAL unit of these begins in it.

    Raises H264Error for what is no payload of packetization mode 0 or 1.
    """
    if not payload:
        raise H264Error("H.264 payload is empty")
    kind = payload[0] & 0x1F
    if kind == FU_A:
        piece = _fragment(payload)
        keyframe = piece.type in _INTRA
        return Contents(keyframe, keyframe and piece.first)
    if kind == STAP_A:
        keyframe = not _INTRA.isdisjoint({piece.type for piece in _aggregate(payload)})
        return Contents(keyframe, keyframe)
    if not 1 <= kind <= 23:
        raise H264Error(f"H.264 payload type {kind} is not of packetization mode 1")
    return Contents(kind in _INTRA, kind in _INTRA)


class PictureTracker:
    """Finds the access units that decoding may begin with, from unwrapped timestamps.

    **Exactly one packet of an access unit starts a keyframe**: the first in sequence order that begins SPS or IDR
    data, as long as none after it in the unit came earlier.
    """

    __slots__ = ("_first", "_timestamp")

    def __init__(self) -> None:
        self._timestamp = -1
        self._first = -1

    def classify(self, sequence: int, timestamp: int, payload: bytes) -> Contents:
        """Return (keyframe, begins) of one packet; numbers are unwrapped; H264Error as `inspect`.

        `keyframe` holds for every packet of the unit from its first SPS or IDR data on.
        """
        found = inspect(payload)
        if timestamp == self._timestamp:
            return Contents(found.keyframe or sequence > self._first, False)
        if found.begins and timestamp > self._timestamp:
            self._timestamp, self._first = timestamp, sequence
            return Contents(True, True)
        return Contents(found.keyframe, False)
