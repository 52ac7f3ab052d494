"""The library over a real database, a real recorder and real HTTP."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from signaling.auth.identity import Role
from signaling.db.base import uuid7
from signaling.library.events import RecordingListed
from signaling.library.models import RecordingEntry
from signaling.live.models import Broadcast
from signaling.live.states import Event, State
from tests.support.library_stage import Stage, library_stage, run_lecture
from tests.support.media import access_units
from tests.support.platform import NOON, log_in

FOREIGN = "520300"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with library_stage(tmp_path) as made:
        yield made


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
            "review": "pending",
            "reviewed_at": None,
            "started_at": NOON.isoformat(),
            "ended_at": (NOON + timedelta(seconds=4)).isoformat(),
            "duration_s": entry.duration_s,
            "bytes": entry.bytes,
            "sha256": entry.sha256,
            "width": entry.width,
            "height": entry.height,
            "chapters": [{"start_s": 0.0, "kind": "start"}],
            "gaps": [],
            "storage": "local",
            "mp4_url": f"/api/v1/recordings/{entry.id}/video.mp4",
            "hls_url": f"/hls/{stage.lecture_id}/{entry.id}/index.m3u8",
            "sprite_url": f"/hls/{stage.lecture_id}/{entry.id}/sprite.jpg",
            "thumbs_url": f"/hls/{stage.lecture_id}/{entry.id}/thumbs.vtt",
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
