"""What the server tells its peers: each fact at once, counts and board rows no more often than the settings say.

**A push is a courtesy**: every message repeats what a GET gives, so a lost one costs freshness only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from config.settings import RealtimeSettings
from signaling.live import board
from signaling.live.board import Rows
from signaling.live.events import (
    BroadcastChanged,
    LiveEvent,
    PublisherArrived,
    PublisherLost,
    ScreenConflict,
    TakeoverAnswered,
    TakeoverRequested,
)
from signaling.live.service import LiveService
from signaling.realtime import peers
from signaling.realtime.peers import NAMESPACE, Peers

log = structlog.get_logger(__name__)
Document = Callable[[str], Awaitable[dict[str, Any]]]
TOGETHER = 20
"""Messages to single screens that are sent in one turn of the loop."""

SCREEN_MEMBERS = (
    "id",
    "title",
    "topic",
    "lecturer",
    "scheduled_at",
    "minutes",
    "state",
    "broadcast_id",
    "started_at",
    "ended_at",
    "on_air_seconds",
    "boot_id",
)
"""The members of the lecture document that a classroom gets: it need not know who else watches."""


def for_screens(document: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a lecture document that a classroom gets."""
    return {name: document[name] for name in SCREEN_MEMBERS if name in document}


class Pushes:
    """Turns facts into messages. `server` is the Socket.IO server (typed loosely: the library has no types)."""

    def __init__(
        self, server: Any, live: LiveService, peers: Peers, document: Document, settings: RealtimeSettings
    ) -> None:
        self._server = server
        self._live = live
        self._peers = peers
        self._document = document
        self._settings = settings
        self._rows: dict[str, Rows] = {}
        self._counts: dict[str, dict[str, Any]] = {}

    async def take(self, event: LiveEvent) -> None:
        """Tell those whom a fact concerns."""
        match event:
            case BroadcastChanged():
                await self.lecture(event.lecture_id)
            case PublisherArrived() | PublisherLost():
                await self._publisher(event)
            case TakeoverRequested():
                message = {"request_id": event.request_id, "by": event.by}
                await self._emit("takeover_requested", message, peers.person(event.lecture_id, event.owner_id))
            case TakeoverAnswered():
                answer = {"request_id": event.request_id, "allowed": event.allowed}
                await self._emit("takeover_answered", answer, peers.person(event.lecture_id, event.by_id))
            case ScreenConflict():
                await self._emit("conflict", {"screen_id": event.screen_id}, peers.staff(event.lecture_id))

    async def lecture(self, lecture_id: str) -> None:
        """Send the lecture as it is now: all of it to people, the classroom's part to screens."""
        document = await self._document(lecture_id)
        await self._emit("lecture", for_screens(document), peers.screens(lecture_id))
        await self._emit("lecture", document, peers.staff(lecture_id))

    async def _publisher(self, event: PublisherArrived | PublisherLost) -> None:
        state = "live"
        if isinstance(event, PublisherLost):
            state = "replaced" if event.reason == "taken_over" else "lost"
        message = {"state": state, "session": event.session[:8]}
        await self._emit("publisher", message, peers.staff(event.lecture_id))
        if state != "replaced":  # for a classroom the picture goes on
            await self._emit("publisher", {"state": state}, peers.screens(event.lecture_id))
        await self._emit("lecture", await self._document(event.lecture_id), peers.staff(event.lecture_id))

    async def challenge(self, lecture_id: str, message_of: Callable[[str], dict[str, Any] | None]) -> None:
        """Send every screen of a lecture the presence check that is its own; what one screen is asked no other learns."""
        for number, (sid, screen_id) in enumerate(self._peers.screens_of(lecture_id)):
            message = message_of(screen_id)
            if message is not None:
                await self._server.emit("challenge", message, to=sid, namespace=NAMESPACE)
            if number % TOGETHER == TOGETHER - 1:
                await asyncio.sleep(0)  # a prefecture is thousands of messages: others have their turn between them

    async def evidence(self, lecture_id: str, node: str, message: dict[str, Any]) -> None:
        """Send the people of a node what changed on their board of evidence."""
        await self._emit("evidence", message, peers.evidence(lecture_id, node))

    async def remember(self, lecture_id: str) -> None:
        """Take the board as it is for known, before its first reader asks for all of it by GET."""
        if lecture_id not in self._rows:
            self._rows[lecture_id] = await self._board(lecture_id)

    async def run_counts(self) -> None:
        """Push changed counts for ever."""
        while True:
            await asyncio.sleep(self._settings.viewers_push_seconds)
            await self._each(self.counts)

    async def run_board(self) -> None:
        """Push changed board rows for ever."""
        while True:
            await asyncio.sleep(self._settings.board_push_seconds)
            await self._each(self.board)

    async def _each(self, push: Callable[[str], Awaitable[None]]) -> None:
        watched = self._peers.lectures_with_staff()
        for table in (self._rows, self._counts):
            for lecture_id in set(table).difference(watched):
                del table[lecture_id]
        for lecture_id in watched:
            try:
                await push(lecture_id)
            except Exception:
                log.exception("a push failed", lecture=lecture_id)

    async def counts(self, lecture_id: str) -> None:
        """Push how many classes and schools watch, when that has changed."""
        counts = await self._live.audience.counts(lecture_id)
        message = {
            "lecture_id": lecture_id,
            "classes": counts["watching"],
            "classes_expected": counts["classes"],
            "schools": counts["schools_watching"],
            "schools_expected": counts["schools"],
        }
        if self._counts.get(lecture_id) != message:
            self._counts[lecture_id] = message
            await self._emit("viewers", message, peers.staff(lecture_id))

    async def board(self, lecture_id: str) -> None:
        """Push the board rows that have changed since the last push."""
        rows = await self._board(lecture_id)
        lines = board.changed(self._rows.get(lecture_id, {}), rows)
        self._rows[lecture_id] = rows
        if lines:
            await self._emit("board", {"lecture_id": lecture_id, "screens": lines}, peers.board(lecture_id))

    async def _board(self, lecture_id: str) -> Rows:
        return self._live.audience.rows(lecture_id, await self._live.audience.places(lecture_id))

    async def _emit(self, event: str, message: dict[str, Any], room: str) -> None:
        await self._server.emit(event, message, room=room, namespace=NAMESPACE)
