"""The documents of reports, answers and head-counts as the API takes and gives them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from signaling.api.paging import PageQuery
from signaling.presence.claims import LONGEST
from signaling.presence.headcounts import MOST
from signaling.presence.sums import SchoolSums, Sums, total

People = Annotated[int, Field(ge=0, le=MOST)]


class ReportOrder(BaseModel):
    """A rendering report: a compact JWS, or its members from a screen without a key; `again` when the same was sent before."""

    model_config = ConfigDict(extra="forbid")

    report: Annotated[str, Field(max_length=LONGEST)] | dict[str, Any]
    again: bool = False


class ChallengeDocument(BaseModel):
    """A presence check as one screen shows it; times are seconds from now."""

    challenge_id: str
    text: dict[str, str]
    tiles: list[str]
    begins_in_s: float
    ends_in_s: float


class ConfirmationDocument(BaseModel):
    """The head-count that a class screen offers; `present` null until one was confirmed. Times are seconds from now.

    Of an audience of parents `expected` and `present` are households.
    """

    lecture_id: str
    title: str
    audience: str
    expected: int
    opens_in_s: float
    closes_in_s: float | None
    present: int | None
    guests: int | None


class Times(BaseModel):
    """The server's clock for a screen: the minute that runs, when it ends, when to report, and what is durable.

    What was accepted of minutes before `durable_until`, by the process `boot_id`, is in the ledger.
    """

    minute: int
    minute_ends_in_s: float
    next_in_s: float
    durable_until: int
    boot_id: str


class ReportingDocument(Times):
    """How a screen begins to report: `counter` is the number of the report that the nonce is for; `signed` whether its key must sign."""

    broadcast_id: str
    nonce: str
    counter: int
    signed: bool


class SeatDocument(BaseModel):
    """What a screen is told about its own evidence; each part null while there is nothing of it."""

    reporting: ReportingDocument | None = None
    confirmation: ConfirmationDocument | None = None


class ReportAnswer(Times):
    """What became of a report; **accepted is not durable**: see `durable_until`. `nonce` and `counter` are for the next."""

    accepted_ms: int
    repeated: bool
    nonce: str
    counter: int
    challenge: ChallengeDocument | None
    confirmation: ConfirmationDocument | None


class AnswerOrder(BaseModel):
    """The tile that was touched."""

    model_config = ConfigDict(extra="forbid")

    challenge_id: Annotated[str, Field(max_length=64)]
    tile: Annotated[str, Field(pattern=r"^[0-9]$")]


class AnswerReceipt(BaseModel):
    """An answer is durable; whether it was right is not told."""

    delay_ms: int


class RoomConfirmationOrder(BaseModel):
    """A head-count from the class screen."""

    model_config = ConfigDict(extra="forbid")

    lecture_id: Annotated[str, Field(max_length=36)]
    present: People
    guests: People = 0


class ConfirmationOrder(BaseModel):
    """A head-count from the console."""

    model_config = ConfigDict(extra="forbid")

    present: People
    guests: People = 0


class HeadCountQuery(BaseModel):
    """Whose head-counts are listed; without a school those of one's own."""

    model_config = ConfigDict(extra="forbid")

    school: Annotated[str, Field(max_length=12)] | None = None


class HeadCountRow(BaseModel):
    """A class and what was confirmed for it at a lecture; `version` is that of the ETag, 0 while nothing was. Of an audience of parents the
    numbers are households.
    """

    lecture_id: str
    title: str
    audience: str
    class_id: str
    class_name: str
    expected: int
    opens_at: datetime
    closes_at: datetime | None
    present: int | None
    guests: int | None
    by: str | None
    at: datetime | None
    version: int


class HeadCountList(BaseModel):
    """Head-counts that can be confirmed now, by lecture (the newest first) and class."""

    items: list[HeadCountRow]


class SumsQuery(PageQuery):
    """Which lecture (the newest that can be confirmed), which county unit, whose school; `waiting` leaves those with a class to confirm."""

    lecture_id: Annotated[str, Field(max_length=36)] | None = None
    county: Annotated[str, Field(max_length=12)] | None = None
    waiting: bool = False
    q: Annotated[str, Field(max_length=64)] = ""


class CountedLecture(BaseModel):
    """A lecture whose head-counts can be confirmed; `closes_at` null while it runs."""

    lecture_id: str
    title: str
    opens_at: datetime
    closes_at: datetime | None


class SumsDocument(BaseModel):
    """Numerators and denominators: confirmed of classes, present of counted; counted of expected pupils are in classes that confirmed."""

    classes: int
    confirmed: int
    expected: int
    counted: int
    present: int
    guests: int


class Unit(BaseModel):
    """A county unit with how many of its schools wait."""

    code: str
    name: str
    schools: int
    waiting: int


class SchoolSumsDocument(BaseModel):
    """A school with its sums."""

    code: str
    name: str
    county_name: str
    sums: SumsDocument


class SumsPage(BaseModel):
    """A lecture's head-counts school by school; the sums are of all schools that the filters leave, without a lecture there are none."""

    lectures: list[CountedLecture]
    lecture_id: str | None = None
    counties: list[Unit] = []
    sums: SumsDocument | None = None
    schools: int = 0
    waiting: int = 0
    items: list[SchoolSumsDocument] = []
    total: int = 0
    page: int = 1
    size: int = 50


def sums_page(
    lectures: Sequence[CountedLecture], chosen: CountedLecture, every: Sequence[SchoolSums], wanted: SumsQuery
) -> SumsPage:
    """Return the page that is wanted of the sums of every school."""
    counties: dict[str, Unit] = {}
    for one in every:
        unit = counties.setdefault(one.county, Unit(code=one.county, name=one.county_name, schools=0, waiting=0))
        unit.schools += 1
        unit.waiting += one.sums.waits
    there = [one for one in every if wanted.county in (None, one.county) and wanted.q in one.name]
    listed = [one for one in there if one.sums.waits or not wanted.waiting]
    part = listed[wanted.offset : wanted.offset + wanted.size]
    return SumsPage(
        lectures=list(lectures),
        lecture_id=chosen.lecture_id,
        counties=list(counties.values()),
        sums=_sums(total(there)),
        schools=len(there),
        waiting=sum(one.sums.waits for one in there),
        items=[
            SchoolSumsDocument(code=one.code, name=one.name, county_name=one.county_name, sums=_sums(one.sums))
            for one in part
        ],
        total=len(listed),
        page=wanted.page,
        size=wanted.size,
    )


def _sums(sums: Sums) -> SumsDocument:
    return SumsDocument.model_validate(sums, from_attributes=True)


class RefusedScreen(BaseModel):
    """A screen whose reports were refused, and how often for which reason."""

    screen_id: str
    reasons: dict[str, int]
    forged: bool


class RefusalList(BaseModel):
    """Refused reports of a lecture: who forged, at any time; other reasons since the server started."""

    items: list[RefusedScreen]
