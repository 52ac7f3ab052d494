"""Reading RTCP compound packets (RFC 3550 section 6.1). The packets themselves stand in `rtcp_packets.py`.

1. **One damaged packet condemns its compound**: the lengths behind it cannot be trusted.
2. **Reduced-size compounds are taken** (RFC 5506): the first packet may be of any type.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from broadcaster.rtp.rtcp_packets import (
    BLOCK,
    BYE,
    FMT_APPLICATION,
    FMT_FIR,
    FMT_NACK,
    FMT_PLI,
    HEADER,
    LOSS,
    PSFB,
    REMB,
    RR,
    RTPFB,
    SDES,
    SENDER,
    SR,
    SSRCS,
    WORD,
    Bye,
    Fir,
    Nack,
    Packet,
    Pli,
    ReceiverReport,
    Remb,
    ReportBlock,
    Sdes,
    SenderReport,
    Unknown,
    compound,
    loss_pairs,
)
from broadcaster.rtp.sequence import low16

__all__ = [
    "MAX_COMPOUND",
    "Bye",
    "Fir",
    "Nack",
    "Packet",
    "Pli",
    "ReceiverReport",
    "Remb",
    "ReportBlock",
    "RtcpError",
    "Sdes",
    "SenderReport",
    "Unknown",
    "compound",
    "loss_pairs",
    "parse_compound",
]

MAX_COMPOUND: Final = 2048


class RtcpError(ValueError):
    """Bytes that are no RTCP compound packet; the message is the whole diagnosis."""


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
    if count == FMT_APPLICATION and body[8:12] == REMB:
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
