"""The library over a real database, a real recorder and real HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from broadcaster.media import Kind, SenderClock
from broadcaster.sink import Sink
from recorder.recorder import Recorder
from signaling.auth.identity import Role
from signaling.db.base import uuid7
from signaling.library import api
from signaling.library.events import RecordingListed
from signaling.library.models import RecordingEntry
from signaling.library.service import LibraryService
from signaling.live.events import BroadcastChanged
from signaling.live.models import Broadcast
from signaling.live.states import TABLE, Event, State
from tests.support.media import access_units, clip
from tests.support.platform import NOON, Platform, log_in, platform
from tests.support.taping import recorder_settings, stream

FOREIGN = "520300"


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
    library: LibraryService = field(init=False)

    def __post_init__(self) -> None:
        self.boot()

    def boot(self) -> None:
        """Make a library as a starting process does."""
        self.hall.sinks.clear()
        recorder = Recorder(
            self.root,
            recorder_settings(min_free_bytes=1000),
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
        app = self.here.web_app()
        app.add_routes(api.routes(self.library, self.here.auth, self.here.access.may_read))
        return app


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with platform(tmp_path) as here:
        await here.person("admin", Role.PREFECTURE_ADMIN)
        lecturer = await here.person("teacher", Role.LECTURER)
        lecture_id = await here.lecture(lecturer, title="<b>../毒品</b>")
        made = Stage(here, tmp_path / "recordings", lecture_id)
        await made.library.start()
        yield made
        await made.library.stop()


async def run_lecture(stage: Stage) -> RecordingEntry:
    await stage.event(State.OPEN, Event.START, 0)
    stage.hall.lecture(4.0)
    await stage.event(State.LIVE, Event.END, 4)
    await stage.library.settle()
    return await stage.entry()


async def test_a_lecture_is_in_the_library_when_it_ends(stage: Stage) -> None:
    await stage.event(State.OPEN, Event.START, 0)
    stage.hall.lecture(4.0)
    entry = await stage.entry()
    assert (entry.state, entry.started_at, entry.title) == ("recording", NOON, "<b>../毒品</b>")
    await stage.event(State.LIVE, Event.END, 4)
    async with asyncio.timeout(5):
        await stage.library.settle()
    entry = await stage.entry()
    assert (entry.state, entry.problems) == ("ready", [])
    assert entry.duration_s == pytest.approx(4.0, abs=0.1)
    assert entry.ended_at == NOON + timedelta(seconds=4)
    assert [listed.state for listed in stage.heard] == ["recording", "finalising", "ready"]
    assert stage.hall.sinks == []


async def test_pause_cut_and_reconnect_stay_one_recording(stage: Stage) -> None:
    await stage.event(State.OPEN, Event.START, 0)
    stage.hall.lecture(4.0)
    await stage.event(State.LIVE, Event.PAUSE, 4)
    await stage.event(State.PAUSED, Event.RESUME, 60)
    for sink in stage.hall.sinks:
        sink.closed("consent_lost")
        sink.opened(stage.hall)
    stage.hall.lecture(4.0, first=1000)
    await stage.event(State.LIVE, Event.CUT, 64)
    await stage.event(State.CUT, Event.END, 70)
    await stage.library.settle()
    entry = await stage.entry()
    assert entry.state == "ready"
    assert entry.duration_s == pytest.approx(8.0, abs=0.2)
    assert len(stage.hall.sinks) == 0


async def test_begin_and_end_twice_change_nothing(stage: Stage) -> None:
    first = await stage.library.begin(stage.lecture_id, stage.broadcast_id, NOON)
    assert await stage.library.begin(stage.lecture_id, stage.broadcast_id, NOON + timedelta(hours=1)) == first
    assert len(stage.hall.sinks) == 1
    stage.hall.lecture(4.0)
    for _ in range(2):
        await stage.library.end(stage.broadcast_id, NOON)
        await stage.library.settle()
    assert (await stage.entry()).state == "ready"


async def test_a_restart_while_live_goes_on_in_the_same_entry(stage: Stage) -> None:
    await stage.event(State.OPEN, Event.START, 0)
    stage.hall.lecture(4.0)
    before = await stage.entry()
    await stage.library.stop()
    stage.boot()
    await stage.library.start()
    assert len(stage.hall.sinks) == 1
    stage.hall.lecture(4.0, first=1000)
    await stage.event(State.LIVE, Event.END, 20)
    await stage.library.settle()
    entry = await stage.entry()
    assert (entry.id, entry.state) == (before.id, "ready")
    assert entry.duration_s == pytest.approx(8.0, abs=0.2)
    files = await stage.library.files(entry)
    assert files is not None
    assert len(access_units(files.mp4)) == 120


async def test_a_resume_that_only_the_database_knows_is_followed_at_start(stage: Stage) -> None:
    """A crash between the commit of the transition and the recorder's own journal."""
    await stage.event(State.OPEN, Event.START, 0)
    stage.hall.lecture(4.0)
    await stage.event(State.LIVE, Event.PAUSE, 4)
    await stage.library.stop()
    async with stage.here.db.writing() as session:  # resumed; the recorder never heard of it
        await session.merge(Broadcast(id=stage.broadcast_id, lecture_id=stage.lecture_id, state=State.LIVE, fence=1))
    stage.boot()
    await stage.library.start()
    stage.hall.lecture(4.0, first=1000)
    await stage.event(State.LIVE, Event.END, 20)
    await stage.library.settle()
    assert (await stage.entry()).duration_s == pytest.approx(8.0, abs=0.2)


async def test_a_broadcast_that_ended_while_the_server_was_down_is_finished_at_start(stage: Stage) -> None:
    await stage.event(State.OPEN, Event.START, 0)
    stage.hall.lecture(4.0)
    await stage.library.stop()
    async with stage.here.db.writing() as session:
        await session.merge(Broadcast(id=stage.broadcast_id, lecture_id=stage.lecture_id, state=State.ENDED, fence=1))
    stage.boot()
    await stage.library.start()
    assert (await stage.entry()).state == "ready"


async def test_a_crash_between_manifest_and_catalogue_is_healed_at_start(stage: Stage) -> None:
    done = await run_lecture(stage)
    async with stage.here.db.writing() as session:
        row = await session.get(RecordingEntry, done.id)
        assert row is not None
        row.state, row.sha256 = "finalising", None
    stage.boot()
    await stage.library.start()
    entry = await stage.entry()
    assert (entry.state, entry.sha256) == ("ready", done.sha256)


async def test_a_full_disk_is_in_the_catalogue_while_the_lecture_goes_on(stage: Stage) -> None:
    told = asyncio.Event()

    async def listen(listed: RecordingListed) -> None:
        if listed.state == "degraded":
            told.set()

    stage.library.listeners.append(listen)
    await stage.event(State.OPEN, Event.START, 0)
    stage.free = 10
    stage.hall.lecture(4.0)
    async with asyncio.timeout(5):
        await told.wait()
    entry = await stage.entry()
    assert (entry.state, entry.problems) == ("degraded", ["disk_full"])
    await stage.event(State.LIVE, Event.END, 4)
    await stage.library.settle()
    entry = await stage.entry()
    assert (entry.state, entry.problems) == ("failed", ["disk_full", "no_media"])


async def test_the_document_has_the_fixed_members(stage: Stage) -> None:
    entry = await run_lecture(stage)
    async with stage.here.client(stage.app) as client:
        await log_in(client, "admin")
        listed = await (await client.get(f"/api/v1/recordings?lecture_id={stage.lecture_id}")).json()
        other = await (await client.get(f"/api/v1/recordings?lecture_id={uuid7()}")).json()
        every = await (await client.get("/api/v1/recordings")).json()
    assert other == []
    assert every == listed
    assert listed == [
        {
            "id": entry.id,
            "lecture_id": stage.lecture_id,
            "title": "<b>../毒品</b>",
            "state": "ready",
            "started_at": NOON.isoformat(),
            "ended_at": (NOON + timedelta(seconds=4)).isoformat(),
            "duration_s": entry.duration_s,
            "bytes": entry.bytes,
            "sha256": entry.sha256,
            "mp4_url": f"/api/v1/recordings/{entry.id}/video.mp4",
            "hls_url": None,
            "thumbnail_url": f"/api/v1/recordings/{entry.id}/thumbnail.jpg",
            "problems": [],
        }
    ]


async def test_the_video_is_served_whole_and_by_ranges(stage: Stage) -> None:
    entry = await run_lecture(stage)
    async with stage.here.client(stage.app) as client:
        await log_in(client, "admin")
        url = f"/api/v1/recordings/{entry.id}/video.mp4"
        whole = await client.get(url)
        data = await whole.read()
        assert (whole.status, whole.content_type, len(data)) == (200, "video/mp4", entry.bytes)
        assert hashlib.sha256(data).hexdigest() == entry.sha256
        assert whole.headers["Accept-Ranges"] == "bytes"
        assert whole.headers["Content-Disposition"] == f'inline; filename="{entry.id}.mp4"'
        middle = await client.get(url, headers={"Range": "bytes=100-199"})
        assert (middle.status, await middle.read()) == (206, data[100:200])
        assert middle.headers["Content-Range"] == f"bytes 100-199/{entry.bytes}"
        tail = await client.get(url, headers={"Range": "bytes=-10"})
        assert (tail.status, await tail.read()) == (206, data[-10:])
        beyond = await client.get(url, headers={"Range": f"bytes={entry.bytes}-"})
        assert beyond.status == 416
        picture = await client.get(f"/api/v1/recordings/{entry.id}/thumbnail.jpg")
        assert (picture.status, picture.content_type) == (200, "image/jpeg")
        assert (await picture.read())[:2] == b"\xff\xd8"


async def test_there_is_no_video_before_the_recording_is_ready(stage: Stage) -> None:
    await stage.event(State.OPEN, Event.START, 0)
    entry = await stage.entry()
    async with stage.here.client(stage.app) as client:
        await log_in(client, "admin")
        (listed,) = await (await client.get("/api/v1/recordings")).json()
        assert (listed["state"], listed["mp4_url"], listed["thumbnail_url"]) == ("recording", None, None)
        for name in ("video.mp4", "thumbnail.jpg"):
            answer = await client.get(f"/api/v1/recordings/{entry.id}/{name}")
            assert answer.status == 404


@pytest.mark.parametrize("path", ["", "/{id}", "/{id}/video.mp4", "/{id}/thumbnail.jpg"])
async def test_strangers_and_lecturers_learn_nothing(stage: Stage, path: str) -> None:
    entry = await run_lecture(stage)
    async with stage.here.client(stage.app) as client:
        for recording_id in (entry.id, uuid7()):
            url = "/api/v1/recordings" + path.format(id=recording_id)
            answer = await client.get(url)
            assert (answer.status, (await answer.json())["code"]) == (401, "not_logged_in")
        await log_in(client, "teacher")
        for recording_id in (entry.id, uuid7()):
            url = "/api/v1/recordings" + path.format(id=recording_id)
            answer = await client.get(url)
            assert (answer.status, (await answer.json())["code"]) == (403, "forbidden")


@pytest.mark.parametrize("path", ["/{id}", "/{id}/video.mp4", "/{id}/thumbnail.jpg"])
async def test_a_foreign_recording_looks_like_a_missing_one(stage: Stage, path: str) -> None:
    """A county sees recordings of lectures aimed at it, and cannot tell others from none."""
    entry = await run_lecture(stage)
    await stage.here.person("county", Role.COUNTY_ADMIN, FOREIGN)
    async with stage.here.client(stage.app) as client:
        await log_in(client, "county")
        assert await (await client.get("/api/v1/recordings")).json() == []
        answers = [await _problem(client, path.format(id=one)) for one in (entry.id, uuid7(), "..%2f..%2fetc")]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 404


async def _problem(client: TestClient[Any, Any], path: str) -> tuple[int, Any]:
    answer = await client.get("/api/v1/recordings" + path)
    return answer.status, await answer.json()
