"""Urging: who is missing right now, notices to their schools, and the receipts.

1. **What is written is never changed**: an urging, its schools, what became of it and calls are rows of their own.
2. An urging and its messages are written in one transaction, behind the lecture's row: two people who press at once urge a school once.
3. Who is missing is asked of the board (`roll`) at that moment; nothing of it is kept but how many were missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import AlertsSettings
from signaling.alerts import queries, urging_queries
from signaling.alerts.messages import Message
from signaling.alerts.models import SchoolCall, UrgedSchool, Urging, UrgingReceipt
from signaling.alerts.outbox_service import News, Outbox
from signaling.alerts.urging import Choice, MissingSchool, Plan, is_connected, plan
from signaling.alerts.urging_values import Call, Listed, Receipt, Roll, Summary
from signaling.api.problems import Problem, not_found
from signaling.auth.identity import Principal
from signaling.auth.trail import entry
from signaling.db.base import utc_now, uuid7
from signaling.db.engine import Database
from signaling.directory.models import Region
from signaling.directory.queries import Scope
from signaling.lectures.models import Lecture

RUNNING: Final = frozenset({"open", "live", "paused"})
KEPT: Final = timedelta(hours=12)
"""How long after it an urging is followed, and shown at the school: no lecture takes longer."""
RULE: Final = "urged"


async def _nobody(lecture_id: str) -> list[MissingSchool]:
    return []


class UrgingService:
    """The door to urging. `roll` gives the schools with missing classes, `state_of` the state of a broadcast; both set by the composition root."""

    roll: Callable[[str], Awaitable[list[MissingSchool]]] = staticmethod(_nobody)
    state_of: Callable[[str], str] = staticmethod(lambda lecture_id: "scheduled")

    def __init__(
        self, db: Database, settings: AlertsSettings, outbox: Outbox, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._db = db
        self._outbox = outbox
        self._clock = clock
        self._pause = timedelta(minutes=settings.urge_minutes)

    async def missing(self, lecture_id: str, scope: Scope, choice: Choice, limit: int, offset: int) -> Roll:
        """Return a page of the schools of which classes are missing, the most missing ones of each county unit first."""
        covered = await self._covered(lecture_id, scope)
        chosen = choice.of(covered)
        chosen.sort(key=lambda one: (one.county, -len(one.classes), one.code))
        page = [Listed(one) for one in chosen[offset : offset + limit]]
        reasons: dict[str, int] = defaultdict(int)
        counties: dict[str, tuple[str, int]] = {}
        for one in covered:
            counties[one.county] = one.county_name, counties.get(one.county, ("", 0))[1] + 1
            for made in one.classes:
                reasons[made.reason] += 1
        async with self._db.reading() as session:
            await self._complete(session, lecture_id, page)
        told = [(code, name, count) for code, (name, count) in sorted(counties.items())]
        return Roll(page, len(chosen), sum(len(one.classes) for one in chosen), dict(reasons), told)

    async def _complete(self, session: AsyncSession, lecture_id: str, page: list[Listed]) -> None:
        by_code = {one.school.code: one for one in page}
        for node, name in await session.execute(queries.keepers(by_code)):
            by_code[node].contacts.append(name)
        for code, at, name in await session.execute(urging_queries.calls(lecture_id, by_code)):
            by_code[code].called_at, by_code[code].called_by = at, name  # the latest comes last
        last: dict[str, str] = {}
        for code, urging_id, at in await session.execute(urging_queries.urged(lecture_id, by_code)):
            by_code[code].urged_at, last[code] = at, urging_id
        for code, urging_id, kind, at in await session.execute(urging_queries.receipts(lecture_id, by_code)):
            if last.get(code) == urging_id:
                by_code[code].receipts[kind] = at

    async def preview(
        self, lecture_id: str, scope: Scope, choice: Choice, note: str
    ) -> tuple[Plan, Message | None, int]:
        """Return who would be urged now, what the first of them would be told, and over how many channels beside the console."""
        chosen = choice.of(await self._covered(lecture_id, scope))
        async with self._db.reading() as session:
            planned = await self._plan(session, lecture_id, chosen)
            news = await self._news(session, lecture_id, planned, note, self._clock())
            message = None
            if news:
                message = await self._outbox.written(session, news[0], self._clock())
            return planned, message, await self._outbox.reach(session, news)

    async def send(
        self, lecture_id: str, scope: Scope, choice: Choice, note: str, actor: Principal
    ) -> tuple[str, Plan]:
        """Urge; return id and whom. Raise 409 `not_running`, `nobody_missing` or `urged_already`."""
        if self.state_of(lecture_id) not in RUNNING:
            raise Problem(409, "not_running", "the lecture is not open: there is nothing to connect to")
        chosen = choice.of(await self._covered(lecture_id, scope))
        now = self._clock()
        async with self._db.writing() as session:
            await session.execute(select(Lecture.id).where(Lecture.id == lecture_id).with_for_update())
            planned = await self._plan(session, lecture_id, chosen)
            if not planned.schools:
                if planned.recent:
                    raise Problem(409, "urged_already", "these schools were urged a moment ago")
                raise Problem(409, "nobody_missing", "no school of this choice is missing")
            made = Urging(id=uuid7(), lecture_id=lecture_id, node=actor.node, actor=actor.user_id, at=now, note=note)
            made.reasons = ",".join(choice.reasons)
            session.add(made)
            await session.flush()
            await session.execute(insert(UrgedSchool), [_row(made, one) for one in planned.schools])
            await self._outbox.add(session, await self._news(session, lecture_id, planned, note, now), now)
            detail: dict[str, Any] = {"schools": len(planned.schools), "classes": planned.classes, "note": note}
            session.add(entry(now, actor.user_id, "lecture.urged", lecture_id, detail | {"urging": made.id}))
            return made.id, planned

    async def _covered(self, lecture_id: str, scope: Scope) -> list[MissingSchool]:
        return [one for one in await self.roll(lecture_id) if scope.includes(one.county, one.code)]

    async def _plan(self, session: AsyncSession, lecture_id: str, chosen: list[MissingSchool]) -> Plan:
        now = self._clock()
        rows = await session.execute(urging_queries.urged_since(lecture_id, now - self._pause))
        return plan(chosen, {row[0]: row[1] for row in rows}, now, self._pause)

    async def _news(
        self, session: AsyncSession, lecture_id: str, planned: Plan, note: str, now: datetime
    ) -> list[News]:
        """Return what channels are told: those of a school of its own classes, those of the levels above of their schools."""
        occasion = int(now.timestamp())
        told = [
            News(RULE, RULE, lecture_id, one.code, occasion, True, len(one.classes), one.expected, note, "classes")
            for one in planned.schools
        ]
        counties: dict[str, int] = defaultdict(int)
        for one in planned.schools:
            counties[one.county] += 1
        above = await session.scalar(select(Region.code).where(Region.level == "prefecture"))
        if above is not None and planned.schools:
            counties[above] = len(planned.schools)
        return told + [
            News(RULE, RULE, lecture_id, node, occasion, True, number, 0, note, "schools")
            for node, number in counties.items()
        ]

    async def called(self, lecture_id: str, scope: Scope, code: str, actor: Principal, note: str) -> None:
        """Say that somebody called a school (已联系); may be said again, each time is kept. Raise 404."""
        now = self._clock()
        async with self._db.writing() as session:
            await self._own_school(session, scope, code)
            session.add(SchoolCall(lecture_id=lecture_id, school_code=code, at=now, actor=actor.user_id, note=note))
            session.add(entry(now, actor.user_id, "school.called", code, {"lecture": lecture_id, "note": note}))

    async def _own_school(self, session: AsyncSession, scope: Scope, code: str) -> None:
        region = await session.scalar(urging_queries.region_of(code))
        if region is None or not scope.includes(region, code):
            raise not_found("school")

    async def listing(self, lecture_id: str, scope: Scope) -> list[Summary]:
        """Return the urgings of a lecture, the latest first, each with what became of it in a scope."""
        async with self._db.reading() as session:
            rows = (await session.execute(urging_queries.listing(lecture_id, scope))).all()
        return [
            Summary(row[0], row[1], row[2], [one for one in row[3].split(",") if one], row[4], *row[5:]) for row in rows
        ]

    async def receipts(
        self, lecture_id: str, urging_id: str, scope: Scope, limit: int, offset: int
    ) -> tuple[list[Receipt], int]:
        """Return a page of an urging's schools in a scope, and how many there are; raise 404."""
        statement = urging_queries.schools(lecture_id, urging_id, scope)
        async with self._db.reading() as session:
            rows = (await session.execute(statement)).all()
            if not rows:
                raise not_found("urging")
            page = rows[offset : offset + limit]
            codes = [row[0] for row in page]
            told: dict[str, dict[str, tuple[datetime, str]]] = defaultdict(dict)
            for code, kind, at, name in await session.execute(urging_queries.receipts_of(urging_id, codes)):
                told[code][kind] = at, name
        return [_receipt(row, told[row[0]]) for row in page], len(rows)

    async def own(self, code: str) -> list[Call]:
        """Return the urgings that a school was sent about lectures that run, the latest of each lecture."""
        async with self._db.reading() as session:
            rows = (await session.execute(urging_queries.of_school(code, self._clock() - KEPT))).all()
            ids = [row[0] for row in rows]
            told: dict[str, dict[str, datetime]] = defaultdict(dict)
            for urging_id, kind, at in await session.execute(urging_queries.kinds_of(ids, code)):
                told[urging_id][kind] = at
        latest: dict[str, Call] = {}
        for row in rows:  # the latest first
            if self.state_of(row[1]) in RUNNING:
                known = told[row[0]]
                latest.setdefault(row[1], Call(**(row._asdict() | _times(known, "read", "connected"))))
        return list(latest.values())

    async def take(self, urging_id: str, code: str, kind: str, actor: str) -> None:
        """Keep what became of an urging at a school; the first time stands. Raise 404."""
        async with self._db.writing() as session:
            if await session.get(UrgedSchool, (urging_id, code), with_for_update=True) is None:
                raise not_found("urging")
            await _keep(session, urging_id, code, kind, actor, self._clock())

    async def follow(self) -> None:
        """Write down which urged schools are connected again."""
        async with self._db.reading() as session:
            rows = (await session.execute(urging_queries.unconnected(self._clock() - KEPT))).all()
        by_lecture: dict[str, list[tuple[str, str, list[str]]]] = defaultdict(list)
        for lecture_id, urging_id, code, reasons in rows:
            if self.state_of(lecture_id) in RUNNING:
                by_lecture[lecture_id].append((urging_id, code, [one for one in reasons.split(",") if one]))
        for lecture_id, waiting in by_lecture.items():
            missing = {one.code: one for one in await self.roll(lecture_id)}
            there = [
                (urging_id, code)
                for urging_id, code, reasons in waiting
                if is_connected(reasons or _SIGHTLESS, missing.get(code))
            ]
            if there:
                async with self._db.writing() as session:
                    for urging_id, code in there:
                        await _keep(session, urging_id, code, "connected", "system", self._clock())


_SIGHTLESS: Final = ("unpaired", "absent", "lost", "undelivered", "sound_blocked", "muted", "hidden", "still")


async def _keep(session: AsyncSession, urging_id: str, code: str, kind: str, actor: str, now: datetime) -> None:
    if await session.get(UrgingReceipt, (urging_id, code, kind)) is None:
        session.add(UrgingReceipt(urging_id=urging_id, school_code=code, kind=kind, at=now, actor=actor))


def _row(made: Urging, one: MissingSchool) -> dict[str, Any]:
    keys = {"urging_id": made.id, "school_code": one.code, "lecture_id": made.lecture_id, "county": one.county}
    return keys | {"missing": len(one.classes), "expected": one.expected, "at": made.at}


def _receipt(row: Any, told: dict[str, tuple[datetime, str]]) -> Receipt:
    times = _times({kind: at for kind, (at, _) in told.items()}, "delivered", "read", "connected")
    return Receipt(**(row._asdict() | times | {"read_by": told["read"][1] if "read" in told else ""}))


def _times(told: dict[str, datetime], *kinds: str) -> dict[str, Any]:
    return {f"{kind}_at": told.get(kind) for kind in kinds}
