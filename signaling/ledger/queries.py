"""The statements of the ledger: columns, not objects."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from sqlalchemy import Select, and_, func, literal, or_, select, tuple_

from signaling.ledger.events import Entry, Header
from signaling.ledger.facts import Kind
from signaling.ledger.models import LedgerEntry as Row

COLUMNS = (
    Row.node,
    Row.number,
    Row.day,
    Row.kind,
    Row.lecture_id,
    Row.broadcast_id,
    Row.boot,
    Row.counter,
    Row.recorded_at,
    Row.facts,
    Row.body,
    Row.digest,
)


def entry(row: Any) -> Entry:
    """Return the entry of a row of `COLUMNS`."""
    *header, body, digest = row
    return Entry(Header(*header), bytes(body), bytes(digest))


def head(node: str) -> Select[*tuple[Any, ...]]:
    """The last entry of a node: number, digest, day, boot, counter."""
    columns = (Row.number, Row.digest, Row.day, Row.boot, Row.counter)
    return select(*columns).where(Row.node == node).order_by(Row.number.desc()).limit(1)


def known(node: str, boot: str, counters: Collection[int]) -> Select[int]:
    """Those of the numbers that the process has stored already."""
    return select(Row.counter).where(Row.node == node, Row.boot == boot, Row.counter.in_(counters))


def entries(
    lecture_id: str | None,
    kinds: Collection[Kind] | None,
    after: tuple[str, int],
    limit: int,
    behind: Mapping[str, int],
) -> Select[*tuple[Any, ...]]:
    """Entries of a lecture in the order of the chains, behind (node, number) and behind what `behind` says of each node."""
    found = select(*COLUMNS).where(Row.lecture_id == lecture_id, tuple_(Row.node, Row.number) > after)
    if kinds is not None:
        found = found.where(Row.kind.in_([str(kind) for kind in kinds]))
    for node, number in behind.items():
        found = found.where(or_(Row.node != node, Row.number > number))
    return found.order_by(Row.node, Row.number).limit(limit)


def ends(lecture_ids: Collection[str]) -> Select[str | None, str, int]:
    """The last entry of each node about each of the lectures."""
    mine = Row.lecture_id.in_(lecture_ids)
    return (
        select(Row.lecture_id, Row.node, func.max(Row.number))
        .where(mine)
        .group_by(Row.lecture_id, Row.node)
        .order_by(Row.node)
    )


def roster(node: str, lecture_id: str | None, broadcast_id: str | None) -> Select[*tuple[Any, ...]]:
    """The roster of one broadcast and node."""
    mine = and_(Row.node == node, Row.lecture_id == lecture_id, Row.broadcast_id == broadcast_id)
    return select(*COLUMNS).where(mine, Row.kind == str(Kind.ROSTER)).order_by(Row.number)


def chain(node: str, after: int, until: int | None, limit: int) -> Select[*tuple[Any, ...]]:
    """Entries of a node behind `after`, not behind `until`."""
    found = select(*COLUMNS).where(Row.node == node, Row.number > after)
    if until is not None:
        found = found.where(Row.number <= until)
    return found.order_by(Row.number).limit(limit)


def nodes() -> Select[str]:
    """The nodes that have entries."""
    return select(Row.node).distinct().order_by(Row.node)


def days(since: date | None, until: date | None) -> Select[*tuple[Any, ...]]:
    """Node, day, last number, number of entries and digest of the last one, of every day of the span; `until` is included."""
    last = func.max(Row.number).label("last")
    found = select(Row.node, Row.day, last, func.count().label("entries")).group_by(Row.day, Row.node)
    if since is not None:
        found = found.where(Row.day >= since)
    if until is not None:
        found = found.where(Row.day <= until)
    of_day = found.subquery()
    end = and_(Row.node == of_day.c.node, Row.number == of_day.c.last)
    columns = (of_day.c.node, of_day.c.day, of_day.c.last, of_day.c.entries, Row.digest)
    return select(*columns).join_from(of_day, Row, end).order_by(of_day.c.day, of_day.c.node)


def newest_day() -> Select[date | None]:
    """The last day that has an entry."""
    return select(func.max(Row.day))


def spans(day: date | None, lecture_id: str | None) -> Select[*tuple[Any, ...]]:
    """Node, first and last number of what there is, of a day, or of a lecture; all of a chain begins with 1."""
    whole = day is None and lecture_id is None
    first = literal(1) if whole else func.min(Row.number)
    found = select(Row.node, first, func.max(Row.number)).group_by(Row.node).order_by(Row.node)
    if day is not None:
        found = found.where(Row.day == day)
    return found if lecture_id is None else found.where(Row.lecture_id == lecture_id)


def digest(node: str, number: int) -> Select[bytes]:
    """The digest of an entry."""
    return select(Row.digest).where(Row.node == node, Row.number == number)
