"""Attendance on this node: samples deliveries, writes facts into the ledger, answers with reports."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import AttendanceSettings
from signaling.attendance import queries
from signaling.attendance.evidence import Evidence, judge, kinds
from signaling.attendance.frame import RegionName, Target
from signaling.attendance.metronome import Metronome
from signaling.attendance.policy import load_policy
from signaling.attendance.report import Report
from signaling.attendance.sampler import MONITOR, SampledRoom, Sampler
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.queries import Scope
from signaling.ledger.errors import LedgerUnavailable
from signaling.ledger.events import Note, Subject
from signaling.ledger.facts import Joined, Left, OnAir
from signaling.ledger.service import LedgerService
from signaling.live.events import BroadcastChanged, LiveEvent, ScreenJoined, ScreenLeft
from signaling.live.states import OVER, RUNNING

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LectureReport:
    """A report with its heading. `unit` is (display code, name) of the node that it was made for."""

    lecture_id: str
    title: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    as_of: datetime
    unit: tuple[str, str]
    report: Report


class AttendanceService:
    """What attendance writes into the ledger, and the reports that it makes of it.

    `room(lecture_id)` returns the lecture's room on this node, `hls(lecture_id)` the seconds delivered to screens over HLS since the
    call before. `handle` is a listener of the live service: when it
    returns, what it was given is durable; when nothing durable is left to write to, it raises `LedgerUnavailable`.
    """

    def __init__(
        self,
        db: Database,
        settings: AttendanceSettings,
        ledger: LedgerService,
        *,
        boot: str,
        room: Callable[[str], SampledRoom],
        hls: Callable[[str], Mapping[str, float]] = lambda lecture_id: {},
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._settings = settings
        self._ledger = ledger
        self._boot = boot[:16]
        self._clock = clock
        self._sampler = Sampler(room, window_seconds=settings.window_seconds, hls=hls)
        self._metronome = Metronome(self.tick, clock, settings.window_seconds)
        self._policy = load_policy(settings.policy)
        self._one_report = asyncio.Lock()

    async def start(self) -> None:
        """Go on with broadcasts that were running, begin to tick."""
        async with self._db.reading() as session:
            for broadcast_id, lecture_id in (await session.execute(queries.running())).all():
                self._sampler.track(broadcast_id, lecture_id)
        self._metronome.start()

    async def stop(self) -> None:
        """Stop ticking and write down the window that is under way."""
        await self._metronome.stop()
        await self.tick(self._clock())

    async def handle_all(self, events: Sequence[LiveEvent]) -> None:
        """Take facts in their order; screens that came and went one after the other share a commit.

        Raises what went wrong, after everything was tried.
        """
        failures: list[Exception] = []
        for step in self._steps(events):
            try:
                await step
            except Exception as error:
                failures.append(error)
        if failures:
            raise failures[0] if len(failures) == 1 else ExceptionGroup("some facts are not recorded", failures)

    def _steps(self, events: Sequence[LiveEvent]) -> Iterator[Awaitable[None]]:
        """Each step begins when the one before has ended."""
        for together, run in itertools.groupby(events, lambda event: isinstance(event, ScreenJoined | ScreenLeft)):
            if together:
                yield self._record([event for event in run if isinstance(event, ScreenJoined | ScreenLeft)])
            else:
                yield from map(self.handle, run)

    async def _record(self, events: Sequence[ScreenJoined | ScreenLeft]) -> None:
        notes = [self._presence(event) for event in events if not event.screen_id.startswith(MONITOR)]
        await self._ledger.record_all(notes)

    async def handle(self, event: LiveEvent) -> None:
        """Take a fact of the live broadcast; the same one twice changes nothing."""
        match event:
            case ScreenJoined() | ScreenLeft():
                await self._record([event])
            case BroadcastChanged():
                subject = Subject(event.lecture_id, event.broadcast_id)
                change = OnAir(event.from_state, event.to_state, event.at, event.event)
                await self._ledger.record_all([*self._sampler.changed(event), Note(subject, change)])
                if event.to_state in OVER:
                    self._ledger.forget(subject)
            case _:
                return

    async def tick(self, now: datetime) -> None:
        """Sample every running broadcast for the window that ends at `now`."""
        notes = self._sampler.tick(now)
        try:
            await self._ledger.record_all(notes)
        except LedgerUnavailable as error:
            log.error("attendance.window_waits", error=str(error), windows=len(notes))

    async def report(self, lecture_id: str, scope: Scope, node: str) -> LectureReport | None:
        """Return the report of a lecture for what `scope` covers; None when there is no such lecture.

        Folding a prefecture takes seconds of CPU, so that one report is made at a time, off the loop. Raises `DamagedEntry`.
        """
        async with self._one_report:
            as_of = self._clock()
            async with self._db.reading() as session:
                heading = (await session.execute(queries.heading(lecture_id))).one_or_none()
                if heading is None:
                    return None
                title, state, started_at, ended_at = heading
                targets, regions = await _targets(session, lecture_id, scope)
                terminals = (await session.execute(queries.terminals(lecture_id))).all()
                unit = await _unit(session, node)
            entries = await self._ledger.entries(lecture_id, kinds(self._policy))
            evidence = Evidence(targets, regions, entries, terminals)
            seconds, running = self._settings.window_seconds, state in RUNNING
            report = await asyncio.to_thread(judge, evidence, self._policy, seconds, running=running)
            return LectureReport(lecture_id, title, state or "scheduled", started_at, ended_at, as_of, unit, report)

    def _presence(self, event: ScreenJoined | ScreenLeft) -> Note:
        who = (event.session, event.screen_id, None, event.at)
        fact = Left(*who, event.reason) if isinstance(event, ScreenLeft) else Joined(*who, self._boot)
        return Note(Subject(event.lecture_id, event.broadcast_id), fact)


async def _targets(session: AsyncSession, lecture_id: str, scope: Scope) -> tuple[list[Target], list[RegionName]]:
    """Return the frozen classes of a scope, and the regions of a report about them."""

    async def rows(statement: Any) -> Sequence[Any]:
        return (await session.execute(statement)).all()

    targets = [Target(*row) for row in await rows(queries.targets(lecture_id))]
    targets = [target for target in targets if scope.includes(target.region_code, target.school_code)]
    there = {target.region_code for target in targets}
    regions = [
        RegionName(code, gb2260 or code, name)
        for code, gb2260, name, level in await rows(queries.regions())
        if code in there or (level == "county" and (scope.regions is None or code in scope.regions))
    ]
    return targets, regions


async def _unit(session: AsyncSession, node: str) -> tuple[str, str]:
    for statement in queries.unit_names(node):
        found = (await session.execute(statement)).one_or_none()
        if found is not None:
            return found[0], found[1]
    return node, node
