"""Looks over the shoulder of attendance: to whom did the server deliver in which minute?

**What was sampled is only looked at**: the sampler gets it unchanged. A sample belongs to the minute in which most of its window lay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from broadcaster.events import DeliverySample
from signaling.presence.minutes import MINUTE
from signaling.presence.ports import SampledRoom

Tell = Callable[[str, int, list[str]], None]
"""Gets lecture, minute and the screens that something was delivered to."""

MIDDLE_SECONDS: Final = 5


class Overseer:
    """Wraps what the sampler asks: rooms, and what was given over HLS."""

    def __init__(self, tell: Tell, clock: Callable[[], datetime]) -> None:
        self._tell = tell
        self._clock = clock

    def room(self, room_of: Callable[[str], SampledRoom]) -> Callable[[str], SampledRoom]:
        """Return the same rooms, overseen."""
        return lambda lecture_id: Overseen(room_of(lecture_id), lambda screens: self._say(lecture_id, screens))

    def hls(self, take: Callable[[str], Mapping[str, float]]) -> Callable[[str], Mapping[str, float]]:
        """Return the same question, overseen."""

        def taken(lecture_id: str) -> Mapping[str, float]:
            given = take(lecture_id)
            self._say(lecture_id, [screen for screen, seconds in given.items() if seconds > 0])
            return given

        return taken

    def _say(self, lecture_id: str, screens: list[str]) -> None:
        self._tell(lecture_id, int(self._clock().timestamp() - MIDDLE_SECONDS) // MINUTE, screens)


class Overseen:
    """A room that tells whom it delivered to whenever it is sampled."""

    def __init__(self, room: SampledRoom, say: Callable[[list[str]], None]) -> None:
        self._room = room
        self._say = say

    @property
    def closed(self) -> bool:
        """Whether the room takes no sessions any more."""
        return self._room.closed

    def sample_delivery(self) -> DeliverySample:
        """Return what happened since the sample before."""
        sample = self._room.sample_delivery()
        self._say([delivery.viewer for delivery in sample.deliveries if delivery.advance > 0])
        return sample
