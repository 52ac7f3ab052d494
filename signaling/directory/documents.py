"""The documents of the directory as the API takes and gives them. Codes are text, days are ISO 8601."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from signaling.api.paging import PageQuery
from signaling.directory.codes import KINDS, URBAN_RURAL
from signaling.directory.listed import ListedCounty, ListedEvent, ListedSchool, NamedNode
from signaling.directory.models import Region, School

EventKind = Literal["opened", "closed", "reopened", "merged", "renamed", "moved", "recoded"]
State = Literal["open", "closed", "all"]


def plain(text: str) -> str:
    """Return a text of one line without spaces around it; raise `ValueError` for control characters and nothing at all."""
    told = " ".join(text.split())
    if not told or not told.isprintable():
        raise ValueError("empty, or with characters that cannot be printed")
    return told


def _kind(code: str) -> str:
    if code not in KINDS:
        raise ValueError("no kind of school")
    return code


def _place(code: str) -> str:
    if code not in URBAN_RURAL:
        raise ValueError("no class of place")
    return code


Name = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(plain)]
Note = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
Code = Annotated[str, Field(pattern=r"^[0-9A-Z]{1,12}$")]
Kind = Annotated[str, Field(json_schema_extra={"enum": sorted(KINDS)}), AfterValidator(_kind)]
Place = Annotated[str, Field(json_schema_extra={"enum": sorted(URBAN_RURAL)}), AfterValidator(_place)]
Pupils = Annotated[int, Field(ge=0, le=500)]
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2200, 12, 31))]
Text = Annotated[str, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Order(BaseModel):
    """A body; what it does not know it refuses."""

    model_config = ConfigDict(extra="forbid")


class NewSchool(Order):
    """A school to add; without `code` it gets a temporary one."""

    name: Name
    county: Code
    kind: Kind
    code: Annotated[str, Field(pattern=r"^[0-9]{10}$")] | None = None
    urban_rural: Place | None = None
    opened_on: Day | None = None


class SchoolEdit(Order):
    """What may be corrected without an event: spelling of the name, kind, class of place, day of opening."""

    name: Name | None = None
    kind: Kind | None = None
    urban_rural: Place | None = None
    opened_on: Day | None = None


class NewEvent(Order):
    """Something that happened to a school. `into` is the school that takes its classes, `region` its new county unit, `code` its new
    code, `name` its new name; `classes` says what becomes of the classes of a school that closes into another.
    """

    kind: EventKind
    on: Day
    into: Code | None = None
    region: Code | None = None
    code: Annotated[str, Field(pattern=r"^[0-9]{10}$")] | None = None
    name: Name | None = None
    classes: Literal["move", "close"] = "move"
    note: Note = ""


class SchoolQuery(PageQuery):
    """What narrows a list of schools."""

    county: Code | None = None
    kind: Kind | None = None
    urban_rural: Place | None = None
    state: State = "open"
    q: Text = ""
    sort: Literal["code", "-code", "name", "-name", "classes", "-classes", "pupils", "-pupils"] | None = None


class NodeName(BaseModel):
    """A node by its code and name."""

    code: str
    name: str


class CountyDocument(BaseModel):
    """A county unit with what it has; `gb2260` is its national code where it has one."""

    code: str
    name: str
    gb2260: str | None
    valid_from: date | None
    valid_to: date | None
    successor: str | None
    former_codes: list[str]
    schools: int
    classes: int
    pupils: int
    screens: int


class CountyList(BaseModel):
    """The county units that concern the caller."""

    items: list[CountyDocument]


class SchoolDocument(BaseModel):
    """A school with what it has."""

    code: str
    name: str
    county: NodeName
    kind: str
    urban_rural: str | None
    opened_on: date | None
    closed_on: date | None
    successor: str | None
    temporary: bool
    classes: int
    pupils: int
    screens: int
    version: int


class EventDocument(BaseModel):
    """Something that happened to a school; names are null where a code names nothing any more, `by` is who wrote it down."""

    id: str
    kind: EventKind
    on: date
    other: str | None
    other_name: str | None
    before: str
    before_name: str | None
    after: str
    note: str
    actor: str
    by: str
    at: datetime


class EventList(BaseModel):
    """What happened to a school, the latest first."""

    items: list[EventDocument]


class NodeDocument(BaseModel):
    """A node of the tree; `schools` counts the open schools under it, `closed` says that a school is no more."""

    code: str
    name: str
    level: Literal["prefecture", "county", "school"]
    parent: str | None
    schools: int
    closed: bool


class NodeList(BaseModel):
    """Nodes in the order of reports."""

    items: list[NodeDocument]


class FoundNode(NodeDocument):
    """A node that a search found, with its county unit."""

    county: NodeName


class FoundList(BaseModel):
    """What a search found, county units first."""

    items: list[FoundNode]


class TreeQuery(BaseModel):
    """Whose children; the caller's own top when left out."""

    model_config = ConfigDict(extra="forbid")

    parent: Code | None = None


class CountyQuery(BaseModel):
    """Whether the unit for the prefecture's own schools is listed without a school, too: for a form that adds the first."""

    model_config = ConfigDict(extra="forbid")

    direct: bool = False


class SearchQuery(BaseModel):
    """Parts of a name, or the beginning of a code."""

    model_config = ConfigDict(extra="forbid")

    q: Text


def school_document(item: ListedSchool) -> SchoolDocument:
    """Return the document of a school."""
    row = item.school
    return SchoolDocument(
        code=row.code,
        name=row.name,
        county=place_of(item.county),
        kind=row.kind,
        urban_rural=row.urban_rural,
        opened_on=row.opened_on,
        closed_on=row.closed_on,
        successor=row.successor_code,
        temporary=row.code.startswith("T"),
        classes=item.classes,
        pupils=item.pupils,
        screens=item.screens,
        version=row.version,
    )


def county_document(item: ListedCounty) -> CountyDocument:
    """Return the document of a county unit."""
    row = item.region
    return CountyDocument(
        code=row.code,
        name=row.name,
        gb2260=row.gb2260,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        successor=row.successor_code,
        former_codes=list(item.former_codes),
        schools=item.schools,
        classes=item.classes,
        pupils=item.pupils,
        screens=item.screens,
    )


def event_document(event: ListedEvent) -> EventDocument:
    """Return the document of an event."""
    row, names = event.row, {"other_name": event.other_name, "before_name": event.before_name, "by": event.by}
    return EventDocument.model_validate(
        {"id": row.id, "kind": row.kind, "on": row.happened_on, "other": row.other_code, "before": row.before}
        | {"after": row.after, "note": row.note, "actor": row.actor, "at": row.at}
        | names
    )


def place_of(row: Region | School | NamedNode) -> NodeName:
    """Return a node by its code and name."""
    return NodeName(code=row.code, name=row.name)
