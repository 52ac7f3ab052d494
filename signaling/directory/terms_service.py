"""Terms (学期) of county units: which there are, which one a day lies in, changing them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm.exc import StaleDataError

from config.settings import TermsSettings
from signaling.api import etags
from signaling.api.problems import Problem
from signaling.auth.models import AuditEntry
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.models import Region, Term
from signaling.directory.terms import Span, check, default_spans


class TermsService:
    """The door to the terms. A county unit without terms of its own has those of the prefecture."""

    def __init__(self, db: Database, days: TermsSettings, clock: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._days = days
        self._clock = clock

    async def seed(self, today: date) -> None:
        """Give the prefecture the usual terms of this school year and the next where it has none."""
        async with self._db.writing() as session:
            top = await session.scalar(select(Region.code).where(Region.level == "prefecture"))
            if top is None:
                return
            there = set(await session.scalars(select(Term.code).where(Term.region_code == top)))
            for code, span in default_spans(today, self._days):
                if code not in there:
                    session.add(Term(region_code=top, code=code, starts_on=span.starts_on, ends_on=span.ends_on))

    async def terms(self, regions: Sequence[str], year: int | None = None) -> list[Term]:
        """Return the own terms of the regions, the latest first; `year` is the one in which a school year begins."""
        statement = select(Term).where(Term.region_code.in_(regions))
        if year is not None:
            statement = statement.where(Term.code.startswith(f"{year}-"))
        async with self._db.reading() as session:
            return list(await session.scalars(statement.order_by(Term.code.desc(), Term.region_code)))

    async def one(self, region: str, code: str) -> Term | None:
        """Return a term, or None."""
        async with self._db.reading() as session:
            return await session.get(Term, (region, code))

    async def on_day(self, region: str, day: date) -> Term | None:
        """Return the term of a region that a day lies in, by its own calendar or else the prefecture's; None in the holidays."""
        async with self._db.reading() as session:
            parent = await session.scalar(select(Region.parent_code).where(Region.code == region))
            for code in (region, parent):
                own = list(await session.scalars(select(Term).where(Term.region_code == code)))
                for term in own:
                    if term.starts_on <= day <= term.ends_on:
                        return term
                if own:
                    return None
        return None

    async def put(self, region: str, code: str, span: Span, version: int | None, actor: str) -> Term:
        """Set a term; `version` is that of the one which it replaces, None for a new one. Raise 409, 412 or 422."""
        try:
            async with self._db.writing() as session:
                found = await session.get(Term, (region, code))
                if (found.version if found else None) != version:
                    raise etags.changed_meanwhile(found.version if found else None)
                others = await session.scalars(select(Term).where(Term.region_code == region, Term.code != code))
                check(code, span, [(other.code, Span(other.starts_on, other.ends_on)) for other in others], self._days)
                if found is None:
                    found = Term(region_code=region, code=code, starts_on=span.starts_on, ends_on=span.ends_on)
                    session.add(found)
                found.starts_on, found.ends_on = span.starts_on, span.ends_on
                detail = json.dumps({"starts_on": str(span.starts_on), "ends_on": str(span.ends_on)})
                subject = f"{region}/{code}"
                session.add(
                    AuditEntry(at=self._clock(), actor=actor, action="term.set", subject=subject, detail=detail)
                )
        except StaleDataError:
            raise etags.changed_meanwhile() from None
        return found

    async def remove(self, region: str, code: str, version: int, actor: str) -> None:
        """Take a term away; raise 404 or 412."""
        async with self._db.writing() as session:
            found = await session.get(Term, (region, code))
            if found is None:
                raise Problem(404, "not_found", "no such term")
            if found.version != version:
                raise etags.changed_meanwhile(found.version)
            await session.delete(found)
            subject = f"{region}/{code}"
            session.add(AuditEntry(at=self._clock(), actor=actor, action="term.removed", subject=subject))
