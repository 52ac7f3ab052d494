"""What a training came to for each teacher. Pure: marks and the minutes of venues in, credits out, in any order.

1. **A venue is a class screen of the school whose own result is credited**; without that nobody there has a credit.
2. A tick of the school's administrator is enough, with all of the venue's minutes; the newest tick or un-tick counts.
3. A code needs both, signing in and signing out, at one venue: the minutes that count are the venue's between the first and the last,
   and they must be `attended_ratio` of all of the venue's.
4. The better of both ways counts. **Nobody needs a phone.**
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Final

from signaling.coverage.obligations import Obligations
from signaling.coverage.results import CREDITED


class Action(StrEnum):
    """What was written down about a teacher."""

    TICKED = "ticked"
    UNTICKED = "unticked"
    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"


class Outcome(StrEnum):
    """What a training is worth for a teacher."""

    CREDITED = "credited"
    PENDING = "pending"  # the lecture has no results yet
    VENUE = "venue"  # the venue's own result is not credited
    INCOMPLETE = "incomplete"  # not signed in and out
    SHORT = "short"  # away for too long
    NONE = "none"  # no mark


BEST_FIRST: Final = tuple(Outcome)


@dataclass(frozen=True, slots=True)
class Mark:
    """One row; `by` is empty where a code was used."""

    id: str
    teacher_id: str
    class_id: str
    action: Action
    at: datetime
    by: str = ""


@dataclass(frozen=True, slots=True)
class Venue:
    """What a room of the school had of the lecture: its result and the UTC minutes that count for it."""

    result: str
    minutes: Sequence[int]


@dataclass(frozen=True, slots=True)
class Credit:
    """What a training came to for a teacher; `by` and `at` are of the tick in force."""

    outcome: Outcome
    class_id: str = ""
    minutes: int = 0
    by: str = ""
    at: datetime | None = None
    signed_in: datetime | None = None
    signed_out: datetime | None = None

    @property
    def counts(self) -> bool:
        """Whether it is one of the trainings that are owed."""
        return self.outcome is Outcome.CREDITED

    @property
    def ticked(self) -> bool:
        """Whether a tick is in force."""
        return self.at is not None

    def lessons(self, rules: Obligations) -> Fraction:
        """Return the 学时."""
        return Fraction(self.minutes if self.counts else 0, rules.lesson_minutes)


NOTHING: Final = Credit(Outcome.NONE)


def credits(rules: Obligations, marks: Iterable[Mark], venues: Mapping[str, Venue] | None) -> dict[str, Credit]:
    """Return the credit of each teacher with a mark; `venues` by class, None while the lecture has no results."""
    by_teacher: dict[str, list[Mark]] = defaultdict(list)
    for mark in {mark.id: mark for mark in marks}.values():
        by_teacher[mark.teacher_id].append(mark)
    return {teacher: _credit(rules, its, venues) for teacher, its in by_teacher.items()}


def _credit(rules: Obligations, marks: Sequence[Mark], venues: Mapping[str, Venue] | None) -> Credit:
    ordered = sorted(marks, key=lambda mark: (mark.at, mark.id))
    both = (_by_roster(ordered, venues), _by_code(rules, ordered, venues))
    best = min(both, key=lambda one: (BEST_FIRST.index(one.outcome), -one.minutes))
    roster, code = both
    return Credit(best.outcome, best.class_id, best.minutes, roster.by, roster.at, code.signed_in, code.signed_out)


def _by_roster(marks: Sequence[Mark], venues: Mapping[str, Venue] | None) -> Credit:
    ticks = [mark for mark in marks if mark.action in (Action.TICKED, Action.UNTICKED)]
    if not ticks or ticks[-1].action is Action.UNTICKED:
        return NOTHING
    tick = ticks[-1]
    outcome, minutes = _at_venue(tick.class_id, venues)
    return Credit(outcome, tick.class_id, len(minutes), tick.by, tick.at)


def _by_code(rules: Obligations, marks: Sequence[Mark], venues: Mapping[str, Venue] | None) -> Credit:
    came = next((mark for mark in marks if mark.action is Action.SIGNED_IN), None)
    left = [mark for mark in marks if mark.action is Action.SIGNED_OUT]
    if came is None:
        return Credit(Outcome.INCOMPLETE, left[-1].class_id, signed_out=left[-1].at) if left else NOTHING
    went = next((mark for mark in reversed(left) if mark.class_id == came.class_id and mark.at > came.at), None)
    if went is None:
        return Credit(Outcome.INCOMPLETE, came.class_id, signed_in=came.at)
    outcome, minutes = _at_venue(came.class_id, venues)
    begin, end = came.at.timestamp() // 60, went.at.timestamp() // 60
    there = sum(begin <= minute <= end for minute in minutes)
    if outcome is Outcome.CREDITED and there < rules.attended_ratio * len(minutes):
        outcome = Outcome.SHORT
    return Credit(outcome, came.class_id, there, signed_in=came.at, signed_out=went.at)


def _at_venue(class_id: str, venues: Mapping[str, Venue] | None) -> tuple[Outcome, Sequence[int]]:
    if venues is None:
        return Outcome.PENDING, ()
    venue = venues.get(class_id)
    if venue is None or venue.result not in CREDITED:
        return Outcome.VENUE, () if venue is None else venue.minutes
    return Outcome.CREDITED, venue.minutes
