"""The attendance ledger of this node: takes facts, samples deliveries, answers with reports."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import AttendanceSettings
from signaling.attendance import queries
from signaling.attendance.events import Entry, PresenceFact, WindowFact
from signaling.attendance.evidence import Evidence, judge
from signaling.attendance.frame import RegionName, Target
from signaling.attendance.journal import Journal
from signaling.attendance.ledger import Ledger, LedgerUnavailable
from signaling.attendance.metronome import Metronome
from signaling.attendance.models import AttendanceFact, DeliveryWindow, RosterEntry
from signaling.attendance.packing import pack
from signaling.attendance.policy import load_policy
from signaling.attendance.report import Report
from signaling.attendance.sampler import MONITOR, SampledRoom, Sampler
from signaling.db.base import Base, utc_now, uuid7
from signaling.db.engine import Database
from signaling.directory.models import Screen
from signaling.directory.queries import Scope
from signaling.live.events import BroadcastChanged, LiveEvent, ScreenJoined, ScreenLeft
from signaling.live.states import OVER, RUNNING

log = structlog.get_logger(__name__)

JOURNAL = "attendance.journal"
CHUNK = 5000  # values of one IN list; both databases take more


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
    """The door to the ledger.

    `room(lecture_id)` returns the lecture's room on this node, `hls(lecture_id)` the seconds delivered to screens over HLS since the
    call before. `handle` is a listener of the live service: when it
    returns, what it was given is durable; when nothing durable is left to write to, it raises `LedgerUnavailable`.
    """

    def __init__(
        self,
        db: Database,
        settings: AttendanceSettings,
        *,
        node: str,
        boot: str,
        data_dir: Path,
        room: Callable[[str], SampledRoom],
        hls: Callable[[str], Mapping[str, float]] = lambda lecture_id: {},
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._settings = settings
        self._node = node
        self._boot = boot[:16]
        self._clock = clock
        self._sampler = Sampler(room, node=node, boot=self._boot, window_seconds=settings.window_seconds, hls=hls)
        self.ledger = Ledger(
            self._store,
            Journal(data_dir / JOURNAL, settings.journal_bytes),
            capacity=settings.facts_waiting,
            store_seconds=settings.store_seconds,
        )
        self._metronome = Metronome(self.tick, clock, settings.window_seconds)
        self._slots: dict[tuple[str, str], dict[str, int]] = {}
        self._policy = load_policy(settings.policy)
        self._one_report = asyncio.Lock()

    async def start(self) -> None:
        """Replay the journal, go on with broadcasts that were running, begin to tick."""
        await self.ledger.retry()
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
        facts = [self._presence(event) for event in events if not event.screen_id.startswith(MONITOR)]
        if facts:
            await self.ledger.add(facts)

    async def handle(self, event: LiveEvent) -> None:
        """Take a fact of the live broadcast; the same one twice changes nothing."""
        match event:
            case ScreenJoined() | ScreenLeft():
                await self._record([event])
            case BroadcastChanged():
                rows = self._sampler.changed(event)
                if rows:
                    await self.ledger.add(rows)
                if event.to_state in OVER:  # a roster is some megabytes of a prefecture; what comes late reads it again
                    self._slots.pop((event.broadcast_id, self._node), None)
            case _:
                return

    async def tick(self, now: datetime) -> None:
        """Sample every running broadcast for the window that ends at `now`, and retry what could not be stored before."""
        rows = self._sampler.tick(now)
        try:
            if rows:
                await self.ledger.add(rows)
        except LedgerUnavailable as error:
            log.error("attendance.window_waits", error=str(error), rows=len(rows))
        if self.ledger.degraded or self.ledger.waiting or self.ledger.journal_bytes:
            await self.ledger.retry()

    async def report(self, lecture_id: str, scope: Scope, node: str) -> LectureReport | None:
        """Return the report of a lecture for what `scope` covers; None when there is no such lecture.

        Folding a prefecture takes seconds of CPU, so that one report is made at a time, off the loop. Raises `DamagedLedger`.
        """
        async with self._one_report:
            as_of = self._clock()
            async with self._db.reading() as session:
                heading = (await session.execute(queries.heading(lecture_id))).one_or_none()
                if heading is None:
                    return None
                title, state, started_at, ended_at = heading
                evidence = await _evidence(session, lecture_id, scope)
                unit = await _unit(session, node)
            seconds, running = self._settings.window_seconds, state in RUNNING
            report = await asyncio.to_thread(judge, evidence, self._policy, seconds, running=running)
            return LectureReport(lecture_id, title, state or "scheduled", started_at, ended_at, as_of, unit, report)

    def _presence(self, event: ScreenJoined | ScreenLeft) -> PresenceFact:
        left = isinstance(event, ScreenLeft)
        return PresenceFact(
            "left" if left else "joined",
            event.session,
            self._node,
            event.lecture_id,
            event.broadcast_id,
            event.screen_id,
            event.at,
            self._boot,
            event.reason if isinstance(event, ScreenLeft) else "",
        )

    async def _store(self, entries: Sequence[Entry]) -> None:
        """Write entries in one transaction; what is there already is left alone."""
        try:
            async with self._db.writing() as session:
                await self._store_presence(session, [e for e in entries if isinstance(e, PresenceFact)])
                for entry in entries:
                    if isinstance(entry, WindowFact):
                        await self._store_window(session, entry)
        except BaseException:
            self._slots.clear()  # what became of the transaction is not known: read the roster again
            raise

    async def _store_presence(self, session: AsyncSession, facts: Sequence[PresenceFact]) -> None:
        class_of = await _class_of(session, {fact.screen_id for fact in facts})
        rows = [
            {
                "id": uuid7(),
                "key": fact.key,
                "kind": fact.kind,
                "node": fact.node,
                "session": fact.session,
                "lecture_id": fact.lecture_id,
                "broadcast_id": fact.broadcast_id,
                "screen_id": fact.screen_id,
                "class_id": class_of.get(fact.screen_id),
                "at": fact.at,
                "data": json.dumps({"boot": fact.boot} | ({"reason": fact.reason} if fact.reason else {})),
            }
            for fact in facts
        ]
        await self._insert(session, AttendanceFact, rows)

    async def _store_window(self, session: AsyncSession, fact: WindowFact) -> None:
        slots = await self._slots_for(session, fact)
        entries = [(slots[screen], advance, lost) for screen, advance, lost in fact.deliveries]
        row = {
            "id": uuid7(),
            "node": fact.node,
            "lecture_id": fact.lecture_id,
            "broadcast_id": fact.broadcast_id,
            "window_no": fact.window_no,
            "boot": fact.boot,
            "part": fact.part,
            "published": fact.published,
            "flowing_ms": fact.flowing_ms,
            "packed": await asyncio.to_thread(pack, fact.published, entries),
        }
        await self._insert(session, DeliveryWindow, [row])

    async def _slots_for(self, session: AsyncSession, fact: WindowFact) -> dict[str, int]:
        """Return the roster of the fact's broadcast, with a slot for each of its screens."""
        key = (fact.broadcast_id, fact.node)
        if key not in self._slots:
            self._slots[key] = dict((await session.execute(queries.slots(*key))).all())
        slots = self._slots[key]
        new = [screen for screen, _, _ in fact.deliveries if screen not in slots]
        class_of = await _class_of(session, new)
        rows: list[dict[str, Any]] = []
        for screen in new:
            slots[screen] = len(slots)
            named = {"broadcast_id": key[0], "node": key[1], "slot": slots[screen], "screen_id": screen}
            rows.append({**named, "class_id": class_of.get(screen)})
        await self._insert(session, RosterEntry, rows)
        return slots

    async def _insert(self, session: AsyncSession, model: type[Base], rows: list[dict[str, Any]]) -> None:
        if rows:
            insert = sqlite.insert if self._db.is_sqlite else postgresql.insert
            await session.execute(insert(model).on_conflict_do_nothing(), rows)


async def _class_of(session: AsyncSession, screens: Iterable[str]) -> dict[str, str]:
    ids = list(screens)
    found: dict[str, str] = {}
    for start in range(0, len(ids), CHUNK):
        statement = select(Screen.id, Screen.class_id).where(Screen.id.in_(ids[start : start + CHUNK]))
        found.update((await session.execute(statement)).all())
    return found


async def _evidence(session: AsyncSession, lecture_id: str, scope: Scope) -> Evidence:
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
    return Evidence(
        targets,
        regions,
        await rows(queries.windows(lecture_id)),
        await rows(queries.roster(lecture_id)),
        await rows(queries.facts(lecture_id)),
        await rows(queries.terminals(lecture_id)),
    )


async def _unit(session: AsyncSession, node: str) -> tuple[str, str]:
    for statement in queries.unit_names(node):
        found = (await session.execute(statement)).one_or_none()
        if found is not None:
            return found[0], found[1]
    return node, node
