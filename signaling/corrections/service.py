"""Corrections: asked for, decided by somebody else, written into the ledger.

1. **The decision comes first, then the fact**: the row of the outcome settles who was first; the fact has the same time and id, however often it is told.
   `telling_service` tells what a crash between the two left untold.
2. The newest correction of a field counts; the one before stays in the ledger, and the settled decision before stays as a revision.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from signaling.api import etags
from signaling.api.problems import Problem, not_found
from signaling.attendance.reports_service import ReportsService
from signaling.auth.identity import Principal
from signaling.auth.models import AuditEntry
from signaling.corrections import queries, rules
from signaling.corrections.closing_service import ClosingService
from signaling.corrections.effect import CLASS, COUNTY, SCHOOL, Aired, Effect, Wish, check, effect, supposed
from signaling.corrections.models import Correction, CorrectionOutcome
from signaling.corrections.queries import CorrectionFilter
from signaling.corrections.telling_service import TellingService
from signaling.corrections.values import Listed, Place
from signaling.db.base import utc_now, uuid7
from signaling.db.engine import Database
from signaling.directory.models import Region, School
from signaling.directory.queries import Scope, number_of
from signaling.ledger.facts import whole_milliseconds

ACTIONS: Final = {
    rules.APPROVED: "correction.approved",
    rules.REJECTED: "correction.rejected",
    rules.WITHDRAWN: "correction.withdrawn",
}


class CorrectionsService:
    """The door to corrections; `days` is how long after a lecture they are asked for."""

    def __init__(
        self,
        db: Database,
        reports: ReportsService,
        telling: TellingService,
        closing: ClosingService,
        days: int,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._reports = reports
        self._telling = telling
        self._closing = closing
        self._days = days
        self._clock = clock

    async def listing(
        self, scope: Scope, wanted: CorrectionFilter, limit: int, offset: int
    ) -> tuple[list[Listed], int]:
        """Return a page of the corrections that a scope covers, what waits first, and how many there are."""
        statement = queries.corrections(scope, wanted)
        async with self._db.reading() as session:
            total = await session.scalar(number_of(statement.with_only_columns(Correction.id))) or 0
            rows = await session.execute(statement.limit(limit).offset(offset))
            return [Listed(*row) for row in rows], total

    async def waiting_for(self, scope: Scope, user_id: str) -> int:
        """Return how many corrections that a scope covers wait for this person to decide: none of their own."""
        async with self._db.reading() as session:
            return await session.scalar(queries.waiting_for(scope, user_id)) or 0

    async def one(self, correction_id: str, scope: Scope) -> Listed:
        """Return a correction that a scope covers; raise 404."""
        async with self._db.reading() as session:
            row = (await session.execute(queries.correction(correction_id, scope))).one_or_none()
        if row is None:
            raise not_found("correction")
        return Listed(*row)

    async def seen(self, wish: Wish, scope: Scope) -> tuple[Place, Effect]:
        """Return what a wish would change if it were granted now; raise 404, 409 or 422 as `ask` does."""
        place, aired = await self._place(wish, scope)
        check(wish, place.level)
        await self._check_time(place, aired)
        return place, await self._effect(wish, place, aired, uuid7())

    async def effect_of(self, found: Listed) -> Effect:
        """Return what a correction would change if it were approved now."""
        return await self._effect(
            found.wish, found.place, await self._telling.aired(found.row.lecture_id), found.row.id
        )

    async def ask(self, wish: Wish, principal: Principal, scope: Scope) -> str:
        """Ask for a correction; return its id. Raise 404, 409 `not_ended`, `too_late`, `term_closed`, `changes_nothing`, `already_asked` or 422."""
        place, seen = await self.seen(wish, scope)
        _check_does(seen)
        async with self._db.writing() as session:
            if await session.scalar(queries.waiting(wish.lecture_id, wish.scope, wish.field)) is not None:
                raise Problem(409, "already_asked", "a correction of the same waits to be decided")
            row = Correction(
                lecture_id=wish.lecture_id,
                scope=place.scope,
                level=place.level,
                school_code=place.school_code,
                region_code=place.region_code,
                field=wish.field,
                old=seen.now,
                new=wish.new,
                reason=wish.reason,
                note=wish.note,
                evidence=wish.evidence,
                unit=principal.node,
                unit_name=await _name(session, principal.node),
                requested_by=principal.user_id,
                requested_at=self._clock(),
            )
            session.add(row)
            await session.flush()
            self._audit(session, principal.user_id, "correction.requested", row)
        return row.id

    async def decide(
        self, correction_id: str, action: str, note: str, principal: Principal, scope: Scope, seen: Effect | None
    ) -> None:
        """Approve, reject or withdraw; `seen` is what the approver saw. Raise 403, 404, 409, 412 or 503 `busy`."""
        found = await self.one(correction_id, scope)
        state = rules.after(found.state, action)
        rules.check_person(action, principal.user_id, found.row.requested_by)
        aired = await self._telling.aired(found.row.lecture_id)
        if action == "approve":
            await self._check_approval(found, aired, seen)
        row = found.row
        try:
            async with self._db.writing() as session:
                before = await session.scalar(queries.approved_before(row.lecture_id, row.scope, row.field))
                outcome = CorrectionOutcome(
                    correction_id=row.id,
                    requested_by=row.requested_by,
                    outcome=state,
                    decided_by=principal.user_id,
                    note=note,
                    old="" if seen is None else seen.now,
                    supersedes=before if action == "approve" else None,
                    at=whole_milliseconds(self._clock()),
                )
                session.add(outcome)
                self._audit(session, principal.user_id, ACTIONS[state], row)
        except IntegrityError:
            raise etags.changed_meanwhile() from None
        if action == "approve":
            await self._telling.tell(row, outcome, aired)

    async def _check_approval(self, found: Listed, aired: Aired, seen: Effect | None) -> None:
        rules.check_term((await self._closing.at(found.row.region_code, aired.started_at or self._clock())).state)
        now = await self._effect(found.wish, found.place, aired, found.row.id)
        if seen is None or now.version != seen.version:
            raise etags.changed_meanwhile(now.version)
        _check_does(now)

    async def _check_time(self, place: Place, aired: Aired) -> None:
        now = self._clock()
        books = await self._closing.at(place.region_code, aired.started_at or now)
        rules.check_time(aired.ended_at, now, self._days, books.state)

    async def _place(self, wish: Wish, scope: Scope) -> tuple[Place, Aired]:
        async with self._db.reading() as session:
            found = (await session.execute(queries.target(wish.lecture_id, wish.scope))).one_or_none()
        if found is None:
            raise not_found("class of this lecture")
        school, region = found
        level = SCHOOL if wish.scope == school else COUNTY if wish.scope == region else CLASS
        inside = scope.includes_region(region) if level == COUNTY else scope.includes(region, school)
        if not inside:
            raise not_found("class of this lecture")
        place = Place(wish.scope, level, None if level == COUNTY else school, region)
        return place, await self._telling.aired(wish.lecture_id)

    async def _effect(self, wish: Wish, place: Place, aired: Aired, correction_id: str) -> Effect:
        also = supposed(wish, place.level, correction_id, whole_milliseconds(self._clock()), aired)
        both = await self._reports.supposed(wish.lecture_id, place.cover, also)
        if both is None:
            raise not_found("lecture")
        return effect(wish, place.level, *both)

    def _audit(self, session: AsyncSession, actor: str, action: str, row: Correction) -> None:
        told: Mapping[str, Any] = {name: getattr(row, name) for name in ("lecture_id", "scope", "field", "old", "new")}
        detail = json.dumps({**told, "reason": row.reason}, ensure_ascii=False)
        session.add(AuditEntry(at=self._clock(), actor=actor, action=action, subject=row.id, detail=detail))


def _check_does(seen: Effect) -> None:
    if not seen.does:
        raise Problem(409, "changes_nothing", "the class would not read as wanted after this", now=seen.now)


async def _name(session: AsyncSession, node: str) -> str:
    for column, code in ((School.name, School.code), (Region.name, Region.code)):
        found = await session.scalar(select(column).where(code == node))
        if found is not None:
            return found
    return node
