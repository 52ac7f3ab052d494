"""A counted term, and what of it a node sees. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from signaling.coverage.calendar import RegionInfo
from signaling.coverage.counting import Held, SchoolCoverage
from signaling.coverage.obligations import Kind, Obligations
from signaling.coverage.results import CREDITED, EXCUSED, SchoolResults
from signaling.coverage.sums import Totals, add
from signaling.coverage.training import Credit
from signaling.directory.queries import Scope
from signaling.directory.terms import Span


@dataclass(frozen=True, slots=True)
class LectureSums:
    """What a lecture came to in a school, and in many: numbers add up."""

    classes: int = 0
    credited: int = 0
    excused: int = 0
    expected: int = 0
    present: int = 0
    at_home: int = 0

    def __add__(self, other: LectureSums) -> LectureSums:
        return LectureSums(
            self.classes + other.classes,
            self.credited + other.credited,
            self.excused + other.excused,
            self.expected + other.expected,
            self.present + other.present,
            self.at_home + other.at_home,
        )


@dataclass(frozen=True)
class CountedTerm:
    """Everything about a term as it was counted at `as_of`.

    `lectures` are those that count, in order, with their titles; `sums` by lecture and school; `credits` by lecture and teacher.
    `until` tells that what was recorded later is left out; None where nothing is.
    """

    code: str
    rules: Obligations
    spans: Mapping[str, Span]
    as_of: datetime
    regions: Sequence[RegionInfo]
    schools: Sequence[SchoolCoverage]
    lectures: Sequence[tuple[Held, str]] = ()
    sums: Mapping[str, Mapping[str, LectureSums]] = field(default_factory=dict)
    credits: Mapping[str, Mapping[str, Credit]] = field(default_factory=dict)
    until: datetime | None = None

    @cached_property
    def by_code(self) -> dict[str, SchoolCoverage]:
        """Schools by code."""
        return {one.place.code: one for one in self.schools}

    def seen(self, scope: Scope) -> list[SchoolCoverage]:
        """Return the schools that a scope covers."""
        if scope.school is not None:
            one = self.by_code.get(scope.school)
            return [] if one is None else [one]
        return [one for one in self.schools if scope.includes(one.place.region_code, one.place.code)]

    def counties(self, scope: Scope) -> list[tuple[RegionInfo, Totals]]:
        """Return the county units that a scope covers, with the sums of their schools; those without one too."""
        by_region: dict[str, list[Totals]] = {}
        for one in self.seen(scope):
            by_region.setdefault(one.place.region_code, []).append(one.totals)
        return [
            (region, add(by_region.get(region.code, [])))
            for region in self.regions
            if region.level == "county" and (region.code in by_region or scope.includes_region(region.code))
        ]

    def lectures_of(self, schools: Iterable[SchoolCoverage]) -> list[tuple[Held, str, LectureSums]]:
        """Return the lectures that some schools were expected at, with their sums."""
        codes = {one.place.code for one in schools}
        found = []
        for held, title in self.lectures:
            mine = [sums for code, sums in self.sums.get(held.lecture_id, {}).items() if code in codes]
            if mine:
                found.append((held, title, sum(mine, LectureSums())))
        return found


def lecture_sums(
    results: Iterable[SchoolResults], kinds: Mapping[str, Kind], homes: Mapping[tuple[str, str], int]
) -> dict[str, dict[str, LectureSums]]:
    """Return what each lecture came to in each school: pupils of credited classes and households at home, no more than were expected."""
    sums: dict[str, dict[str, LectureSums]] = {}
    for school in results:
        if school.lecture_id in kinds:
            sums.setdefault(school.lecture_id, {})[school.school_code] = _sums(school, homes)
    return sums


def _sums(school: SchoolResults, homes: Mapping[tuple[str, str], int]) -> LectureSums:
    classes = credited = excused = expected = present = at_home = 0
    for row in school.classes:
        classes += 1
        at_home += min(homes.get((school.lecture_id, row.class_id), 0), row.expected)
        if row.result == EXCUSED:
            excused += 1
            continue
        expected += row.expected
        if row.result in CREDITED:
            credited += 1
            present += min(row.present or 0, row.expected)
    return LectureSums(classes, credited, excused, expected, present, at_home)
