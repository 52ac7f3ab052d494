"""Writing down what kept a node from watching: power cuts, networks, exams. The ledger is where faults are kept; there is no other table.

1. A fault holds for every lecture that it overlaps, those that are on now included; classes that watched all the same lose nothing.
2. Nothing is written down for a closed term, nor later than corrections are asked for.
3. What the server itself missed is not written down by hand: a window that was not sampled is in nobody's lecture.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select

from signaling.api import etags
from signaling.api.problems import Problem, not_found
from signaling.attendance.book import Fault as Told
from signaling.attendance.reports_service import ReportsService
from signaling.attendance.supposing import Supposed
from signaling.auth.models import AuditEntry, User
from signaling.corrections import queries, rules
from signaling.corrections.closing_service import ClosingService
from signaling.corrections.faults import Excused, FaultWish, check, excused, is_taken_back, newest
from signaling.db.base import utc_now, uuid7
from signaling.db.engine import Database
from signaling.directory.queries import Scope
from signaling.ledger.errors import LedgerUnavailable
from signaling.ledger.events import Subject
from signaling.ledger.facts import Fault, Kind, whole_milliseconds
from signaling.ledger.service import LedgerService
from signaling.presence.api import busy

WHERE: Final = Subject()
"""A fault is about no lecture."""


@dataclass(frozen=True, slots=True)
class Named:
    """A class, school or region with its name; `school_code` None for a region."""

    code: str
    name: str
    school_code: str | None
    region_code: str


@dataclass(frozen=True, slots=True)
class Known:
    """A fault with the place that it names and the name of who wrote it down last."""

    fault: Fault
    place: Named
    by: str

    @property
    def taken_back(self) -> bool:
        """Whether it counts nothing any more."""
        return is_taken_back(self.fault)


class FaultsService:
    """The door to faults; `days` is how long afterwards they are written down, `longest` how long they last."""

    def __init__(
        self,
        db: Database,
        reports: ReportsService,
        ledger: LedgerService,
        closing: ClosingService,
        days: int,
        longest: timedelta,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._reports = reports
        self._ledger = ledger
        self._closing = closing
        self._days = days
        self._longest = longest
        self._clock = clock
        self._one_change = asyncio.Lock()

    async def listing(self, scope: Scope) -> list[Known]:
        """Return the faults of nodes that touch what a scope covers, the latest first; those of a whole region concern its schools."""
        faults = newest(
            [told.fact async for told in self._ledger.facts(None, {Kind.FAULT}) if isinstance(told.fact, Fault)]
        )
        places = await self._places({one.scope for one in faults.values()})
        top, mine = await self._regions(scope)
        names = await self._names({one.by for one in faults.values()})
        found = []
        for one in faults.values():
            place = places.get(one.scope, Named(one.scope, one.scope, None, one.scope))
            if _concerns(place, scope, top, mine):
                found.append(Known(one, place, names.get(one.by, one.by)))
        return found

    async def one(self, fault_id: str, scope: Scope) -> Known:
        """Return a fault that a scope concerns; raise 404."""
        found = next((one for one in await self.listing(scope) if one.fault.fault_id == fault_id), None)
        if found is None:
            raise not_found("fault")
        return found

    async def preview(self, wish: FaultWish, scope: Scope, replaced: str | None = None) -> list[Excused]:
        """Return what a fault would change, lecture by lecture; `replaced` is the fault that it would take the place of."""
        place = await self._check(wish, scope)
        now = whole_milliseconds(self._clock())
        cover = await self._cover(place)
        told = Told(1 << 30, wish.cause, wish.scope, wish.begin, wish.end, now)
        also = Supposed(faults=((replaced or uuid7(), told),))
        async with self._db.reading() as session:
            rows = (await session.execute(queries.broadcasts_within(wish.begin, wish.end or now))).all()
        found = []
        for lecture_id, title, _, started_at, _ in rows:
            both = await self._reports.supposed(lecture_id, cover, also)
            if both is not None and both[0].total.classes and started_at is not None:
                found.append(excused((lecture_id, title, started_at), *both))
        return found

    async def record(self, wish: FaultWish, actor: str, scope: Scope) -> str:
        """Write a fault down; return its id. Raise 404, 409 `term_closed` or `too_late`, 422, 503 `busy`."""
        await self._check(wish, scope)
        fault_id = uuid7()
        await self._tell(wish, fault_id, 1, actor, "fault.recorded")
        return fault_id

    async def change(self, known: Known, version: int, end: datetime | None, actor: str, scope: Scope) -> None:
        """Say when a fault ended, or take it back (an `end` that is its begin); raise 404, 409, 412, 422 or 503 `busy`."""
        fault = known.fault
        back = end is not None and end <= fault.begin
        wish = FaultWish(fault.cause, fault.scope, fault.begin, fault.begin if back else end)
        async with self._one_change:
            now = (await self.one(fault.fault_id, scope)).fault
            if now.counter != version:
                raise etags.changed_meanwhile(now.counter)
            if is_taken_back(now):
                raise Problem(409, "taken_back", "the fault was taken back")
            await self._check(wish, scope, back=back)
            await self._tell(wish, fault.fault_id, version + 1, actor, "fault.changed")

    async def _check(self, wish: FaultWish, scope: Scope, *, back: bool = False) -> Named:
        """Return the place of a fault that may be written down."""
        place = (await self._places([wish.scope])).get(wish.scope)
        if place is None or not within(place, scope):
            raise not_found("node")
        now = self._clock()
        if not back:
            check(wish, now, self._longest)
        for region in await self._below(place):
            for moment in (wish.begin, wish.end or now):
                books = await self._closing.at(region, moment)
                rules.check_time(wish.end or now, now, self._days, books.state)
        return place

    async def _below(self, place: Named) -> list[str]:
        """Return the regions whose books a fault would touch: for one of the whole prefecture those of every county unit too."""
        async with self._db.reading() as session:
            counties = await session.scalars(queries.counties_of(place.code))
            return [place.region_code, *counties]

    async def _tell(self, wish: FaultWish, fault_id: str, counter: int, actor: str, action: str) -> None:
        at = self._clock()
        about = (fault_id, wish.cause, wish.scope, wish.begin, wish.end, actor, wish.cause, at, counter)
        try:
            await self._ledger.record(WHERE, Fault(*about))
        except LedgerUnavailable:
            raise busy("nothing can be written down") from None
        told = {"cause": wish.cause, "scope": wish.scope, "begin": str(wish.begin), "end": str(wish.end)}
        detail = json.dumps(told, ensure_ascii=False)
        async with self._db.writing() as session:
            session.add(AuditEntry(at=at, actor=actor, action=action, subject=fault_id, detail=detail))

    async def _cover(self, place: Named) -> Scope:
        top, _ = await self._regions(Scope(None))
        if place.code in top:
            return Scope(None)
        regions = frozenset({place.region_code})
        return Scope(regions) if place.school_code is None else Scope(regions, place.school_code)

    async def _places(self, scopes: Collection[str]) -> dict[str, Named]:
        found: dict[str, Named] = {}
        async with self._db.reading() as session:
            for statement in queries.places(scopes):
                found |= {row[0]: Named(*row) for row in await session.execute(statement)}
        return found

    async def _regions(self, scope: Scope) -> tuple[frozenset[str], frozenset[str]]:
        """Return the codes of the prefecture, and the regions that a scope lies in."""
        async with self._db.reading() as session:
            top = frozenset(await session.scalars(queries.tops()))
            if scope.school is None:
                return top, scope.regions or frozenset()
            mine = await session.scalar(queries.region_of(scope.school))
        return top, frozenset() if mine is None else frozenset({mine})

    async def _names(self, ids: Collection[str]) -> dict[str, str]:
        async with self._db.reading() as session:
            rows = await session.execute(select(User.id, User.name).where(User.id.in_(ids)))
            return {row[0]: row[1] for row in rows}


def within(place: Named, scope: Scope) -> bool:
    """Whether a scope covers all of a place."""
    if place.school_code is None:
        return scope.includes_region(place.region_code)
    return scope.includes(place.region_code, place.school_code)


def _concerns(place: Named, scope: Scope, top: frozenset[str], mine: frozenset[str]) -> bool:
    """Whether a fault of a place touches something that a scope covers: that of a region also its schools."""
    return within(place, scope) or place.code in top or (place.school_code is None and place.code in mine)
