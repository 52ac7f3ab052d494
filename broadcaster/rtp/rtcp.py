"""RTCP: compound packets and the packet types that this server sends or understands.

    SenderReport, ReceiverReport, Sdes, Bye   RFC 3550 section 6
    Nack, Pli                                 RFC 4585 sections 6.2.1 and 6.3.1
    Fir                                       RFC 5104 section 4.3.1
    Remb                                      draft-alvestrand-rmcat-remb-03
    Unknown                                   anything else, kept as it came

1. **One damaged packet condemns its compound**: the lengths behind it cannot be trusted.
2. **Reduced-size compounds are taken** (RFC 5506): the first packet may be of any type.
3. Values that wrap stay wrapped here; only the cumulative loss is signed, as RFC 3550 section 6.4.1 defines it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from broadcaster.rtp.sequence import low16

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

MAX_COMPOUND: Final = 2048
MAX_COUNT: Final = 31
_REMB = b"REMB"


class RtcpError(ValueError):
    """Bytes that are no RTCP compound packet; the message is the whole diagnosis."""


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
        return _packet(FMT_APPLICATION, PSFB, SSRCS.pack(self.ssrc, 0) + _REMB + WORD.pack(head) + words)


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
        bit = low16(sequence - pairs[-1][0] - 1) if pairs else MAX_COMPOUND
        if bit < 16:
            pairs[-1] = (pairs[-1][0], pairs[-1][1] | 1 << bit)
        else:
            pairs.append((sequence, 0))
    return pairs


def compound(*packets: Packet) -> bytes:
    """Return the packets as one datagram's worth of RTCP."""
    return b"".join(map(bytes, packets))


def parse_compound(data: bytes) -> tuple[Packet, ...]:
    """Read a compound packet (RFC 3550 appendix A.2, RFC 5506); raise RtcpError when any part of it is damaged."""
    if not data:
        raise RtcpError("RTCP compound is empty")
    if len(data) > MAX_COMPOUND:
        raise RtcpError(f"RTCP compound of {len(data)} bytes exceeds {MAX_COMPOUND}")
    packets: list[Packet] = []
    position = 0
    while position < len(data):
        packet, position = _one(data, position)
        packets.append(packet)
    return tuple(packets)


def _one(data: bytes, position: int) -> tuple[Packet, int]:
    if position + HEADER.size > len(data):
        raise RtcpError(f"RTCP header at {position} is cut off after {len(data) - position} bytes")
    first, kind, words = HEADER.unpack_from(data, position)
    start = position + HEADER.size
    end = start + 4 * words
    if first >> 6 != 2:
        raise RtcpError(f"RTCP version at {position} is {first >> 6}, not 2")
    if end > len(data):
        raise RtcpError(f"RTCP packet at {position} claims {words} words, {len(data) - start} bytes are left")
    body = data[start : end - _padding(data, start, end) if first & 0x20 else end]
    parser = _PARSERS.get(kind)
    return (parser(first & 0x1F, body) if parser else Unknown(first & 0x1F, kind, body)), end


def _padding(data: bytes, start: int, end: int) -> int:
    """Only the last packet of a compound may be padded, by whole words (RFC 3550 section 6.4.1)."""
    if end != len(data):
        raise RtcpError("RTCP padding in a packet that is not the last")
    count = data[end - 1] if end > start else 0
    if not count or count % 4 or count > end - start:
        raise RtcpError(f"RTCP padding of {count} bytes does not fit a body of {end - start}")
    return count


def _need(body: bytes, size: int, name: str) -> None:
    if len(body) < size:
        raise RtcpError(f"RTCP {name} of {len(body)} bytes is shorter than {size}")


def _blocks(count: int, body: bytes, start: int, name: str) -> tuple[ReportBlock, ...]:
    _need(body, start + BLOCK.size * count, f"{name} with {count} blocks")
    return tuple([ReportBlock.parse(body, start + BLOCK.size * index) for index in range(count)])


def _parse_sr(count: int, body: bytes) -> SenderReport:
    _need(body, SENDER.size, "sender report")
    ssrc, ntp, timestamp, packets, octets = SENDER.unpack_from(body)
    return SenderReport(ssrc, ntp, timestamp, packets, octets, _blocks(count, body, SENDER.size, "sender report"))


def _parse_rr(count: int, body: bytes) -> ReceiverReport:
    _need(body, WORD.size, "receiver report")
    return ReceiverReport(WORD.unpack_from(body)[0], _blocks(count, body, WORD.size, "receiver report"))


def _parse_sdes(count: int, body: bytes) -> Sdes:
    chunks, position = [], 0
    for _ in range(count):
        if position + WORD.size > len(body):
            raise RtcpError(f"RTCP source description of {len(body)} bytes has no room for {count} chunks")
        ssrc = WORD.unpack_from(body, position)[0]
        items, position = _items(body, position + WORD.size)
        chunks.append((ssrc, items))
    return Sdes(tuple(chunks))


def _items(body: bytes, position: int) -> tuple[tuple[tuple[int, bytes], ...], int]:
    """Read the items of one chunk; a null octet ends them, and the next chunk begins at a word (RFC 3550 section 6.5)."""
    items = []
    while position < len(body) and body[position]:
        start = position + 2
        end = start + body[position + 1] if start <= len(body) else start
        if end > len(body):
            raise RtcpError(f"RTCP source description item at {position} is cut off")
        items.append((body[position], body[start:end]))
        position = end
    if position >= len(body):
        raise RtcpError("RTCP source description chunk has no end")
    return tuple(items), position + 4 - position % 4


def _parse_bye(count: int, body: bytes) -> Bye:
    _need(body, 4 * count, f"goodbye of {count} sources")
    ssrcs, rest = struct.unpack_from(f"!{count}I", body), body[4 * count :]
    if not rest:
        return Bye(ssrcs)
    if rest[0] > len(rest) - 1:
        raise RtcpError(f"RTCP goodbye reason of {rest[0]} bytes exceeds the {len(rest) - 1} left")
    return Bye(ssrcs, rest[1 : 1 + rest[0]])


def _parse_rtpfb(count: int, body: bytes) -> Nack | Unknown:
    if count != FMT_NACK:
        return Unknown(count, RTPFB, body)
    _need(body, SSRCS.size + LOSS.size, "negative acknowledgement")
    ssrc, media = SSRCS.unpack_from(body)
    lost: list[int] = []
    for first, mask in LOSS.iter_unpack(body[SSRCS.size :]):
        lost.append(first)
        if mask:
            lost.extend([low16(first + bit + 1) for bit in range(16) if mask >> bit & 1])
    return Nack(ssrc, media, tuple(lost))


def _parse_psfb(count: int, body: bytes) -> Pli | Fir | Remb | Unknown:
    _need(body, SSRCS.size, "payload-specific feedback")
    ssrc, media = SSRCS.unpack_from(body)
    if count == FMT_PLI:
        return Pli(ssrc, media)
    if count == FMT_FIR:
        return _parse_fir(ssrc, body[SSRCS.size :])
    if count == FMT_APPLICATION and body[8:12] == _REMB:
        return _parse_remb(ssrc, body)
    return Unknown(count, PSFB, body)


def _parse_fir(ssrc: int, entries: bytes) -> Fir:
    if not entries or len(entries) % SSRCS.size:
        raise RtcpError(f"RTCP full intra request with {len(entries)} bytes of entries")
    return Fir(ssrc, tuple([(media, word >> 24) for media, word in SSRCS.iter_unpack(entries)]))


def _parse_remb(ssrc: int, body: bytes) -> Remb:
    _need(body, 16, "bitrate estimate")
    head = WORD.unpack_from(body, 12)[0]
    count = head >> 24
    _need(body, 16 + 4 * count, f"bitrate estimate for {count} sources")
    return Remb(ssrc, (head & 0x3FFFF) << (head >> 18 & 0x3F), struct.unpack_from(f"!{count}I", body, 16))


_PARSERS: Final[dict[int, Callable[[int, bytes], Packet]]] = {
    SR: _parse_sr,
    RR: _parse_rr,
    SDES: _parse_sdes,
    BYE: _parse_bye,
    RTPFB: _parse_rtpfb,
    PSFB: _parse_psfb,
}
