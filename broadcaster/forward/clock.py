"""One clock for a lecture: which instant of the server every timestamp of the lecturer belongs to.

1. **A terminal's sender reports come from this clock alone**, so that sound and picture stay together at every
   terminal, whatever the lecturer's clock says.
2. A stream is placed by arrival: the packet that travelled fastest tells its line. The line falls at once and
   rises slowly, which follows a lecturer's clock that drifts.
3. **Sound is placed on the picture** by the lecturer's own sender reports as soon as there is one of each; until then by
   its arrival. (Chromium's first report about sound comes after 2.2 s.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from broadcaster.forward.layout import Stream
from broadcaster.media import Kind, SenderClock
from broadcaster.rtp.rtcp import SenderReport
from broadcaster.rtp.sequence import low32

REPORT_SECONDS: Final = 1.0
RISE_PER_SECOND: Final = 0.0005
MAX_SKEW_SECONDS: Final = 2.0


class _Line:
    """The straight line of one stream: `origin` is the monotonic second of timestamp 0."""

    __slots__ = ("origin", "rate", "updated")

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.origin: float | None = None
        self.updated = 0.0

    def packet(self, timestamp: int, arrival: float) -> None:
        """Follow a packet that came at `arrival`."""
        sample = arrival - timestamp / self.rate
        if self.origin is None or sample < self.origin or sample > self.origin + MAX_SKEW_SECONDS:
            self.origin = sample
        else:
            step = max(0.0, arrival - self.updated) * RISE_PER_SECOND
            self.origin += min(step, sample - self.origin)
        self.updated = arrival


class LectureClock:
    """Places the streams of one source; `ntp_offset` is the server's NTP seconds at monotonic second 0."""

    def __init__(self, ntp_offset: float) -> None:
        self.ntp_offset = ntp_offset
        self._lines = tuple([_Line(kind.clock_rate) for kind in Kind])
        self._reports: list[SenderClock | None] = [None, None]

    def ntp(self, now: float) -> float:
        """Return the server's time in seconds since 1900."""
        return self.ntp_offset + now

    def packet(self, kind: Kind, timestamp: int, arrival: float) -> None:
        """Follow a packet that was not retransmitted; `timestamp` is unwrapped."""
        self._lines[kind].packet(timestamp, arrival)

    def report(self, clock: SenderClock) -> None:
        """Take the lecturer's sender report."""
        self._reports[clock.kind] = clock

    def source_changed(self) -> None:
        """Forget the source; the server's own clock goes on."""
        self._lines = tuple([_Line(kind.clock_rate) for kind in Kind])
        self._reports = [None, None]

    def origin(self, kind: Kind) -> float | None:
        """Return the monotonic second of timestamp 0 of a stream, None before its first packet."""
        if kind is Kind.AUDIO:
            placed = self._sound_on_picture()
            if placed is not None:
                return placed
        return self._lines[kind].origin

    def _sound_on_picture(self) -> float | None:
        sound, picture = self._reports
        video = self._lines[Kind.VIDEO].origin
        if sound is None or picture is None or video is None:
            return None
        shown = video + picture.timestamp / Kind.VIDEO.clock_rate
        return shown + (sound.ntp - picture.ntp) - sound.timestamp / Kind.AUDIO.clock_rate

    def timestamp(self, kind: Kind, now: float) -> int | None:
        """Return the source's timestamp at `now`."""
        origin = self.origin(kind)
        return None if origin is None else round((now - origin) * kind.clock_rate)

    def sender_report(self, stream: Stream, kind: Kind, now: float) -> SenderReport | None:
        """Return a terminal's sender report about one stream (RFC 3550 section 6.4.1); None while nothing was sent."""
        timestamp = self.timestamp(kind, now)
        if timestamp is None or not stream.packets:
            return None
        return SenderReport(
            ssrc=stream.ssrc,
            ntp=int(self.ntp(now) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF,
            timestamp=low32(timestamp + stream.timestamp_offset),
            packets=stream.packets,
            octets=stream.octets,
        )


class ReportRound:
    """Whose sender reports are due: newcomers' at once, everybody's once a second in turn, **never all in one instant**.

    The turn goes over the slots in ascending order. While nothing is reported time does not count.
    """

    def __init__(self) -> None:
        self._credit = 0.0
        self._ticked: float | None = None
        self._next = 0
        self._told: set[int] = set()

    def told(self, slot: int) -> None:
        """Note that a terminal has got a report."""
        self._told.add(slot)

    def forget(self, slot: int) -> None:
        """Forget a terminal that left."""
        self._told.discard(slot)

    def pause(self, now: float) -> None:
        """Let time go by without reports."""
        self._ticked = now

    def due(self, slots: Sequence[int], now: float) -> list[int]:
        """Return which of `slots`, ascending, are to be told now; who has nothing to be told yet stays a newcomer."""
        elapsed = 0.0 if self._ticked is None else now - self._ticked
        self._ticked = now
        self._credit += len(slots) * elapsed / REPORT_SECONDS
        due = min(int(self._credit), len(slots))
        self._credit = min(self._credit - due, 1.0)
        first = next((number for number, slot in enumerate(slots) if slot >= self._next), 0)
        turn = [slots[(first + number) % len(slots)] for number in range(due)]
        if turn:
            self._next = turn[-1] + 1
        return turn + [slot for slot in slots if slot not in self._told and slot not in turn]
