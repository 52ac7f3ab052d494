"""The embedded database: a snapshot of one moment, while a server goes on writing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from signaling.backup.archive import BackupError

PAGES = 2048  # copied between two words of progress
TAILS = ("", "-wal", "-shm")


def snapshot(source: Path, target: Path, progress: Callable[[str], None]) -> str:
    """Copy the database as it is now and return its revision; raises `BackupError`."""
    if not source.is_file():
        raise BackupError(f"there is no database in {source.parent}")
    try:
        with closing(_open(source)) as database, closing(sqlite3.connect(target)) as copy:
            # The open transaction pins one moment: the copy neither sees later writes nor begins anew because of them.
            database.execute("BEGIN")
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
            database.backup(
                copy,
                pages=PAGES,
                progress=lambda _, left, total: progress(f"database {100 * (total - left) // max(1, total)} %"),
            )
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
        return check(target)
    except sqlite3.Error as error:
        raise BackupError(f"the database cannot be copied: {error}") from None


def check(path: Path) -> str:
    """Return the revision of a database whose every page was looked at; raises `BackupError`."""
    try:
        with closing(_open(path)) as database:
            found = [row[0] for row in database.execute("PRAGMA integrity_check")]
            if found != ["ok"]:
                raise BackupError(f"the database is damaged: {found[0]}")
            return str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    except (sqlite3.Error, TypeError) as error:
        raise BackupError(f"this is no database of this program: {error}") from None


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
