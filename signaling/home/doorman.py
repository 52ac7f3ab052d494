"""Who is let in as a new household, and which links look as if somebody multiplied himself. Pure: `now` is monotonic seconds.

1. **A household that is known is let in again, whatever the limits say**: the limits are for new ones.
2. A link takes `per_pupil` households for each pupil of its class, at least `least`; one address may bring `burst` new ones to a link at
   once, then `per_minute`. So a browser that throws its token away again and again is soon told to wait.
3. A link to which one address brought `many` households within `seconds` is named for a look (待核). It is never a punishment: behind one
   address of a telephone company are many families.
4. Bounded: `CLASSES` whose households are remembered, `PENDING` that wait to be written; beyond that nobody new is let in.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from signaling.home.tokens import Household
from signaling.live.limits import Buckets

CLASSES: Final = 4000
PENDING: Final = 20_000


class Arrival(NamedTuple):
    """A household that was let in: by the link of which number, from which address (a digest), when."""

    household: Household
    number: int
    origin: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings of rule 2."""

    per_pupil: int
    least: int
    burst: int
    per_minute: float

    def of_class(self, pupils: int) -> int:
        """Return how many households a link takes."""
        return max(self.least, pupils * self.per_pupil)


class Full(Exception):
    """No further household is taken by this link."""


class Wait(Exception):
    """Too many came at once; `seconds` says when to ask again."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:.0f} s")
        self.seconds = seconds


Door = tuple[str, str, int]
"""Lecture, class and number of a link."""


class Doorman:
    """Remembers the households of links; who was known before is told by `open`."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._known: OrderedDict[Door, set[str]] = OrderedDict()
        self._buckets = Buckets(limits.per_minute / 60, limits.burst)
        self._pending: list[Arrival] = []
        self.refused = 0

    def is_open(self, door: Door) -> bool:
        """Whether the households of a link are remembered."""
        return door in self._known

    def open(self, door: Door, known: Iterable[str]) -> None:
        """Remember the households that a link has, those that were let in meanwhile too."""
        found = self._known.setdefault(door, set())
        found.update(known)
        found.update(one.household.digest for one in self._pending if _door(one) == door)
        while len(self._known) > CLASSES:
            self._known.popitem(last=False)

    def admit(self, arrival: Arrival, pupils: int, now: float) -> None:
        """Let a household in; raise `Full` or `Wait`. The link must be open."""
        door, digest = _door(arrival), arrival.household.digest
        known = self._known[door]
        self._known.move_to_end(door)
        if digest in known:
            return
        if len(known) >= self._limits.of_class(pupils):
            self.refused += 1
            raise Full
        seconds = self._buckets.take((door, arrival.origin), now) if len(self._pending) < PENDING else 10.0
        if seconds > 0:
            self.refused += 1
            raise Wait(seconds)
        known.add(digest)
        self._pending.append(arrival)

    def take(self) -> list[Arrival]:
        """Return who is to be written down."""
        taken, self._pending = self._pending, []
        return taken


def _door(arrival: Arrival) -> Door:
    return arrival.household.lecture_id, arrival.household.class_id, arrival.number


@dataclass(frozen=True, slots=True)
class Suspicion:
    """So many households came from one address within so many seconds."""

    households: int
    seconds: int


def suspicion(arrivals: Sequence[tuple[str, datetime]], many: int, seconds: int) -> Suspicion | None:
    """Return the greatest crowd that one address brought to a class (address, time), None when there was none."""
    by_origin: dict[str, list[datetime]] = defaultdict(list)
    for origin, at in arrivals:
        by_origin[origin].append(at)
    most = max((_crowd(sorted(times), timedelta(seconds=seconds)) for times in by_origin.values()), default=0)
    return Suspicion(most, seconds) if most >= many else None


def _crowd(times: Sequence[datetime], within: timedelta) -> int:
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] > within:
            first += 1
        most = max(most, last - first + 1)
    return most
