"""When a lecturer is free. Pure: all times are in the schools' local time, which has no summer time.

1. Without weekly hours somebody is free at any time: nobody has to write hours down to be asked.
2. A time is free when all of it lies within weekly hours or stretches that are `free`, and none of it in a stretch that is away.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

DAY: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours of a weekday (1 is Monday) in minutes of the day."""

    weekday: int
    begins: int
    ends: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Time that differs from the weekly hours."""

    begins_at: datetime
    ends_at: datetime
    free: bool


def is_free(start: datetime, minutes: int, hours: Sequence[Hours], stretches: Sequence[Stretch]) -> bool:
    """Whether somebody is free from a local time on for some minutes."""
    return away_then(start, minutes, stretches) is None and within_hours(start, minutes, hours, stretches)


def away_then(start: datetime, minutes: int, stretches: Iterable[Stretch]) -> Stretch | None:
    """Return the first stretch of being away that shares time with what begins at `start`; any zone, the same for all."""
    end = start + timedelta(minutes=minutes)
    return next((one for one in stretches if not one.free and one.begins_at < end and start < one.ends_at), None)


def within_hours(start: datetime, minutes: int, hours: Sequence[Hours], stretches: Iterable[Stretch]) -> bool:
    """Whether weekly hours and stretches that are free cover all of it; no hours cover any time."""
    end = start + timedelta(minutes=minutes)
    extra = [(one.begins_at, one.ends_at) for one in stretches if one.free]
    return not hours or _covered(start, end, [*_of_days(start, end, hours), *extra])


def overlapping(hours: Sequence[Hours]) -> bool:
    """Whether two hours of one weekday share time."""
    inorder = sorted(hours, key=lambda one: (one.weekday, one.begins))
    pairs = itertools.pairwise(inorder)
    return any(one.weekday == other.weekday and other.begins < one.ends for one, other in pairs)


def _of_days(start: datetime, end: datetime, hours: Iterable[Hours]) -> list[tuple[datetime, datetime]]:
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    days = [midnight + timedelta(days=number) for number in range((end - midnight).days + 1)]
    return [
        (day + timedelta(minutes=one.begins), day + timedelta(minutes=one.ends))
        for day in days
        for one in hours
        if one.weekday == day.isoweekday()
    ]


def _covered(start: datetime, end: datetime, spans: Iterable[tuple[datetime, datetime]]) -> bool:
    reached = start
    for begins, ends in sorted(spans):
        if begins > reached:
            break
        reached = max(reached, ends)
    return reached >= end
