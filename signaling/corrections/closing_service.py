"""Closing the books of a term (封账), and opening them again.

1. **Every closing and opening is a row of its own**, with who, when and why.
2. For a county unit its own row or the prefecture's counts, whichever is newer: the prefecture closes for all, and opens one or all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from signaling.api import etags
from signaling.api.problems import Problem
from signaling.auth.models import AuditEntry
from signaling.corrections import queries
from signaling.corrections.models import TermClosing
from signaling.corrections.rules import Term
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.terms_service import TermsService


@dataclass(frozen=True, slots=True)
class Books:
    """How the books of a term stand for a region; `version` is the number of the row that says so, 0 when none does."""

    state: Term
    version: int
    term: str | None = None


class ClosingService:
    """The door to closed terms; `zone` is that of the schools' days."""

    def __init__(
        self, db: Database, terms: TermsService, zone: tzinfo, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._db = db
        self._terms = terms
        self._zone = zone
        self._clock = clock

    async def history(self, regions: Collection[str] | None) -> list[tuple[TermClosing, str]]:
        """Return what was closed and opened, the newest first, with the names of the people."""
        async with self._db.reading() as session:
            return [(row, name) for row, name in await session.execute(queries.closings(regions))]

    async def books(self, region: str, term: str) -> Books:
        """Return how the books of a term stand for a region."""
        async with self._db.reading() as session:
            row = await session.scalar(queries.closing(region, term))
        return _books(row, term)

    async def at(self, region: str, moment: datetime) -> Books:
        """Return how the books stand of the term that a moment lies in; holidays belong to none and are never closed."""
        term = await self._terms.on_day(region, moment.astimezone(self._zone).date())
        return Books(Term.OPEN, 0) if term is None else await self.books(region, term.code)

    async def waiting(self, region: str | None, first: date, last: date) -> int:
        """Return how many corrections of lectures of some days wait to be decided."""
        since, until = (datetime.combine(day, time(), self._zone) for day in (first, last + timedelta(days=1)))
        async with self._db.reading() as session:
            return await session.scalar(queries.waiting_in(region, since, until)) or 0

    async def put(self, region: str, term: str, closed: bool, reason: str, actor: str, version: int) -> Books:
        """Close a term or open it again; raise 409 `already_so`, 412, or 422 `no_reason`."""
        if not closed and not reason:
            wrong = [{"field": "reason", "reason": "missing"}]
            raise Problem(422, "no_reason", "say why a closed term is opened again", errors=wrong)
        try:
            async with self._db.writing() as session:
                books = _books(await session.scalar(queries.closing(region, term)), term)
                if books.version != version:
                    raise etags.changed_meanwhile(books.version)
                if closed is (books.state is Term.CLOSED):
                    raise Problem(409, "already_so", f"the term is {books.state}", state=str(books.state))
                number = 1 + (await session.scalar(select(func.max(TermClosing.number))) or 0)
                about = {"region_code": region, "term": term, "closed": closed, "reason": reason}
                session.add(TermClosing(number=number, **about, by=actor, at=self._clock()))
                action = "term.closed" if closed else "term.reopened"
                detail = json.dumps({"reason": reason}, ensure_ascii=False)
                at = self._clock()
                session.add(AuditEntry(at=at, actor=actor, action=action, subject=f"{region}/{term}", detail=detail))
        except IntegrityError:
            raise etags.changed_meanwhile() from None
        return await self.books(region, term)


def _books(row: TermClosing | None, term: str) -> Books:
    if row is None:
        return Books(Term.OPEN, 0, term)
    return Books(Term.CLOSED if row.closed else Term.REOPENED, row.number, term)
