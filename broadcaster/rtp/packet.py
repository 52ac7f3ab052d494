"""The RTP packet (RFC 3550 section 5.1) and the retransmission payload (RFC 4588 section 4)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Final

from broadcaster.rtp.extensions import find
from broadcaster.rtp.sequence import low16, low32

HEADER: Final = struct.Struct("!BBHII")
EXTENSION: Final = struct.Struct("!HH")
VERSION: Final = 2
PADDING_BIT: Final = 0x20
EXTENSION_BIT: Final = 0x10
MARKER_BIT: Final = 0x80
MAX_PADDING: Final = 255


class RtpError(ValueError):
    """Bytes that are no RTP packet; the message is the whole diagnosis."""


@dataclass(slots=True)
class RtpPacket:
    """One packet. `payload` has neither header, extensions nor padding; `padding` counts the padding bytes."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    csrcs: tuple[int, ...] = ()
    profile: int | None = None
    extensions: bytes = b""
    padding: int = 0
    size: int = field(default=0, compare=False)

    @classmethod
    def parse(cls, data: bytes) -> RtpPacket:
        """Read one packet; raise RtpError when a length points outside of it."""
        size = len(data)
        if size < HEADER.size:
            raise RtpError(f"RTP packet of {size} bytes is shorter than the header of {HEADER.size}")
        first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
        if first >> 6 != VERSION:
            raise RtpError(f"RTP version is {first >> 6}, not {VERSION}")
        csrcs, position = _csrcs(data, first & 0x0F)
        profile: int | None = None
        extensions = b""
        if first & EXTENSION_BIT:
            profile, extensions, position = _extension(data, position)
        padding = _padding(data, position) if first & PADDING_BIT else 0
        return cls(
            payload_type=second & 0x7F,
            sequence=sequence,
            timestamp=timestamp,
            ssrc=ssrc,
            payload=data[position : size - padding],
            marker=bool(second & MARKER_BIT),
            csrcs=csrcs,
            profile=profile,
            extensions=extensions,
            padding=padding,
            size=size,
        )

    def extension(self, identifier: int) -> bytes | None:
        """Return the value of the header extension negotiated as `identifier` (RFC 8285), None when it is absent."""
        return None if self.profile is None else find(self.profile, self.extensions, identifier)

    def __bytes__(self) -> bytes:
        first = VERSION << 6 | len(self.csrcs)
        if self.padding:
            first |= PADDING_BIT
        if self.profile is not None:
            first |= EXTENSION_BIT
        second = self.payload_type | (MARKER_BIT if self.marker else 0)
        parts = [HEADER.pack(first, second, low16(self.sequence), low32(self.timestamp), self.ssrc)]
        parts.extend(csrc.to_bytes(4, "big") for csrc in self.csrcs)
        if self.profile is not None:
            parts.append(EXTENSION.pack(self.profile, len(self.extensions) // 4) + self.extensions)
        parts.append(self.payload)
        if self.padding:
            parts.append(padding(self.padding))
        return b"".join(parts)


def _csrcs(data: bytes, count: int) -> tuple[tuple[int, ...], int]:
    end = HEADER.size + 4 * count
    if end > len(data):
        raise RtpError(f"RTP packet of {len(data)} bytes has no room for {count} contributing sources")
    return (struct.unpack_from(f"!{count}I", data, HEADER.size) if count else ()), end


def _extension(data: bytes, position: int) -> tuple[int, bytes, int]:
    if position + EXTENSION.size > len(data):
        raise RtpError(f"RTP packet of {len(data)} bytes ends inside the extension header")
    profile, words = EXTENSION.unpack_from(data, position)
    start = position + EXTENSION.size
    end = start + 4 * words
    if end > len(data):
        raise RtpError(f"RTP packet of {len(data)} bytes has no room for {words} words of extension")
    return profile, data[start:end], end


def _padding(data: bytes, position: int) -> int:
    count = data[-1]
    if not 0 < count <= len(data) - position:
        raise RtpError(f"RTP padding of {count} bytes does not fit the {len(data) - position} after the header")
    return count


def padding(count: int) -> bytes:
    """Return `count` bytes of padding, in 1..255, the last of which says how many they are (RFC 3550 section 5.1)."""
    return bytes(count - 1) + bytes((count,))


def original_of(packet: RtpPacket, ssrc: int, payload_type: int) -> RtpPacket | None:
    """Return what was lost out of retransmission `packet` (RFC 4588 section 4): the original sequence number leads.

    None for a packet of padding only, with which senders probe for bandwidth; RtpError when the number is cut off.
    """
    if not packet.payload:
        return None
    if len(packet.payload) < 2:
        raise RtpError("retransmission of 1 byte has no original sequence number")
    return RtpPacket(
        payload_type=payload_type,
        sequence=int.from_bytes(packet.payload[:2], "big"),
        timestamp=packet.timestamp,
        ssrc=ssrc,
        payload=packet.payload[2:],
        marker=packet.marker,
        csrcs=packet.csrcs,
        profile=packet.profile,
        extensions=packet.extensions,
        size=packet.size,
    )
