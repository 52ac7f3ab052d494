"""The documents of assessments: numbers of classes, never anything about a pupil."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from signaling.coverage.assessments_service import Number, Sheet, Sitting
from signaling.coverage.documents import TermCode
from signaling.coverage.obligations import Obligations
from signaling.directory.documents import Order, Pupils

Id = Annotated[str, Field(max_length=36)]


class AssessmentsQuery(BaseModel):
    """Which term; the present one when left out."""

    model_config = ConfigDict(extra="forbid")

    term: TermCode | None = None


class KindDocument(BaseModel):
    """A kind of assessment, named in both languages."""

    kind: str
    zh: str
    en: str


class SittingDocument(BaseModel):
    """An assessment that was held: classes with a number, those that count (enough took part), pupils and those who took part."""

    kind: str
    day: date
    classes: int
    counting: int
    pupils: int
    took_part: int


class AssessmentList(BaseModel):
    """What a school held in a term, the latest first; a class is done with `minimum` that count, of `participation_ratio` of its pupils."""

    term: str
    starts_on: date
    ends_on: date
    kinds: list[KindDocument]
    minimum: int
    participation_ratio: float | None
    items: list[SittingDocument]


class RowDocument(BaseModel):
    """A class: `size` to fill in with (`rolled` is false for the last known one), what stands, who entered it and when."""

    class_id: str
    name: str
    size: int
    rolled: bool
    took_part: int | None
    passed: int | None
    counts: bool
    by: str
    at: datetime | None


class AssessmentDocument(BaseModel):
    """The numbers of an assessment by class. `term` is null in the holidays; nothing is entered there, nor in a closed one."""

    kind: str
    day: date
    version: int
    term: str | None
    closed: bool
    rows: list[RowDocument]


class NumberOrder(Order):
    """How many of a class took part, and passed where that is known; null took part takes the class's assessment back."""

    class_id: Id
    took_part: Pupils | None
    passed: Pupils | None = None


def _once(items: list[NumberOrder]) -> list[NumberOrder]:
    if len({one.class_id for one in items}) != len(items):
        raise ValueError("a class is there twice")
    return items


class AssessmentOrder(Order):
    """The numbers of some classes; those that are left out stay as they are."""

    items: Annotated[list[NumberOrder], Field(min_length=1, max_length=500), AfterValidator(_once)]

    def numbers(self) -> list[Number]:
        """Return them as values."""
        return [Number(one.class_id, one.took_part, one.passed) for one in self.items]


def list_document(
    rules: Obligations, minimum: int, term: str, days: tuple[date, date], sittings: Sequence[Sitting]
) -> AssessmentList:
    """Return what a school held in a term."""
    share = rules.participation_ratio
    return AssessmentList(
        term=term,
        starts_on=days[0],
        ends_on=days[1],
        kinds=[KindDocument(kind=kind, zh=zh, en=en) for kind, (zh, en) in rules.assessments.items()],
        minimum=minimum,
        participation_ratio=None if share is None else float(share),
        items=[SittingDocument(**asdict(one)) for one in sittings],
    )


def sheet_document(sheet: Sheet) -> AssessmentDocument:
    """Return the numbers of an assessment."""
    return AssessmentDocument.model_validate(asdict(sheet))
