"""`jiangtang retention`: nothing goes without being asked for, what goes leaves no trace but its entry and its evidence."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.settings import RetentionSettings, Settings, load
from recorder.finish import finish
from recorder.objects import ObjectStore
from recorder.retention import hide
from recorder.store import Folder, Store
from recorder.upload import Uploader
from recorder.vault import Vault
from signaling.__main__ import main
from signaling.db.engine import Database
from signaling.db.migrate import upgrade
from signaling.folder import database_file
from signaling.library.keeping import Keeping, next_run
from signaling.library.models import REMOVED, RecordingEntry
from signaling.library.records_service import Records
from tests.support.media import clip
from tests.support.reels import lecture
from tests.support.s3 import s3_server

NOW = datetime.now(UTC)


class Desk:
    """A data folder with recordings of several ages; database and files as a server leaves them."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.settings: Settings = load(overrides={"server": {"data_dir": data}})
        self.root = data / "recordings"
        self.root.mkdir(parents=True)

    def recording(self, days: float, state: str = "ready") -> Folder:
        """Add a recording that ended so many days ago."""
        folder = lecture(self.root, clip(4.0))
        finish(folder)
        ended = NOW - timedelta(days=days) if state == "ready" else None
        asyncio.run(self._insert(folder.recording_id, state, ended))
        return folder

    async def _insert(self, recording_id: str, state: str, ended: datetime | None) -> None:
        async with self.database() as db, db.writing() as session:
            row = RecordingEntry(id=recording_id, lecture_id="l", broadcast_id=recording_id, title="一课", state=state)
            row.started_at, row.ended_at, row.has_thumbnail, row.bytes = NOW, ended, True, 5
            session.add(row)

    def database(self):  # type: ignore[no-untyped-def]
        """Return the database as a context."""
        return _Open(self.settings)

    def entry(self, recording_id: str) -> RecordingEntry:
        """Return an entry of the catalogue."""

        async def read() -> RecordingEntry | None:
            async with self.database() as db:
                return await Records(db).get(recording_id)

        found = asyncio.run(read())
        assert found is not None
        return found

    def run(self, *options: str) -> int:
        """Run the command."""
        return main(["retention", "--data", str(self.data), *options])


class _Open:
    def __init__(self, settings: Settings) -> None:
        self._db = Database.sqlite(database_file(settings))

    async def __aenter__(self) -> Database:
        await upgrade(self._db)
        return self._db

    async def __aexit__(self, *error: object) -> None:
        await self._db.close()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "data")


def test_a_dry_run_says_what_would_go_and_deletes_nothing(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    old, young, running = desk.recording(184), desk.recording(182), desk.recording(0, "recording")
    stranger = lecture(desk.root, clip(4.0))
    assert desk.run() == 0
    out = capsys.readouterr().out
    assert f"delete\t{old.recording_id}" in out
    assert "older than 183 days" in out
    assert "1 of 4 recordings to delete" in out
    assert young.recording_id not in out
    assert desk.run("--all") == 0
    out = capsys.readouterr().out
    for folder, why in ((young, "not 183 days old"), (running, "not finished"), (stranger, "not in the catalogue")):
        line = next(line for line in out.splitlines() if folder.recording_id in line)
        assert line.startswith("keep\t")
        assert why in line
    assert all(one.manifest.exists() for one in (old, young, running))
    assert desk.run("--apply") == 1, "no terminal to ask, and no --yes"
    assert old.manifest.exists()


def test_what_goes_leaves_its_entry_and_nothing_else(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    old, young = desk.recording(184), desk.recording(182)
    ledger = desk.data / "attendance" / "journal.jsonl"
    ledger.parent.mkdir()
    ledger.write_text("facts\n")
    assert desk.run("--apply", "--yes") == 0
    assert "deleted 1 recordings" in capsys.readouterr().out
    assert [path.name for path in desk.root.iterdir()] == [young.recording_id]
    entry = desk.entry(old.recording_id)
    assert (entry.state, entry.problems, entry.bytes, entry.has_thumbnail) == ("failed", [REMOVED], 5, False)
    assert desk.entry(young.recording_id).state == "ready"
    assert ledger.read_text() == "facts\n"
    assert desk.run("--apply", "--yes") == 0
    assert "0 of 1 recordings" in capsys.readouterr().out


def test_a_deletion_that_was_interrupted_is_ended(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    old = desk.recording(184)
    hide(old)
    assert [one.recording_id for one in Store(desk.root).folders()] == [], "from the first step on it is not to be seen"
    assert desk.run() == 0
    assert "deletion was begun" in capsys.readouterr().out
    assert desk.run("--apply", "--yes") == 0
    assert list(desk.root.iterdir()) == []
    assert desk.entry(old.recording_id).problems == [REMOVED]


@contextmanager
def records_of(desk: Desk) -> Iterator[Records]:
    db = Database.sqlite(database_file(desk.settings))
    try:
        yield Records(db)
    finally:
        asyncio.run(db.close())


@pytest.mark.server
def test_the_copy_in_the_object_store_goes_too_and_waits_when_that_is_away(desk: Desk) -> None:
    old = desk.recording(184)
    with s3_server() as server, records_of(desk) as records:
        vault = Vault(desk.root, server.settings())
        objects = ObjectStore(server.settings())

        async def keep() -> list[str]:
            policy = RetentionSettings(automatic=False, recording_days=183, hour=3)
            keeping = Keeping(vault, policy, records.all, records.removed)
            return await keeping.apply(await keeping.plan(NOW))

        asyncio.run(Uploader(vault.store, objects, server.settings()).upload(old))
        assert len(asyncio.run(objects.names(old.recording_id))) > 5
        other = lecture(desk.root, clip(4.0))
        finish(other)
        asyncio.run(Uploader(vault.store, objects, server.settings()).upload(other))
        assert asyncio.run(keep()) == []
        assert asyncio.run(objects.names(old.recording_id)) == []
        assert len(asyncio.run(objects.names(other.recording_id))) > 5
        assert not old.path.exists()
        late = desk.recording(200)
        server.stop()
        assert asyncio.run(keep()) == [late.recording_id]
        assert not late.path.exists()
        assert desk.entry(late.recording_id).problems == [REMOVED]


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (datetime(2026, 1, 1, 18, 59, tzinfo=UTC), datetime(2026, 1, 1, 19, tzinfo=UTC)),
        (datetime(2026, 1, 1, 19, 0, tzinfo=UTC), datetime(2026, 1, 2, 19, tzinfo=UTC)),
    ],
)
def test_the_night_is_local(now: datetime, due: datetime) -> None:
    assert next_run(now, 3, timedelta(hours=8)) == due
