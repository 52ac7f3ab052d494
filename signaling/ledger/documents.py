"""The documents of the chains as the API takes and gives them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pydantic import BaseModel, ConfigDict

from signaling.ledger.chain import Root, day_root


class DayQuery(BaseModel):
    """Which day; the newest one that has entries when left out."""

    model_config = ConfigDict(extra="forbid")

    day: date | None = None


class DaysQuery(BaseModel):
    """Which days; `until` is included."""

    model_config = ConfigDict(extra="forbid")

    since: date | None = None
    until: date | None = None


class RootDocument(BaseModel):
    """The root of a node's day: the digest of its last entry, which has the number `number`."""

    node: str
    day: date
    entries: int
    number: int
    root: str


class RootsDocument(BaseModel):
    """The roots of a day, and the one over all nodes; null when the day has no entry. Digests are SHA-256 in hexadecimal digits."""

    day: date | None
    entries: int
    root: str | None
    items: list[RootDocument]


def roots_document(day: date | None, roots: Sequence[Root]) -> RootsDocument:
    """Return the document of a day."""
    items = [root_document(one) for one in roots]
    over_all = day_root(roots).hex() if roots else None
    return RootsDocument(day=day, entries=sum(one.entries for one in roots), root=over_all, items=items)


def root_document(one: Root) -> RootDocument:
    """Return one root."""
    return RootDocument(node=one.node, day=one.day, entries=one.entries, number=one.number, root=one.root.hex())
