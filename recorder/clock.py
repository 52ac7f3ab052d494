"""When sound belongs to which picture (RFC 3550 section 6.4.1).

The picture is the clock: **video timestamps are never rewritten**, sound is placed on them. Until sender reports of both streams
are there, packets that arrive together were complete together (least delay within a window); from then on the lecturer's own
clock decides.

1. A sender report that disagrees with the ones before it by more than 0.3 s is ignored, unless three in a row agree.
2. Sound is moved only when it is off by more than 20 ms for a second, and then at once by the whole error.
3. **No clock, socket or thread here**: times come in as arguments.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from broadcaster.media import AUDIO_CLOCK_RATE, VIDEO_CLOCK_RATE, Kind, SenderClock

REPORTS: Final = 20
DISAGREEMENT: Final = 0.3
AGREEING: Final = 3
REGRESSION_SPAN: Final = 5.0  # seconds of reports below which the nominal rate is nearer than a regression
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
    """Maps timestamps to the lecturer's clock by least squares over the newest sender reports."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._points: deque[tuple[float, float]] = deque(maxlen=REPORTS)  # timestamp / rate, ntp
        self._doubtful: list[tuple[float, float]] = []
        self._line: tuple[float, float, float] | None = None  # x0, y0, slope

    def __len__(self) -> int:
        return len(self._points)

    def add(self, timestamp: int, ntp: float) -> None:
        """Take one report."""
        point = (timestamp / self._rate, ntp)
        at = self.at(point[0])
        if at is not None and abs(at - ntp) > DISAGREEMENT:
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

    def _doubt(self, point: tuple[float, float]) -> None:
        skew = point[1] - point[0]
        self._doubtful = [one for one in self._doubtful if abs(one[1] - one[0] - skew) <= DISAGREEMENT]
        self._doubtful.append(point)
        if len(self._doubtful) >= AGREEING:
            self._points.clear()
            self._points.extend(self._doubtful)
            self._doubtful.clear()

    def _fit(self) -> tuple[float, float, float]:
        x0, y0 = self._points[-1]
        count = len(self._points)
        if x0 - self._points[0][0] < REGRESSION_SPAN or count < AGREEING:
            return x0, y0, 1.0
        mean_x = sum(x - x0 for x, _ in self._points) / count
        mean_y = sum(y - y0 for _, y in self._points) / count
        square = sum((x - x0 - mean_x) ** 2 for x, _ in self._points)
        product = sum((x - x0 - mean_x) * (y - y0 - mean_y) for x, y in self._points)
        return x0 + mean_x, y0 + mean_y, product / square


class LipSync:
    """Places sound timestamps on the video clock."""

    def __init__(self) -> None:
        self._arrivals = {kind: ArrivalMap(kind.clock_rate) for kind in Kind}
        self._reports = {kind: ReportMap(kind.clock_rate) for kind in Kind}

    def observe(self, kind: Kind, timestamp: int, arrival: float) -> None:
        """Take one packet."""
        self._arrivals[kind].observe(timestamp, arrival)

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
        if not trusted and abs(by_report - by_arrival) > DISAGREEMENT * VIDEO_CLOCK_RATE:
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
        return None if seconds is None else seconds * VIDEO_CLOCK_RATE


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
        if abs(wanted - position) <= TOLERANCE:
            self._off_since = None
        elif self._off_since is None:
            self._off_since = timestamp
        elif timestamp - self._off_since >= PATIENCE:
            position, self._off_since = round(wanted), None
            self.moves += 1
        self._timestamp, self._position = timestamp, position
        return position


def jumped(before: int, after: int, rate: int) -> bool:
    """Whether a timestamp went back by more than a second or forward by more than ten: a new reel begins there."""
    step = (after - before) / rate
    return step > MAX_STEP_SECONDS or step < -1.0
