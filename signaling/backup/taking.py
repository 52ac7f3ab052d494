"""Takes a backup, while a server runs or not."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

from config.settings import Settings
from signaling.backup import sqlite
from signaling.backup.archive import DATABASE, FILES, BackupError, Manifest, part, write
from signaling.backup.postgresql import Server
from signaling.db.opening import address
from signaling.folder import LOCK, data_folder, database_file

RECORDINGS: Final = "recordings"
REPLACED: Final = "replaced-"  # begins the names of folders that a restore has kept
ANEW: Final = frozenset({LOCK, "demo.json"})  # a server makes these at its start
LEFT_OUT: Final = ("recordings: copy the folder `recordings` of the data folder, or rely on the object store",)


def take(settings: Settings, wanted: Path, now: datetime, progress: Callable[[str], None]) -> Path:
    """Write a backup into a file or folder and return the file; raises `BackupError`, `StartError` or `OSError`."""
    target = wanted / f"jiangtang-{now:%Y%m%dT%H%M%SZ}.tar" if wanted.is_dir() else wanted
    if target.exists():
        raise BackupError(f"{target} is there already: a backup never takes the place of another file")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".jiangtang-backup-") as folder:
        paths = dict(
            _files(data_folder(settings), database_file(settings), Path(folder))
        )  # before the database: see README.md
        progress(f"{len(paths)} files of the data folder")
        paths[DATABASE] = Path(folder) / DATABASE
        kind, revision = _database(settings, paths[DATABASE], progress)
        progress("checksums")
        manifest = Manifest(
            version=version("jiangtang"),
            kind=kind,
            revision=revision,
            made_at=now,
            parts=[part(name, path) for name, path in paths.items()],
            left_out=list(LEFT_OUT),
        )
        progress(f"writing {sum(one.bytes for one in manifest.parts)} bytes")
        write(target, manifest, paths)
    return target


def contents(folder: Path, database: Path) -> Iterator[Path]:
    """Yield the members of a data folder that a backup takes and a restore replaces, the database apart."""
    beside = {database.name + tail for tail in (*sqlite.TAILS, "-journal")}
    for path in sorted(folder.iterdir()):
        if path.name not in beside | ANEW | {RECORDINGS} and not path.name.startswith((REPLACED, ".")):
            yield path


def _files(folder: Path, database: Path, copies: Path) -> Iterator[tuple[str, Path]]:
    """Copy the files that are taken, so that none changes while it is read twice; yield their names and copies."""
    for top in contents(folder, database):
        for path in [top] if not top.is_dir() else sorted(top.rglob("*")):
            if path.is_symlink() or not path.is_file():
                continue
            name = FILES + path.relative_to(folder).as_posix()
            copy = copies / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            yield name, copy


def _database(
    settings: Settings, target: Path, progress: Callable[[str], None]
) -> tuple[Literal["sqlite", "postgresql"], str]:
    if not settings.database.url:
        return "sqlite", sqlite.snapshot(database_file(settings), target, progress)
    progress("database by pg_dump")
    return "postgresql", Server(address(settings.database), settings.database.connect_seconds).dump(target)
