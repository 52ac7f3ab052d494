"""Adds decisions up: classes, schools, counties, total. Pure.

1. **Sums close at every level**: a school is the sum of its classes, a county of its schools, the total of its counties.
2. **Rates are recomputed from sums**, never averaged; a rate without a denominator is None.
3. The frozen targets of the lecture are the denominators: a class that joined without being expected counts nowhere.
4. 达标 + 补看 + 部分 + 未达标 + 免计 + 未接入 = 应播, for every row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from fractions import Fraction
from itertools import groupby

from signaling.attendance.fold import ClassDelivery, Folded
from signaling.attendance.policy import Decision, Policy, Result, decide


@dataclass(frozen=True, slots=True)
class RegionName:
    """A county unit as reports print it; `display_code` is the national code where there is one."""

    code: str
    display_code: str
    name: str


@dataclass(frozen=True, slots=True)
class Target:
    """A class that was expected, as frozen at the opening."""

    class_id: str
    code: str
    name: str
    school_code: str
    school_name: str
    school_kind: str
    urban_rural: str | None
    region_code: str
    pupils: int


@dataclass(frozen=True, slots=True)
class Presence:
    """When the screens of a class came and went; `left_at` is None while one is still there."""

    joined_at: datetime | None
    left_at: datetime | None
    terminals: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts that add up. `make_up` (补看) and `excused` (免计) stay 0 until such decisions exist."""

    schools: int = 0
    schools_connected: int = 0
    schools_qualified: int = 0
    classes: int = 0
    qualified: int = 0
    partial: int = 0
    failed: int = 0
    absent: int = 0
    make_up: int = 0
    excused: int = 0
    connected: int = 0
    pupils: int = 0
    delivered_ms: int = 0
    interrupted_ms: int = 0

    @property
    def coverage(self) -> Fraction | None:
        """班级覆盖率 = (达标 + 补看) / (应播 - 免计)"""
        return rate(self.qualified + self.make_up, self.classes - self.excused)

    @property
    def school_connection(self) -> Fraction | None:
        """学校接入率"""
        return rate(self.schools_connected, self.schools)

    @property
    def school_qualification(self) -> Fraction | None:
        """学校达标率"""
        return rate(self.schools_qualified, self.schools)


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
        """E0 未接入, E1 已接入, E2 已送达"""
        if self.delivery.delivered_ms:
            return "E2"
        return "E0" if self.decision.result is Result.ABSENT else "E1"


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


NOWHERE = Presence(None, None, ())


def build(
    policy: Policy,
    regions: Sequence[RegionName],
    targets: Iterable[Target],
    folded: Folded,
    presence: Mapping[str, Presence],
) -> Report:
    """Return the report; `regions` fixes the order and lists counties without a target too."""
    place = {region.code: number for number, region in enumerate(regions)}
    ordered = sorted(targets, key=lambda t: (place.get(t.region_code, len(place)), t.school_code, t.code, t.class_id))
    classes = [_class_row(policy, t, folded, presence.get(t.class_id, NOWHERE)) for t in ordered]
    schools = [_school_row(policy, list(rows)) for _, rows in groupby(classes, key=lambda row: row.target.school_code)]
    counties = _county_rows(regions, schools)
    return Report(policy, folded.on_air_ms, add(row.tally for row in counties), counties, schools, classes)


def _class_row(policy: Policy, target: Target, folded: Folded, presence: Presence) -> ClassRow:
    delivery = folded.classes.get(target.class_id) or ClassDelivery()
    joined = presence.joined_at is not None or delivery.delivered_ms > 0
    decision = decide(policy, joined=joined, credited_ms=delivery.credited_ms, on_air_ms=folded.on_air_ms)
    tally = Tally(
        classes=1,
        connected=int(delivery.delivered_ms > 0),
        pupils=target.pupils,
        delivered_ms=delivery.delivered_ms,
        interrupted_ms=delivery.interrupted_ms,
        **{decision.result.value: 1},
    )
    return ClassRow(target, presence, delivery, decision, tally)


def _school_row(policy: Policy, rows: Sequence[ClassRow]) -> SchoolRow:
    tally = add(row.tally for row in rows)
    coverage = tally.coverage
    qualified = coverage is not None and coverage >= policy.school_ratio
    flags = Tally(schools=1, schools_connected=int(tally.connected > 0), schools_qualified=int(qualified))
    joined = [row.presence.joined_at for row in rows if row.presence.joined_at is not None]
    return SchoolRow(rows[0].target, min(joined, default=None), add((tally, flags)))


def _county_rows(regions: Sequence[RegionName], schools: Sequence[SchoolRow]) -> list[CountyRow]:
    by_region: dict[str, list[Tally]] = {region.code: [] for region in regions}
    names = {region.code: region for region in regions}
    for school in schools:
        code = school.target.region_code
        names.setdefault(code, RegionName(code, code, code))
        by_region.setdefault(code, []).append(school.tally)
    return [CountyRow(names[code], add(tallies)) for code, tallies in by_region.items()]


_COUNTS = tuple(field.name for field in fields(Tally))


def add(tallies: Iterable[Tally]) -> Tally:
    """Return the sum."""
    columns = zip(*([getattr(tally, name) for name in _COUNTS] for tally in tallies), strict=True)
    sums = [sum(column) for column in columns]
    return Tally(*sums)


def rate(part: int, whole: int) -> Fraction | None:
    """Return part / whole, None when there is no whole."""
    return Fraction(part, whole) if whole > 0 else None
