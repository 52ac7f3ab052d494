"""One stream of a lecturer on its way into the ring: numbers unwrapped, losses noticed, keyframes found."""

from __future__ import annotations

from broadcaster.drops import DropReason, Drops
from broadcaster.forward.cache import Refused, Ring
from broadcaster.forward.nack import NackGenerator
from broadcaster.forward.reports import Reception
from broadcaster.media import Kind, MediaPacket, SenderClock
from broadcaster.rtp.h264 import Contents, H264Error, PictureTracker
from broadcaster.rtp.packet import RtpPacket
from broadcaster.rtp.rtcp import SenderReport
from broadcaster.rtp.sequence import Unwrapper, low16, low32

NTP_SECOND = 1 << 32
NO_PICTURE = Contents(False, False)


class Intake:
    """The audio or the video of one publication. **The first SSRC that is heard is the stream**; others are dropped."""

    __slots__ = ("_drops", "_pictures", "_sequences", "_timestamps", "kind", "nacks", "reception", "ssrc")

    def __init__(self, kind: Kind, drops: Drops) -> None:
        self.kind = kind
        self.ssrc = 0
        self.nacks = NackGenerator()
        self.reception = Reception(0, kind.clock_rate)
        self._drops = drops
        self._pictures = PictureTracker()
        self._sequences = Unwrapper(16)
        self._timestamps = Unwrapper(32)

    def take(self, packet: RtpPacket, ring: Ring, now: float) -> MediaPacket | None:
        """Store one packet; None, and counted, when it is not wanted.

        A packet of padding only is stored too: it used up a sequence number that terminals would ask for.
        """
        if not self.ssrc:
            self.ssrc = self.reception.ssrc = packet.ssrc
        if packet.ssrc != self.ssrc:
            self._drops(DropReason.UNKNOWN_SSRC)
            return None
        sequence = self._sequences.unwrap(packet.sequence)
        timestamp = self._timestamps.unwrap(packet.timestamp)
        self.nacks.received(sequence, now)
        try:
            picture = self._classify(sequence, timestamp, packet.payload)
            stored = ring.store(
                self.kind,
                sequence,
                timestamp,
                packet.payload,
                marker=packet.marker,
                keyframe=picture.keyframe,
                starts_keyframe=picture.begins,
                arrival=now,
            )
        except H264Error:
            self._drops(DropReason.RTP_MALFORMED)
            return None
        except Refused as refusal:
            self._drops(refusal.reason)
            return None
        self.reception.packet(sequence, timestamp, len(packet.payload), now)
        return stored

    def observe(self, packet: MediaPacket, ssrc: int) -> None:
        """Count a packet that was stored elsewhere, by the native twin."""
        self.ssrc = self.reception.ssrc = ssrc
        self._sequences.unwrap(low16(packet.sequence))
        self._timestamps.unwrap(low32(packet.timestamp))
        self.nacks.received(packet.sequence, packet.arrival)
        self.reception.packet(packet.sequence, packet.timestamp, len(packet.payload), packet.arrival)

    def clock(self, report: SenderReport, now: float) -> SenderClock | None:
        """Return what a sender report says in unwrapped time; None when it is not about this stream, or before its first packet."""
        timestamp = self._timestamps.peek(report.timestamp)
        if report.ssrc != self.ssrc or timestamp is None:
            return None
        self.reception.sender_report(report.ntp, now)
        return SenderClock(self.kind, report.ntp / NTP_SECOND, timestamp, now)

    def _classify(self, sequence: int, timestamp: int, payload: bytes) -> Contents:
        if self.kind is Kind.AUDIO or not payload:
            return NO_PICTURE
        return self._pictures.classify(sequence, timestamp, payload)
