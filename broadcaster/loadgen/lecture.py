"""A synthetic lecture: packets as a studio's at 720p and 1.5 Mb/s, made without an encoder, with the time of sending inside.

30 frames a second of 6 packets of 1,062 bytes, a keyframe of 60 every 4 s or when wished, 40 ms of sound in 100 bytes. Parameter sets are
those of a real 1280x720 constrained-baseline stream; slices are filler that no decoder shows.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from broadcaster.media import Kind

FRAME_RATE: Final = 30
KEY_EVERY: Final = 120
FRAME_PACKETS, KEY_PACKETS = 6, 60
VIDEO_BYTES, AUDIO_BYTES = 1_062, 100
SOUND_SECONDS: Final = 0.04
SPS: Final = bytes.fromhex("6742c01fda014016e840000003004000000f23c60ca8")
PPS: Final = bytes.fromhex("68ce0fc8")
_MARK: Final = b"JTLG"
_STAMP: Final = struct.Struct("!4sQ")
_HEADER: Final = struct.Struct("!BBHII")
_FILLER: Final = bytes(range(1, 252)) * 5
_OPUS_40MS: Final = b"\xfb\x02"  # RFC 6716 section 3.2.5: two CELT frames of 20 ms, of the same size
_FU_A, _SEI, _SLICE, _IDR, _STAP_A = 28, 6, 1, 5, 24


def stamp(payload: bytes, seconds: float) -> bytes:
    """Return the payload with the time of sending (monotonic seconds of this machine) in its place."""
    place = payload.find(_MARK, 0, 64)
    if place < 0:
        return payload
    return payload[:place] + _STAMP.pack(_MARK, int(seconds * 1e9)) + payload[place + _STAMP.size :]


def sent_at(payload: bytes) -> float | None:
    """The time in the payload, None in somebody else's."""
    place = payload.find(_MARK, 0, 64)
    if place < 0 or len(payload) < place + _STAMP.size:
        return None
    return float(_STAMP.unpack_from(payload, place)[1] / 1e9)


_EMPTY_STAMP: Final = _STAMP.pack(_MARK, 0)


def frame_payloads(*, keyframe: bool) -> list[bytes]:
    """The RTP payloads of a frame (RFC 6184): one slice in FU-A, behind a STAP-A with the parameter sets in a keyframe."""
    size = VIDEO_BYTES - _HEADER.size
    count = KEY_PACKETS - 1 if keyframe else FRAME_PACKETS
    kind = _IDR if keyframe else _SLICE
    body = (_EMPTY_STAMP + _FILLER)[: size - 2]
    payloads = [_parameter_sets(size)] if keyframe else []
    for index in range(count):
        flags = (index == 0) << 7 | (index == count - 1) << 6
        payloads.append(bytes((0x60 | _FU_A, flags | kind)) + body)
    return payloads


def _parameter_sets(size: int) -> bytes:
    units = [SPS, PPS]
    rest = size - 1 - sum(2 + len(unit) for unit in units) - 2
    units.append((bytes((_SEI,)) + _EMPTY_STAMP + _FILLER)[:rest])
    return bytes((0x60 | _STAP_A,)) + b"".join(struct.pack("!H", len(unit)) + unit for unit in units)


def sound_payload() -> bytes:
    """The RTP payload of 40 ms of sound."""
    return (_OPUS_40MS + _EMPTY_STAMP + _FILLER)[: AUDIO_BYTES - _HEADER.size]


@dataclass(slots=True)
class Source:
    """One RTP source of the lecturer: numbers and timestamps that go on, and what a sender report tells."""

    kind: Kind
    ssrc: int
    payload_type: int
    sequence: int = 1_000
    timestamp: int = 90_000
    packets: int = 0
    octets: int = 0

    def packet(self, payload: bytes, *, marker: bool) -> bytes:
        """The next packet (RFC 3550 section 5.1)."""
        second = marker << 7 | self.payload_type
        header = _HEADER.pack(0x80, second, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.ssrc)
        self.sequence += 1
        self.packets += 1
        self.octets += len(payload)
        return header + payload

    def advance(self, seconds: float) -> None:
        """Move the timestamp on."""
        self.timestamp += round(seconds * self.kind.clock_rate)
