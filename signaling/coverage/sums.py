"""Counts of a term that add up, and the coverages that come of them: how many of how many, and how far that is. Pure, exact integers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum
from fractions import Fraction
from typing import Final

from signaling.coverage.obligations import Kind, Obligations


class State(StrEnum):
    """How far an obligation is; `NONE` is nobody's: everything was excused."""

    DONE = "done"
    PART = "part"
    OPEN = "open"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Cell:
    """One coverage of a node: how many of how many."""

    done: int
    of: int
    state: State
    lenient: bool

    @property
    def ratio(self) -> Fraction | None:
        """The share; None without a denominator."""
        return Fraction(self.done, self.of) if self.of else None


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts that add up. `done_*` are schools whose coverage of that name is done, `lenient_*` by the second measure.

    `assessed` are classes whose assessments are done, `assessed_part` those that have some.
    """

    schools: int = 0
    schools_excused: int = 0
    classes: int = 0
    classes_done: int = 0
    classes_excused: int = 0
    classes_unrolled: int = 0
    pupils: int = 0
    present: int = 0
    staff: int = 0
    trained: int = 0
    households: int = 0
    reached: int = 0
    at_home: int = 0
    parents_classes_done: int = 0
    assessed: int = 0
    assessed_part: int = 0
    done_lessons: int = 0
    done_teachers: int = 0
    done_pupils: int = 0
    done_parents: int = 0
    done_assessment: int = 0
    done_four: int = 0
    lenient_lessons: int = 0
    lenient_four: int = 0


FOUR: Final = ("lessons", "teachers", "pupils", "parents")
"""The four coverages: schools by the lessons of their classes, teachers, pupils, parents."""
ASSESSMENT: Final = "assessment"
"""Beside the lessons of the pupils, never averaged with them: classes whose assessments are done. Not there where the rules count none."""
_COUNTS: Final = tuple(one.name for one in fields(Totals))


def cell(rules: Obligations, done: int, of: int, *, excused: bool = False) -> Cell:
    """Return a cell; without a denominator it is open, unless that is because everything was excused."""
    if excused:
        return Cell(done, of, State.NONE, lenient=True)
    if not done or not of:
        return Cell(done, of, State.OPEN, lenient=False)
    state = State.DONE if reaches(done, of, rules.strict_ratio) else State.PART
    return Cell(done, of, state, lenient=reaches(done, of, rules.lenient_ratio))


def reaches(done: int, of: int, ratio: Fraction) -> bool:
    """Whether a share is not below a ratio."""
    return done * ratio.denominator >= of * ratio.numerator


def add(totals: Iterable[Totals]) -> Totals:
    """Return the sum."""
    rows = [[getattr(one, name) for name in _COUNTS] for one in totals]
    return Totals(*map(sum, zip(*rows, strict=True))) if rows else Totals()


def cells_of(rules: Obligations, totals: Totals) -> dict[str, Cell]:
    """Return the coverages of many schools: schools by schools, assessments by classes, the others by people."""
    cells = {
        "lessons": cell(
            rules,
            totals.done_lessons,
            totals.schools - totals.schools_excused,
            excused=0 < totals.schools == totals.schools_excused,
        ),
        "teachers": cell(rules, totals.trained, totals.staff),
        "pupils": cell(rules, totals.present, totals.pupils),
        "parents": cell(rules, totals.reached, totals.households),
    }
    if rules.enabled[Kind.ASSESSMENT]:
        of = totals.classes - totals.classes_excused
        cells[ASSESSMENT] = cell(rules, totals.assessed, of, excused=0 < totals.schools == totals.schools_excused)
    return cells
