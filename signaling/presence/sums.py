"""Head-counts of a lecture added up: schools, county units, all. Pure; no class is named, nobody is ranked.

**A denominator holds the classes that were counted**: who has not confirmed yet is told as such, never as nobody there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from signaling.lectures.targets import ExpectedClass
from signaling.presence.headcounts import HeadCount


@dataclass(frozen=True, slots=True)
class Sums:
    """Classes and how many of them confirmed; `counted` is the size of those, `present` and `guests` what they confirmed."""

    classes: int = 0
    confirmed: int = 0
    expected: int = 0
    counted: int = 0
    present: int = 0
    guests: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.classes + other.classes,
            self.confirmed + other.confirmed,
            self.expected + other.expected,
            self.counted + other.counted,
            self.present + other.present,
            self.guests + other.guests,
        )

    @property
    def waits(self) -> bool:
        """Whether a class has not confirmed yet."""
        return self.confirmed < self.classes


@dataclass(frozen=True, slots=True)
class SchoolSums:
    """A school with its sums."""

    code: str
    name: str
    county: str
    county_name: str
    sums: Sums


def by_school(expected: Iterable[ExpectedClass], count_of: Callable[[str], HeadCount | None]) -> list[SchoolSums]:
    """Return the sums of every school, in the order of its first class."""
    found: dict[str, tuple[ExpectedClass, Sums]] = {}
    for one in expected:
        first, sums = found.get(one.school_code, (one, Sums()))
        found[one.school_code] = first, sums + _sums(one, count_of(one.class_id))
    return [
        SchoolSums(code, first.school_name, first.region_code, first.region_name, sums)
        for code, (first, sums) in found.items()
    ]


def total(schools: Sequence[SchoolSums]) -> Sums:
    """Return the sum of all."""
    return sum((one.sums for one in schools), Sums())


def _sums(one: ExpectedClass, found: HeadCount | None) -> Sums:
    if found is None:
        return Sums(1, 0, one.pupils)
    return Sums(1, 1, one.pupils, one.pupils, found.present, found.guests)
