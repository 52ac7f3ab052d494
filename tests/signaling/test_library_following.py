"""What the library does at a cut, at the end of a process, and with what an older program left behind."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command

from recorder.errors import Cut, NotYet
from recorder.live import LiveStream
from signaling.db.engine import Database
from signaling.db.migrate import config, head, upgrade
from signaling.library import following
from signaling.library.listing import Listing, listing
from signaling.library.tasks import Tasks
from signaling.live.models import Broadcast
from signaling.live.states import Event, State
from tests.support.library_stage import Stage, library_stage, run_lecture
from tests.support.live import house
from tests.support.platform import NOON


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with library_stage(tmp_path) as made:
        yield made


async def stream_of(stage: Stage) -> LiveStream:
    found = stage.library.stream((await stage.entry()).id)
    assert found is not None
    return found


async def is_cut(stream: LiveStream) -> bool:
    try:
        stream.index(False)
    except Cut:
        return True
    except NotYet:
        return False
    return False


async def waiter(stage: Stage, stream: LiveStream) -> asyncio.Task[bytes]:
    """Return a player's request that waits for a segment to come, when there is something to play."""
    stage.hall.lecture(4.0)
    async with asyncio.timeout(5):
        while True:
            try:
                text = (await stream.playlist("live", None, None, False)).decode()
                break
            except NotYet:
                await asyncio.sleep(0.01)
    [sequence] = re.findall(r"MEDIA-SEQUENCE:(\d+)", text)
    waiting = asyncio.create_task(stream.playlist("live", int(sequence) + text.count("#EXTINF") + 1, None, False))
    await asyncio.sleep(0)
    assert not waiting.done()
    return waiting


async def test_a_cut_reaches_who_waits_before_the_database_is_asked(stage: Stage) -> None:
    await stage.event(State.OPEN, Event.START, 0)
    stream = await stream_of(stage)
    waiting = await waiter(stage, stream)
    async with stage.here.db.writing():  # nobody else can write: the rest of the library waits
        stage.library.bar(stage.lecture_id, True)
        with pytest.raises(Cut):
            async with asyncio.timeout(0.2):
                await waiting
    assert await is_cut(stream)


async def test_a_cut_and_a_resume_are_followed(stage: Stage) -> None:
    await stage.event(State.OPEN, Event.START, 0)
    stream = await stream_of(stage)
    await stage.event(State.LIVE, Event.CUT, 1)
    assert await is_cut(stream)
    await stage.event(State.CUT, Event.RESUME, 2)
    assert not await is_cut(stream)


async def test_a_resume_that_waited_does_not_lift_the_next_cut(stage: Stage) -> None:
    await stage.event(State.OPEN, Event.START, 0)
    stream = await stream_of(stage)
    await stage.event(State.LIVE, Event.CUT, 1)
    stage.here.lectures.state_of = lambda lecture_id: State.CUT  # cut once more; that fact is still under way
    stage.library.bar(stage.lecture_id, True)
    await stage.event(State.CUT, Event.RESUME, 2)
    assert await is_cut(stream)


async def test_what_was_cut_before_there_was_a_recording_is_cut(stage: Stage) -> None:
    stage.here.lectures.state_of = lambda lecture_id: State.CUT
    await stage.event(State.OPEN, Event.START, 0)
    assert await is_cut(await stream_of(stage))


async def test_a_cut_outlives_a_restart(stage: Stage) -> None:
    await stage.event(State.OPEN, Event.START, 0)
    await stage.event(State.LIVE, Event.CUT, 1)
    await stage.library.stop()
    stage.boot()
    await stage.library.start()
    assert await is_cut(await stream_of(stage))


async def test_broadcasts_bar_viewers_before_a_cut_is_committed(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        told: list[tuple[str, bool, State]] = []
        home.live.broadcasts.bar = lambda one, cut: told.append((one, cut, home.live.broadcasts.peek(one).state))
        await home.at(Event.OPEN, Event.START, Event.CUT)
        assert told == [(home.lecture_id, True, State.LIVE)]


async def test_a_recovered_recording_says_when_its_broadcast_ended(stage: Stage) -> None:
    await stage.event(State.OPEN, Event.START, 0)
    stage.hall.lecture(4.0)
    await stage.library.stop()
    ended_at = NOON + timedelta(minutes=40)
    over = Broadcast(id=stage.broadcast_id, lecture_id=stage.lecture_id, state=State.ENDED, fence=1, ended_at=ended_at)
    async with stage.here.db.writing() as session:
        await session.merge(over)
    stage.boot()
    await stage.library.start()
    entry = await stage.entry()
    assert (entry.state, entry.ended_at) == ("ready", ended_at)


async def test_stopping_does_not_wait_for_a_long_finish(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "STOP_SECONDS", 0.05)
    held = threading.Event()
    read = stage.library._recorder.manifest
    monkeypatch.setattr(stage.library._recorder, "manifest", lambda one: held.wait(10) and read(one))
    await stage.event(State.OPEN, Event.START, 0)
    stage.hall.lecture(4.0)
    await stage.event(State.LIVE, Event.END, 4)
    try:
        async with asyncio.timeout(5):
            await stage.library.stop()
        assert (await stage.entry()).state == "finalising"
    finally:
        held.set()
    stage.boot()
    await stage.library.start()
    assert (await stage.entry()).state == "ready"


async def test_what_fails_beside_is_no_reason_not_to_stop() -> None:
    tasks = Tasks()

    async def fail() -> None:
        raise ValueError("an accident")

    tasks.spawn(fail())
    async with asyncio.timeout(1):
        await tasks.settle()
        await tasks.stop(0.1)


async def test_a_list_reads_no_files(stage: Stage) -> None:
    await run_lecture(stage)
    for path in sorted(stage.root.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    entry = await stage.entry()
    assert (entry.state, entry.chapters[0]["kind"], entry.has_preview) == ("ready", "start", True)
    assert entry.width is not None


@pytest.mark.parametrize(
    ("manifest", "shown"),
    [
        (None, Listing()),
        ({"version": 1, "width": 640, "height": 360, "chapters": [{"event": "pause", "at_s": 1.0}]}, Listing(640, 360)),
        ({"sprite": "sprite.jpg", "thumbs": None, "gaps": None}, Listing()),
        (
            {"sprite": "s", "thumbs": "t", "gaps": [{"at_s": 1.5, "seconds": 3.0, "reason": "paused", "more": 1}]},
            Listing(has_preview=True, gaps=[{"at_s": 1.5, "seconds": 3.0, "reason": "paused"}]),
        ),
    ],
    ids=["none", "version 1", "half a preview", "version 2"],
)
def test_a_manifest_says_what_it_can(manifest: dict[str, Any] | None, shown: Listing) -> None:
    assert listing(manifest) == shown


async def test_the_review_comes_and_goes_with_its_migration(tmp_path: Path) -> None:
    db = Database.sqlite(tmp_path / "db")
    try:
        await _migrate(db, "0001")
        with sqlite3.connect(tmp_path / "db") as direct:
            before = _columns(direct)
            direct.execute(
                "INSERT INTO recordings (id, lecture_id, broadcast_id, title, state, started_at, has_thumbnail, problems,"
                " created_at) VALUES ('r', 'l', 'b', 't', 'ready', '2026-03-02', 1, '[]', '2026-03-02')"
            )
            direct.execute(
                "INSERT INTO broadcasts (id, lecture_id, state, fence, ended_at, on_air_seconds, created_at)"
                " VALUES ('b', 'l', 'ended', 1, '2026-03-02 01:00:00', 0, '2026-03-02')"
            )
        await upgrade(db)
        with sqlite3.connect(tmp_path / "db") as direct:
            row = direct.execute(
                "SELECT review, storage, chapters, gaps, has_preview, ended_at FROM recordings"
            ).fetchone()
            assert row == ("pending", "local", "[]", "[]", 0, "2026-03-02 01:00:00")
            with pytest.raises(sqlite3.IntegrityError, match="ck_recordings_review_known"):
                direct.execute("UPDATE recordings SET review = 'maybe'")
        await _migrate(db, "0001", down=True)
        with sqlite3.connect(tmp_path / "db") as direct:
            assert _columns(direct) == before
            assert direct.execute("SELECT id, title FROM recordings").fetchone() == ("r", "t")
        await upgrade(db)
        with sqlite3.connect(tmp_path / "db") as direct:
            assert direct.execute("SELECT version_num FROM alembic_version").fetchone() == (head(),)
    finally:
        await db.close()


async def _migrate(db: Database, revision: str, *, down: bool = False) -> None:
    step = command.downgrade if down else command.upgrade
    async with db.engine.connect() as connection:
        await connection.run_sync(lambda sync: step(config(sync), revision))
        await connection.commit()


def _columns(direct: sqlite3.Connection) -> list[tuple[Any, ...]]:
    return direct.execute("SELECT name, type, \"notnull\" FROM pragma_table_info('recordings')").fetchall()
