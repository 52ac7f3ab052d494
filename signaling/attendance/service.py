"""Attendance on this node: samples deliveries, writes facts into the ledger, answers with reports."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from config.settings import AttendanceSettings
from signaling.attendance import queries
from signaling.attendance.decisions_service import DecisionsService
from signaling.attendance.metronome import Metronome
from signaling.attendance.report import LectureReport
from signaling.attendance.reports_service import ReportsService
from signaling.attendance.sampler import MONITOR, Replays, SampledRoom, Sampler
from signaling.attendance.settling import Settler
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.queries import Scope
from signaling.ledger.errors import LedgerUnavailable
from signaling.ledger.events import Note, Subject
from signaling.ledger.facts import Joined, Left, OnAir, Ruled
from signaling.ledger.service import LedgerService
from signaling.live.events import BroadcastChanged, LiveEvent, ScreenJoined, ScreenLeft
from signaling.live.states import OVER, RUNNING, State
from signaling.operations.pulse import Pulse

log = structlog.get_logger(__name__)


class AttendanceService:
    """What attendance writes into the ledger, and the reports that it makes of it.

    `room(lecture_id)` returns the lecture's room on this node, `hls(lecture_id)` the seconds delivered to screens over HLS since the
    call before, `replays` what they were sent of recordings. `handle` is a listener of the live service: when it
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
        replays: Replays = dict,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._settings = settings
        self._ledger = ledger
        self._boot = boot[:16]
        self.clock = clock
        self._sampler = Sampler(room, window_seconds=settings.window_seconds, hls=hls, replays=replays)
        self._replayed: set[Subject] = set()
        self._metronome = Metronome(self.tick, clock, settings.window_seconds)
        self.reports = ReportsService(db, settings, ledger, clock)
        self.decisions = DecisionsService(db, clock)
        self.settler = Settler(self.reports, self.decisions, ledger, clock)
        self._settling = Pulse("attendance-settling", self.settler.round, settings.settle_seconds)

    async def start(self) -> None:
        """Go on with broadcasts that were running, begin to tick."""
        async with self._db.reading() as session:
            for broadcast_id, lecture_id in (await session.execute(queries.running())).all():
                self._sampler.track(broadcast_id, lecture_id)
        self._metronome.start()
        self._settling.start()

    async def stop(self) -> None:
        """Stop ticking and write down the window that is under way."""
        await self._settling.stop()
        await self._metronome.stop()
        await self.tick(self.clock(), last=True)

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
                facts: list[OnAir | Ruled] = [change, *await self._ruled(event)]
                await self._ledger.record_all([*self._sampler.changed(event), *(Note(subject, one) for one in facts)])
                if event.to_state in OVER:
                    self._ledger.forget(subject)
            case _:
                return

    async def _ruled(self, event: BroadcastChanged) -> list[Ruled]:
        """Return what says by which version of the policy a lecture goes that opens, or has begun without a word of that."""
        policies = self.reports.policies
        if event.from_state == State.SCHEDULED:
            return [Ruled(policies.policy().version, event.at)]
        if event.to_state not in RUNNING:
            return []
        try:
            known = await policies.told(event.lecture_id)
            return [] if known is not None else [Ruled((await policies.of(event.lecture_id)).version, event.at)]
        except SQLAlchemyError:  # the change itself goes into the journal; the next one asks again
            return []

    async def tick(self, now: datetime, last: bool = False) -> None:
        """Sample every running broadcast for the window that ends at `now`, and what was sent of recordings when a minute ends there."""
        notes, replays = self._sampler.tick(now), self._sampler.replayed(now, last)
        try:
            await self._ledger.record_all([*notes, *(replays or ())])
        except LedgerUnavailable as error:
            log.error("attendance.window_waits", error=str(error), windows=len(notes))
        if replays is not None:
            self._forget_replayed({note.subject for note in replays})

    def _forget_replayed(self, replayed: set[Subject]) -> None:
        """Let the rosters of broadcasts go that nobody watches any more at the moment."""
        for subject in self._replayed - replayed:
            self._ledger.forget(subject)
        self._replayed = replayed

    async def report(
        self,
        lecture_id: str,
        scope: Scope,
        node: str,
        *,
        policy: int | None = None,
        as_of: datetime | None = None,
    ) -> LectureReport | None:
        """Return the report of a lecture (`ReportsService.report`)."""
        return await self.reports.report(lecture_id, scope, node, policy=policy, as_of=as_of)

    def _presence(self, event: ScreenJoined | ScreenLeft) -> Note:
        who = (event.session, event.screen_id, None, event.at)
        fact = Left(*who, event.reason) if isinstance(event, ScreenLeft) else Joined(*who, self._boot)
        return Note(Subject(event.lecture_id, event.broadcast_id), fact)
