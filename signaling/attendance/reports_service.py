"""Reports of lectures: the book of the ledger, what the directory and the timetable know beside it, judged.

1. **One report is made at a time**, off the loop: folding a prefecture takes seconds of CPU.
2. A report as of now goes on from the book that is kept; one as of another time is read anew, and knows nothing that was recorded later.
3. What was frozen when a lecture was settled first (`frames`) counts instead of what the directory says today: names, terminals, which screens could
   report.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import AttendanceSettings
from signaling.attendance import queries
from signaling.attendance.book import Book
from signaling.attendance.decisions_service import DecisionsService
from signaling.attendance.evidence import report_of
from signaling.attendance.frame import Frame, RegionName, Target
from signaling.attendance.keeper import Shelf
from signaling.attendance.make_up import Progress, on_air, progress
from signaling.attendance.models import AttendanceFrame
from signaling.attendance.policies_service import PoliciesService
from signaling.attendance.policy import Policy
from signaling.attendance.report import LectureReport, Report
from signaling.attendance.settled import thaw
from signaling.attendance.state import ClassState, Reached, reached, states
from signaling.attendance.supposing import Step, Supposed, course, supposing
from signaling.auth.models import User
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.queries import Scope
from signaling.ledger.service import LedgerService
from signaling.live.states import OVER, RUNNING

FRESH: Final = timedelta(seconds=30)
REPLAY_TIME: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Heading:
    """What the timetable and the broadcast say of a lecture."""

    title: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    frame: Frame

    def as_it_was(self, as_of: datetime) -> Heading:
        """Return the heading as it was: what had not ended yet was live."""
        if self.started_at is not None and self.started_at > as_of:
            return replace(self, state="open", started_at=None, ended_at=None)
        if self.ended_at is not None and self.ended_at > as_of:
            return replace(self, state="live", ended_at=None)
        return self


@dataclass(frozen=True, slots=True)
class _Read:
    """What a report is made of."""

    heading: Heading
    frame: Frame
    book: Book
    then: datetime
    now: datetime
    revision: int

    def repeats(self, before: _Read) -> bool:
        """Whether a report that was made a moment ago still holds: the lecture is over, and nothing was told since."""
        return (
            self.book is before.book
            and self.revision == before.revision
            and self.heading.state not in RUNNING
            and self.now - before.now < FRESH
            and self.frame == before.frame
            and self.heading == before.heading
        )

    def report(self, book: Book) -> Report:
        """Return the report that a book gives."""
        return report_of(book, self.frame, self.then, running=self.heading.state in RUNNING)


class ReportsService:
    """Makes reports; `clock` says what now is."""

    def __init__(
        self, db: Database, settings: AttendanceSettings, ledger: LedgerService, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._db = db
        self._clock = clock
        self.policies = PoliciesService(settings, ledger, DecisionsService(db, clock))
        self._utc_offset = timedelta(hours=settings.report_utc_offset_hours)
        self._shelf = Shelf(ledger, settings.window_seconds)
        self._one_report = asyncio.Lock()
        self._frames: dict[str, tuple[datetime, Frame]] = {}  # those that boards asked for within `FRESH`
        self._last: tuple[_Read, Report] | None = None  # whoever exports one table exports the next one within seconds

    def render_share(self) -> float:
        """Return the share of a minute that a report must cover for the minute to count as played, by the policy in force."""
        share = self.policies.policy().rules(1).render_share
        return 1.0 if share is None else float(share)

    def replay_time(self) -> timedelta:
        """Return how long after its end a lecture may be made up, by the policy in force; without a rule two weeks."""
        credit = self.policies.policy().credit
        return REPLAY_TIME if credit is None else timedelta(days=credit.make_up.days)

    async def report(
        self,
        lecture_id: str,
        scope: Scope,
        node: str,
        *,
        policy: int | None = None,
        as_of: datetime | None = None,
    ) -> LectureReport | None:
        """Return the report of a lecture for what `scope` covers, by a version of the policy (else the one that holds for it) and as of a
        time when these are named.

        None when there is no such lecture. Raises `DamagedEntry` and `UnknownPolicy`.
        """
        rules = await self._rules(lecture_id, policy)
        async with self._one_report:
            read = await self._read(lecture_id, scope, rules, as_of)
            if read is None:
                return None
            if as_of is None and self._last is not None and read.repeats(self._last[0]):
                read, report = self._last
            else:
                report = await asyncio.to_thread(read.report, read.book)
            if as_of is None:
                self._last = read, report
            heading = read.heading
            async with self._db.reading() as session:
                unit = await _unit(session, node)
                names = await _names(session, read.book)
        ends = (heading.started_at, heading.ended_at, read.then)
        return LectureReport(lecture_id, heading.title, heading.state, *ends, unit, report, names, read.now)

    async def supposed(self, lecture_id: str, scope: Scope, also: Supposed) -> tuple[Report, Report] | None:
        """Return the report as things stand, and as they would stand; None when there is no such lecture. Raises `DamagedEntry`."""
        async with self._one_report:
            read = await self._read(lecture_id, scope, await self._rules(lecture_id), None)
            if read is None:
                return None
            book = read.book
            return await asyncio.to_thread(lambda: (read.report(book), read.report(supposing(book, also))))

    async def course(
        self, lecture_id: str, scope: Scope, policy: int, as_of: datetime, excusals: Collection[str]
    ) -> list[Step]:
        """Return what the corrections of a lecture changed, as of a time (`supposing.course`). Raises `DamagedEntry`."""
        async with self._one_report:
            read = await self._read(lecture_id, scope, self.policies.policy(policy), as_of)
            if read is None:
                return []
            return await asyncio.to_thread(course, read.book, read.frame, read.then, excusals)

    async def _rules(self, lecture_id: str, policy: int | None = None) -> Policy:
        return await self.policies.of(lecture_id) if policy is None else self.policies.policy(policy)

    async def _read(self, lecture_id: str, scope: Scope, rules: Policy, as_of: datetime | None) -> _Read | None:
        """Return everything that a report is made of; None when there is no such lecture."""
        now = self._clock()
        heading = await self._heading(lecture_id)
        if heading is None:
            return None
        then = now if as_of is None else min(as_of, now)
        heading = heading.as_it_was(then)
        frame = within(replace(heading.frame, started_at=heading.started_at, ended_at=heading.ended_at), scope)
        able = heading.frame.able
        if as_of is None:
            book = await self._shelf.book(lecture_id, rules, able)
        else:
            book = await self._shelf.book_as_of(lecture_id, rules, able, then)
        return _Read(heading, frame, book, then, now, book.revision)

    async def states(self, lecture_id: str, scope: Scope) -> dict[str, ClassState] | None:
        """Return how far each class of a scope has come at this instant; None when there is no such lecture. Raises `DamagedEntry`."""
        async with self._one_report:
            frame = await self._recent_frame(lecture_id)
            if frame is None:
                return None
            book = await self._shelf.book(lecture_id, await self._rules(lecture_id), frame.able)
            return await asyncio.to_thread(states, book, within(frame, scope))

    async def reached(self, lecture_id: str) -> dict[str, Reached] | None:
        """Return the levels that classes have reached at this instant; None when there is no such lecture. Raises `DamagedEntry`."""
        async with self._one_report:
            frame = await self._recent_frame(lecture_id)
            if frame is None:
                return None
            book = await self._shelf.book(lecture_id, await self._rules(lecture_id), frame.able)
            return await asyncio.to_thread(reached, book, frame, self._clock())

    async def make_up(self, lecture_id: str, class_id: str) -> Progress | None:
        """Return how far a class has come with making up a lecture; None when there is nothing of it. Raises `DamagedEntry`."""
        async with self._one_report:
            frame = await self._recent_frame(lecture_id)
            if frame is None:
                return None
            book = await self._shelf.book(lecture_id, await self._rules(lecture_id), frame.able)
            return await asyncio.to_thread(progress, book, frame, self._clock(), class_id)

    async def on_air(self, lecture_id: str) -> dict[int, int]:
        """Return the UTC minutes of a lecture that count, with their milliseconds on the air. Raises `DamagedEntry`."""
        async with self._one_report:
            frame = await self._recent_frame(lecture_id)
            if frame is None:
                return {}
            book = await self._shelf.book(lecture_id, await self._rules(lecture_id), frame.able)
            return await asyncio.to_thread(on_air, book, frame, self._clock())

    async def frame(self, lecture_id: str) -> Frame | None:
        """Return what is known of a lecture besides facts."""
        heading = await self._heading(lecture_id)
        return None if heading is None else heading.frame

    async def _recent_frame(self, lecture_id: str) -> Frame | None:
        """Return a frame that was read a moment ago: boards ask every few seconds, and 15,600 classes are half a second."""
        known, now = self._frames.get(lecture_id), self._clock()
        if known is not None and now - known[0] < FRESH:
            return known[1]
        heading = await self._heading(lecture_id)
        if heading is None:
            return None
        frame = replace(heading.frame, started_at=heading.started_at, ended_at=heading.ended_at)
        self._frames = {one: kept for one, kept in self._frames.items() if now - kept[0] < FRESH}
        self._frames[lecture_id] = now, frame
        return frame

    async def _heading(self, lecture_id: str) -> Heading | None:
        async with self._db.reading() as session:
            row = (await session.execute(queries.heading(lecture_id))).one_or_none()
            if row is None:
                return None
            title, state, started_at, ended_at, scheduled_at, minutes, audience, counts = row
            frozen = await session.get(AttendanceFrame, lecture_id)
            frame = await _frame(session, lecture_id) if frozen is None else thaw(frozen.packed)
        frame = replace(
            frame, audience=audience, counts=counts, planned=(scheduled_at, minutes), utc_offset=self._utc_offset
        )
        return Heading(title, state or "scheduled", started_at, ended_at if state in OVER else None, frame)


def within(frame: Frame, scope: Scope) -> Frame:
    """Return the part of a frame that a scope covers; county units are listed without a class too."""
    targets = [one for one in frame.targets if scope.includes(one.region_code, one.school_code)]
    there = {one.region_code for one in targets}
    regions = [
        one
        for one in frame.regions
        if one.code in there or (one.county and (scope.regions is None or one.code in scope.regions))
    ]
    return replace(frame, targets=targets, regions=regions)


async def _frame(session: AsyncSession, lecture_id: str) -> Frame:
    async def rows(statement: Any) -> Sequence[Any]:
        return (await session.execute(statement)).all()

    regions = await rows(queries.regions())
    terminals = await rows(queries.terminals(lecture_id))
    return Frame(
        [Target(*row) for row in await rows(queries.targets(lecture_id))],
        [RegionName(code, gb2260 or code, name, level == "county") for code, gb2260, name, level in regions],
        {screen: number for screen, number, _ in terminals},
        frozenset(screen for screen, _, key in terminals if key is not None),
        everywhere=frozenset(code for code, _, _, level in regions if level == "prefecture"),
    )


async def _names(session: AsyncSession, book: Book) -> Mapping[str, str]:
    """Return the names of the users who confirmed something."""
    people = {count.by for counts in book.headcounts.values() for count in counts.values()}
    return dict([tuple(row) for row in await _users(session, people)])


async def _users(session: AsyncSession, ids: Iterable[str]) -> Sequence[Any]:
    wanted = sorted(ids)
    return (await session.execute(select(User.id, User.name).where(User.id.in_(wanted)))).all() if wanted else []


async def _unit(session: AsyncSession, node: str) -> tuple[str, str]:
    for statement in queries.unit_names(node):
        found = (await session.execute(statement)).one_or_none()
        if found is not None:
            return found[0], found[1]
    return node, node
