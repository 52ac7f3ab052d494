"""The documents of the coverage of a term. Times are UTC, shares are of 1 and null without a denominator."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field

from signaling.api.paging import PageQuery
from signaling.coverage.calendar import RegionInfo
from signaling.coverage.counting import ClassCoverage, SchoolCoverage
from signaling.coverage.obligations import Kind, Obligations
from signaling.coverage.sums import Cell, State, Totals, cells_of
from signaling.coverage.term import CountedTerm
from signaling.directory.documents import Code

TermCode = Annotated[str, Field(pattern=r"^[12][0-9]{3}-[12][0-9]{3}-[12]$")]
Level = Literal["county", "school", "class"]
Lack = Literal["lessons", "teachers", "pupils", "parents", "assessment"]


LACKING: Final = frozenset({State.OPEN, State.PART})


class CoverageQuery(PageQuery):
    """Which term (the present one when left out), which node (the caller's own) and what is listed below it.

    `lacks` leaves the units whose coverage of that name is not done.
    """

    term: TermCode | None = None
    node: Code | None = None
    level: Level | None = None
    lacks: Lack | None = None


class CellDocument(BaseModel):
    """One coverage: how many of how many. `none` says that everything was excused; `lenient` is the second measure."""

    done: int
    of: int
    ratio: float | None
    state: Literal["done", "part", "open", "none"]
    lenient: bool


class Cells(BaseModel):
    """The four coverages. Of a school `lessons` counts its classes, of larger units their schools.

    `assessment` stands beside `pupils` and counts classes everywhere; null where the rules count no assessments.
    """

    lessons: CellDocument
    teachers: CellDocument
    pupils: CellDocument
    parents: CellDocument
    assessment: CellDocument | None = None


class TotalsDocument(BaseModel):
    """Numerators and denominators of a node."""

    schools: int
    schools_excused: int
    classes: int
    classes_done: int
    classes_excused: int
    classes_unrolled: int
    pupils: int
    present: int
    staff: int
    trained: int
    households: int
    reached: int
    at_home: int
    parents_classes_done: int
    assessed: int
    assessed_part: int
    done_lessons: int
    done_teachers: int
    done_pupils: int
    done_parents: int
    done_assessment: int
    done_four: int
    lenient_lessons: int
    lenient_four: int


class Unit(BaseModel):
    """A node; `level` is that of the tree."""

    code: str
    name: str
    level: Literal["prefecture", "county", "school"]
    parent: str | None


class UnitCoverage(BaseModel):
    """A county unit or a school. `four` tells that all four coverages are done; `notes` what happened to the school."""

    code: str
    name: str
    level: Literal["county", "school"]
    county: str | None
    four: bool
    notes: list[Literal["opened", "closed", "merged"]]
    cells: Cells
    totals: TotalsDocument


class ClassDocument(BaseModel):
    """A class: lectures that count for it, pupils and households reached; `rolled` is false without a size in the directory."""

    id: str
    name: str
    held: int
    state: Literal["done", "part", "open", "none"]
    present: int
    pupils: int
    parents_held: int
    parents_state: Literal["done", "part", "open", "none"]
    reached: int
    households: int
    at_home: int = Field(description="Households that watched at home: of `reached`, or fewer than came to a meeting.")
    rolled: bool
    assessed: int
    assessed_state: Literal["done", "part", "open", "none"]


class LectureDocument(BaseModel):
    """A lecture that counts, with what it came to in the node; pupils of classes that were excused are left out."""

    id: str
    title: str
    kind: Literal["pupils", "teachers", "parents"]
    started_at: datetime
    classes: int
    credited: int
    excused: int
    expected: int
    present: int
    at_home: int


class RulesDocument(BaseModel):
    """The obligations that were counted by: how many a term (`minimum`), from which share one is done; `enabled` says which are counted by now."""

    version: int
    name: str
    summary: str
    strict_ratio: float
    lenient_ratio: float
    lesson_minutes: int
    attended_ratio: float
    households_ratio: float
    participation_ratio: float | None
    minimum: dict[str, int]
    enabled: dict[str, bool]


class CoverageDocument(BaseModel):
    """A term as a node sees it: its own cells and totals, what lies below, its lectures. **There is no rank.**"""

    term: str
    terms: list[str]
    starts_on: date | None
    ends_on: date | None
    as_of: datetime
    unit: Unit
    rules: RulesDocument
    cells: Cells
    totals: TotalsDocument
    four: bool
    notes: list[Literal["opened", "closed", "merged"]]
    lectures: list[LectureDocument]
    level: Level
    items: list[UnitCoverage]
    classes: list[ClassDocument]
    total: int
    page: int
    size: int


def cells_document(cells: dict[str, Cell]) -> Cells:
    """Return the cells."""
    return Cells(**{name: _cell(one) for name, one in cells.items()})


def _cell(cell: Cell) -> CellDocument:
    ratio = None if cell.ratio is None else float(cell.ratio)
    return CellDocument(done=cell.done, of=cell.of, ratio=ratio, state=cell.state.value, lenient=cell.lenient)


def totals_document(totals: Totals) -> TotalsDocument:
    """Return the numbers of a node."""
    return TotalsDocument(**{name: getattr(totals, name) for name in TotalsDocument.model_fields})


def county_document(rules: Obligations, region: RegionInfo, totals: Totals) -> UnitCoverage:
    """Return a county unit."""
    return UnitCoverage(
        code=region.code,
        name=region.name,
        level="county",
        county=None,
        four=is_whole(totals),
        notes=[],
        cells=cells_document(cells_of(rules, totals)),
        totals=totals_document(totals),
    )


def is_whole(totals: Totals) -> bool:
    """Whether every school of a node has all four."""
    return 0 < totals.schools == totals.done_four


def school_document(one: SchoolCoverage) -> UnitCoverage:
    """Return a school."""
    return UnitCoverage.model_validate(
        {
            "code": one.place.code,
            "name": one.place.name,
            "level": "school",
            "county": one.place.region_code,
            "four": bool(one.totals.done_four),
            "notes": one.place.notes,
            "cells": cells_document(dict(one.cells)),
            "totals": totals_document(one.totals),
        }
    )


def class_document(one: ClassCoverage) -> ClassDocument:
    """Return a class."""
    return ClassDocument(
        id=one.class_id,
        name=one.name,
        held=one.held,
        state=one.state.value,
        present=one.present,
        pupils=one.pupils,
        parents_held=one.parents_held,
        parents_state=one.parents_state.value,
        reached=one.reached,
        households=one.households,
        at_home=one.at_home,
        rolled=one.rolled,
        assessed=one.assessed,
        assessed_state=one.assessed_state.value,
    )


def rules_document(rules: Obligations) -> RulesDocument:
    """Return the obligations."""
    return RulesDocument(
        version=rules.version,
        name=rules.name,
        summary=rules.summary,
        strict_ratio=float(rules.strict_ratio),
        lenient_ratio=float(rules.lenient_ratio),
        lesson_minutes=rules.lesson_minutes,
        attended_ratio=float(rules.attended_ratio),
        households_ratio=float(rules.households_ratio),
        participation_ratio=None if rules.participation_ratio is None else float(rules.participation_ratio),
        minimum={kind.value: rules.minimum[kind] for kind in Kind},
        enabled={kind.value: rules.enabled[kind] for kind in Kind},
    )


def lecture_documents(counted: CountedTerm, schools: list[SchoolCoverage]) -> list[LectureDocument]:
    """Return the lectures of some schools with their sums."""
    return [
        LectureDocument.model_validate(
            {"id": held.lecture_id, "title": title, "kind": held.kind, "started_at": held.started_at} | asdict(sums)
        )
        for held, title, sums in counted.lectures_of(schools)
    ]


def open_in(cells: Cells, name: Lack) -> bool:
    """Whether a coverage is not done."""
    cell = getattr(cells, name)
    return cell is not None and cell.state in LACKING


def lacks(school: SchoolCoverage, name: Lack) -> bool:
    """Whether a school's coverage is not done; none lacks what is not counted."""
    cell = school.cells.get(name)
    return cell is not None and cell.state in LACKING
