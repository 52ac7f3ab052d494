"""Which screens follow a lecture over HLS: those that ask for one part after the other.

A screen that asks for the playlist with part n + 1 has read the one with part n; nobody else can know which comes next. It is the
client's word all the same, as a receiver report is: *delivered*, not *attended*. Pure: `now` is monotonic seconds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

SCREENS: Final = 20_000
"""Screens of a lecture that are remembered; beyond that the one that was quiet longest is forgotten."""
LECTURES: Final = 200
"""Lectures that are remembered, in the same way."""
LONGEST_STEP_SECONDS: Final = 30.0
"""Seconds within which the next request must come to be the next one: more than the longest that a request is held."""
BURST_SECONDS: Final = 0.5
"""Media by which a request may be ahead of the clock: parts are told when they are complete, a request may be late once."""

Place = tuple[int, int]
"""Number of a segment (msn), place of a part in it."""
Between = Callable[[Place, Place], float]
"""The seconds of media from the end of one part to the end of another, as the stream knows them."""


@dataclass(slots=True)
class _Progress:
    place: Place
    asked_at: float
    delivered_at: float | None = None
    seconds: float = 0.0  # delivered and not taken yet


class Deliveries:
    """The place of every screen in what it watches. Bounded, see `SCREENS` and `LECTURES`."""

    def __init__(self) -> None:
        self._lectures: OrderedDict[str, OrderedDict[str, _Progress]] = OrderedDict()

    def asked(self, lecture_id: str, screen_id: str, place: Place, now: float, between: Between) -> float:
        """Take a request for the live playlist that holds this part; return the seconds of media that it proves.

        They are those since the request before, when it continues that one: never more than the time that went by, so that
        nobody is given a lecture faster than it runs.
        """
        screens = self._screens(lecture_id)
        before = screens.pop(screen_id, None)
        progress = screens[screen_id] = _Progress(place, now)
        if len(screens) > SCREENS:
            screens.popitem(last=False)
        if before is None:
            return 0.0
        progress.delivered_at, progress.seconds = before.delivered_at, before.seconds
        passed = now - before.asked_at
        if passed > LONGEST_STEP_SECONDS or place <= before.place:
            return 0.0
        step = min(between(before.place, place), passed + BURST_SECONDS)
        progress.delivered_at = now
        progress.seconds += step
        return step

    def take(self, lecture_id: str) -> dict[str, float]:
        """Return the seconds delivered to every screen since the call before."""
        taken = {}
        for screen_id, progress in self._lectures.get(lecture_id, {}).items():
            if progress.seconds > 0:
                taken[screen_id], progress.seconds = progress.seconds, 0.0
        return taken

    def ages(self, lecture_id: str, now: float) -> dict[str, float]:
        """Return the seconds since the last step of every screen that has made one."""
        screens: Mapping[str, _Progress] = self._lectures.get(lecture_id, {})
        return {screen: now - one.delivered_at for screen, one in screens.items() if one.delivered_at is not None}

    def _screens(self, lecture_id: str) -> OrderedDict[str, _Progress]:
        screens = self._lectures.setdefault(lecture_id, OrderedDict())
        self._lectures.move_to_end(lecture_id)
        if len(self._lectures) > LECTURES:
            self._lectures.popitem(last=False)
        return screens
