"""The way back from a backup.

1. **Nothing is touched before the whole backup was checked** and, for SQLite, brought to the schema of this program beside the old one.
2. **Nothing is lost**: what stood there is only replaced when asked for, and then kept.
3. **No server may run**: the data folder is held, and no other connection to PostgreSQL may be open.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

from config.settings import Settings
from signaling.backup import postgresql, sqlite
from signaling.backup.archive import DATABASE, FILES, BackupError, Manifest, sync_folder, unpack
from signaling.backup.taking import REPLACED, contents
from signaling.db.engine import Database
from signaling.db.migrate import SchemaError, revisions, upgrade
from signaling.db.opening import address, open_database
from signaling.folder import data_folder, database_file, hold

Progress = Callable[[str], None]


def verify(source: Path, progress: Progress) -> Manifest:
    """Read a whole backup and look into its database; raises `BackupError` or `OSError`."""
    with tempfile.TemporaryDirectory(prefix="jiangtang-verify-") as folder:
        return _checked(source, Path(folder), progress)


def restore(settings: Settings, source: Path, now: datetime, progress: Progress, *, force: bool = False) -> Path | None:
    """Restore; return the folder in which the old files are kept, if there were any.

    Raises `BackupError`, `StartError`, `SchemaError` or `OSError`.
    """
    folder, stamp = data_folder(settings), f"{now:%Y%m%dT%H%M%SZ}"
    with closing(hold(settings)), tempfile.TemporaryDirectory(dir=folder, prefix=".restoring-") as new:
        manifest = _checked(source, Path(new), progress)
        wanted = "postgresql" if settings.database.url else "sqlite"
        if manifest.kind != wanted:
            raise BackupError(f"the backup is of {manifest.kind}, but database.url names {wanted}")
        if _stands(settings) and not force:
            raise BackupError(
                f"{folder} is not empty: --force replaces what is there, and keeps it in {REPLACED}{stamp}"
            )
        if manifest.kind == "sqlite":
            progress("schema of the database")
            asyncio.run(_upgrade(Database.sqlite(Path(new) / DATABASE)))
        else:
            _restore_postgresql(settings, Path(new) / DATABASE, stamp, progress, force=force)
        kept = _replace(settings, Path(new), folder / f"{REPLACED}{stamp}")
        sync_folder(folder)
        return kept


def _checked(source: Path, folder: Path, progress: Progress) -> Manifest:
    progress("checksums")
    manifest = unpack(source, folder)
    if manifest.revision not in revisions():
        raise BackupError(
            f"the backup is of a newer program ({manifest.version}, schema {manifest.revision}): update this one first"
        )
    progress("database")
    if manifest.kind == "postgresql":
        postgresql.check(folder / DATABASE)
    elif sqlite.check(folder / DATABASE) != manifest.revision:
        raise BackupError("the database is not of the schema that the manifest names")
    return manifest


def _stands(settings: Settings) -> bool:
    """Whether there is anything that a restore would replace."""
    file = database_file(settings)
    if any(contents(file.parent, file)):
        return True
    return not _server(settings).is_empty() if settings.database.url else file.exists()


def _server(settings: Settings) -> postgresql.Server:
    return postgresql.Server(address(settings.database), settings.database.connect_seconds)


def _restore_postgresql(settings: Settings, source: Path, stamp: str, progress: Progress, *, force: bool) -> None:
    server = _server(settings)
    if server.others():
        raise BackupError("other connections to the database are open: stop every server first")
    aside = force and not server.is_empty()
    if aside:
        server.set_aside(stamp.lower())
    try:
        progress("database by pg_restore")
        server.restore(source)
        progress("schema of the database")
        asyncio.run(_upgrade(open_database(settings)))
    except (BackupError, SchemaError):
        if aside:
            server.take_back(stamp.lower())
        else:
            server.empty()
        raise


async def _upgrade(db: Database) -> None:
    try:
        await upgrade(db)
        if db.is_sqlite:
            async with db.engine.connect() as connection:
                await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        await db.close()


def _replace(settings: Settings, new: Path, kept: Path) -> Path | None:
    """Move the old files away, then the new ones in."""
    file = database_file(settings)
    old = [*contents(file.parent, file)]
    if not settings.database.url:
        old += [path for tail in sqlite.TAILS if (path := Path(f"{file}{tail}")).exists()]
    if old:
        kept.mkdir(mode=0o700)
        for path in old:
            path.rename(kept / path.name)
    for path in sorted((new / FILES).iterdir()) if (new / FILES).is_dir() else ():
        path.rename(file.parent / path.name)
    if not settings.database.url:
        (new / DATABASE).rename(file)
    return kept if old else None
