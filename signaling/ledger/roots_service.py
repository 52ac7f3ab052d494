"""Looks at the chains as a whole: roots of days, and whether every entry is what was recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Select

from signaling.db.engine import Database
from signaling.ledger import queries
from signaling.ledger.chain import GENESIS, Fault, Root, Verifier
from signaling.ledger.events import Entry

PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a node's chain: entries from `first` to `until`, of which that with the number `last` has to be there.

    One more on either side than was asked for: what was moved out of a day or a lecture is found there.
    """

    node: str
    first: int
    until: int
    last: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look at the chains came to."""

    entries: int
    nodes: int
    fault: Fault | None


@dataclass(frozen=True, slots=True)
class Noted:
    """A root that somebody noted: the digest of entry `number` of a node."""

    node: str
    day: str
    number: int
    root: str


class RootsService:
    """Reads entries by pages, each in a transaction of its own: a chain only grows."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def roots(self, since: date | None = None, until: date | None = None) -> list[Root]:
        """Return the roots of the days in order, each day's nodes by name; `until` is included."""
        async with self._db.reading() as session:
            rows = (await session.execute(queries.days(since, until))).all()
            return [Root(node, day, number, entries, bytes(root)) for node, day, number, entries, root in rows]

    async def newest_day(self) -> date | None:
        """Return the last day that has an entry."""
        async with self._db.reading() as session:
            return await session.scalar(queries.newest_day())

    async def verify(self, day: date | None = None, lecture_id: str | None = None) -> Verdict:
        """Follow the chains, all of them or what is needed for a day or a lecture, up to the first wrong entry."""
        spans = await self._spans(queries.spans(day, lecture_id))
        verifier = Verifier()
        for span in spans:
            before = await self._digest(span.node, span.first - 1)
            verifier.begin(span.node, span.first - 1, before)
            async for page in self._pages(span):
                if await asyncio.to_thread(verifier.take, page) is not None:
                    break
            if verifier.close(span.last) is not None:
                break
        return Verdict(verifier.entries, len({span.node for span in spans}), verifier.fault)

    async def differing(self, noted: Iterable[Noted]) -> list[Noted]:
        """Return the roots that are not in the chains any more."""
        return [one for one in noted if (await self._digest(one.node, one.number) or b"").hex() != one.root]

    async def _spans(self, statement: Select[*tuple[Any, ...]]) -> list[Span]:
        async with self._db.reading() as session:
            rows = (await session.execute(statement)).all()
        return [Span(node, max(1, first - 1), last + 1, last) for node, first, last in rows]

    async def _digest(self, node: str, number: int) -> bytes | None:
        """Return the digest of an entry; that before the first one is known."""
        if number == 0:
            return GENESIS
        async with self._db.reading() as session:
            found = await session.scalar(queries.digest(node, number))
        return None if found is None else bytes(found)

    async def _pages(self, span: Span) -> AsyncIterator[list[Entry]]:
        after = span.first - 1
        while after < span.until:
            async with self._db.reading() as session:
                rows = (await session.execute(queries.chain(span.node, after, span.until, PAGE))).all()
            if not rows:
                return
            page = [queries.entry(row) for row in rows]
            yield page
            after = page[-1].header.number
