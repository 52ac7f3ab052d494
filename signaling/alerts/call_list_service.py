"""Whom to call: the schools of a lecture that are not connected, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import AlertsSettings
from signaling.alerts import queries
from signaling.alerts.models import Alert
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.queries import Scope

NEVER_PAIRED, NOT_ONLINE, LINE_BAD = "never_paired", "not_online", "line_bad"


@dataclass(frozen=True, slots=True)
class Line:
    """The last test of a school's line: whether it was good, and when."""

    good: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class AbsentClass:
    """An expected class of a school that is not connected."""

    name: str
    paired: bool
    last_seen_at: datetime | None


@dataclass(slots=True)
class AbsentSchool:
    """A school none of whose screens is there."""

    code: str
    county: str
    classes: int
    screens: int
    last_seen_at: datetime | None
    name: str = ""
    county_name: str = ""
    contacts: list[str] = field(default_factory=list)
    line: Line | None = None
    reminder: Alert | None = None
    items: list[AbsentClass] = field(default_factory=list)

    @property
    def reason(self) -> str:
        """Why it is not there, as far as the server can tell."""
        if not self.screens:
            return NEVER_PAIRED
        return NOT_ONLINE if self.line is None or self.line.good else LINE_BAD


@dataclass(frozen=True, slots=True)
class CallList:
    """The schools of a scope that are not connected, a page of them, of so many that are expected."""

    schools: list[AbsentSchool]
    total: int
    expected: int
    counties: dict[str, tuple[str, int, int]]


async def _nobody(lecture_id: str) -> Collection[str]:
    return frozenset()


class CallListService:
    """Reads who is missing. `present` gives the schools that watch a lecture which is on the air."""

    present: Callable[[str], Awaitable[Collection[str]]] = staticmethod(_nobody)

    def __init__(
        self,
        db: Database,
        settings: AlertsSettings,
        today: Callable[[], date],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._today = today
        self._clock = clock
        self._fresh = timedelta(seconds=settings.screen_seconds)

    async def absent(self, lecture_id: str, scope: Scope, limit: int, offset: int) -> CallList:
        """Return a page of the schools of a scope that are not connected, by county unit and code."""
        present = await self.present(lecture_id)
        since = self._clock() - self._fresh
        async with self._db.reading() as session:
            frozen = bool(await session.scalar(queries.is_frozen(lecture_id)))
            rows = await session.execute(queries.attending(lecture_id, self._today(), frozen=frozen))
            sights = await session.execute(queries.sights(lecture_id, self._today(), frozen=frozen))
            screens_of = {code: (screens, seen) for code, screens, seen in sights}
            expected: dict[str, int] = defaultdict(int)
            missing = []
            for code, county, classes in rows:
                if not scope.includes(county, code):
                    continue
                screens, seen = screens_of.get(code, (0, None))
                expected[county] += 1
                if code not in present and (seen is None or seen < since):
                    missing.append(AbsentSchool(code, county, classes, screens, seen))
            missing.sort(key=lambda one: (one.county, one.code))
            page = missing[offset : offset + limit]
            await self._complete(session, lecture_id, page, frozen)
            counties = await self._counties(session, expected, missing)
        return CallList(page, len(missing), sum(expected.values()), counties)

    async def _complete(self, session: AsyncSession, lecture_id: str, page: list[AbsentSchool], frozen: bool) -> None:
        """Add names, contacts, reminders and classes."""
        by_code = {one.code: one for one in page}
        for code, name, county, county_name in await session.execute(queries.names_of_schools(by_code)):
            by_code[code].name, by_code[code].county, by_code[code].county_name = name, county, county_name
        for node, name in await session.execute(queries.keepers(by_code)):
            by_code[node].contacts.append(name)
        for code, verdict, at in await session.execute(queries.lines(by_code)):
            by_code[code].line = Line(verdict != "bad", at)
        for alert in await session.scalars(queries.reminders(lecture_id, by_code)):
            by_code[alert.node].reminder = alert
        classes = queries.classes_of(lecture_id, self._today(), by_code, frozen=frozen)
        for code, name, screens, seen in await session.execute(classes):
            by_code[code].items.append(AbsentClass(name, screens > 0, seen))

    async def _counties(
        self, session: AsyncSession, expected: Mapping[str, int], missing: list[AbsentSchool]
    ) -> dict[str, tuple[str, int, int]]:
        """Return name, number of missing and of expected schools of each county unit."""
        absent: dict[str, int] = defaultdict(int)
        for one in missing:
            absent[one.county] += 1
        rows: Any = await session.execute(queries.names_of_regions(expected))
        return {code: (name, absent[code], expected[code]) for code, name in rows}
