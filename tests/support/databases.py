"""The database of a test: SQLite in a file, or a fresh PostgreSQL database when `JIANGTANG_TEST_DATABASE` is `postgresql`.

`make test` runs the tests of the control plane once on each.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Dialect, select
from sqlalchemy.util import LRUCache

from signaling.db.engine import Database
from signaling.db.migrate import upgrade
from signaling.db.schema import metadata
from tests.support import postgres

POSTGRESQL = os.environ.get("JIANGTANG_TEST_DATABASE") == "postgresql"
once = pytest.mark.skipif(POSTGRESQL, reason="its matter is not what the database does: SQLite is enough")
sqlite_only = pytest.mark.skipif(POSTGRESQL, reason="it is about the file of SQLite")


def database_in(path: Path) -> Database:
    """Return the database that a test keeps in `path`, or in place of it; the same path again is the same database."""
    if not POSTGRESQL:
        return sharing(Database.sqlite(path))
    if path not in _names:
        _names[path] = postgres.fresh()[0]
    return sharing(Database.postgresql(postgres.server().url(_names[path]), 5, 10, 60))


def sharing(db: Database) -> Database:
    """Let a database use the statements that were compiled for those before it: compiling is a quarter of what a test costs.

    SQLAlchemy keeps them by dialect, which every engine makes anew; those of one kind are made alike here, so they count as the same.
    """
    alike(type(db.engine.dialect))
    db.engine.sync_engine.update_execution_options(compiled_cache=_compiled)
    return db


@cache
def alike(kind: type[Dialect]) -> None:
    """Let dialects of a kind be equal."""
    kind.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign]
    kind.__eq__ = lambda self, other: type(self) is type(other)  # type: ignore[method-assign]


_compiled: LRUCache[Any, Any] = LRUCache(3000)


def is_there(path: Path) -> bool:
    """Whether a database was made in `path` before."""
    return path in _names or path.exists()


def copy(source: Path, target: Path) -> None:
    """Make the database in `target` one like that in `source`, which nobody has open."""
    if POSTGRESQL:
        _names[target] = postgres.fresh(_names[source])[0]
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


_names: dict[Path, str] = {}
_lasting: set[Path] = set()


async def keep(db: Database, path: Path) -> None:
    """Close the database in `path` so that others can be copied from it, and keep it after the test that made it."""
    if db.is_sqlite:
        async with db.engine.connect() as connection:
            await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    await db.close()
    _lasting.add(path)


@contextmanager
def of_one_test() -> Iterator[None]:
    """Remove the databases that are made within, those that are kept excepted: a thousand of them are ten gigabytes."""
    before = set(_names)
    yield
    for path in set(_names) - before - _lasting:
        postgres.server().drop(_names.pop(path))


async def migrated(path: Path) -> Database:
    """Return a database with the schema of this program, a copy of one that is migrated once a process."""
    if not _migrated:
        folder = tempfile.TemporaryDirectory(prefix="migrated")
        source = Path(folder.name) / "template.sqlite3"
        db = database_in(source)
        await upgrade(db)
        await keep(db, source)
        _migrated.append((folder, source))
    copy(_migrated[0][1], path)
    return database_in(path)


_migrated: list[tuple[tempfile.TemporaryDirectory[str], Path]] = []


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Database]:
    """Yield the database of a test and close it."""
    made = database_in(path)
    try:
        yield made
    finally:
        await made.close()


async def dumped(db: Database) -> str:
    """Return every value of every table as text."""
    async with db.engine.connect() as connection:
        tables = [await connection.execute(select(table)) for table in metadata.sorted_tables]
        return "\n".join(str(value) for rows in tables for row in rows for value in row)
