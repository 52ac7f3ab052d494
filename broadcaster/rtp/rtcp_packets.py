"""The RTCP packets that this server sends or understands, as values that write themselves.

    SenderReport, ReceiverReport, Sdes, Bye   RFC 3550 section 6
    Nack, Pli                                 RFC 4585 sections 6.2.1 and 6.3.1
    Fir                                       RFC 5104 section 4.3.1
    Remb                                      draft-alvestrand-rmcat-remb-03
    Unknown                                   anything else, kept as it came

Values that wrap stay wrapped here; only the cumulative loss is signed, as RFC 3550 section 6.4.1 defines it.
`rtcp.py` reads them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from broadcaster.rtp.sequence import MASK16, low16

HEADER: Final = struct.Struct("!BBH")
WORD: Final = struct.Struct("!I")
SSRCS: Final = struct.Struct("!II")
SENDER: Final = struct.Struct("!IQIII")
BLOCK: Final = struct.Struct("!IIIIII")
LOSS: Final = struct.Struct("!HH")

SR: Final = 200
RR: Final = 201
SDES: Final = 202
BYE: Final = 203
RTPFB: Final = 205
PSFB: Final = 206

FMT_NACK: Final = 1
FMT_PLI: Final = 1
FMT_FIR: Final = 4
FMT_APPLICATION: Final = 15
SDES_CNAME: Final = 1

MAX_COUNT: Final = 31
REMB: Final = b"REMB"


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """RFC 3550 section 6.4.1: `fraction_lost` in 1/256, `delay` (DLSR) in 1/65536 s, `last_sr` the middle 32 bits of NTP."""

    ssrc: int
    fraction_lost: int
    cumulative_lost: int
    highest: int
    jitter: int
    last_sr: int
    delay: int

    @classmethod
    def parse(cls, data: bytes, position: int) -> ReportBlock:
        """Read the 24 bytes at `position`."""
        ssrc, loss, highest, jitter, last_sr, delay = BLOCK.unpack_from(data, position)
        lost = loss & 0xFFFFFF
        return cls(ssrc, loss >> 24, lost - (lost >> 23 << 24), highest, jitter, last_sr, delay)

    def __bytes__(self) -> bytes:
        lost = max(-0x800000, min(0x7FFFFF, self.cumulative_lost)) & 0xFFFFFF
        return BLOCK.pack(
            self.ssrc, self.fraction_lost << 24 | lost, self.highest, self.jitter, self.last_sr, self.delay
        )


@dataclass(frozen=True, slots=True)
class SenderReport:
    """RFC 3550 section 6.4.1. `ntp` is the 64-bit NTP timestamp: seconds since 1900 in its upper half."""

    ssrc: int
    ntp: int
    timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()

    def __bytes__(self) -> bytes:
        body = SENDER.pack(self.ssrc, self.ntp, self.timestamp, self.packets, self.octets)
        return _packet(len(self.blocks), SR, body + b"".join(map(bytes, self.blocks)))


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """RFC 3550 section 6.4.2."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()

    def __bytes__(self) -> bytes:
        return _packet(len(self.blocks), RR, WORD.pack(self.ssrc) + b"".join(map(bytes, self.blocks)))


@dataclass(frozen=True, slots=True)
class Sdes:
    """RFC 3550 section 6.5: per source its items of (type, text in bytes)."""

    chunks: tuple[tuple[int, tuple[tuple[int, bytes], ...]], ...]

    @classmethod
    def cname(cls, ssrc: int, name: str) -> Sdes:
        """Return the one item that every compound with a report carries."""
        return cls(((ssrc, ((SDES_CNAME, name.encode()),)),))

    def __bytes__(self) -> bytes:
        return _packet(len(self.chunks), SDES, b"".join(_chunk(ssrc, items) for ssrc, items in self.chunks))


@dataclass(frozen=True, slots=True)
class Bye:
    """RFC 3550 section 6.6."""

    ssrcs: tuple[int, ...]
    reason: bytes = b""

    def __bytes__(self) -> bytes:
        reason = bytes((len(self.reason),)) + self.reason if self.reason else b""
        words = b"".join(map(WORD.pack, self.ssrcs))
        return _packet(len(self.ssrcs), BYE, words + reason + bytes(-len(reason) % 4))


@dataclass(frozen=True, slots=True)
class Nack:
    """RFC 4585 section 6.2.1: `lost` are 16-bit sequence numbers of `media_ssrc`."""

    ssrc: int
    media_ssrc: int
    lost: tuple[int, ...]

    def __bytes__(self) -> bytes:
        pairs = b"".join(LOSS.pack(first, mask) for first, mask in loss_pairs(self.lost))
        return _packet(FMT_NACK, RTPFB, SSRCS.pack(self.ssrc, self.media_ssrc) + pairs)


@dataclass(frozen=True, slots=True)
class Pli:
    """Picture loss indication, RFC 4585 section 6.3.1."""

    ssrc: int
    media_ssrc: int

    def __bytes__(self) -> bytes:
        return _packet(FMT_PLI, PSFB, SSRCS.pack(self.ssrc, self.media_ssrc))


@dataclass(frozen=True, slots=True)
class Fir:
    """Full intra request, RFC 5104 section 4.3.1: entries of (media SSRC, command sequence number)."""

    ssrc: int
    entries: tuple[tuple[int, int], ...]

    def __bytes__(self) -> bytes:
        body = b"".join(SSRCS.pack(media, number << 24) for media, number in self.entries)
        return _packet(FMT_FIR, PSFB, SSRCS.pack(self.ssrc, 0) + body)


@dataclass(frozen=True, slots=True)
class Remb:
    """Receiver estimated maximum bitrate in bits a second; what is written loses all but its 18 leading bits."""

    ssrc: int
    bitrate: int
    ssrcs: tuple[int, ...]

    def __bytes__(self) -> bytes:
        exponent = max(0, self.bitrate.bit_length() - 18)
        head = len(self.ssrcs) << 24 | exponent << 18 | self.bitrate >> exponent
        words = b"".join(map(WORD.pack, self.ssrcs))
        return _packet(FMT_APPLICATION, PSFB, SSRCS.pack(self.ssrc, 0) + REMB + WORD.pack(head) + words)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A packet that the server passes over: its `count` or FMT field, its type, its bytes after the header."""

    count: int
    type: int
    body: bytes

    def __bytes__(self) -> bytes:
        return _packet(self.count, self.type, self.body)


Packet: TypeAlias = SenderReport | ReceiverReport | Sdes | Bye | Nack | Pli | Fir | Remb | Unknown


def _packet(count: int, kind: int, body: bytes) -> bytes:
    if count > MAX_COUNT:
        raise ValueError(f"RTCP packet cannot hold {count} entries: {MAX_COUNT} fit")
    return HEADER.pack(0x80 | count, kind, len(body) // 4) + body


def _chunk(ssrc: int, items: Iterable[tuple[int, bytes]]) -> bytes:
    body = WORD.pack(ssrc) + b"".join(bytes((kind, len(text))) + text for kind, text in items)
    return body + bytes(4 - len(body) % 4)


def loss_pairs(lost: Iterable[int]) -> list[tuple[int, int]]:
    """Return the (PID, BLP) pairs of RFC 4585 section 6.2.1 for sequence numbers in sending order."""
    pairs: list[tuple[int, int]] = []
    for sequence in lost:
        bit = low16(sequence - pairs[-1][0] - 1) if pairs else MASK16
        if bit < 16:
            pairs[-1] = (pairs[-1][0], pairs[-1][1] | 1 << bit)
        else:
            pairs.append((sequence, 0))
    return pairs


def compound(*packets: Packet) -> bytes:
    """Return the packets as one datagram's worth of RTCP."""
    return b"".join(map(bytes, packets))
