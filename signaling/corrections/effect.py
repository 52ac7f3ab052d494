"""What a correction would change, seen before anybody decides. Pure.

1. **A correction must do what it says**: one after which the field would not read as wanted is refused (a number above 应到, 实到 of a class that is
   excused, what stands there already). A whole node is excused by a fault, which must excuse at least one class.
2. Who decides is shown what would change now. The `version` of that goes with the decision, so that nobody decides about something else.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from signaling.api.problems import Problem
from signaling.attendance.book import Correction, Fault
from signaling.attendance.frame import Target
from signaling.attendance.policy import Result
from signaling.attendance.report import Report
from signaling.attendance.supposing import Change, Supposed, changes, value
from signaling.corrections.reasons import reasons
from signaling.presence.headcounts import MOST

EXCUSED: Final = str(Result.EXCUSED)
RESULTS: Final = frozenset(str(one) for one in Result if one is not Result.UNCONFIRMED)
"""What a result may be corrected to: unconfirmed is what a class is until somebody says a number."""
CLASS, SCHOOL, COUNTY = "class", "school", "county"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for; `scope` is a class, or a school or county unit that is to be excused as a whole."""

    lecture_id: str
    scope: str
    field: str
    new: str
    reason: str
    note: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Aired:
    """A broadcast as far as corrections go."""

    broadcast_id: str
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Effect:
    """What reads how now (nothing for a whole node), what would change, and whether that is what was asked for."""

    now: str
    does: bool
    changes: Sequence[Change]
    targets: Mapping[str, Target]

    @property
    def version(self) -> int:
        """What differs as soon as something else would change."""
        told = [self.now, [[one.class_id, one.field, one.old, one.new] for one in self.changes]]
        return zlib.crc32(json.dumps(told).encode())


def check(wish: Wish, level: str) -> None:
    """Raise 422 `unknown_reason`, `wrong_reason`, `bad_value` or `only_excused`."""
    reason = reasons().get(wish.reason)
    if reason is None:
        raise _wrong("unknown_reason", "there is no such reason", "reason")
    if wish.field not in reason.fields:
        raise _wrong("wrong_reason", "this reason does not explain that field", "reason")
    if level != CLASS:
        if (wish.field, wish.new) != ("result", EXCUSED):
            raise _wrong("only_excused", "a whole school or county unit can only be excused", "new")
        if reason.cause is None:
            raise _wrong("wrong_reason", "this reason excuses no whole node", "reason")
    elif wish.field == "result":
        if wish.new not in RESULTS:
            raise _wrong("bad_value", "there is no such result", "new")
    elif not (wish.new.isascii() and wish.new.isdigit() and int(wish.new) <= MOST and str(int(wish.new)) == wish.new):
        raise _wrong("bad_value", f"a number up to {MOST}", "new")


def _wrong(code: str, title: str, field: str) -> Problem:
    return Problem(422, code, title, errors=[{"field": field, "reason": "value_error"}])


def supposed(wish: Wish, level: str, correction_id: str, at: datetime, aired: Aired) -> Supposed:
    """Return what would be told to the ledger."""
    if level == CLASS:
        return Supposed(corrections=((wish.scope, Correction(at, correction_id, wish.field, wish.new)),))
    cause, begin = reasons()[wish.reason].cause or "", aired.started_at or at
    return Supposed(faults=((correction_id, Fault(1, cause, wish.scope, begin, aired.ended_at, at)),))


def effect(wish: Wish, level: str, before: Report, after: Report) -> Effect:
    """Return what a wish would change, of the two reports around it."""
    told, targets = changes(before, after), {row.target.class_id: row.target for row in before.classes}
    if level != CLASS:
        excused = any(one.field == "result" and one.new == EXCUSED for one in told)
        return Effect("", excused, told, targets)
    now, then = (_field(report, wish) for report in (before, after))
    return Effect(now, then == wish.new != now, told, targets)


def _field(report: Report, wish: Wish) -> str:
    decision = next((row.decision for row in report.classes if row.target.class_id == wish.scope), None)
    return "" if decision is None else value(decision, wish.field)
