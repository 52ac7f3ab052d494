"""A PostgreSQL database by its own tools.

1. **The password stands in no command line**: the tools get it by their environment.
2. **What was there before stays**: its schema gets another name, and gets its own back when the restore fails.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL

from signaling.backup.archive import BackupError

KEPT: Final = "replaced_"  # begins the names of schemas that a restore has kept
INSTALLED: Final = Path("/usr/lib/postgresql")


class Server:
    """The database that an address names."""

    def __init__(self, url: URL, connect_seconds: int) -> None:
        plain = url.set(drivername="postgresql+psycopg")
        _, arguments = plain.get_dialect()().create_connect_args(plain)
        self._password: str | None = arguments.pop("password", None)
        self._address = make_conninfo(**arguments, connect_timeout=connect_seconds)

    def connect(self) -> psycopg.Connection:
        """Return a connection; raises `BackupError` without the password."""
        try:
            return psycopg.connect(self._address, password=self._password, autocommit=True)
        except psycopg.OperationalError as error:
            raise BackupError(f"PostgreSQL cannot be reached: {str(error).strip()}") from None

    def dump(self, target: Path) -> str:
        """Write a consistent snapshot and return its revision; raises `BackupError`."""
        with self.connect() as connection:
            needed = connection.info.server_version // 10000
            # Steps take tables for themselves: with this lock none can come between the revision and the dump.
            connection.autocommit = False
            try:
                connection.execute("LOCK TABLE public.alembic_version IN ACCESS SHARE MODE")
                found = connection.execute("SELECT version_num FROM public.alembic_version").fetchone()
            except psycopg.Error:
                found = None
            if found is None:
                raise BackupError("there is no database of this program at this address")
            self._run(tool("pg_dump", needed), "-Fc", f"--exclude-schema={KEPT}*", f"--file={target}", "--dbname")
            return str(found[0])

    def is_empty(self) -> bool:
        """Whether there is no table yet."""
        with self.connect() as connection:
            return connection.execute("SELECT 1 FROM pg_tables WHERE schemaname = 'public'").fetchone() is None

    def others(self) -> int:
        """Count the other connections to this database."""
        with self.connect() as connection:
            asked = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            found = connection.execute(asked).fetchone()
            return int(found[0]) if found else 0

    def restore(self, source: Path) -> None:
        """Write a snapshot into a database without tables, all or nothing; raises `BackupError`."""
        with self.connect() as connection:
            needed = connection.info.server_version // 10000
        options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
        self._run(tool("pg_restore", needed), *options, str(source), "--dbname")

    def set_aside(self, stamp: str) -> None:
        """Keep what is there under another name."""
        self._execute(
            sql.SQL("ALTER SCHEMA public RENAME TO {}").format(sql.Identifier(KEPT + stamp)),
            sql.SQL("CREATE SCHEMA public"),
        )

    def take_back(self, stamp: str) -> None:
        """Undo `set_aside`; what came instead goes."""
        self._execute(
            sql.SQL("DROP SCHEMA public CASCADE"),
            sql.SQL("ALTER SCHEMA {} RENAME TO public").format(sql.Identifier(KEPT + stamp)),
        )

    def empty(self) -> None:
        """Remove everything that a restore into an empty database has written."""
        self._execute(sql.SQL("DROP SCHEMA public CASCADE"), sql.SQL("CREATE SCHEMA public"))

    def _execute(self, *statements: sql.SQL | sql.Composed) -> None:
        try:
            with self.connect() as connection, connection.transaction():
                for statement in statements:
                    connection.execute(statement)
        except psycopg.Error as error:
            raise BackupError(f"PostgreSQL refuses: {str(error).strip()}") from None

    def _run(self, program: str, *arguments: str) -> None:
        environment = dict(os.environ) | ({"PGPASSWORD": self._password} if self._password else {})
        done = subprocess.run(  # noqa: S603 - a client program of PostgreSQL with arguments of our own
            [program, *arguments, self._address], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BackupError(f"{Path(program).name} failed: {done.stderr.strip() or done.returncode}")


def tool(name: str, needed: int) -> str:
    """Return the newest `pg_dump` or `pg_restore`, of the server's version at least; raises `BackupError`."""
    found = [shutil.which(name), *(str(path) for path in INSTALLED.glob(f"*/bin/{name}"))]
    newest = max(((_major(path), path) for path in found if path), default=(0, ""))
    if not newest[1]:
        raise BackupError(f"{name} is not installed: install PostgreSQL's client programs, version {needed} or newer")
    if newest[0] < needed:
        raise BackupError(
            f"{name} is of version {newest[0]}, the server of {needed}: install the newer client programs"
        )
    return newest[1]


def check(source: Path) -> None:
    """Read the table of contents of a snapshot; raises `BackupError`."""
    done = subprocess.run(  # noqa: S603 - the same
        [tool("pg_restore", 0), "--list", str(source)], capture_output=True, text=True, check=False
    )
    if done.returncode or "alembic_version" not in done.stdout:
        raise BackupError(f"this is no database of this program: {done.stderr.strip()}")


def _major(program: str) -> int:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    found = re.search(r"(\d+)(\.|\s|$)", told)
    return int(found[1]) if found else 0
