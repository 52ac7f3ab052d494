"""Which alarms there should be, and what has to change for that. Pure: time and facts are arguments.

| rule | holds | where |
|---|---|---|
| `no_duty` | nobody is on duty, from `duty_minutes` before the start | prefecture |
| `not_approved` | the content is not approved, from `approval_hours` before the start | prefecture |
| `no_studio` | approved, not on the air and no studio connected, from `studio_minutes` before the start | prefecture |
| `absent` | approved, not on the air, and no screen of a school is there, from `screens_minutes` before the start | school, county unit, prefecture |
| `disk`, `uploads` | the recorder's disk is low or full; uploads fail | prefecture |
| `ledger` | facts do not reach the database, or nothing durable at all | prefecture |
| `damaged` | an entry of the ledger is not as it was recorded | prefecture |

1. **An alarm is raised once.** A condition that comes back is another occasion; a school that was there once is not reminded again
   before the same start.
2. **What was not acknowledged in time goes up exactly one level, once**; from the prefecture there is no further level, so it is told again.
3. A condition whose time was slept through is raised late; a lecture whose time is over raises nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple


class Rule(StrEnum):
    """What an alarm is about."""

    NO_DUTY = "no_duty"
    NOT_APPROVED = "not_approved"
    NO_STUDIO = "no_studio"
    ABSENT = "absent"
    DISK = "disk"
    UPLOADS = "uploads"
    LEDGER = "ledger"
    DAMAGED = "damaged"


BEFORE: Final = frozenset({"scheduled", "open"})
OVER: Final = frozenset({"ended", "archived"})
PREFECTURE, COUNTY, SCHOOL = "prefecture", "county", "school"


class Key(NamedTuple):
    """What makes an alarm the same."""

    rule: str
    subject: str
    node: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How long before the start each rule begins to hold, and how long an alarm may stay unanswered."""

    duty: timedelta
    approval: timedelta
    studio: timedelta
    screens: timedelta
    escalate: timedelta


@dataclass(frozen=True, slots=True)
class Schools:
    """The schools of an audience: how many are expected by county unit, and the county units of those that are not there."""

    expected: Mapping[str, int]
    absent: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LectureFacts:
    """A lecture that was not called off. `schools` is None when nobody looked."""

    id: str
    starts_at: datetime
    minutes: int
    approved: bool
    state: str = "scheduled"
    on_duty: int = 0
    studio: bool = False
    schools: Schools | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the rules look at. `server` is the name of the node whose recorder is meant."""

    prefecture: str
    lectures: Sequence[LectureFacts] = ()
    server: str = ""
    disk: str = "ok"
    uploads_failed: int = 0
    ledger: str = "ok"
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """An alarm that there should be."""

    level: str = PREFECTURE
    county: str = ""
    lecture: LectureFacts | None = None
    count: int = 0
    expected: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """An alarm that there is, or was about a lecture that is near."""

    id: str
    key: Key
    occasion: int
    level: str
    county: str
    starts_at: datetime | None
    count: int
    opened_at: datetime
    is_open: bool
    acknowledged: bool
    escalated: bool


@dataclass(slots=True)
class Changes:
    """What has to be written."""

    raised: list[tuple[Key, int, Wanted]] = field(default_factory=list)
    cleared: list[tuple[Known, str]] = field(default_factory=list)
    counted: list[tuple[Known, int]] = field(default_factory=list)
    escalated: list[tuple[Known, str]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.raised or self.cleared or self.counted or self.escalated)


def is_over(lecture: LectureFacts, now: datetime) -> bool:
    """Whether a lecture has ended, or its time has passed without it."""
    passed = now >= lecture.starts_at + timedelta(minutes=lecture.minutes)
    return lecture.state in OVER or (passed and lecture.state in BEFORE)


def looks_for_screens(lecture: LectureFacts, now: datetime, limits: Limits) -> bool:
    """Whether it is time to see which schools are there."""
    near = now >= lecture.starts_at - limits.screens
    return near and lecture.approved and lecture.state in BEFORE and not is_over(lecture, now)


def wanted(now: datetime, facts: Facts, limits: Limits) -> dict[Key, Wanted]:
    """Return the alarms that there should be now."""
    found: dict[Key, Wanted] = {}
    for lecture in facts.lectures:
        if is_over(lecture, now):
            continue
        for rule in _of_lecture(now, lecture, limits):
            found[Key(rule, lecture.id, facts.prefecture)] = Wanted(lecture=lecture)
        if lecture.schools is not None and looks_for_screens(lecture, now, limits):
            found |= _absent(lecture, lecture.schools, facts.prefecture)
    if facts.disk != "ok":
        found[Key(Rule.DISK, facts.server, facts.prefecture)] = Wanted()
    if facts.uploads_failed:
        found[Key(Rule.UPLOADS, facts.server, facts.prefecture)] = Wanted(count=facts.uploads_failed)
    if facts.ledger != "ok":
        found[Key(Rule.LEDGER, facts.server, facts.prefecture)] = Wanted()
    if facts.damaged:
        found[Key(Rule.DAMAGED, facts.server, facts.prefecture)] = Wanted()
    return found


def _of_lecture(now: datetime, lecture: LectureFacts, limits: Limits) -> Iterator[Rule]:
    left = lecture.starts_at - now
    if left <= limits.duty and not lecture.on_duty:
        yield Rule.NO_DUTY
    if left <= limits.approval and not lecture.approved:
        yield Rule.NOT_APPROVED
    if left <= limits.studio and lecture.approved and lecture.state in BEFORE and not lecture.studio:
        yield Rule.NO_STUDIO


def _absent(lecture: LectureFacts, schools: Schools, prefecture: str) -> dict[Key, Wanted]:
    found = {
        Key(Rule.ABSENT, lecture.id, school): Wanted(SCHOOL, county, lecture, 1, 1)
        for school, county in schools.absent.items()
    }
    for county, number in Counter(schools.absent.values()).items():
        key = Key(Rule.ABSENT, lecture.id, county)
        found[key] = Wanted(COUNTY, county, lecture, number, schools.expected.get(county, number))
    if schools.absent:
        key = Key(Rule.ABSENT, lecture.id, prefecture)
        found[key] = Wanted(PREFECTURE, "", lecture, len(schools.absent), sum(schools.expected.values()))
    return found


def changes(now: datetime, facts: Facts, limits: Limits, known: Sequence[Known]) -> Changes:
    """Return what leads from the alarms that there are to those that there should be."""
    there = {one.key: one for one in known if one.is_open}
    earlier: dict[Key, Known] = {}
    for one in known:
        if one.key not in earlier or earlier[one.key].occasion < one.occasion:
            earlier[one.key] = one
    result, should = Changes(), wanted(now, facts, limits)
    lectures = {one.id: one for one in facts.lectures}
    for key, alarm in should.items():
        before = earlier.get(key)
        if key in there:
            if there[key].count != alarm.count:
                result.counted.append((there[key], alarm.count))
        elif before is None or not _was_told(before, alarm):
            result.raised.append((key, 1 if before is None else before.occasion + 1, alarm))
    for key, one in there.items():
        if key not in should:
            result.cleared.append((one, _why(now, key, lectures.get(key.subject), limits)))
        elif not one.acknowledged and not one.escalated and now - one.opened_at >= limits.escalate:
            result.escalated.append((one, one.county if one.level == SCHOOL else facts.prefecture))
    return result


def _was_told(before: Known, alarm: Wanted) -> bool:
    """Whether a reminder was given before the same start: schools that come and go are told once."""
    return before.key.rule == Rule.ABSENT and alarm.lecture is not None and before.starts_at == alarm.lecture.starts_at


def _why(now: datetime, key: Key, lecture: LectureFacts | None, limits: Limits) -> str:
    """Return why an alarm is gone: resolved, started, moved, or over."""
    if key.rule in {Rule.DISK, Rule.UPLOADS, Rule.LEDGER}:
        return "resolved"
    if lecture is None or is_over(lecture, now):
        return "over"
    if key.rule in {Rule.ABSENT, Rule.NO_STUDIO} and lecture.state not in BEFORE:
        return "started"
    leads = {
        Rule.NO_DUTY: limits.duty,
        Rule.NOT_APPROVED: limits.approval,
        Rule.NO_STUDIO: limits.studio,
        Rule.ABSENT: limits.screens,
    }
    return "moved" if lecture.starts_at - now > leads[Rule(key.rule)] else "resolved"
