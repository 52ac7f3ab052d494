"""The documents of the missing and of urging as the API takes and gives them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from signaling.alerts.messages import Message
from signaling.alerts.urging import Missing, Plan
from signaling.alerts.urging_values import Call, Listed, Receipt, Roll, Summary
from signaling.api.paging import PageQuery
from signaling.directory.documents import Code, NodeName, Order

MissingReason = Literal[
    "unpaired", "absent", "lost", "undelivered", "sound_blocked", "muted", "hidden", "still", "unreported", "hls"
]
ShortNote = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class MissingQuery(PageQuery):
    """What narrows the list of the missing: a county unit, a reason, words of a school's name or the beginning of its code."""

    county: Code | None = None
    reason: MissingReason | None = None
    q: Annotated[str, Field(max_length=64)] = ""


class MissingClassDocument(BaseModel):
    """A class that sees or hears nothing as it should."""

    id: str
    name: str
    level: Literal["E0", "E1", "E2", "E3", "E4", "E5"]
    state: Literal["none", "connected", "receiving", "lost"]
    reason: MissingReason
    forged: bool


class MissingSchoolDocument(BaseModel):
    """A school with missing classes, of `expected`; whom one may call, who did, and what became of the last urging."""

    school: NodeName
    county: NodeName
    expected: int
    items: list[MissingClassDocument]
    contacts: list[str]
    called_at: datetime | None
    called_by: str
    urged_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None
    connected_at: datetime | None


class MissingCountyDocument(BaseModel):
    """A county unit, and how many of its schools have missing classes."""

    county: NodeName
    schools: int


class MissingDocument(BaseModel):
    """Who is missing right now; `total` schools with `classes` missing classes on all pages, `reasons` counts classes without the filters."""

    items: list[MissingSchoolDocument]
    total: int
    page: int
    size: int
    classes: int
    reasons: dict[str, int]
    counties: list[MissingCountyDocument]


class CallNote(Order):
    """What somebody says of a call."""

    note: ShortNote = ""


class UrgingOrder(Order):
    """Whom to urge: schools of these county units with classes missing for one of these reasons; nothing named means all."""

    counties: Annotated[list[Code], Field(max_length=20)] = Field(default_factory=list)
    reasons: Annotated[list[MissingReason], Field(max_length=10)] = Field(default_factory=list)
    note: ShortNote = ""


class UrgingPreview(BaseModel):
    """Who would be urged now and what they would read; `recent` schools were urged a moment ago, `messages` go over channels."""

    schools: int
    classes: int
    recent: int
    messages: int
    reasons: dict[str, int]
    names: list[str]
    title: str
    lines: list[str]


class UrgingSent(BaseModel):
    """An urging was sent."""

    id: str
    schools: int
    classes: int
    recent: int


class UrgingDocument(BaseModel):
    """An urging and how many of its schools showed, read and obeyed it, as far as the caller's node goes."""

    id: str
    at: datetime
    name: str
    reasons: list[str]
    note: str
    schools: int
    classes: int
    delivered: int
    read: int
    connected: int


class UrgingList(BaseModel):
    """The urgings of a lecture, the latest first."""

    items: list[UrgingDocument]


class ReceiptQuery(PageQuery):
    """A page of receipts."""


class ReceiptDocument(BaseModel):
    """What became of an urging at a school."""

    school: NodeName
    county: str
    missing: int
    expected: int
    sent_at: datetime
    delivered_at: datetime | None
    read_at: datetime | None
    read_by: str
    connected_at: datetime | None


class OwnUrging(BaseModel):
    """An urging that one's own school was sent about a lecture that runs."""

    id: str
    lecture_id: str
    title: str
    at: datetime
    missing: int
    expected: int
    note: str
    read_at: datetime | None
    connected_at: datetime | None


class OwnUrgings(BaseModel):
    """The urgings of one's own school."""

    items: list[OwnUrging]


class ReceiptOrder(Order):
    """What happened at the school: the console showed the notice, or somebody read it."""

    kind: Literal["delivered", "read"]


def missing_document(found: Roll, wanted: PageQuery) -> MissingDocument:
    """Return the document of a page of the missing."""
    counties = [
        MissingCountyDocument(county=NodeName(code=code, name=name), schools=count)
        for code, name, count in found.counties
    ]
    return MissingDocument(
        items=[_school(one) for one in found.page],
        total=found.total,
        page=wanted.page,
        size=wanted.size,
        classes=found.classes,
        reasons=found.reasons,
        counties=counties,
    )


def _school(one: Listed) -> MissingSchoolDocument:
    school = one.school
    return MissingSchoolDocument(
        school=NodeName(code=school.code, name=school.name),
        county=NodeName(code=school.county, name=school.county_name),
        expected=school.expected,
        items=[_class(made) for made in school.classes],
        contacts=one.contacts,
        called_at=one.called_at,
        called_by=one.called_by,
        urged_at=one.urged_at,
        delivered_at=one.receipts.get("delivered"),
        read_at=one.receipts.get("read"),
        connected_at=one.receipts.get("connected"),
    )


def _class(one: Missing) -> MissingClassDocument:
    members = one._asdict()
    return MissingClassDocument.model_validate(members | {"id": members.pop("class_id")})


def preview_document(planned: Plan, message: Message | None, reach: int) -> UrgingPreview:
    """Return the document of a preview; the names of the first schools stand for all."""
    return UrgingPreview(
        schools=len(planned.schools),
        classes=planned.classes,
        recent=len(planned.recent),
        messages=reach,
        reasons=planned.reasons,
        names=[one.name for one in planned.schools[:5]],
        title="" if message is None else message.title,
        lines=[] if message is None else list(message.lines),
    )


def urging_document(one: Summary) -> UrgingDocument:
    """Return the document of an urging."""
    return UrgingDocument.model_validate({name: getattr(one, name) for name in UrgingDocument.model_fields})


def receipt_document(one: Receipt) -> ReceiptDocument:
    """Return the document of a receipt."""
    names = ("county", "missing", "expected", "delivered_at", "read_at", "read_by", "connected_at")
    told = {name: getattr(one, name) for name in names}
    return ReceiptDocument(school=NodeName(code=one.code, name=one.name), sent_at=one.at, **told)


def own_document(one: Call) -> OwnUrging:
    """Return the document of an urging as its school sees it."""
    return OwnUrging.model_validate({name: getattr(one, name) for name in OwnUrging.model_fields})
