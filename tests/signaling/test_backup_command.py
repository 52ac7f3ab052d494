"""`jiangtang backup` and `restore`: what comes back is what was there, row by row, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
from pathlib import Path

import pytest
from sqlalchemy import text

from config.settings import load
from signaling.__main__ import main
from signaling.db.engine import Database
from signaling.db.opening import open_database
from signaling.folder import hold
from tests.support import postgres
from tests.support.databases import POSTGRESQL, dumped

SCHOOLS = "学校标识码,学校名称,县（市、区）\n2152900001,云岭小学,兴义市\n3152900002,桐林中学,兴仁市\n"


class Desk:
    """The command line with a data folder, and with a database of its own on PostgreSQL."""

    def __init__(self, folder: Path, name: str) -> None:
        self.data = folder / name
        self.file = folder / f"{name}.toml"
        url = ""
        if POSTGRESQL:
            database, _ = postgres.fresh()
            url = f"postgresql://tests@/{database}?host={postgres.server().folder}"
        self.file.write_text(f'[database]\nurl = "{url}"\n', "utf-8")

    def run(self, *words: str) -> int:
        return main([*words, "--data", str(self.data), "--config", str(self.file)])

    def database(self) -> Database:
        return open_database(load(self.file, {"server": {"data_dir": self.data}}))

    def rows(self) -> str:
        async def read() -> str:
            db = self.database()
            try:
                return await dumped(db)
            finally:
                await db.close()

        return asyncio.run(read())


@pytest.fixture
def old(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path, "old")
    schools = tmp_path / "schools.csv"
    schools.write_text(SCHOOLS, "utf-8")
    assert desk.run("import", "schools", str(schools)) == 0
    desk.data.mkdir(exist_ok=True)
    (desk.data / "watch.key").write_bytes(b"a key")
    return desk


@pytest.fixture
def backup(old: Desk, tmp_path: Path) -> Path:
    file = tmp_path / "backup.tar"
    assert old.run("backup", str(file)) == 0
    assert file.stat().st_mode & 0o777 == 0o600
    return file


def test_what_comes_back_is_what_was_there(old: Desk, backup: Path, tmp_path: Path) -> None:
    assert old.run("backup", "--verify", str(backup)) == 0
    new = Desk(tmp_path, "new")
    assert new.run("restore", str(backup)) == 0
    assert new.rows() == old.rows()
    assert "云岭小学" in new.rows()
    assert (new.data / "watch.key").read_bytes() == b"a key"


def test_a_backup_while_somebody_writes_is_of_one_moment(old: Desk, tmp_path: Path) -> None:
    file = tmp_path / "busy.tar"

    async def write_and_back_up() -> None:
        db, done = old.database(), asyncio.Event()

        async def write() -> None:
            number = 0
            while not done.is_set():
                async with db.writing() as session:  # two rows, always together
                    for place in ("a", "b"):
                        sql = "INSERT INTO region_aliases (code, region_code) VALUES (:code, '522301')"
                        await session.execute(text(sql), {"code": f"{place}{number}"})
                number += 1
                await asyncio.sleep(0)

        writer = asyncio.create_task(write())
        try:
            assert await asyncio.to_thread(old.run, "backup", str(file)) == 0
        finally:
            done.set()
            await writer
            await db.close()

    asyncio.run(write_and_back_up())
    new = Desk(tmp_path, "new")
    assert new.run("restore", str(file)) == 0
    pairs = [
        {line[1:] for line in new.rows().splitlines() if line[:1] == place and line[1:].isdigit()} for place in "ab"
    ]
    assert pairs[0] == pairs[1], "no half of a transaction"


def test_what_stands_is_replaced_only_when_asked_for_and_then_kept(old: Desk, backup: Path) -> None:
    before = old.rows()
    assert old.run("restore", str(backup)) == 1
    assert old.rows() == before
    assert old.run("restore", str(backup), "--force") == 0
    assert old.rows() == before
    assert [path.name for path in old.data.iterdir() if path.name.startswith("replaced-")]


def test_a_running_server_is_left_alone(old: Desk, backup: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with hold(load(old.file, {"server": {"data_dir": old.data}})):
        assert old.run("restore", str(backup), "--force") == 1
    assert "another server" in capsys.readouterr().err


@pytest.mark.parametrize("harm", ["flipped", "torn", "newer", "nothing"])
def test_a_damaged_or_newer_backup_changes_nothing(
    old: Desk, backup: Path, harm: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = bytearray(backup.read_bytes())
    if harm == "flipped":
        data[len(data) // 2] ^= 1
    elif harm == "torn":
        del data[len(data) // 2 :]
    elif harm == "nothing":
        data = bytearray(b"no tar")
    backup.chmod(0o600)
    backup.write_bytes(_newer(backup, tmp_path) if harm == "newer" else bytes(data))
    new = Desk(tmp_path, "new")
    assert new.run("restore", str(backup)) == 1
    assert "jiangtang:" in capsys.readouterr().err
    assert not (new.data / "jiangtang.sqlite3").exists()


def _newer(backup: Path, folder: Path) -> bytes:
    """Return the backup as a program of tomorrow would have made it."""
    made = folder / "newer.tar"
    with tarfile.open(backup) as source, tarfile.open(made, "w") as target:
        for member in source:
            body = source.extractfile(member)
            content = body.read() if body else b""
            if member.name == "manifest.json":
                content = json.dumps(json.loads(content) | {"revision": "9999"}).encode()
                member.size = len(content)
            target.addfile(member, io.BytesIO(content))
    return made.read_bytes()
