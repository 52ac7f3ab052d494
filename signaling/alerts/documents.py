"""The documents of duty and alarms as the API takes and gives them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from signaling.alerts.call_list_service import AbsentSchool, CallList
from signaling.alerts.duty_service import Keeper
from signaling.alerts.models import Alert
from signaling.alerts.rules import Rule
from signaling.alerts.service import ListedAlert, ListedStep
from signaling.api.paging import PageQuery
from signaling.directory.documents import NodeName, Note, Order, Text

RuleName = Literal["no_duty", "not_approved", "no_studio", "absent", "disk", "uploads", "ledger", "damaged"]
Level = Literal["prefecture", "county", "school"]
Reason = Literal["never_paired", "not_online", "line_bad"]
Id = Annotated[str, Field(max_length=36)]


def _once(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


class AlertQuery(PageQuery):
    """What narrows the list of alarms; `below` adds those of the units below one's own."""

    state: Literal["open", "all"] = "open"
    below: bool = False
    lecture: Id | None = None
    rule: Rule | None = None


class Answer(Order):
    """What somebody says to an alarm."""

    note: Note = ""


class LectureName(BaseModel):
    """The lecture of an alarm; `starts_at` is the start that the alarm was raised for."""

    id: str
    title: str
    starts_at: datetime | None


class AnsweredBy(BaseModel):
    """Who answered, and when."""

    at: datetime
    name: str


class AlertDocument(BaseModel):
    """An alarm: `count` of `expected` schools are concerned where the rule counts schools."""

    id: str
    rule: RuleName
    level: Level
    node: NodeName
    lecture: LectureName | None
    occasion: int
    count: int
    expected: int
    opened_at: datetime
    cleared_at: datetime | None
    cleared_because: Literal["", "resolved", "started", "moved", "over"]
    acknowledged: AnsweredBy | None
    contacted: AnsweredBy | None
    escalated_at: datetime | None
    escalated_to: NodeName | None


class StepDocument(BaseModel):
    """Something that happened to an alarm; `name` is "" for the server itself."""

    kind: Literal["opened", "escalated", "acknowledged", "contacted", "cleared"]
    at: datetime
    name: str
    note: str


class AlertHistory(AlertDocument):
    """An alarm with its steps, the first one first."""

    steps: list[StepDocument]


class AlertCounts(BaseModel):
    """The bell: open alarms of one's own node, and how many of these nobody has acknowledged."""

    open: int
    unacknowledged: int


class CallListQuery(PageQuery):
    """A page of the call list."""


class ReminderDocument(BaseModel):
    """The reminder of a school, and what became of it."""

    id: str
    opened_at: datetime
    cleared_at: datetime | None
    acknowledged_at: datetime | None
    escalated_at: datetime | None
    contacted_at: datetime | None


class LineDocument(BaseModel):
    """The last test of a school's line."""

    good: bool
    at: datetime


class AbsentClassDocument(BaseModel):
    """An expected class whose screens are not there."""

    name: str
    paired: bool
    last_seen_at: datetime | None


class AbsentSchoolDocument(BaseModel):
    """A school that is not connected, and whom one may call."""

    school: NodeName
    county: NodeName
    reason: Reason
    classes: int
    screens: int
    last_seen_at: datetime | None
    contacts: list[str]
    line: LineDocument | None
    reminder: ReminderDocument | None
    items: list[AbsentClassDocument]


class AbsentCountyDocument(BaseModel):
    """How many schools of a county unit are not connected."""

    county: NodeName
    absent: int
    expected: int


class CallListDocument(BaseModel):
    """The schools of one's own that are not connected to a lecture; `total` counts all pages."""

    items: list[AbsentSchoolDocument]
    total: int
    page: int
    size: int
    expected: int
    counties: list[AbsentCountyDocument]


class KeeperDocument(BaseModel):
    """Somebody who is on duty or may be; `enabled` is false for an account that is closed."""

    id: str
    name: str
    role: str
    node: NodeName
    enabled: bool


class DutyDocument(BaseModel):
    """Who watches over a lecture."""

    items: list[KeeperDocument]
    version: int


class CandidateQuery(BaseModel):
    """Words of the name."""

    q: Text = ""


class CandidateList(BaseModel):
    """Who may be put on duty."""

    items: list[KeeperDocument]


class DutyOrder(Order):
    """The whole roster."""

    people: Annotated[list[Id], Field(max_length=20), AfterValidator(_once)]


def alert_document(row: ListedAlert) -> AlertDocument:
    """Return the document of an alarm."""
    return AlertDocument.model_validate(_members(row))


def alert_history(row: ListedAlert, steps: list[ListedStep]) -> AlertHistory:
    """Return the document of an alarm with its steps."""
    told = [{"kind": one.step.kind, "at": one.step.at, "name": one.name, "note": one.step.note} for one in steps]
    return AlertHistory.model_validate(_members(row) | {"steps": told})


def _members(row: ListedAlert) -> dict[str, object]:
    alert = row.alert
    names = ("id", "rule", "level", "occasion", "count", "expected", "opened_at", "cleared_at", "cleared_because")
    lecture = None
    if alert.lecture_id is not None:
        lecture = {"id": alert.lecture_id, "title": row.lecture_title, "starts_at": alert.starts_at}
    above = {"code": alert.escalated_to, "name": row.escalated_name}
    return {name: getattr(alert, name) for name in names} | {
        "node": {"code": alert.node, "name": row.node_name},
        "lecture": lecture,
        "acknowledged": _answered(alert.acknowledged_at, row.acknowledged_name),
        "contacted": _answered(alert.contacted_at, row.contacted_name),
        "escalated_at": alert.escalated_at,
        "escalated_to": above if alert.escalated_to else None,
    }


def _answered(at: datetime | None, name: str) -> dict[str, object] | None:
    return None if at is None else {"at": at, "name": name}


def keeper_document(row: Keeper) -> KeeperDocument:
    """Return the document of a person."""
    node = NodeName(code=row.node, name=row.node_name)
    return KeeperDocument(id=row.id, name=row.name, role=row.role, node=node, enabled=row.enabled)


def call_list_document(found: CallList, wanted: PageQuery) -> CallListDocument:
    """Return the document of a call list."""
    return CallListDocument(
        items=[_absent(one) for one in found.schools],
        total=found.total,
        page=wanted.page,
        size=wanted.size,
        expected=found.expected,
        counties=[
            AbsentCountyDocument(county=NodeName(code=code, name=name), absent=absent, expected=expected)
            for code, (name, absent, expected) in found.counties.items()
        ],
    )


def _absent(one: AbsentSchool) -> AbsentSchoolDocument:
    line = None if one.line is None else LineDocument(good=one.line.good, at=one.line.at)
    return AbsentSchoolDocument.model_validate(
        {
            "school": {"code": one.code, "name": one.name},
            "county": {"code": one.county, "name": one.county_name},
            "reason": one.reason,
            "classes": one.classes,
            "screens": one.screens,
            "last_seen_at": one.last_seen_at,
            "contacts": one.contacts,
            "line": line,
            "reminder": None if one.reminder is None else _reminder(one.reminder),
            "items": [
                {"name": item.name, "paired": item.paired, "last_seen_at": item.last_seen_at} for item in one.items
            ],
        }
    )


def _reminder(alert: Alert) -> ReminderDocument:
    names = ("id", "opened_at", "cleared_at", "acknowledged_at", "escalated_at", "contacted_at")
    return ReminderDocument.model_validate({name: getattr(alert, name) for name in names})
