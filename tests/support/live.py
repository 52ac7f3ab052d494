"""A prefecture in a database, a live service on it, and hands on its clocks, for tests of the live broadcast.

`house(tmp_path)` has the quiet plane, which opens sessions but carries no packets; `house(tmp_path, real=True)` the real one on a free port.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import signaling.db.schema  # noqa: F401  registers every table
from broadcaster.errors import RoomClosed
from broadcaster.events import MediaEvent, PublicationClosed, PublicationOpened, SubscriptionClosed, SubscriptionOpened
from config.settings import Settings, load
from signaling.auth import opaque
from signaling.auth.identity import Role
from signaling.auth.models import User
from signaling.auth.tokens import WatchTokens
from signaling.db.engine import Database
from signaling.directory.models import Region, School, SchoolClass, Screen
from signaling.directory.service import DirectoryService
from signaling.lectures.models import Lecture
from signaling.lectures.service import LectureService
from signaling.live.broadcasts import SYSTEM
from signaling.live.events import LiveEvent
from signaling.live.service import LiveService
from signaling.live.states import Event
from tests.support.databases import copy, database_in, is_there, keep

SCREENS: list[tuple[str, str]] = []
"""Id and device token of the paired screens, filled with the template."""

_TEMPLATES: list[tuple[tempfile.TemporaryDirectory[str], Path]] = []
BEGIN = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


class Hands:
    """A wall clock and a monotonic clock that move only when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def wall(self) -> datetime:
        return BEGIN + timedelta(seconds=self.seconds)

    def clock(self) -> float:
        return 1000.0 + self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class QuietSession:
    """A session without transport."""

    id: str
    room: QuietRoom
    role: str
    viewer: str = ""
    fence: int = 0
    answer: str = "v=0\r\n"
    etag: str = '"one"'
    closed: str | None = None

    def trickle(self, fragment: str) -> None:
        assert fragment

    def restart(self, fragment: str) -> str:
        assert fragment
        self.etag = '"two"'
        return "a=ice-ufrag:new\r\n"

    def close(self, reason: str) -> None:
        if self.closed is None:
            self.closed = reason
            self.room.left(self, reason)


@dataclass
class QuietRoom:
    """A room that keeps sessions and says what it was told."""

    id: str
    plane: QuietPlane
    forwarding: bool = False
    sessions: list[QuietSession] = field(default_factory=list)
    acknowledged: dict[str, float] = field(default_factory=dict)
    cuts: int = 0
    closed: str | None = None

    async def publish(self, offer: str, *, fence: int) -> QuietSession:
        return await self._open(QuietSession(self.plane.next_id(), self, "publish", fence=fence))

    async def subscribe(self, offer: str, *, viewer: str) -> QuietSession:
        return await self._open(QuietSession(self.plane.next_id(), self, "watch", viewer=viewer))

    async def _open(self, session: QuietSession) -> QuietSession:
        await asyncio.sleep(0)
        if self.closed:
            raise RoomClosed("the room is closed")
        self.sessions.append(session)
        return session

    def connect(self, session: QuietSession) -> None:
        """Behave as if the session's transport were up; an older publisher is taken over."""
        if session.role == "watch":
            self.plane.emit(SubscriptionOpened(self.id, session.id, session.viewer, 0.0))
            return
        for other in [s for s in self.open("publish") if s.fence < session.fence]:
            other.close("taken_over")
        self.plane.emit(PublicationOpened(self.id, session.id, session.fence, 0.0))

    def left(self, session: QuietSession, reason: str) -> None:
        kind = PublicationClosed if session.role == "publish" else SubscriptionClosed
        extra: Any = session.fence if session.role == "publish" else session.viewer
        self.plane.emit(kind(self.id, session.id, extra, reason, 0.0))

    def open(self, role: str) -> list[QuietSession]:
        return [session for session in self.sessions if session.closed is None and session.role == role]

    def set_forwarding(self, on: bool) -> None:
        self.forwarding = on

    def viewers(self) -> dict[str, float]:
        return dict(self.acknowledged)

    def publisher(self) -> None:
        return None

    def viewer_stats(self) -> list[Any]:
        return []

    def cut(self) -> None:
        self.cuts += 1
        self.forwarding = False
        for session in self.sessions:
            session.close("cut")

    def close(self, reason: str) -> None:
        self.closed = reason
        for session in self.sessions:
            session.close(reason)


class QuietPlane:
    """A media plane that carries no packets."""

    def __init__(self, on_event: Callable[[MediaEvent], None]) -> None:
        self.emit = on_event
        self.rooms: dict[str, QuietRoom] = {}
        self._ids = itertools.count(1)

    def next_id(self) -> str:
        return f"session-{next(self._ids)}"

    def room(self, lecture_id: str) -> QuietRoom:
        room = self.rooms.get(lecture_id)
        if room is None or room.closed:
            room = self.rooms[lecture_id] = QuietRoom(lecture_id, self)
        return room

    def session(self, session_id: str) -> QuietSession | None:
        every = (session for room in self.rooms.values() for session in room.sessions)
        return next((session for session in every if session.id == session_id and session.closed is None), None)


@dataclass
class House:
    """Everything a test of the live broadcast touches."""

    settings: Settings
    db: Database
    hands: Hands
    directory: DirectoryService
    lectures: LectureService
    live: LiveService
    plane: Any
    events: list[LiveEvent]
    lecture_id: str
    screens: list[tuple[str, str]]
    lecturer: str = "lecturer"
    guest: str = "guest"

    async def at(self, *steps: Event) -> None:
        """Send events to the lecture."""
        for step in steps:
            await self.live.transition(self.lecture_id, step, SYSTEM)
        await self.live.settled()

    async def ticket(self, user: str = "lecturer", lecture_id: str | None = None) -> str:
        """Mint a ticket."""
        return await self.live.publishing.ticket(lecture_id or self.lecture_id, user, 60)

    async def key(self, user: str = "lecturer", lecture_id: str | None = None) -> str:
        """Make a stream key whose window is an hour around now."""
        now, hour = self.hands.wall(), timedelta(minutes=30)
        return await self.live.add_stream_key(
            lecture_id or self.lecture_id, user, not_before=now - hour, not_after=now + hour
        )

    def watch(self, place: int = 0) -> str:
        """Return a watch token of a screen."""
        return self.live.watch_token(self.screens[place][0], self.lecture_id)

    @property
    def room(self) -> Any:
        """The media room of the lecture."""
        return self.plane.room(self.lecture_id)

    def seen(self, kind: type[LiveEvent]) -> list[Any]:
        """Return the facts of a kind that listeners were told of."""
        return [event for event in self.events if isinstance(event, kind)]

    async def bind(self, screen_id: str, thumbprint: str | None) -> None:
        """Give a screen a key, as pairing does."""
        async with self.db.writing() as session:
            (await session.get_one(Screen, screen_id)).key_thumbprint = thumbprint

    async def screen_row(self, screen_id: str) -> Screen:
        """Return what is stored of a screen."""
        async with self.db.reading() as session:
            return await session.get_one(Screen, screen_id)

    async def add_lecture(self, *, approved: bool = True, autostart: bool = False) -> str:
        """Add a lecture for the whole prefecture."""
        lecture = Lecture(
            title="极限的概念", topic="数学", lecturer_id="lecturer", scheduled_at=BEGIN, autostart=autostart
        )
        lecture_id = await self.lectures.add(lecture, ["P1"])
        if approved:
            await self.lectures.approve(lecture_id, "admin")
        return lecture_id


def settings_for(tmp_path: Path, overrides: dict[str, dict[str, object]] | None = None) -> Settings:
    """Return settings with free ports and a data folder of their own."""
    merged: dict[str, dict[str, object]] = {
        "server": {"data_dir": str(tmp_path / "data")},
        "media": {"port": 0, "hosts": ["127.0.0.1"]},
    }
    for section, values in (overrides or {}).items():
        merged[section] = merged.get(section, {}) | values
    return load(overrides=merged)


@asynccontextmanager
async def house(
    tmp_path: Path,
    *,
    real: bool = False,
    overrides: dict[str, dict[str, object]] | None = None,
    autostart: bool = False,
) -> AsyncIterator[House]:
    """Yield a started house with one approved lecture; the same `tmp_path` again is the same database after a crash."""
    settings = settings_for(tmp_path, overrides)
    path = tmp_path / "data" / "house.sqlite3"
    if not is_there(path):
        copy(await _template(), path)
    db = database_in(path)
    built = _build(settings, db, real=real)
    try:
        built.screens.extend(SCREENS)
        built.lecture_id = await _lecture(built, autostart=autostart)
        if real:
            await built.plane.start()
        await built.live.start()
        yield built
    finally:
        await built.live.stop()
        if real:
            await built.plane.stop()
        await db.close()


async def _template() -> Path:
    """Return a database with a prefecture, made once a process: making the schema costs more than most tests."""
    if not _TEMPLATES:
        folder = tempfile.TemporaryDirectory(prefix="house")
        path = Path(folder.name) / "template.sqlite3"
        db = database_in(path)
        await db.create_schema()
        await _found(db)
        await keep(db, path)
        _TEMPLATES.append((folder, path))
    return _TEMPLATES[0][1]


async def _lecture(built: House, *, autostart: bool) -> str:
    known = await built.lectures.find()
    return known[0].id if known else await built.add_lecture(autostart=autostart)


def _build(settings: Settings, db: Database, *, real: bool) -> House:
    hands, events = Hands(), []
    directory, lectures = DirectoryService(db), LectureService(db, lambda: hands.wall().date(), hands.wall)
    plane: Any
    if real:
        from broadcaster.plane import MediaPlane

        plane = MediaPlane(settings, lambda event: live.on_media_event(event))
    else:
        plane = QuietPlane(lambda event: live.on_media_event(event))
    tokens = WatchTokens.in_folder(settings.server.data_dir)
    live = LiveService(
        db,
        plane,
        settings,
        lectures=lectures,
        tokens=tokens,
        boot_id="boot",
        wall=hands.wall,
        clock=hands.clock,
    )
    lectures.state_of = live.state

    async def note(event: LiveEvent) -> None:
        events.append(event)

    live.listeners.append(note)
    return House(settings, db, hands, directory, lectures, live, plane, events, "", [])


async def _found(db: Database) -> None:
    async with db.writing() as session:
        session.add(Region(code="P1", name="演示州", level="prefecture", sort=0))
        await session.flush()
        session.add_all(Region(code=f"C{n}", name=f"{n}县", level="county", parent_code="P1", sort=n) for n in (1, 2))
        session.add_all(
            User(id=name, login=name, name=name.title(), role=role, node="P1", password_hash="x")
            for name, role in [
                ("lecturer", Role.LECTURER),
                ("guest", Role.LECTURER),
                ("admin", Role.PREFECTURE_ADMIN),
                ("county", Role.COUNTY_ADMIN),
            ]
        )
        await session.flush()
        session.add_all(School(code=f"340000000{n}", region_code=f"C{n}", name=f"{n}中", kind="31") for n in (1, 2))
        await session.flush()
        session.add_all(_class(school, number) for school in (1, 2) for number in (1, 2))
    for n, class_id in enumerate(("class-11", "class-21")):
        token = opaque.mint(opaque.DEVICE_TOKEN)
        SCREENS.append((await DirectoryService(db).add_screen(class_id, n + 1, token), token))


def _class(school: int, number: int) -> SchoolClass:
    return SchoolClass(
        id=f"class-{school}{number}",
        school_code=f"340000000{school}",
        code=f"2024-31-0{number}",
        name=f"七年级{number}班",
        entry_year=2024,
        stage="31",
        number=number,
        pupils=40,
    )
