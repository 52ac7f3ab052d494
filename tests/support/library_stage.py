"""A node's library over a real database, a real recorder and real HTTP; the room is synthetic and sends a clip."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from aiohttp import web

from broadcaster.media import Kind, SenderClock
from broadcaster.sink import Sink
from recorder.capacity import Capacity
from recorder.recorder import Recorder
from signaling.auth.identity import Role
from signaling.auth.tokens import WatchTokens
from signaling.db.base import uuid7
from signaling.library import api, recorder_api, screens
from signaling.library.events import RecordingListed
from signaling.library.models import RecordingEntry
from signaling.library.passes import Passes
from signaling.library.service import LibraryService
from signaling.library.space import Space
from signaling.live.events import BroadcastChanged
from signaling.live.models import Broadcast
from signaling.live.states import TABLE, Event, State
from tests.support.hls import hls_settings
from tests.support.media import clip
from tests.support.platform import NOON, Platform, platform
from tests.support.taping import recorder_settings, stream

PASS_SECONDS = 3600


class Hall:
    """A room without viewers: hands a synthetic lecture to its sinks."""

    id = "studio"

    def __init__(self) -> None:
        self.sinks: list[Sink] = []

    def attach(self, sink: Sink) -> None:
        self.sinks.append(sink)
        sink.opened(self)

    def detach(self, sink: Sink) -> None:
        self.sinks.remove(sink)
        sink.closed("detached")

    def wish_keyframe(self, reason: str) -> None:
        """The clip has its IDR pictures where it has them."""

    def has(self, kind: Kind) -> bool:
        return True

    def lecture(self, seconds: float, first: int = 0) -> None:
        """Publish a clip that was sent in the last seconds."""
        items = stream(clip(seconds, first=first), start=time.monotonic() - seconds)
        for item in sorted(items, key=lambda one: one.arrival):
            for sink in self.sinks:
                if isinstance(item, SenderClock):
                    sink.clock(item)
                else:
                    sink.receive((item,), item.arrival)


@dataclass
class Stage:
    """A node's library. `hall` outlives a restart of the library, as a lecturer does."""

    here: Platform
    root: Path
    lecture_id: str
    broadcast_id: str = field(default_factory=uuid7)
    hall: Hall = field(default_factory=Hall)
    free: int = 1 << 40
    heard: list[RecordingListed] = field(default_factory=list)
    capacity: Capacity = field(default_factory=lambda: Capacity(1 << 40, 1 << 41, 1000.0, "ok"))
    charged: list[str] = field(default_factory=list)
    tokens: WatchTokens = field(default_factory=lambda: WatchTokens(bytes(32)))
    library: LibraryService = field(init=False)

    def __post_init__(self) -> None:
        self.boot()

    def boot(self) -> None:
        """Make a library as a starting process does."""
        self.hall.sinks.clear()
        recorder = Recorder(
            self.root,
            recorder_settings(min_free_bytes=1000),
            hls_settings(),
            lambda change: self.library.recording_changed(change),
            free_bytes=lambda: self.free,
        )
        self.library = LibraryService(self.here.db, recorder, lambda _: self.hall, self.here.lectures)
        self.library.listeners.append(self._listen)

    async def _listen(self, listed: RecordingListed) -> None:
        self.heard.append(listed)

    async def event(self, state: State, event: Event, seconds: float) -> None:
        """Commit a transition and tell the library."""
        after = TABLE[state, event]
        async with self.here.db.writing() as session:
            await session.merge(Broadcast(id=self.broadcast_id, lecture_id=self.lecture_id, state=after, fence=1))
        at = NOON + timedelta(seconds=seconds)
        await self.library.handle(BroadcastChanged(self.lecture_id, self.broadcast_id, at, event, state, after, 1))

    async def entry(self) -> RecordingEntry:
        """Return the only entry."""
        (found,) = await self.library.list(self.lecture_id)
        return found

    @property
    def app(self) -> web.Application:
        """The platform with the library's routes."""
        return self.app_at("")

    def app_at(self, public_url: str) -> web.Application:
        """Return the same, as it is at a public address."""
        app = self.here.web_app(public_url=public_url)
        passes = Passes(self.mint, PASS_SECONDS)
        app.add_routes(api.routes(self.library, self.here.auth, self.here.access, passes))
        app.add_routes(screens.routes(self.library, self.here.gate(self.charged.append), passes))
        space = Space(2.0, lambda: self.capacity, self.library.running)
        app.add_routes(recorder_api.routes(space, self.here.auth))
        return app

    def mint(self, subject: str, lecture_id: str) -> str:
        """Return a watch token."""
        return self.tokens.issue(subject, lecture_id, now=time.time(), seconds=PASS_SECONDS)


@asynccontextmanager
async def library_stage(folder: Path) -> AsyncIterator[Stage]:
    """Yield a started library with a lecture for the whole prefecture; `admin` and `teacher` can log in."""
    async with platform(folder) as here:
        await here.person("admin", Role.PREFECTURE_ADMIN)
        lecturer = await here.person("teacher", Role.LECTURER)
        lecture_id = await here.lecture(lecturer, title="<b>../毒品</b>")
        made = Stage(here, folder / "recordings", lecture_id)
        await made.library.start()
        try:
            yield made
        finally:
            await made.library.stop()


async def run_lecture(stage: Stage) -> RecordingEntry:
    await stage.event(State.OPEN, Event.START, 0)
    stage.hall.lecture(4.0)
    await stage.event(State.LIVE, Event.END, 4)
    await stage.library.settle()
    return await stage.entry()
