"""Faults that were written down, as the ledger tells them. Pure.

1. **The newest `counter` of an id counts.** One that ends as it begins was taken back: nothing is ever deleted.
2. What a fault would excuse is the difference between two reports, with it and without.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from signaling.api.problems import Problem
from signaling.attendance.policy import Result
from signaling.attendance.report import Report
from signaling.attendance.supposing import changes
from signaling.ledger.facts import Cause, Fault

EXCUSED = str(Result.EXCUSED)


@dataclass(frozen=True, slots=True)
class FaultWish:
    """A fault that is to be written down; `end` None while it lasts."""

    cause: Cause
    scope: str
    begin: datetime
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Excused:
    """What a fault would change in one lecture: classes of its node, those whose minutes it touches, those excused without and with it.

    `results` are the numbers of classes that came from one result to another, the most first.
    """

    lecture_id: str
    title: str
    started_at: datetime
    classes: int
    touched: int
    before: int
    after: int
    results: Sequence[tuple[str, str, int]]


def newest(told: Iterable[Fault]) -> dict[str, Fault]:
    """Return the newest of each fault, the one that began last first."""
    found: dict[str, Fault] = {}
    for one in told:
        if one.fault_id not in found or found[one.fault_id].counter < one.counter:
            found[one.fault_id] = one
    return dict(sorted(found.items(), key=lambda item: item[1].begin, reverse=True))


def is_taken_back(fault: Fault) -> bool:
    """Whether a fault counts nothing any more."""
    return fault.end is not None and fault.end <= fault.begin


def check(wish: FaultWish, now: datetime, longest: timedelta) -> None:
    """Raise 422 `ends_first`, `in_future` or `too_long`."""
    if wish.end is not None and wish.end <= wish.begin:
        raise _wrong("ends_first", "a fault begins before it ends", "end")
    if wish.begin > now or (wish.end is not None and wish.end > now):
        raise _wrong("in_future", "what has not happened yet is not written down", "begin")
    if (wish.end or now) - wish.begin > longest:
        raise _wrong("too_long", f"a fault lasts at most {longest.days} days", "begin")


def _wrong(code: str, title: str, field: str) -> Problem:
    return Problem(422, code, title, errors=[{"field": field, "reason": "value_error"}])


def excused(heading: tuple[str, str, datetime], before: Report, after: Report) -> Excused:
    """Return what a fault would change, of the two reports around it."""
    moved = Counter((one.old, one.new) for one in changes(before, after) if one.field == "result")
    told: Mapping[str, int] = {row.target.class_id: row.decision.on_air_ms for row in before.classes}
    touched = sum(1 for row in after.classes if row.decision.on_air_ms != told[row.target.class_id])
    results = sorted(((old, new, number) for (old, new), number in moved.items()), key=lambda one: -one[2])
    counts = (before.total.classes, touched, before.total.excused, after.total.excused)
    return Excused(*heading, *counts, results)
