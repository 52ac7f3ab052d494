"""Head-counts of a lecture: when they are taken, what is a possible number, which one counts. Pure.

1. From `opens` after the start of the broadcast until `closes` after its end; while it runs there is no end.
2. `0 <= present <= expected + guests`. Guests are people who are not on the roll: they are told apart, never mixed in.
3. **The newest counts**; each is a fact and none is taken back. `version` counts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

MOST: Final = 2000
"""People in one room; more is a slip of the finger."""


class NotYet(Exception):
    """The lecture began too short a time ago, or not at all."""


class Over(Exception):
    """The time for head-counts has run out."""


class Impossible(ValueError):
    """More people than there can be."""


@dataclass(frozen=True, slots=True)
class Window:
    """When head-counts of a lecture are taken; `closes_at` None while it runs."""

    opens_at: datetime
    closes_at: datetime | None

    def is_open(self, now: datetime) -> bool:
        """Whether they are taken now."""
        return self.opens_at <= now and (self.closes_at is None or now < self.closes_at)

    def require(self, now: datetime) -> None:
        """Raise `NotYet` or `Over`."""
        if now < self.opens_at:
            raise NotYet
        if not self.is_open(now):
            raise Over


def window(started_at: datetime, ended_at: datetime | None, opens: timedelta, closes: timedelta) -> Window:
    """Return the window of a broadcast."""
    return Window(started_at + opens, None if ended_at is None else ended_at + closes)


@dataclass(frozen=True, slots=True)
class HeadCount:
    """What was confirmed for a class, by whom and when; `version` is 1 for the first."""

    present: int
    guests: int
    by: str
    at: datetime
    version: int


def judge(expected: int, present: int, guests: int) -> None:
    """Raise `Impossible` unless so many can have been there."""
    if present > expected + guests or max(present, guests) > MOST:
        raise Impossible(f"{present} present, {expected} expected and {guests} guests")


class HeadCounts:
    """The head-counts of one lecture: expected by class, the newest of each."""

    def __init__(self, expected: dict[str, int]) -> None:
        self.expected = expected
        self._newest: dict[str, HeadCount] = {}

    def of(self, class_id: str) -> HeadCount | None:
        """Return the head-count that counts for a class."""
        return self._newest.get(class_id)

    def version(self, class_id: str) -> int:
        """Return how many there were for a class."""
        found = self._newest.get(class_id)
        return 0 if found is None else found.version

    def take(self, class_id: str, found: HeadCount) -> None:
        """Take a head-count over; an older one changes nothing, whatever the order."""
        if found.version > self.version(class_id):
            self._newest[class_id] = found
