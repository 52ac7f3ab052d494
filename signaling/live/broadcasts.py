"""What memory knows of each broadcast, and how it changes.

1. **The database is written before memory and media follow**, with one exception:
2. **A cut stops the media before anything is awaited.** Until it is committed the broadcast is `barred`: nobody publishes or watches,
   and if the commit fails it stays barred and the cut may be repeated.
3. One lock a lecture orders transitions and publishing; the media plane never waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from signaling.api.problems import Problem, not_found
from signaling.live.events import BroadcastChanged, LiveEvent
from signaling.live.media import MediaPlane
from signaling.live.models import Broadcast
from signaling.live.ports import Lectures
from signaling.live.rehearsals import is_rehearsal
from signaling.live.states import CONNECTED, OVER, RUNNING, Event, IllegalTransition, State, advance


@dataclass(frozen=True, slots=True)
class Actor:
    """Who sends an event; `may_cut` is the right of prefecture and operator, also needed to resume after a cut."""

    id: str
    may_cut: bool = False


SYSTEM = Actor("system", may_cut=True)


@dataclass(slots=True)
class OnAir:
    """One lecture's broadcast as memory knows it; `broadcast_id` is None as long as it is `scheduled`."""

    lecture_id: str
    broadcast_id: str | None = None
    state: State = State.SCHEDULED
    fence: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    live_since: datetime | None = None
    on_air_seconds: float = 0.0
    barred: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def take(self, row: Broadcast) -> None:
        """Follow the database."""
        self.broadcast_id = row.id
        self.state = State(row.state)
        self.fence = row.fence
        self.started_at = row.started_at
        self.ended_at = row.ended_at
        self.live_since = row.live_since
        self.on_air_seconds = row.on_air_seconds

    @property
    def shown_state(self) -> State:
        """The state that people see: a cut shows at once."""
        return State.CUT if self.barred else self.state

    @property
    def takes_sessions(self) -> bool:
        """Whether a lecturer may publish and screens may connect."""
        return self.state in CONNECTED and not self.barred

    def on_air(self, now: datetime) -> float:
        """Return the seconds spent in state `live`."""
        running = (now - self.live_since).total_seconds() if self.live_since else 0.0
        return self.on_air_seconds + max(0.0, running)


class TransitionLog(Protocol):
    """The part of the database that transitions need."""

    async def broadcasts(self) -> list[Broadcast]: ...
    async def advance(self, lecture_id: str, event: Event, actor: str, at: datetime) -> Broadcast: ...


def illegal(error: IllegalTransition) -> Problem:
    """Return the problem of an event that the table does not have."""
    return Problem(409, "illegal_transition", "not possible now", str(error), state=error.state, event=error.event)


class Broadcasts:
    """All broadcasts, and the only place where one changes its state."""

    bar: Callable[[str, bool], None] = staticmethod(lambda lecture_id, cut: None)
    """Told of a cut before anything is awaited, and when it was none; set by the composition root for the recording's viewers."""

    def __init__(
        self,
        log: TransitionLog,
        plane: MediaPlane,
        lectures: Lectures,
        publish: Callable[[LiveEvent], None],
        wall: Callable[[], datetime],
    ) -> None:
        self._log = log
        self._plane = plane
        self._lectures = lectures
        self._publish = publish
        self._wall = wall
        self._entries: dict[str, OnAir] = {}

    async def restore(self) -> None:
        """Load what the database knows; a broadcast that was live is live again, with the same id."""
        for row in await self._log.broadcasts():
            entry = self.entry(row.lecture_id)
            entry.take(row)
            if entry.state in RUNNING:
                self._apply(entry)

    def peek(self, lecture_id: str) -> OnAir:
        """Return the entry of a lecture; a lecture that never opened gives a fresh one that is not kept."""
        return self._entries.get(lecture_id) or OnAir(lecture_id)

    def known(self) -> list[OnAir]:
        """Return every broadcast that was ever opened."""
        return list(self._entries.values())

    def entry(self, lecture_id: str) -> OnAir:
        """Return the kept entry of a lecture that exists."""
        return self._entries.setdefault(lecture_id, OnAir(lecture_id))

    async def transition(self, lecture_id: str, event: Event, actor: Actor) -> OnAir:
        """Change the state; raise `Problem` 409 `illegal_transition` or `not_approved`, 403 or 404, and change nothing then."""
        try:
            if event is Event.CUT:
                return await self._cut(self.entry(lecture_id), actor)
            return await self._ordinary(lecture_id, event, actor)
        except IllegalTransition as error:
            raise illegal(error) from None

    async def _ordinary(self, lecture_id: str, event: Event, actor: Actor) -> OnAir:
        if event is Event.OPEN:
            await self._prepare(lecture_id)
        entry = self.entry(lecture_id)
        async with entry.lock:
            advance(entry.state, event)
            if entry.state is State.CUT and event is Event.RESUME and not actor.may_cut:
                raise Problem(403, "forbidden", "only the prefecture or an operator resumes after a cut")
            await self._commit(entry, event, actor)
        return entry

    async def _prepare(self, lecture_id: str) -> None:
        """Check that a lecture may open, and freeze the list of expected classes. A rehearsal expects nobody."""
        advance(self.peek(lecture_id).state, Event.OPEN)
        if is_rehearsal(lecture_id):
            return
        lecture = await self._lectures.info(lecture_id)
        if lecture is None:
            raise not_found("lecture")
        if not lecture.approved:
            raise Problem(409, "not_approved", "the lecture has not been approved")
        await self._lectures.freeze_targets(lecture_id)

    async def _cut(self, entry: OnAir, actor: Actor) -> OnAir:
        if not actor.may_cut:
            raise Problem(403, "forbidden", "only the prefecture or an operator cuts")
        advance(entry.state, Event.CUT)
        entry.barred = True
        self._plane.room(entry.lecture_id).cut()
        self.bar(entry.lecture_id, True)
        async with entry.lock:
            try:
                advance(entry.state, Event.CUT)
            except IllegalTransition:
                entry.barred = False  # another transition came first and has its own effect on the room
                self.bar(entry.lecture_id, entry.state is State.CUT)
                raise
            await self._commit(entry, Event.CUT, actor)
            entry.barred = False
        return entry

    async def _commit(self, entry: OnAir, event: Event, actor: Actor) -> None:
        before, at = entry.state, self._wall()
        row = await self._log.advance(entry.lecture_id, event, actor.id, at)
        entry.take(row)
        if entry.state in OVER:
            entry.barred = False  # a cut that was never committed is settled by the end
        self._apply(entry)
        self._publish(BroadcastChanged(entry.lecture_id, row.id, at, event, before, entry.state, row.fence))

    def _apply(self, entry: OnAir) -> None:
        """Let the room follow the state."""
        room = self._plane.room(entry.lecture_id)
        room.set_forwarding(entry.state is State.LIVE)
        if entry.state is State.CUT:
            room.cut()
        elif entry.state in OVER:
            room.close("room_closed")
