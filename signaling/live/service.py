"""The door of the live broadcast: what routes, realtime and the other domains call, and its part of the database.

`Records` runs every statement; `LiveService` puts the small modules beside it together. The rules are in those modules:
`states`, `broadcasts`, `publishing`, `watching`, `takeover`, `board`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from broadcaster.events import MediaEvent, PublicationClosed, SubscriptionClosed
from config.settings import Settings
from signaling.api.problems import Problem
from signaling.auth import opaque
from signaling.auth.tokens import WatchTokens
from signaling.auth.trail import entry
from signaling.db.base import utc_now, uuid7
from signaling.db.engine import Database
from signaling.live import board, facts, queries
from signaling.live.audience import Audience
from signaling.live.broadcasts import SYSTEM, Actor, Broadcasts, OnAir
from signaling.live.conflicts import Conflicts
from signaling.live.events import BroadcastChanged, Listener, LiveEvent, PublisherArrived
from signaling.live.feed import Feed, Grouped
from signaling.live.limits import Buckets
from signaling.live.media import MediaPlane
from signaling.live.models import Broadcast, BroadcastTransition, StreamKey, Ticket
from signaling.live.ports import Lectures, RecordingSpace
from signaling.live.publishing import Publishing, PublishRight
from signaling.live.rehearsals import is_rehearsal
from signaling.live.sessions import Sessions
from signaling.live.stamps import stamp
from signaling.live.states import AUDITED, OVER, Event, State, advance
from signaling.live.takeover import TakeoverDesk
from signaling.live.watching import Watching

BURST = 8


class Records:
    """The tables of the live broadcast. Every method is one transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def broadcasts(self) -> list[Broadcast]:
        """Return every broadcast that was ever opened."""
        async with self._db.reading() as session:
            return list(await session.scalars(select(Broadcast)))

    async def transitions(self, lecture_id: str) -> list[BroadcastTransition]:
        """Return the history of a lecture's broadcast, oldest first."""
        async with self._db.reading() as session:
            return list(await session.scalars(queries.history(lecture_id)))

    async def advance(self, lecture_id: str, event: Event, actor: str, at: datetime) -> Broadcast:
        """Change the state and append to the history; a cut also raises the fence and revokes what may publish."""
        async with self._db.writing() as session:
            row = await session.scalar(queries.locked(lecture_id))
            if row is None:
                row = Broadcast(id=uuid7(), lecture_id=lecture_id, state=State.SCHEDULED, fence=0, created_at=at)
                row.on_air_seconds = 0.0
                session.add(row)
            line = _follow(row, event, actor, at)
            await session.flush()
            session.add_all([line, entry(at, actor, AUDITED[event], lecture_id, {"was": line.from_state})])
            if event is Event.CUT:
                for statement in queries.revoke_rights(lecture_id, at):
                    await session.execute(statement)
        return row

    async def add_ticket(
        self, token_hash: str, lecture_id: str, user_id: str, now: datetime, expires_at: datetime
    ) -> None:
        """Store a new ticket."""
        ticket = Ticket(token_hash=token_hash, lecture_id=lecture_id, user_id=user_id, created_at=now)
        ticket.expires_at = expires_at
        async with self._db.writing() as session:
            session.add_all([ticket, entry(now, user_id, "lecture.ticket_minted", lecture_id)])

    async def add_key(
        self, token_hash: str, lecture_id: str, user_id: str, not_before: datetime, not_after: datetime, now: datetime
    ) -> str:
        """Store a stream key, or give the same key a new window; one that was revoked stays so. Return its id."""
        async with self._db.writing() as session:
            key = await session.scalar(select(StreamKey).where(StreamKey.token_hash == token_hash))
            if key is None:
                key = StreamKey(id=uuid7(), token_hash=token_hash, lecture_id=lecture_id, user_id=user_id)
                key.created_at = now
                session.add_all([key, entry(now, user_id, "lecture.key_made", lecture_id)])
            key.not_before, key.not_after = not_before, not_after
            return key.id

    async def revoke_key(self, key_id: str, now: datetime) -> None:
        """Make a stream key worthless from now on."""
        async with self._db.writing() as session:
            await session.execute(queries.revoke_key(key_id, now))

    async def ticket_right(self, token_hash: str, now: datetime) -> PublishRight | None:
        """Return what an unused, unexpired, unrevoked ticket allows."""
        return await self._right(queries.ticket(token_hash, now), token_hash, is_ticket=True)

    async def key_right(self, token_hash: str, now: datetime) -> PublishRight | None:
        """Return what an unrevoked stream key allows within its window."""
        return await self._right(queries.stream_key(token_hash, now), token_hash, is_ticket=False)

    async def _right(self, good: Select[Any], token_hash: str, *, is_ticket: bool) -> PublishRight | None:
        async with self._db.reading() as session:
            row = (await session.execute(good)).one_or_none()
        return PublishRight(token_hash, row[0], row[1], row[2] or "", is_ticket) if row is not None else None

    async def claim(self, right: PublishRight, now: datetime) -> int | None:
        """Consume a ticket (of a key: check it again) and raise the fence; return it, or None when the right is gone."""
        check = queries.consume if right.is_ticket else queries.stream_key
        async with self._db.writing() as session:
            if (await session.execute(check(right.credential, now))).first() is None:
                return None
            fence: int | None = await session.scalar(queries.raise_fence(right.lecture_id))
            by = "ticket" if right.is_ticket else "stream key"
            session.add(entry(now, right.user_id, "lecture.published", right.lecture_id, {"by": by, "fence": fence}))
            return fence


def _follow(row: Broadcast, event: Event, actor: str, at: datetime) -> BroadcastTransition:
    """Apply an event to the row and return its line of history; raises `IllegalTransition`."""
    before = State(row.state)
    after = advance(before, event)
    row.state = after
    if event is Event.CUT:
        row.fence += 1
    if before is State.LIVE and row.live_since is not None:
        row.on_air_seconds += max(0.0, (at - row.live_since).total_seconds())
        row.live_since = None
    if after is State.LIVE:
        row.started_at = row.started_at or at
        row.live_since = at
    if after is State.ENDED:
        row.ended_at = at
    line = BroadcastTransition(broadcast_id=row.id, event=event, from_state=before, to_state=after)
    line.fence, line.actor, line.at = row.fence, actor, at
    return line


class LiveService:
    """Everything about what is on the air. Build it once; `listeners` may be added until `start`.

    **`listeners` hear of lectures only**, `rehearsal_listeners` only of rehearsals: who keeps what lectures leave cannot forget the difference.
    """

    document: Callable[[str], Awaitable[dict[str, Any]]] | None = None
    """Gives the full document of a lecture, set by the composition root; the routes answer with it."""

    elsewhere: Callable[[str], Awaitable[str | None]] | None = None
    """Gives the base URL of another node that has a lecture, None for this one; without it there is one node."""

    recording_space: Callable[[], RecordingSpace] | None = None
    """Gives whether a lecture that starts now can be recorded; without it every lecture can."""

    def __init__(
        self,
        db: Database,
        plane: MediaPlane,
        settings: Settings,
        *,
        lectures: Lectures,
        tokens: WatchTokens,
        boot_id: str,
        wall: Callable[[], datetime] = utc_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        live = settings.live
        self.settings = settings
        self.boot_id = boot_id
        self.listeners: list[Listener | Grouped] = [self._autostart]
        self.rehearsal_listeners: list[Listener | Grouped] = []
        self.records = Records(db)
        self._lectures = lectures
        self._wall = wall
        self.clock = clock
        self._feed, self._rehearsals = Feed(self.listeners), Feed(self.rehearsal_listeners)
        self.sessions = Sessions(lambda session_id: plane.session(session_id) is not None)
        self._desk = TakeoverDesk(live.takeover_seconds)
        self.broadcasts = Broadcasts(self.records, plane, lectures, self.publish, wall)
        self.publishing = Publishing(
            self.records,
            self.broadcasts,
            self.sessions,
            plane,
            self._desk,
            publish=self.publish,
            wall=wall,
            clock=clock,
        )
        self.watching = Watching(
            tokens,
            self.broadcasts,
            self.sessions,
            plane,
            lectures,
            Conflicts(live.replacements_per_minute),
            publish=self.publish,
            wall=wall,
            clock=clock,
            token_seconds=settings.auth.watch_token_seconds,
            retry_seconds=live.screen_retry_seconds,
        )
        self.audience = Audience(
            plane, self.broadcasts, lectures, fresh_seconds=live.viewer_seconds, clock=clock, wall=wall
        )
        self.requests = Buckets(live.requests_per_second, live.requests_per_second * BURST)
        self.monitor_requests = Buckets(settings.media.joins_per_second, settings.media.joins_per_second)
        self.watch_token = self.watching.token

    async def start(self) -> None:
        """Restore what was on the air when the process before this one ended, then begin to deliver facts."""
        await self.broadcasts.restore()
        self._feed.start()
        self._rehearsals.start()

    async def stop(self) -> None:
        """Deliver the facts that wait, then end."""
        await self._feed.stop()
        await self._rehearsals.stop()

    async def settled(self) -> None:
        """Return when every fact so far was handled by every listener."""
        await self._feed.settled()
        await self._rehearsals.settled()

    def publish(self, event: LiveEvent) -> None:
        """Make a fact known: to memory at once, to the listeners in their own time."""
        self.audience.take(event)
        if isinstance(event, BroadcastChanged) and event.to_state in OVER | {State.CUT}:
            self._desk.forget(event.lecture_id)
        if isinstance(event, BroadcastChanged) and event.to_state in OVER:
            self.audience.forget(event.lecture_id)
        feed = self._rehearsals if is_rehearsal(event.lecture_id) else self._feed
        feed.publish(event)

    def on_media_event(self, event: MediaEvent) -> None:
        """Take a fact of the media plane. Never blocks."""
        if isinstance(event, PublicationClosed | SubscriptionClosed):
            self.sessions.forget(event.session)
        fact = facts.translate(event, self.broadcast_id, self._wall())
        if fact is not None:
            self.publish(fact)

    def is_congested(self) -> bool:
        """Whether so many facts wait for a slow listener that no new viewer is let in."""
        return self._feed.backlog() >= self.settings.live.facts_waiting

    async def _autostart(self, event: LiveEvent) -> None:
        if not isinstance(event, PublisherArrived) or self.state(event.lecture_id) is not State.OPEN:
            return
        lecture = await self._lectures.info(event.lecture_id)
        if lecture is None or not lecture.autostart:
            return
        try:
            await self.transition(event.lecture_id, Event.START, SYSTEM)
        except Problem as problem:
            if problem.code != "illegal_transition":  # somebody pressed the button meanwhile: as good
                raise

    async def transition(self, lecture_id: str, event: Event, actor: Actor) -> OnAir:
        """Change the state of a broadcast; raise `Problem` 403, 404, 409 `illegal_transition` or `not_approved`."""
        return await self.broadcasts.transition(lecture_id, event, actor)

    def state(self, lecture_id: str) -> State:
        """Return the state of a lecture's broadcast; a cut shows at once."""
        return self.broadcasts.peek(lecture_id).shown_state

    def is_on_air(self) -> bool:
        """Whether any lecture is on now."""
        return any(entry.shown_state in (State.LIVE, State.PAUSED) for entry in self.broadcasts.known())

    def broadcast_id(self, lecture_id: str) -> str | None:
        """Return the id of a lecture's broadcast, None before it opened."""
        return self.broadcasts.peek(lecture_id).broadcast_id

    def bar_screen(self, screen_id: str, at: datetime) -> None:
        """End what a screen was given before a time: it was revoked or paired again."""
        self.watching.bar(screen_id, at)

    def viewers(self, lecture_id: str) -> set[str]:
        """Return the screens with delivery in the last seconds."""
        return self.audience.viewers(lecture_id)

    async def add_stream_key(
        self, lecture_id: str, user_id: str, *, not_before: datetime, not_after: datetime, token: str | None = None
    ) -> str:
        """Make a stream key for a lecture's window and return it; the same `token` again only moves the window."""
        token = token or opaque.mint(opaque.STREAM_KEY)
        await self.records.add_key(opaque.digest(token), lecture_id, user_id, not_before, not_after, self._wall())
        return token

    async def facts(self, lecture_id: str) -> dict[str, Any]:
        """Return the live members of a lecture's document."""
        entry = self.broadcasts.peek(lecture_id)
        watching = await self.audience.watching(lecture_id) if entry.takes_sessions else []
        return {
            "state": entry.shown_state,
            "broadcast_id": entry.broadcast_id,
            "started_at": stamp(entry.started_at) if entry.started_at else None,
            "ended_at": stamp(entry.ended_at) if entry.ended_at else None,
            "on_air_seconds": round(entry.on_air(self._wall()), 3),
            "viewers": len(self.viewers(lecture_id)),
            "publisher": self.audience.publisher(lecture_id),
            "watching": {"classes": len(watching), "schools": len({place.school_code for place in watching})},
        }

    async def board(self, lecture_id: str, visible: Callable[[board.ClassPlace], bool]) -> dict[str, Any]:
        """Return the board of the classes that the caller may see."""
        places = [place for place in await self.audience.places(lecture_id) if visible(place)]
        return board.document(places, self.audience.rows(lecture_id, places), self._wall())
