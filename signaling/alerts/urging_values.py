"""What urging is told as: the list of the missing, urgings and their receipts. Plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from signaling.alerts.urging import MissingSchool


@dataclass(slots=True)
class Listed:
    """A school on the list of the missing, with whom one may call and what was done."""

    school: MissingSchool
    contacts: list[str] = field(default_factory=list)
    called_at: datetime | None = None
    called_by: str = ""
    urged_at: datetime | None = None
    receipts: dict[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Roll:
    """The schools of a scope with missing classes that a choice leaves: a page of them, and how many classes are missing for each reason."""

    page: list[Listed]
    total: int
    classes: int
    reasons: dict[str, int]
    counties: list[tuple[str, str, int]]


@dataclass(frozen=True, slots=True)
class Summary:
    """An urging as its list shows it, for the part that the caller's scope covers."""

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


@dataclass(frozen=True, slots=True)
class Receipt:
    """A school of an urging, and what became of it there."""

    code: str
    name: str
    county: str
    missing: int
    expected: int
    at: datetime
    delivered_at: datetime | None
    read_at: datetime | None
    read_by: str
    connected_at: datetime | None


@dataclass(frozen=True, slots=True)
class Call:
    """An urging as the school that it was sent to sees it."""

    id: str
    lecture_id: str
    title: str
    at: datetime
    missing: int
    expected: int
    note: str
    read_at: datetime | None
    connected_at: datetime | None
