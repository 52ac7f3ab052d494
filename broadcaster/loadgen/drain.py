"""A terminal that is not in the sample: it proves that its connection lives and how many packets reached it, not what was in them.

The kernel drops most of its media (`sockets.thin_out`) and counts what it drops, so that `arrived` is exact; `expected` is the span of
sequence numbers that were read, and behind the truth by less than `KEEP_VIDEO + KEEP_AUDIO` packets. Reports tell the newest number read.
"""

from __future__ import annotations

import struct
from typing import Final

from broadcaster.loadgen.offers import Answer
from broadcaster.media import Kind
from broadcaster.rtp.rtcp_packets import BLOCK
from broadcaster.rtp.sequence import distance

_HEADER: Final = struct.Struct("!2xH4xI")


class _Source:
    __slots__ = ("first", "kind", "last_sr", "newest", "ssrc")

    def __init__(self, kind: Kind, ssrc: int) -> None:
        self.kind = kind
        self.ssrc = ssrc
        self.first = self.newest = -1
        self.last_sr: tuple[int, float] = (0, 0.0)


class Drain:
    """The media of one such terminal."""

    __slots__ = ("_sources", "read")

    def __init__(self, answer: Answer) -> None:
        self.read = 0
        self._sources = {section.ssrc: _Source(kind, section.ssrc) for kind, section in answer.sections.items()}

    def packet(self, data: bytearray) -> None:
        """Take the head of an SRTP packet of at least 12 bytes."""
        self.read += 1
        sequence, ssrc = _HEADER.unpack_from(data)
        source = self._sources.get(ssrc)
        if source is None:
            return
        if source.newest < 0:
            source.first = source.newest = sequence
        else:
            source.newest += max(0, distance(source.newest, sequence))

    @property
    def flows(self) -> bool:
        """Whether anything came."""
        return any(source.newest >= 0 for source in self._sources.values())

    @property
    def expected(self) -> int:
        """How many packets were sent, as far as their numbers tell."""
        return sum(source.newest - source.first + 1 for source in self._sources.values() if source.newest >= 0)

    def sender_report(self, ssrc: int, ntp: int, now: float) -> None:
        """Note a sender report for LSR and DLSR."""
        source = self._sources.get(ssrc)
        if source is not None:
            source.last_sr = (ntp >> 16 & 0xFFFFFFFF, now)

    def blocks(self, now: float) -> list[bytes]:
        """Report blocks (RFC 3550 section 6.4.1) without loss and jitter, which cannot be known here."""
        found = []
        for source in self._sources.values():
            if source.newest >= 0:
                last_sr, at = source.last_sr
                delay = int((now - at) * 65_536) & 0xFFFFFFFF if last_sr else 0
                found.append(BLOCK.pack(source.ssrc, 0, source.newest & 0xFFFFFFFF, 0, last_sr, delay))
        return found
