"""When sound belongs to which picture (RFC 3550 section 6.4.1).

The picture is the clock: **video timestamps are never rewritten**, sound is placed on them. Until sender reports of both streams
are there, packets that arrive together were complete together (least delay within a window); from then on the lecturer's own
clock decides.

1. **One wrong report moves nothing.** A report that disagrees with the ones before it by more than 50 ms (and by what an unknown
   rate may have added since) is ignored, until more of its kind agree than there were before, at most three. Small errors are
   outvoted: the line through the reports is one of medians.
2. The first reports are believed against the arrival of packets when they differ by at most 0.3 s, three of each always.
3. Sound is moved only when it is off by more than 20 ms for a second, and then at once by the whole error; after more than a second
   without sound nobody hears it being moved, so it begins where it belongs.
4. **No clock, socket or thread here**: times come in as arguments.

What nobody can know: until both streams have a report, a stream that is sent later looks like one that was made later. So a source
is `settled` when both have one, or 2.5 s after its first packet; sound that is placed before that may be off by the difference of
the two delays.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Final

from broadcaster.media import AUDIO_CLOCK_RATE, VIDEO_CLOCK_RATE, Kind, SenderClock

REPORTS: Final = 20
DISAGREEMENT: Final = 0.05  # seconds; Chromium's reports scatter by 0.4 ms, those of others by a frame
ARRIVAL_DISAGREEMENT: Final = 0.3
AGREEING: Final = 3
RATE_ERROR: Final = 1e-3  # 500 ppm are common, more than this is no clock
REGRESSION_SPAN: Final = 5.0  # seconds of reports below which the nominal rate is nearer than a regression
BLIND_SECONDS: Final = 30.0  # how far a report without a measured rate reaches: half the tolerance at 300 ppm
SETTLING_SECONDS: Final = 2.5  # Chromium's first report about sound comes after 2.2 s
WINDOW: Final = 10.0
TOLERANCE: Final = AUDIO_CLOCK_RATE // 50
PATIENCE: Final = AUDIO_CLOCK_RATE
MAX_STEP_SECONDS: Final = 10.0


class ArrivalMap:
    """Maps timestamps to arrival times by the least delay seen within the last one to two windows."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._begun: float | None = None
        self._current = 0.0
        self._previous = 0.0

    def observe(self, timestamp: int, arrival: float) -> None:
        """Take one packet."""
        offset = arrival - timestamp / self._rate
        if self._begun is None:
            self._begun, self._current, self._previous = arrival, offset, offset
        elif arrival - self._begun > WINDOW:
            self._begun, self._previous, self._current = arrival, self._current, offset
        else:
            self._current = min(self._current, offset)

    @property
    def offset(self) -> float | None:
        """Seconds to add to `timestamp / rate`, or None before the first packet."""
        return None if self._begun is None else min(self._current, self._previous)


class ReportMap:
    """Maps timestamps to the lecturer's clock by a line of medians (Theil and Sen) through the newest sender reports."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._points: deque[tuple[float, float]] = deque(maxlen=REPORTS)  # timestamp / rate, ntp
        self._doubtful: list[tuple[float, float]] = []
        self._line: tuple[float, float, float] | None = None  # x0, y0, slope
        self._measured = False  # the slope, not only the offset

    def __len__(self) -> int:
        return len(self._points)

    def add(self, timestamp: int, ntp: float) -> None:
        """Take one report."""
        point = (timestamp / self._rate, ntp)
        at = self.at(point[0])
        if at is not None and abs(at - ntp) > DISAGREEMENT + RATE_ERROR * self._age(point[0]):
            self._doubt(point)
        else:
            self._doubtful.clear()
            self._points.append(point)
        self._line = self._fit()

    def at(self, seconds: float) -> float | None:
        """Return the lecturer's clock at `timestamp / rate` seconds, or None before the first report."""
        if self._line is None:
            return None
        x, y, slope = self._line
        return y + (seconds - x) * slope

    def inverse(self, ntp: float) -> float | None:
        """Return the `timestamp / rate` at which the lecturer's clock shows `ntp`."""
        if self._line is None:
            return None
        x, y, slope = self._line
        return x + (ntp - y) / slope

    def reaches(self, seconds: float) -> bool:
        """Whether the line can be believed at `timestamp / rate` seconds: always when its rate was measured."""
        return self._line is not None and (self._measured or self._age(seconds) <= BLIND_SECONDS)

    def _age(self, seconds: float) -> float:
        return max(0.0, seconds - self._points[-1][0])

    def _doubt(self, point: tuple[float, float]) -> None:
        skew = point[1] - point[0]
        self._doubtful = [one for one in self._doubtful if abs(one[1] - one[0] - skew) <= DISAGREEMENT]
        self._doubtful.append(point)
        if len(self._doubtful) >= min(AGREEING, len(self._points) + 1):
            self._points.clear()
            self._points.extend(self._doubtful)
            self._doubtful.clear()

    def _fit(self) -> tuple[float, float, float]:
        x0, y0 = self._points[-1]
        self._measured = x0 - self._points[0][0] >= REGRESSION_SPAN
        slope = self._slope() if self._measured else 1.0
        return x0, y0 + median(y - y0 - (x - x0) * slope for x, y in self._points), slope

    def _slope(self) -> float:
        """Return the middle one of the slopes between reports that are not close together, within what a clock may have."""
        slopes = [(y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(self._points, 2) if x2 - x1 >= 2.0]
        return min(max(median(slopes), 1.0 - RATE_ERROR), 1.0 + RATE_ERROR)


class LipSync:
    """Places sound timestamps on the video clock."""

    def __init__(self) -> None:
        self._arrivals = {kind: ArrivalMap(kind.clock_rate) for kind in Kind}
        self._reports = {kind: ReportMap(kind.clock_rate) for kind in Kind}
        self._begun: float | None = None

    def observe(self, kind: Kind, timestamp: int, arrival: float) -> None:
        """Take one packet."""
        if self._begun is None:
            self._begun = arrival
        self._arrivals[kind].observe(timestamp, arrival)

    def settled(self, now: float) -> bool:
        """Whether nothing better than now will be known soon: both streams have a report, or 2.5 s went by since the first packet.

        Sound that is kept back until then is never placed by a guess and moved later.
        """
        if self._begun is None or now - self._begun >= SETTLING_SECONDS:
            return True
        return all(len(reports) for reports in self._reports.values())

    def report(self, clock: SenderClock) -> None:
        """Take one sender report."""
        self._reports[clock.kind].add(clock.timestamp, clock.ntp)

    def reset(self, kind: Kind) -> None:
        """Forget one stream: its timestamps jumped."""
        self._arrivals[kind] = ArrivalMap(kind.clock_rate)
        self._reports[kind] = ReportMap(kind.clock_rate)

    def video_time(self, sound: int) -> float | None:
        """Return the video timestamp (90 kHz) of the sound timestamp (48 kHz), or None before both streams began."""
        by_arrival = self._by_arrival(sound)
        by_report = self._by_report(sound)
        if by_report is None or by_arrival is None:
            return by_arrival
        trusted = min(len(reports) for reports in self._reports.values()) >= AGREEING
        if not trusted and abs(by_report - by_arrival) > ARRIVAL_DISAGREEMENT * VIDEO_CLOCK_RATE:
            return by_arrival
        return by_report

    def _by_arrival(self, sound: int) -> float | None:
        video, audio = self._arrivals[Kind.VIDEO].offset, self._arrivals[Kind.AUDIO].offset
        if video is None or audio is None:
            return None
        return (sound / AUDIO_CLOCK_RATE + audio - video) * VIDEO_CLOCK_RATE

    def _by_report(self, sound: int) -> float | None:
        ntp = self._reports[Kind.AUDIO].at(sound / AUDIO_CLOCK_RATE)
        seconds = None if ntp is None else self._reports[Kind.VIDEO].inverse(ntp)
        if seconds is None or not self._reports[Kind.AUDIO].reaches(sound / AUDIO_CLOCK_RATE):
            return None
        return seconds * VIDEO_CLOCK_RATE if self._reports[Kind.VIDEO].reaches(seconds) else None


@dataclass(slots=True)
class SoundPlacer:
    """Decides at which sample of the reel a sound frame begins: on the frame before it, or moved where it belongs."""

    _timestamp: int | None = None
    _position: int = 0
    _off_since: int | None = None
    moves: int = 0

    def place(self, timestamp: int, wanted: float) -> int:
        """Return the position of the frame at `timestamp`; `wanted` is where the clocks say that it belongs."""
        if self._timestamp is None:
            self._timestamp, self._position = timestamp, round(wanted)
            return self._position
        position = self._position + timestamp - self._timestamp
        if timestamp - self._timestamp > PATIENCE:
            position, self._off_since = max(round(wanted), self._position), None
        elif abs(wanted - position) <= TOLERANCE:
            self._off_since = None
        elif self._off_since is None:
            self._off_since = timestamp
        elif timestamp - self._off_since >= PATIENCE:
            position, self._off_since = round(wanted), None
            self.moves += 1
        self._timestamp, self._position = timestamp, position
        return position


def jumped(before: int, after: int, rate: int, elapsed: float = 0.0) -> bool:
    """Whether a timestamp went back by more than a second, or is more than ten seconds from where `elapsed` seconds lead.

    For pictures `elapsed` is left out: one that would be shown for longer than ten seconds begins a new reel. A microphone that was
    muted for a minute has not jumped.
    """
    step = (after - before) / rate
    return abs(step - elapsed) > MAX_STEP_SECONDS or step < -1.0
