"""Upstream reception statistics, and what a terminal's receiver reports say (RFC 3550 sections 6.4 and A.3, A.8).

A receiver report is the client's word: it can make the server believe neither that more was delivered than was sent,
nor that anything was undelivered again.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from broadcaster.forward.layout import Stream
from broadcaster.rtp.rtcp import ReportBlock
from broadcaster.rtp.sequence import distance, low32

NTP_UNIT: Final = 65_536
MAX_RTT_SECONDS: Final = 30.0
RTT_SMOOTHING: Final = 0.125


def middle_ntp(ntp: float) -> int:
    """Return the middle 32 bits of NTP seconds: 16.16 fixed point (RFC 3550 section 4)."""
    return int(ntp * NTP_UNIT) & 0xFFFFFFFF


class Reception:
    """What was received of one source; makes its report blocks. Numbers are unwrapped, times monotonic seconds."""

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.clock_rate = clock_rate
        self.received = 0
        self.octets = 0
        self.highest = -1
        self.jitter = 0.0
        self.fraction_lost = 0.0
        self._base = -1
        self._transit: float | None = None
        self._prior = (0, 0)
        self._last_sr: tuple[int, float] | None = None

    def packet(self, sequence: int, timestamp: int, size: int, now: float) -> None:
        """Count a packet of `size` octets of payload; retransmissions count as the packets that they repair."""
        if self._base < 0:
            self._base = sequence
        self._base = min(self._base, sequence)
        self.received += 1
        self.octets += size
        if sequence > self.highest:
            self.highest = sequence
            self._measure_jitter(now * self.clock_rate - timestamp)

    def _measure_jitter(self, transit: float) -> None:
        """RFC 3550 appendix A.8, over packets that came in order."""
        if self._transit is not None:
            self.jitter += (abs(transit - self._transit) - self.jitter) / 16
        self._transit = transit

    def sender_report(self, ntp: int, now: float) -> None:
        """Note the 64-bit NTP time of a sender report, for LSR and DLSR."""
        self._last_sr = (ntp >> 16 & 0xFFFFFFFF, now)

    @property
    def expected(self) -> int:
        """How many packets were to come."""
        return self.highest - self._base + 1 if self._base >= 0 else 0

    @property
    def lost(self) -> int:
        """How many did not; negative when there were duplicates."""
        return self.expected - self.received

    def block(self, now: float) -> ReportBlock | None:
        """Return the report since the last one (RFC 3550 appendix A.3); None before the first packet."""
        if self._base < 0:
            return None
        expected, received = self.expected - self._prior[0], self.received - self._prior[1]
        self._prior = (self.expected, self.received)
        lost = max(0, expected - received)
        fraction = min(255, (lost << 8) // expected) if expected > 0 else 0
        self.fraction_lost = fraction / 256
        last_sr, delay = self._since_sender_report(now)
        return ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=fraction,
            cumulative_lost=max(-0x800000, min(0x7FFFFF, self.lost)),
            highest=low32(self.highest),
            jitter=low32(int(self.jitter)),
            last_sr=last_sr,
            delay=delay,
        )

    def _since_sender_report(self, now: float) -> tuple[int, int]:
        if self._last_sr is None:
            return 0, 0
        return self._last_sr[0], low32(int((now - self._last_sr[1]) * NTP_UNIT))


class Acknowledged(NamedTuple):
    """What one terminal acknowledged of both streams since the last sample; all >= 0."""

    advance: int
    lost: int
    expected: int


class _Fold:
    """The receiver reports of one stream."""

    __slots__ = ("advance", "highest", "lost", "packets", "worst")

    def __init__(self, stream: Stream) -> None:
        self.highest = low32(stream.next_sequence - 1)
        self.packets = stream.packets
        self.advance = self.lost = self.worst = 0

    def report(self, block: ReportBlock, stream: Stream) -> None:
        """Take the advance of the extended highest sequence number, **never beyond what was sent**."""
        sent = distance(self.highest, low32(stream.next_sequence - 1), 32)
        step = min(distance(self.highest, block.highest, 32), sent)
        if step > 0:
            self.highest = low32(self.highest + step)
            self.advance += step
        growth = block.cumulative_lost - self.worst
        if growth > 0:
            self.lost += min(growth, max(step, 0))
            self.worst = block.cumulative_lost

    def take(self, stream: Stream) -> tuple[int, int, int]:
        """Return (advance, lost, sent) since the last call."""
        sent = low32(stream.packets - self.packets)
        taken = (self.advance, self.lost, sent)
        self.advance = self.lost = 0
        self.packets = stream.packets
        return taken


class Acknowledgements:
    """Folds the receiver reports of one terminal, over both its streams.

    1. The advance of the extended highest sequence number counts, across wraps; a report that claims more than was
       sent counts for what was sent, one that goes back counts nothing.
    2. The cumulative loss counts by how far it exceeds its greatest value so far, never more than the advance.
    3. Blocks about other SSRCs, RTX among them, count nothing.
    """

    def __init__(self, streams: tuple[Stream, Stream]) -> None:
        self.rtt = 0.0
        self.fraction_lost = 0.0
        self.jitter = 0
        self.last_advance: float | None = None
        self._folds = tuple([_Fold(stream) for stream in streams])

    def report(self, block: ReportBlock, streams: tuple[Stream, Stream], ntp: float, now: float) -> None:
        """Take one report block that came at `now`, when the server's clock stood at `ntp` seconds."""
        for fold, stream in zip(self._folds, streams, strict=True):
            if stream.ssrc == block.ssrc and stream.ssrc:
                before = fold.advance
                fold.report(block, stream)
                self._measure(block, ntp)
                if fold.advance > before:
                    self.last_advance = now

    def _measure(self, block: ReportBlock, ntp: float) -> None:
        """Round trip by LSR and DLSR (RFC 3550 section 6.4.1), smoothed; nonsense is ignored."""
        self.fraction_lost = block.fraction_lost / 256
        self.jitter = block.jitter
        if not block.last_sr:
            return
        rtt = low32(middle_ntp(ntp) - block.last_sr - block.delay) / NTP_UNIT
        if rtt <= MAX_RTT_SECONDS:
            self.rtt = rtt if not self.rtt else self.rtt + RTT_SMOOTHING * (rtt - self.rtt)

    def take(self, streams: tuple[Stream, Stream]) -> Acknowledged:
        """Return what was acknowledged since the last call, and begin anew."""
        parts = [fold.take(stream) for fold, stream in zip(self._folds, streams, strict=True)]
        advance, lost, expected = (sum(column) for column in zip(*parts, strict=True))
        return Acknowledged(advance, lost, expected)
