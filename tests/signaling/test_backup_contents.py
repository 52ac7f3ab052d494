"""What a backup takes and what a restore keeps: triggers, keys, journal, older schemas, forged files; on both databases."""

from __future__ import annotations

import asyncio
import io
import stat
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, text

from config.settings import Settings, load
from signaling.__main__ import main
from signaling.auth.models import AuditEntry
from signaling.backup import postgresql
from signaling.backup.archive import BackupError
from signaling.backup.restoring import restore, verify
from signaling.backup.taking import take
from signaling.db.base import uuid7
from signaling.db.engine import Database
from signaling.db.migrate import downgrade, upgrade
from signaling.db.opening import open_database
from signaling.db.schema import ALL_APPEND_ONLY, metadata
from signaling.demo_data import classes, schools
from signaling.directory.models import Region
from signaling.directory.service import DirectoryService
from signaling.folder import hold
from tests.support import postgres
from tests.support.databases import POSTGRESQL, sqlite_only

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
LATER = datetime(2026, 3, 3, 4, 0, tzinfo=UTC)
Rows = dict[str, list[tuple[object, ...]]]


def quiet(step: str) -> None:
    """Take a word of progress."""


def settings_in(folder: Path) -> Settings:
    """Settings of a server whose data lies in `folder`, with a database of its own."""
    overrides: dict[str, dict[str, object]] = {"server": {"data_dir": folder}}
    if POSTGRESQL:
        name, url = postgres.fresh()
        overrides["database"] = {"url": f"postgresql://tests@/{name}?host={url.host}"}
    return load(overrides=overrides)


async def _rows(db: Database) -> Rows:
    async with db.engine.connect() as connection:
        return {
            table.name: sorted(map(tuple, await connection.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }


async def _with(settings: Settings, work) -> Rows:  # type: ignore[no-untyped-def]
    db = open_database(settings)
    try:
        await work(db)
        return await _rows(db)
    finally:
        await db.close()


def rows(settings: Settings) -> Rows:
    """Every row of every table."""

    async def nothing(db: Database) -> None: ...

    return asyncio.run(_with(settings, nothing))


async def _fill(db: Database) -> None:
    await upgrade(db)
    async with db.writing() as session:
        session.add(Region(code="522300", name="一州", level="prefecture"))
        session.add(Region(code="522301", name="一市", level="county", parent_code="522300"))
    made = list(schools([("522301", "一市")]))
    await DirectoryService(db).add_schools(made, [one for school in made for one in classes(school, 0, NOW.date())])
    await add_entry(db, "before")


async def add_entry(db: Database, action: str) -> None:
    """Add a row to the log."""
    async with db.writing() as session:
        session.add(AuditEntry(id=uuid7(), at=NOW, actor="system", action=action, detail='{"名":"值"}'))


def filled(folder: Path) -> Settings:
    """A server that has stopped: database, keys, a journal of facts, a recording."""
    settings = settings_in(folder)
    (folder / "recordings" / "r1").mkdir(parents=True)
    (folder / "recordings" / "r1" / "video.mp4").write_bytes(b"media")
    (folder / "watch.key").write_bytes(bytes(range(32)))
    (folder / "attendance.journal").write_text("a fact\n")
    asyncio.run(_with(settings, _fill))
    return settings


def test_what_is_restored_elsewhere_is_what_was_backed_up(tmp_path: Path) -> None:
    source = filled(tmp_path / "one")
    before = rows(source)
    with hold(source):  # a server runs
        made = take(source, tmp_path, NOW, quiet)
    assert made.name == "jiangtang-20260302T040000Z.tar"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert "recordings" in verify(made, quiet).left_out[0]
    target = settings_in(tmp_path / "two")
    assert restore(target, made, LATER, quiet) is None
    assert rows(target) == before
    assert sum(map(len, before.values())) > 20
    assert (tmp_path / "two" / "watch.key").read_bytes() == bytes(range(32))
    assert (tmp_path / "two" / "attendance.journal").read_text() == "a fact\n"
    assert not (tmp_path / "two" / "recordings").exists()
    assert [path.name for path in (tmp_path / "two").iterdir() if path.name.startswith(".")] == []
    asyncio.run(_refuses(target))


async def _refuses(settings: Settings) -> None:
    """The triggers came back too."""
    db = open_database(settings)
    try:
        assert "audit_log" in ALL_APPEND_ONLY
        with pytest.raises(Exception, match="append-only"):
            async with db.writing() as session:
                await session.execute(text("DELETE FROM audit_log"))
    finally:
        await db.close()


def test_what_stands_there_is_kept(tmp_path: Path) -> None:
    settings = filled(tmp_path / "one")
    made = take(settings, tmp_path / "b.tar", NOW, quiet)
    before = rows(settings)
    later = asyncio.run(_with(settings, lambda db: add_entry(db, "after")))
    (tmp_path / "one" / "later.key").write_bytes(b"later")
    with pytest.raises(BackupError, match="--force"):
        restore(settings, made, LATER, quiet)
    assert rows(settings) == later
    kept = restore(settings, made, LATER, quiet, force=True)
    assert kept is not None
    assert rows(settings) == before
    assert (kept / "later.key").read_bytes() == b"later"
    assert not (tmp_path / "one" / "later.key").exists()
    assert (tmp_path / "one" / "recordings" / "r1" / "video.mp4").exists()
    if POSTGRESQL:
        asked = text("SELECT count(*) FROM replaced_20260303t040000z.audit_log")
        assert asyncio.run(_scalar(settings, asked)) == len(later["audit_log"])
        again = take(settings, tmp_path / "again.tar", LATER, quiet)
        other = settings_in(tmp_path / "three")
        restore(other, again, LATER, quiet)
        assert rows(other) == before
    else:
        kept_settings = load(overrides={"server": {"data_dir": kept}})
        assert rows(kept_settings) == later


async def _scalar(settings: Settings, statement) -> int:  # type: ignore[no-untyped-def]
    db = open_database(settings)
    try:
        async with db.reading() as session:
            return int(await session.scalar(statement))
    finally:
        await db.close()


def test_an_older_backup_is_brought_up_and_a_newer_one_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = filled(tmp_path / "one")
    before = rows(settings)
    asyncio.run(_down(settings))
    made = take(settings, tmp_path / "old.tar", NOW, quiet)
    target = settings_in(tmp_path / "two")
    restore(target, made, LATER, quiet)
    assert rows(target)["classes"] == before["classes"]
    newer = settings_in(tmp_path / "three")
    monkeypatch.setattr("signaling.backup.restoring.revisions", frozenset)
    with pytest.raises(BackupError, match="newer program"):
        restore(newer, made, LATER, quiet)


async def _down(settings: Settings) -> None:
    db = open_database(settings)
    await downgrade(db, "0003")
    await db.close()


@pytest.mark.parametrize("name", ["../out", "/etc/x", "files/../../out", "files"])
def test_a_file_outside_is_never_written(tmp_path: Path, name: str) -> None:
    settings = filled(tmp_path / "one")
    made = take(settings, tmp_path / "b.tar", NOW, quiet)
    forged = tmp_path / "forged.tar"
    with tarfile.open(made) as old, tarfile.open(forged, "w") as new:
        for member in old:
            content = old.extractfile(member).read()  # type: ignore[union-attr]
            if member.name == "manifest.json":
                content = content.replace(b"files/watch.key", name.encode())
                member.size = len(content)
            member.name = name if member.name == "files/watch.key" else member.name
            new.addfile(member, io.BytesIO(content))
    with pytest.raises(BackupError, match="names a file that it must not"):
        verify(forged, quiet)
    assert not (tmp_path / "out").exists()


def test_no_file_is_written_over_and_nothing_is_not_backed_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = filled(tmp_path / "one")
    (tmp_path / "there.tar").write_text("mine")
    with pytest.raises(BackupError, match="there already"):
        take(settings, tmp_path / "there.tar", NOW, quiet)
    assert (tmp_path / "there.tar").read_text() == "mine"
    with pytest.raises(BackupError, match="no database"):
        take(settings_in(tmp_path / "empty"), tmp_path / "no.tar", NOW, quiet)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "one", "there.tar"]
    assert main(["backup", "--verify", str(tmp_path / "there.tar")]) == 1
    assert "no backup" in capsys.readouterr().err


@sqlite_only
def test_a_backup_of_one_kind_is_not_restored_into_the_other(tmp_path: Path) -> None:
    made = take(filled(tmp_path / "one"), tmp_path / "b.tar", NOW, quiet)
    other = load(overrides={"server": {"data_dir": tmp_path / "two"}, "database": {"url": "postgresql://u@h/d"}})
    with pytest.raises(BackupError, match="names postgresql"):
        restore(other, made, LATER, quiet)


def test_tools_that_are_absent_or_old_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    if postgres.programs() is not None:
        with pytest.raises(BackupError, match="install the newer client programs"):
            postgresql.tool("pg_dump", 999)
    monkeypatch.setattr(postgresql, "INSTALLED", Path("/nowhere"))
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(BackupError, match="pg_dump is not installed"):
        postgresql.tool("pg_dump", 15)
