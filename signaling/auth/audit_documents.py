"""The documents of the audit log as the API takes and gives them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from signaling.api.paging import PageQuery
from signaling.auth.actions import sentences
from signaling.auth.audit_service import Line

Id = Annotated[str, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Narrowed(BaseModel):
    """What narrows the log; `actor` is an id or a login, times carry their zone, `until` is not included."""

    model_config = ConfigDict(extra="forbid")

    actor: Id = ""
    action: Id = ""
    subject: Id = ""
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class AuditQuery(Narrowed, PageQuery):
    """Query of the log."""


class ActorDocument(BaseModel):
    """Who did it; somebody above the reader's node has neither id nor name."""

    kind: Literal["person", "screen", "system", "above"]
    id: str
    name: str
    login: str


class LineDocument(BaseModel):
    """A row of the log."""

    id: str
    at: datetime
    actor: ActorDocument
    action: str
    subject: str
    subject_name: str
    detail: dict[str, Any]


class AuditPage(BaseModel):
    """One page of the log, the newest first; when `total_is_capped`, there are more rows than `total`."""

    items: list[LineDocument]
    total: int
    total_is_capped: bool
    page: int
    size: int
    retention_days: int


class ActionDocument(BaseModel):
    """An action with its sentences."""

    action: str
    zh: str
    en: str


class Actions(BaseModel):
    """Every action that the log may hold."""

    items: list[ActionDocument]


def line_document(line: Line) -> LineDocument:
    """Return a row as the API shows it."""
    return LineDocument.model_validate(line, from_attributes=True)


def all_actions() -> Actions:
    """Return every action with its sentences."""
    items = [ActionDocument(action=action, zh=both.zh, en=both.en) for action, both in sentences().items()]
    return Actions(items=items)


def filled(query: Narrowed) -> dict[str, Any]:
    """Return what a query names, for the log itself."""
    return query.model_dump(mode="json", include=set(Narrowed.model_fields), exclude_defaults=True)
