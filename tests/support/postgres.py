"""A PostgreSQL server of its own for the tests: made when the first test asks, ended with the tests' process.

It listens on a socket in its own folder and on no port. Its files are not synced, and nothing is done for a crash, for replicas or
for a long life: what is tested is what SQL does, not the disk.
"""

from __future__ import annotations

import atexit
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import psycopg
from sqlalchemy import URL

TEMPLATE = "migrated"
SETTINGS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=4GB",
    "autovacuum=off",
    "jit=off",
)
COPYING_IS_CHOSEN = 150000  # since this version files can be copied, or pages logged, which takes five times as long
_numbers = itertools.count()


def programs() -> Path | None:
    """Return the folder of the newest PostgreSQL server that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    elsewhere = shutil.which("initdb")
    return Path(elsewhere).resolve().parent if elsewhere else None


class Server:
    """One running server in a temporary folder."""

    def __init__(self, folder: Path, bin_folder: Path) -> None:
        self.folder = folder
        self._bin = bin_folder
        # PostgreSQL refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            entry = pwd.getpwnam(self._user)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        self._run(
            "initdb", "-D", str(folder / "data"), "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"
        )
        settings = (
            f"-c listen_addresses='' -c unix_socket_directories={folder} {' '.join(f'-c {one}' for one in SETTINGS)}"
        )
        self._run("pg_ctl", "-D", str(folder / "data"), "-w", "-l", str(folder / "log"), "-o", settings, "start")

    def url(self, database: str) -> URL:
        """Return the address of one of its databases."""
        return URL.create("postgresql", "tests", host=str(self.folder), database=database)

    def create(self, database: str, template: str = "template1") -> URL:
        """Make a database, a copy of another."""
        with psycopg.connect(host=str(self.folder), user="tests", dbname="postgres", autocommit=True) as connection:
            how = " STRATEGY FILE_COPY" if connection.info.server_version >= COPYING_IS_CHOSEN else ""
            connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"{how}')  # type: ignore[arg-type]
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database."""
        with psycopg.connect(host=str(self.folder), user="tests", dbname="postgres", autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')  # type: ignore[arg-type]

    def stop(self) -> None:
        """End the server and remove its folder."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            user=self._user,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode:
            raise RuntimeError(f"{program} ended with {done.returncode}: {done.stderr or done.stdout}")


@cache
def server() -> Server:
    """Return the server of this process."""
    found = programs()
    assert found is not None, "PostgreSQL is not installed: make test-tools installs it"
    made = Server(Path(tempfile.mkdtemp(prefix="jiangtang-pg-")), found)
    atexit.register(made.stop)
    return made


def fresh(template: str = "template1") -> tuple[str, URL]:
    """Make a database that no other test uses; return its name and address."""
    name = f"test_{next(_numbers)}"
    return name, server().create(name, template)
