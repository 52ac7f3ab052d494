"""Adds decisions up: classes, schools, counties, total. Pure.

1. **Sums close at every level**: a school is the sum of its classes, a county of its schools, the total of its counties.
2. **Rates are recomputed from sums**, never averaged; a rate without a denominator is None.
3. The frozen targets of the lecture are the denominators: a class that joined without being expected counts nowhere.
4. 达标 + 待确认/未确认 + 补看 + 部分 + 未达标 + 免计 + 未接入 = 应播, for every row.
5. Who is excused is in no denominator of a rate, classes, pupils and whole schools alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from fractions import Fraction
from itertools import groupby

from signaling.attendance.fold import ClassDelivery, Folded
from signaling.attendance.frame import RegionName, Target
from signaling.attendance.judgement import Decision
from signaling.attendance.policy import Policy, Result
from signaling.attendance.stays import Presence


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts that add up.

    `unconfirmed` classes have their time and no head-count; `pending` are those of them whose time to confirm still runs. `pupils` are all
    that are expected, `excused_pupils` those of excused classes, `present` the confirmed ones, `reached` those in credited classes.
    """

    schools: int = 0
    schools_connected: int = 0
    schools_qualified: int = 0
    schools_lenient: int = 0
    schools_excused: int = 0
    classes: int = 0
    qualified: int = 0
    unconfirmed: int = 0
    pending: int = 0
    partial: int = 0
    failed: int = 0
    absent: int = 0
    made_up: int = 0
    excused: int = 0
    connected: int = 0
    pupils: int = 0
    excused_pupils: int = 0
    confirmed: int = 0
    present: int = 0
    reached: int = 0
    asked: int = 0
    passed: int = 0
    flagged: int = 0
    corrected: int = 0
    delivered_ms: int = 0
    interrupted_ms: int = 0

    @property
    def covered(self) -> int:
        """Classes that count for coverage: 达标, 补看达标, and 达标(未确认) once nobody can confirm any more."""
        return self.qualified + self.made_up + self.unconfirmed - self.pending

    @property
    def coverage(self) -> Fraction | None:
        """班级覆盖率 = (达标 + 达标(未确认) + 补看) / (应播 - 免计)"""
        return rate(self.covered, self.classes - self.excused)

    @property
    def student_coverage(self) -> Fraction | None:
        """学生覆盖率 = 实到 / (应到 - 免计班级应到)"""
        return rate(self.present, self.pupils - self.excused_pupils)

    @property
    def school_connection(self) -> Fraction | None:
        """学校接入率"""
        return rate(self.schools_connected, self.schools)

    @property
    def school_qualification(self) -> Fraction | None:
        """学校达标率"""
        return rate(self.schools_qualified, self.schools - self.schools_excused)

    @property
    def lenient_qualification(self) -> Fraction | None:
        """学校达标率 by the lenient share"""
        return rate(self.schools_lenient, self.schools - self.schools_excused)


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class with what it got and how that is judged."""

    target: Target
    presence: Presence
    delivery: ClassDelivery
    decision: Decision
    tally: Tally

    @property
    def evidence(self) -> str:
        """E0 未接入, E1 已接入, E2 已送达, E3 已播放, E4 已确认, E5 已核验"""
        return self.decision.level


@dataclass(frozen=True, slots=True)
class SchoolRow:
    """A school and the sum of its classes."""

    target: Target  # of its first class: code, name, kind
    first_joined_at: datetime | None
    tally: Tally


@dataclass(frozen=True, slots=True)
class CountyRow:
    """A county unit and the sum of its schools."""

    region: RegionName
    tally: Tally


@dataclass(frozen=True, slots=True)
class Report:
    """All rows of a lecture, in the order of regions, school codes and class codes."""

    policy: Policy
    on_air_ms: int
    total: Tally
    counties: Sequence[CountyRow]
    schools: Sequence[SchoolRow]
    classes: Sequence[ClassRow]


@dataclass(frozen=True, slots=True)
class LectureReport:
    """A report with its heading, as things stood at `as_of`. `unit` is (display code, name) of the node that it was made for, `names` are
    those of the users who confirmed head-counts, `made_at` is when it was made, when that is not `as_of`.
    """

    lecture_id: str
    title: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    as_of: datetime
    unit: tuple[str, str]
    report: Report
    names: Mapping[str, str] = field(default_factory=dict)
    made_at: datetime | None = None


NOWHERE = Presence(None, None, ())


def build(
    policy: Policy,
    regions: Sequence[RegionName],
    targets: Iterable[Target],
    folded: Folded,
    presence: Mapping[str, Presence],
    decisions: Mapping[str, Decision],
) -> Report:
    """Return the report; `regions` fixes the order and lists counties without a target too. Every target has a decision."""
    place = {region.code: number for number, region in enumerate(regions)}
    ordered = sorted(targets, key=lambda t: (place.get(t.region_code, len(place)), t.school_code, t.code, t.class_id))
    classes = [
        _class_row(t, folded.classes.get(t.class_id), presence.get(t.class_id, NOWHERE), decisions[t.class_id])
        for t in ordered
    ]
    schools = [_school_row(policy, list(rows)) for _, rows in groupby(classes, key=lambda row: row.target.school_code)]
    counties = _county_rows(regions, schools)
    return Report(policy, folded.on_air_ms, add(row.tally for row in counties), counties, schools, classes)


def _class_row(target: Target, delivery: ClassDelivery | None, presence: Presence, decision: Decision) -> ClassRow:
    delivery = delivery or ClassDelivery()
    return ClassRow(target, presence, delivery, decision, class_tally(decision, delivery))


def class_tally(decision: Decision, delivery: ClassDelivery) -> Tally:
    """Return the counts of one class."""
    result = decision.result
    excused, credited = result is Result.EXCUSED, result in (Result.QUALIFIED, Result.MADE_UP)
    present = decision.present or 0
    return Tally(
        classes=1,
        pending=int(decision.pending),
        connected=int(delivery.delivered_ms > 0),
        pupils=decision.expected,
        excused_pupils=decision.expected if excused else 0,
        confirmed=int(decision.present is not None),
        present=present,
        reached=present if credited else 0,
        asked=decision.asked,
        passed=decision.passed,
        flagged=int(bool(decision.flags)),
        corrected=int(decision.corrected),
        delivered_ms=delivery.delivered_ms,
        interrupted_ms=delivery.interrupted_ms,
        **{result.value: 1},
    )


def school_tally(policy: Policy, classes: Iterable[Tally]) -> Tally:
    """Return the counts of a school: the sum of its classes, and whether it reached what schools must reach."""
    tally = add(classes)
    coverage = tally.coverage
    lenient = policy.school_ratio if policy.credit is None else policy.credit.school_ratio_lenient
    flags = Tally(
        schools=1,
        schools_connected=int(tally.connected > 0),
        schools_qualified=int(coverage is not None and coverage >= policy.school_ratio),
        schools_lenient=int(coverage is not None and coverage >= lenient),
        schools_excused=int(coverage is None),
    )
    return add((tally, flags))


def _school_row(policy: Policy, rows: Sequence[ClassRow]) -> SchoolRow:
    joined = [row.presence.joined_at for row in rows if row.presence.joined_at is not None]
    return SchoolRow(rows[0].target, min(joined, default=None), school_tally(policy, (row.tally for row in rows)))


def _county_rows(regions: Sequence[RegionName], schools: Sequence[SchoolRow]) -> list[CountyRow]:
    by_region: dict[str, list[Tally]] = {region.code: [] for region in regions}
    names = {region.code: region for region in regions}
    for school in schools:
        code = school.target.region_code
        names.setdefault(code, RegionName(code, code, code))
        by_region.setdefault(code, []).append(school.tally)
    return [CountyRow(names[code], add(tallies)) for code, tallies in by_region.items()]


_COUNTS = tuple(one.name for one in fields(Tally))


def add(tallies: Iterable[Tally]) -> Tally:
    """Return the sum."""
    columns = zip(*([getattr(tally, name) for name in _COUNTS] for tally in tallies), strict=True)
    sums = [sum(column) for column in columns]
    return Tally(*sums)


def rate(part: int, whole: int) -> Fraction | None:
    """Return part / whole, None when there is no whole."""
    return Fraction(part, whole) if whole > 0 else None
