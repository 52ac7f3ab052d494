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

OnDelivered = Callable[[str, str, int, int], None]
"""Told `(screen id, lecture id, msn, part)` of every step."""


@dataclass(slots=True)
class _Place:
    msn: int
    part: int
    asked_at: float
    delivered_at: float | None = None


class Deliveries:
    """The place of every screen in what it watches. Bounded, see `SCREENS` and `LECTURES`."""

    def __init__(self, on_delivered: OnDelivered | None = None) -> None:
        self.on_delivered = on_delivered
        self._lectures: OrderedDict[str, OrderedDict[str, _Place]] = OrderedDict()

    def asked(self, lecture_id: str, screen_id: str, msn: int, part: int, now: float) -> bool:
        """Take a request for the live playlist that holds this part; return whether it continues the one before."""
        places = self._places(lecture_id)
        before = places.pop(screen_id, None)
        place = places[screen_id] = _Place(msn, part, now, before.delivered_at if before else None)
        if len(places) > SCREENS:
            places.popitem(last=False)
        if before is None or now - before.asked_at > LONGEST_STEP_SECONDS:
            return False
        if (msn, part) <= (before.msn, before.part):
            return False
        place.delivered_at = now
        if self.on_delivered is not None:
            self.on_delivered(screen_id, lecture_id, msn, part)
        return True

    def ages(self, lecture_id: str, now: float) -> dict[str, float]:
        """Return the seconds since the last step of every screen that has made one."""
        places: Mapping[str, _Place] = self._lectures.get(lecture_id, {})
        return {screen: now - place.delivered_at for screen, place in places.items() if place.delivered_at is not None}

    def _places(self, lecture_id: str) -> OrderedDict[str, _Place]:
        places = self._lectures.setdefault(lecture_id, OrderedDict())
        self._lectures.move_to_end(lecture_id)
        if len(self._lectures) > LECTURES:
            self._lectures.popitem(last=False)
        return places
