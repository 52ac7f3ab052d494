"""The documents of corrections as the API takes and gives them. Times are UTC; values are numbers as text or codes of results."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, Field

from signaling.api.paging import Page, PageQuery
from signaling.attendance.policy import Result
from signaling.corrections.effect import RESULTS, Effect
from signaling.corrections.reasons import Field as FieldName
from signaling.corrections.reasons import Reason
from signaling.corrections.values import Listed
from signaling.directory.documents import Order
from signaling.directory.personal import is_personal

State = Literal["requested", "approved", "rejected", "withdrawn"]
Level = Literal["class", "school", "county"]
SHOWN: Final = 200
"""Changes that a document tells one by one."""


def impersonal(text: str) -> str:
    """Return a text of one line; raise `ValueError` for numbers of people."""
    told = " ".join(text.split())
    if is_personal(told):
        raise ValueError("a number of an identity card or a telephone")
    return told


Said = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$"), AfterValidator(impersonal)]
Proof = Annotated[str, Field(max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$"), AfterValidator(impersonal)]
Id = Annotated[str, Field(min_length=1, max_length=36, pattern=r"^[0-9A-Za-z-]+$")]


class CorrectionOrder(Order):
    """A correction that is asked for; `scope` is a class, or the code of a school or county unit that is to be excused."""

    lecture_id: Id
    scope: Id
    field: FieldName
    new: Annotated[str, Field(min_length=1, max_length=32)]
    reason: Annotated[str, Field(min_length=1, max_length=16)]
    note: Said = ""
    evidence: Proof = ""


class DecisionOrder(Order):
    """What is decided about a correction, and why."""

    decision: Literal["approve", "reject"]
    note: Said = ""


class CorrectionQuery(PageQuery):
    """What narrows the list of corrections."""

    state: State | None = None
    lecture_id: Id | None = None
    school: Annotated[str, Field(max_length=10)] | None = None


class Waiting(BaseModel):
    """How many corrections wait for the caller."""

    waiting: int


class ReasonDocument(BaseModel):
    """A reason: the fields that it explains, and whether it excuses a whole school or county unit."""

    code: str
    zh: str
    en: str
    fields: list[FieldName]
    whole: bool


class Choices(BaseModel):
    """What can be asked for: reasons, results, and how many days after the end of a lecture."""

    reasons: list[ReasonDocument]
    results: list[Result]
    days: int


class ChangeDocument(BaseModel):
    """A field of a class that would become another."""

    class_id: str
    class_name: str
    school_code: str
    school_name: str
    field: FieldName
    old: str
    new: str


class EffectDocument(BaseModel):
    """What would change now: `now` is how the field reads, `does` whether it would read as wanted; of the changes at most 200."""

    now: str
    does: bool
    classes: int
    changes: list[ChangeDocument]


class CorrectionRow(BaseModel):
    """A correction in a list. `mine`: the caller asked for it, and does not decide about it."""

    id: str
    state: State
    lecture_id: str
    title: str
    level: Level
    scope: str
    class_name: str
    school_code: str | None
    school_name: str
    county: str
    county_name: str
    field: FieldName
    old: str
    new: str
    reason: str
    note: str
    evidence: str
    unit_name: str
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_note: str
    mine: bool


class CorrectionDocument(CorrectionRow):
    """A correction; while it waits with what would change now, which its ETag covers. `changed`: `old` is not what stands there now."""

    effect: EffectDocument | None
    changed: bool
    version: int


CorrectionPage = Page[CorrectionRow]


def choices(every: Sequence[Reason], days: int) -> Choices:
    """Return what can be asked for."""
    shown = [
        ReasonDocument(code=one.code, zh=one.zh, en=one.en, fields=one.fields, whole=one.cause is not None)
        for one in every
    ]
    return Choices(reasons=shown, results=[one for one in Result if one in RESULTS], days=days)


def effect_document(effect: Effect) -> EffectDocument:
    """Return the document of an effect."""
    told = []
    for one in effect.changes[:SHOWN]:
        target = effect.targets[one.class_id]
        names = {"class_name": target.name, "school_code": target.school_code, "school_name": target.school_name}
        values = {"class_id": one.class_id, "field": one.field, "old": one.old, "new": one.new}
        told.append(ChangeDocument.model_validate(names | values))
    classes = len({one.class_id for one in effect.changes})
    return EffectDocument(now=effect.now, does=effect.does, classes=classes, changes=told)


def row_document(one: Listed, user_id: str) -> CorrectionRow:
    """Return a row of the list."""
    return CorrectionRow.model_validate(_row(one, user_id))


def document(one: Listed, user_id: str, effect: Effect | None) -> CorrectionDocument:
    """Return the document."""
    changed = effect is not None and one.row.level == "class" and effect.now != one.row.old
    shown = None if effect is None else effect_document(effect)
    about = {"effect": shown, "changed": changed, "version": version(effect)}
    return CorrectionDocument.model_validate(_row(one, user_id) | about)


def version(effect: Effect | None) -> int:
    """Return the version of a correction: that of its effect while it waits, 0 afterwards."""
    return 0 if effect is None else effect.version


def _row(one: Listed, user_id: str) -> dict[str, object]:
    row, outcome = one.row, one.outcome
    same = ("id", "lecture_id", "level", "scope", "school_code", "field", "old", "new", "reason", "note", "evidence")
    return {name: getattr(row, name) for name in same} | {
        "state": one.state,
        "title": one.title,
        "class_name": one.class_name,
        "school_name": one.school_name,
        "county": row.region_code,
        "county_name": one.region_name,
        "unit_name": row.unit_name,
        "requested_by": one.requested_name,
        "requested_at": row.requested_at,
        "decided_by": None if outcome is None else one.decided_name,
        "decided_at": None if outcome is None else outcome.at,
        "decision_note": "" if outcome is None else outcome.note,
        "mine": row.requested_by == user_id,
    }
