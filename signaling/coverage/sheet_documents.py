"""The documents of one-page reports of a school: figures, and the seal by which a printed page can be checked later.

**Nothing about a person stands here, and no rank**: classes have names, people are counted.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from signaling.coverage.documents import Cells, LectureDocument, TermCode, TotalsDocument


class SheetQuery(BaseModel):
    """Which term; the present one when left out."""

    model_config = ConfigDict(extra="forbid")

    term: TermCode | None = None


class NamedDocument(BaseModel):
    """A node."""

    code: str
    name: str


class PolicyDocument(BaseModel):
    """The version of the rules that the figures were made by."""

    version: int
    name: str
    summary: str


class TermFigures(BaseModel):
    """What a term came to in a school."""

    school: NamedDocument
    county: NamedDocument
    term: str
    starts_on: date | None
    ends_on: date | None
    policy: PolicyDocument
    assessment: bool
    cells: Cells
    totals: TotalsDocument
    four: bool
    notes: list[Literal["opened", "closed", "merged"]]
    lectures: list[LectureDocument]


class ClassFigures(BaseModel):
    """What a lecture came to for a class; `ratio` is the counted share of it, null when nothing was on the air."""

    name: str
    result: str
    label: str
    pending: bool
    ratio: float | None
    expected: int
    present: int | None


class LectureCounts(BaseModel):
    """Counts of the school's classes; the results from `qualified` to `absent` add up to `classes`."""

    classes: int
    covered: int
    qualified: int
    unconfirmed: int
    pending: int
    made_up: int
    partial: int
    failed: int
    excused: int
    absent: int
    pupils: int
    excused_pupils: int
    present: int
    confirmed: int


class LectureFigures(BaseModel):
    """What a lecture came to in a school."""

    school: NamedDocument
    county: NamedDocument
    lecture_id: str
    title: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    on_air_seconds: float
    policy: PolicyDocument
    qualified_ratio: float
    totals: LectureCounts
    classes: list[ClassFigures]


class SealDocument(BaseModel):
    """What a printed page is checked by.

    `checksum` are the first 16 hexadecimal digits of the SHA-256 of `figures` as JSON with sorted keys and without spaces: the same figures
    have the same one. `root` is that of the ledger's last day with entries, `entries` of them; null while there is none.
    """

    as_of: datetime
    checksum: str
    day: date | None
    entries: int
    root: str | None


class TermSheet(BaseModel):
    """One page about a term of a school."""

    figures: TermFigures
    seal: SealDocument


class LectureSheet(BaseModel):
    """One page about a lecture in a school."""

    figures: LectureFigures
    seal: SealDocument
