"""Begins and ends rehearsals; what they are and are not says `rehearsals.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select

from config.settings import LiveSettings
from signaling.api.problems import Problem, not_found
from signaling.auth.trail import entry
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.live.broadcasts import SYSTEM, Actor
from signaling.live.events import BroadcastChanged, LiveEvent
from signaling.live.models import Broadcast, Rehearsal
from signaling.live.ports import Lectures
from signaling.live.rehearsals import is_rehearsal, new_id
from signaling.live.service import LiveService
from signaling.live.states import OVER, RUNNING, Event, State

log = structlog.get_logger(__name__)


class RehearsalService:
    """The door to rehearsals. At most one of a lecture goes on, and at most `settings.rehearsals` in all."""

    def __init__(
        self,
        db: Database,
        live: LiveService,
        lectures: Lectures,
        settings: LiveSettings,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._live = live
        self._lectures = lectures
        self._settings = settings
        self._clock = clock
        self._lock = asyncio.Lock()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._endings: set[asyncio.Task[None]] = set()
        live.listeners.append(self.handle)

    async def start(self) -> None:
        """Go on with what was rehearsed when the process before this one ended. Call it when broadcasts are restored."""
        for rehearsal in await self._open():
            self._end_in_time(rehearsal)

    async def stop(self) -> None:
        """Forget the timers; rehearsals go on with the next process."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        await asyncio.gather(*self._endings, return_exceptions=True)

    async def find(self, rehearsal_id: str) -> Rehearsal | None:
        """Return a rehearsal, over or not."""
        if not is_rehearsal(rehearsal_id):
            return None
        async with self._db.reading() as session:
            return await session.get(Rehearsal, rehearsal_id)

    async def going_on(self, lecture_id: str) -> Rehearsal | None:
        """Return the rehearsal of a lecture that is not over."""
        return next((one for one in await self._open() if one.lecture_id == lecture_id), None)

    async def begin(self, lecture_id: str, actor: str) -> Rehearsal:
        """Open a rehearsal, or return the one that goes on; raise 409 `has_begun`, `called_off` or `too_many_rehearsals`."""
        async with self._lock:
            await self._check(lecture_id)
            running = await self._open()
            own = next((one for one in running if one.lecture_id == lecture_id), None)
            if own is not None:
                return own
            if len(running) >= self._settings.rehearsals:
                raise Problem(409, "too_many_rehearsals", "too many rehearsals go on", most=self._settings.rehearsals)
            made = await self._add(lecture_id, actor)
            await self._live.transition(made.id, Event.OPEN, Actor(actor))
            self._end_in_time(made)
        if self._live.state(lecture_id) is not State.SCHEDULED:  # it opened while this was written
            await self.end(made.id)
            raise _has_begun(self._live.state(lecture_id))
        return made

    async def end(self, rehearsal_id: str, actor: Actor = SYSTEM) -> None:
        """End a rehearsal; one that is over stays so."""
        timer = self._timers.pop(rehearsal_id, None)
        if timer is not None:
            timer.cancel()
        if self._live.state(rehearsal_id) not in OVER:
            await self._live.transition(rehearsal_id, Event.END, actor)

    async def handle(self, event: LiveEvent) -> None:
        """End the rehearsals of a lecture that opens: a listener of the live service."""
        if isinstance(event, BroadcastChanged) and event.event is Event.OPEN:
            rehearsal = await self.going_on(event.lecture_id)
            if rehearsal is not None:
                await self.end(rehearsal.id)

    async def _check(self, lecture_id: str) -> None:
        lecture = await self._lectures.info(lecture_id)
        if lecture is None:
            raise not_found("lecture")
        if lecture.called_off_at is not None:
            raise Problem(409, "called_off", "the lecture was called off")
        state = self._live.state(lecture_id)
        if state is not State.SCHEDULED:
            raise _has_begun(state)

    async def _open(self) -> list[Rehearsal]:
        statement = select(Rehearsal).join(Broadcast, Broadcast.lecture_id == Rehearsal.id)
        async with self._db.reading() as session:
            return [*await session.scalars(statement.where(Broadcast.state.in_([*RUNNING])))]

    async def _add(self, lecture_id: str, actor: str) -> Rehearsal:
        now = self._clock()
        ends_at = now + timedelta(minutes=self._settings.rehearsal_minutes)
        made = Rehearsal(id=new_id(), lecture_id=lecture_id, created_by=actor, created_at=now, ends_at=ends_at)
        async with self._db.writing() as session:
            session.add_all([made, entry(now, actor, "lecture.rehearsed", lecture_id, {"rehearsal": made.id})])
        return made

    def _end_in_time(self, rehearsal: Rehearsal) -> None:
        seconds = max(0.0, (rehearsal.ends_at - self._clock()).total_seconds())
        loop = asyncio.get_running_loop()
        self._timers[rehearsal.id] = loop.call_later(seconds, self._time_is_over, rehearsal.id)

    def _time_is_over(self, rehearsal_id: str) -> None:
        ending = asyncio.get_running_loop().create_task(self._end_by_itself(rehearsal_id))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)

    async def _end_by_itself(self, rehearsal_id: str) -> None:
        try:
            await self.end(rehearsal_id)
        except Exception:
            log.exception("a rehearsal did not end", rehearsal=rehearsal_id)


def _has_begun(state: State) -> Problem:
    return Problem(409, "has_begun", "the lecture was opened already", state=state)
