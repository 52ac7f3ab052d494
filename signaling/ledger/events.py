"""What goes into the ledger and what comes out of it, around the facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from signaling.ledger.facts import Fact, Kind


class Subject(NamedTuple):
    """What facts are about; a fault of a region has neither lecture nor broadcast."""

    lecture_id: str | None = None
    broadcast_id: str | None = None


class Note(NamedTuple):
    """A fact on its way into the ledger."""

    subject: Subject
    fact: Fact


@dataclass(frozen=True, slots=True)
class Draft:
    """Facts of one kind and subject that become one entry. **(boot, counter) makes it the same**, however often it is written."""

    kind: Kind
    subject: Subject
    boot: str
    counter: int
    recorded_at: datetime
    facts: tuple[Fact, ...]


class Header(NamedTuple):
    """Everything of an entry but its body and digest."""

    node: str
    number: int
    day: date
    kind: str
    lecture_id: str | None
    broadcast_id: str | None
    boot: str
    counter: int
    recorded_at: datetime
    facts: int


class Entry(NamedTuple):
    """A stored row of the ledger."""

    header: Header
    body: bytes
    digest: bytes
