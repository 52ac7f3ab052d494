"""Counts a term: classes, schools, county units, prefecture. Pure, exact integers; the same facts give the same figures in any order.

1. **A class has what its best lecture gave it**, never the sum of several: another lecture lifts nothing above 100 %.
2. Only lectures with a credited result count. A class that was excused and never had another chance leaves numerator and denominator.
3. Pupils come from confirmed numbers alone: a lecture without one covers the class and none of its pupils.
4. The list that was frozen at a lecture's opening decides where a class belongs and how big it is: the latest such list of the term
   that knows it, else the directory. **A class without a roll stays in the denominator** with its last known size, and is marked.
5. **Households of a class are no more than its pupils**: the greater of those at the meeting and those at home, never both together, for
   nobody knows whether they are the same.
6. **Sums close at every level**, and rates come from sums: a school is the sum of its classes, a county unit of its schools.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from signaling.coverage.obligations import Kind, Obligations
from signaling.coverage.results import CREDITED, EXCUSED, SchoolResults
from signaling.coverage.sums import ASSESSMENT, Cell, State, Totals, cell


@dataclass(frozen=True, slots=True)
class Held:
    """A lecture that counts and was on the air."""

    lecture_id: str
    kind: Kind
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Seat:
    """A class of the directory that is open in the term; `rolled` tells that its size is today's, not the last known one."""

    class_id: str
    name: str
    school_code: str
    region_code: str
    pupils: int
    rolled: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A school of the term; `notes` say what happened to it: opened, closed, merged."""

    code: str
    name: str
    region_code: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a term is counted from. `homes` is (lecture, class) -> households that watched at home.

    `staff` and `trained` are numbers by school: members of the staff, and those of them whose trainings are done.
    `assessed` is class -> assessments that count (`signaling.coverage.assessments`).
    """

    places: Sequence[Place]
    seats: Sequence[Seat]
    held: Mapping[str, Held]
    results: Iterable[SchoolResults]
    homes: Mapping[tuple[str, str], int] = field(default_factory=dict)
    staff: Mapping[str, int] = field(default_factory=dict)
    trained: Mapping[str, int] = field(default_factory=dict)
    assessed: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Best:
    """What one kind of lecture came to for a class."""

    held: int = 0
    missed: int = 0
    excused: int = 0
    number: int = 0
    of: int = 0

    def take(self, number: int, of: int) -> None:
        """Keep the greater share; of equal ones the larger class."""
        mine, best = number * self.of, self.number * of
        if not self.of or mine > best or (mine == best and of > self.of):
            self.number, self.of = number, of


Order = tuple[datetime, str]
"""When a lecture began, and its id where two begin at once."""


@dataclass(slots=True)
class _Class:
    name: str
    school_code: str
    region_code: str
    size: int
    rolled: bool = True
    placed: Order | None = None
    sized: Order | None = None
    pupils: _Best = field(default_factory=_Best)
    parents: _Best = field(default_factory=_Best)
    at_home: int = 0


@dataclass(frozen=True, slots=True)
class ClassCoverage:
    """A class in a term: lectures that count for it, pupils reached of those expected, households of its pupils'.

    `at_home` are the households of the lecture that most watched at home: a part of `reached`, or behind those of a meeting.
    `assessed` are its assessments that count; `assessed_state` is `NONE` where the rules count none, or the class was excused.
    """

    class_id: str
    name: str
    school_code: str
    held: int
    excused: bool
    state: State
    present: int
    pupils: int
    parents_held: int
    parents_state: State
    reached: int
    households: int
    rolled: bool
    at_home: int = 0
    assessed: int = 0
    assessed_state: State = State.NONE


@dataclass(frozen=True, slots=True)
class SchoolCoverage:
    """A school in a term."""

    place: Place
    totals: Totals
    cells: Mapping[str, Cell]
    classes: Sequence[ClassCoverage]


@dataclass(frozen=True, slots=True)
class TermCoverage:
    """All schools of a term, in the order of their places."""

    schools: Sequence[SchoolCoverage]


def count(rules: Obligations, facts: Facts) -> TermCoverage:
    """Return the coverage of a term; classes are in the order of their seats, those without one come last."""
    by_school: dict[str, list[ClassCoverage]] = {place.code: [] for place in facts.places}
    regions: dict[str, str] = {}
    order = {seat.class_id: number for number, seat in enumerate(facts.seats)}
    for class_id, one in sorted(
        _fold(rules, facts).items(), key=lambda item: (order.get(item[0], len(order)), item[0])
    ):
        assessed = facts.assessed.get(class_id, 0)
        by_school.setdefault(one.school_code, []).append(_class(rules, class_id, one, assessed))
        regions.setdefault(one.school_code, one.region_code)
    known = {place.code for place in facts.places}
    gone = [Place(code, code, regions[code]) for code in by_school if code not in known]
    schools = [
        _school(rules, place, by_school[place.code], facts.staff.get(place.code, 0), facts.trained.get(place.code, 0))
        for place in (*facts.places, *gone)
    ]
    return TermCoverage(schools)


def _fold(rules: Obligations, facts: Facts) -> dict[str, _Class]:
    classes = {s.class_id: _Class(s.name, s.school_code, s.region_code, s.pupils, s.rolled) for s in facts.seats}
    for school in {(one.lecture_id, one.school_code): one for one in facts.results}.values():
        held = facts.held.get(school.lecture_id)
        if held is None:
            continue
        for row in school.classes:
            one = classes.get(row.class_id)
            if one is None:
                one = classes[row.class_id] = _Class("", school.school_code, school.region_code, row.expected)
            _place(one, school, row.expected, (held.started_at, held.lecture_id))
            if held.kind is Kind.PUPILS:
                _pupils(one.pupils, row.result, row.expected, row.present)
            elif held.kind is Kind.PARENTS:
                home = facts.homes.get((held.lecture_id, row.class_id), 0)
                met = row.present or 0 if row.result in CREDITED else 0
                one.at_home = max(one.at_home, min(home, row.expected))
                _parents(one.parents, row.result, row.expected, max(met, home), rules.households_ratio)
    return classes


def _place(one: _Class, school: SchoolResults, expected: int, order: Order) -> None:
    """Apply rule 4."""
    if one.placed is None or order > one.placed:
        one.placed = order
        one.school_code, one.region_code = school.school_code, school.region_code
    if expected and (one.sized is None or order > one.sized):
        one.sized, one.size = order, expected


def _pupils(best: _Best, result: str, expected: int, present: int | None) -> None:
    if result in CREDITED:
        best.held += 1
        if present is not None and expected:
            best.take(min(present, expected), expected)
    elif result == EXCUSED:
        best.excused += 1
    else:
        best.missed += 1


def _parents(best: _Best, result: str, expected: int, reached: int, enough: Fraction) -> None:
    if expected:
        best.take(min(reached, expected), expected)
    if expected and reached * enough.denominator >= expected * enough.numerator:
        best.held += 1
    elif result == EXCUSED:
        best.excused += 1
    else:
        best.missed += 1


def _class(rules: Obligations, class_id: str, one: _Class, assessed: int) -> ClassCoverage:
    excused = one.pupils.excused > 0 and not (one.pupils.held or one.pupils.missed)
    pupils = 0 if excused else one.pupils.of or one.size
    return ClassCoverage(
        class_id,
        one.name,
        one.school_code,
        one.pupils.held,
        excused,
        State.NONE if excused else _held(one.pupils.held, rules.minimum[Kind.PUPILS]),
        min(one.pupils.number, pupils),
        pupils,
        one.parents.held,
        _held(one.parents.held, rules.minimum[Kind.PARENTS]),
        one.parents.number,
        one.parents.of or one.size,
        one.rolled,
        one.at_home,
        assessed,
        State.NONE
        if excused or not rules.enabled[Kind.ASSESSMENT]
        else _held(assessed, rules.minimum[Kind.ASSESSMENT]),
    )


def _held(number: int, minimum: int) -> State:
    if number >= minimum:
        return State.DONE
    return State.PART if number else State.OPEN


def _school(
    rules: Obligations, place: Place, classes: Sequence[ClassCoverage], staff: int, trained: int
) -> SchoolCoverage:
    done = sum(one.state is State.DONE for one in classes)
    excused = sum(one.excused for one in classes)
    pupils, present = sum(one.pupils for one in classes), sum(one.present for one in classes)
    households, reached = sum(one.households for one in classes), sum(one.reached for one in classes)
    all_excused = bool(classes) and excused == len(classes)
    cells = {
        "lessons": cell(rules, done, len(classes) - excused, excused=all_excused),
        "teachers": cell(rules, trained, staff),
        "pupils": cell(rules, present, pupils, excused=all_excused),
        "parents": cell(rules, reached, households),
    }
    assessed = [one.assessed_state for one in classes]
    if rules.enabled[Kind.ASSESSMENT]:
        of = len(classes) - excused
        cells[ASSESSMENT] = cell(rules, assessed.count(State.DONE), of, excused=all_excused)
    totals = Totals(
        schools=1,
        schools_excused=int(all_excused),
        classes=len(classes),
        classes_done=done,
        classes_excused=excused,
        classes_unrolled=sum(not one.rolled for one in classes),
        pupils=pupils,
        present=present,
        staff=staff,
        trained=trained,
        households=households,
        reached=reached,
        at_home=sum(one.at_home for one in classes),
        parents_classes_done=sum(one.parents_state is State.DONE for one in classes),
        assessed=assessed.count(State.DONE),
        assessed_part=assessed.count(State.PART),
        done_four=int(all(one.state in (State.DONE, State.NONE) for one in cells.values())),
        lenient_lessons=int(cells["lessons"].lenient and not all_excused),
        lenient_four=int(all(one.lenient for one in cells.values())),
        **{f"done_{name}": int(one.state is State.DONE) for name, one in cells.items()},
    )
    return SchoolCoverage(place, totals, cells, classes)
