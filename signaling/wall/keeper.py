"""Keeps the boards that somebody looks at: made anew every few seconds, pushed as differences, told whole to who asks.

1. **What is shown is at most `realtime.board_push_seconds` plus the time of one round behind** what the server knows; levels that only the ledger
   tells are read every `LEVEL_SECONDS`, beside the rounds, so that a report of a whole prefecture that is being made holds nobody up.
2. A board that nobody asked for within `KEPT_SECONDS` is forgotten: nothing is counted for empty rooms.
3. The whole document of a node is written once for each revision, whoever asks for it; what it tells of time is always that of now.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

import structlog

from signaling.alerts.urging import MissingSchool
from signaling.attendance.state import Reached
from signaling.live.board import ClassPlace
from signaling.live.rehearsals import is_rehearsal
from signaling.live.service import LiveService
from signaling.live.stamps import stamp
from signaling.live.states import RUNNING, State
from signaling.operations.pulse import Pulse
from signaling.wall import lines
from signaling.wall.lines import Known, Line

log = structlog.get_logger(__name__)
LEVEL_SECONDS: Final = 1.5
"""With rounds of two seconds every round reads on, and the next shows it: what the ledger says is shown within five seconds."""
FIRST_SECONDS: Final = 4.0
"""How long the first reader waits for what the ledger says: after a restart a lecture is read from its beginning."""
PLACES_SECONDS: Final = 30.0
KEPT_SECONDS: Final = 60.0


class Scope(Protocol):
    """What a node covers."""

    def includes(self, region_code: str, school_code: str) -> bool: ...


class Screens(Protocol):
    """What presence knows of screens right now."""

    def shown(self, lecture_id: str, share: float) -> AbstractSet[str]:
        """Return the screens whose last signed report covers so much of its minute."""

    def forged(self, lecture_id: str) -> AbstractSet[str]:
        """Return the screens whose reports were refused as forged."""


ReachedOf = Callable[[str], Awaitable[Mapping[str, Reached] | None]]
Push = Callable[[str, str, dict[str, Any]], Awaitable[None]]
"""Sends a message to the people of a node who look at a lecture ("" for those who see everything)."""


async def _nobody(lecture_id: str, node: str, message: dict[str, Any]) -> None:
    """Send nothing."""


@dataclass(slots=True)
class Board:
    """The board of one lecture."""

    lecture_id: str
    revision: int = 0
    made_at: datetime | None = None
    made: float = float("-inf")
    asked: float = float("-inf")
    state: State = State.SCHEDULED
    lines: dict[str, Line] = field(default_factory=dict)
    places: Sequence[ClassPlace] = field(default_factory=list)
    heads: dict[str, str] = field(default_factory=dict)
    placed: float = float("-inf")
    reached: Mapping[str, Reached] = field(default_factory=dict)
    levels_at: datetime | None = None
    read: float = float("-inf")
    reading: asyncio.Task[None] | None = None
    came: set[str] = field(default_factory=set)
    whole: dict[str, bytes] = field(default_factory=dict)
    """What was written of this revision, by node."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Wall:
    """The boards of this node. `watched` gives the lectures that somebody looks at with the nodes of those who do, `push` reaches them."""

    watched: Callable[[], Mapping[str, Collection[str]]] = staticmethod(dict)
    push: Push = staticmethod(_nobody)

    def __init__(
        self,
        live: LiveService,
        screens: Screens,
        reached: ReachedOf,
        scope: Callable[[str], Awaitable[Scope]],
        *,
        share: float,
        seconds: float,
        wall: Callable[[], datetime],
    ) -> None:
        self._live = live
        self._screens = screens
        self._reached = reached
        self._scope = scope
        self._share = share
        self._seconds = seconds
        self._wall = wall
        self._boards: dict[str, Board] = {}
        self._shared: dict[Line, Line] = {}
        self._pulse = Pulse("wall", self.round, seconds)

    def start(self) -> None:
        """Begin the rounds."""
        self._pulse.start()

    async def stop(self) -> None:
        """End them."""
        await self._pulse.stop()
        tasks = [board.reading for board in self._boards.values() if board.reading is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def metrics(self) -> dict[str, float]:
        """Return what `/metrics` shows: the boards that are kept, and the age of the oldest that somebody looks at."""
        now = self._live.clock()
        ages = [now - self._boards[one].made for one in self.watched() if one in self._boards]
        return {"boards": len(self._boards), "oldest_seconds": round(max(ages, default=0.0), 3)}

    async def round(self) -> None:
        """Bring the boards that are looked at up to date, tell what changed, and forget the others."""
        watched = [one for one in self.watched() if not is_rehearsal(one)]
        now = self._live.clock()
        for lecture_id in [one for one, board in self._boards.items() if one not in watched]:
            if now - self._boards[lecture_id].asked > KEPT_SECONDS:
                self._forget(lecture_id)
        for lecture_id in watched:
            try:
                await self.board(lecture_id)
            except Exception:
                log.exception("x a board was not told", lecture=lecture_id)

    def _forget(self, lecture_id: str) -> None:
        board = self._boards.pop(lecture_id)
        if board.reading is not None:
            board.reading.cancel()

    async def _tell(self, board: Board, before: Mapping[str, Line]) -> None:
        """Push what changed to the nodes of those who look."""
        changes = lines.changed(before, board.lines) if before else {}
        if not changes:
            return
        places = [place for place in board.places if place.class_id in changes]
        for node in self.watched().get(board.lecture_id, ()):
            scope = await self._scope(node) if node else None
            rows = [
                {"id": one.class_id} | changes[one.class_id].document()
                for one in places
                if scope is None or scope.includes(one.county_code, one.school_code)
            ]
            if rows:
                await self.push(board.lecture_id, node, self._head(board) | {"classes": rows})

    async def board(self, lecture_id: str) -> Board:
        """Return the board of a lecture, made anew when it is older than a round."""
        board = self._boards.setdefault(lecture_id, Board(lecture_id))
        async with board.lock:
            if self._live.clock() - board.made >= self._seconds:
                before = board.lines
                await self._make(board)
                await self._tell(board, before)
        return board

    async def missing(self, lecture_id: str) -> list[MissingSchool]:
        """Return the schools of which classes are missing now, and why; each with all of its expected classes counted."""
        board = await self.board(lecture_id)
        board.asked = self._live.clock()
        return lines.missing(board.places, board.lines)

    async def whole(self, lecture_id: str, node: str) -> bytes:
        """Return the document of what a node covers ("" for everything), as it is sent."""
        board = await self.board(lecture_id)
        board.asked = self._live.clock()
        body = board.whole.get(node)
        if body is None:
            scope = await self._scope(node) if node else None
            places = [one for one in board.places if scope is None or scope.includes(one.county_code, one.school_code)]
            revision = board.revision
            body = (await asyncio.to_thread(lines.written, places, board.lines, board.heads)).encode()
            if revision == board.revision:
                board.whole[node] = body
        return json.dumps(self._head(board)).encode()[:-1] + b"," + body[1:]

    def _head(self, board: Board) -> dict[str, Any]:
        return {
            "lecture_id": board.lecture_id,
            "boot_id": self._live.boot_id,
            "revision": board.revision,
            "at": None if board.made_at is None else stamp(board.made_at),
            "levels_at": None if board.levels_at is None else stamp(board.levels_at),
            "state": board.state,
        }

    async def _make(self, board: Board) -> None:
        """Make the lines anew; a revision is counted when any of them, or the state of the lecture, is another."""
        await self._levels(board)
        now = self._live.clock()
        if now - board.placed > PLACES_SECONDS:
            places = await self._live.audience.places(board.lecture_id)
            if places is not board.places:
                board.heads = await asyncio.to_thread(lines.heads, places)
            board.places, board.placed = places, now
        state = self._live.state(board.lecture_id)
        known = Known(
            self._live.audience.sights(board.lecture_id),
            board.reached,
            self._screens.shown(board.lecture_id, self._share),
            self._screens.forged(board.lecture_id),
            live=state is State.LIVE,
            running=state in RUNNING,
            came=board.came,
        )
        made = await asyncio.to_thread(lines.lines, board.places, known, self._shared)
        if lines.changed(board.lines, made) or len(made) != len(board.lines) or state is not board.state:
            board.revision += 1
            board.whole.clear()
        board.lines, board.state = made, state
        board.made, board.made_at = now, self._wall()

    async def _levels(self, board: Board) -> None:
        """Have what the ledger says read, beside the rounds but for the first time."""
        now = self._live.clock()
        if board.reading is None and now - board.read >= LEVEL_SECONDS:
            board.read = now
            board.reading = asyncio.create_task(self._read(board), name="levels")
        if board.levels_at is None and board.reading is not None:
            await asyncio.wait([board.reading], timeout=FIRST_SECONDS)

    async def _read(self, board: Board) -> None:
        at = self._wall()
        try:
            board.reached = await self._reached(board.lecture_id) or {}
            board.levels_at = at
        except Exception as error:
            log.error("x levels are not read", lecture=board.lecture_id, error=str(error))
        finally:
            board.reading = None
