"""The engine and its sessions.

1. **A fact that was acknowledged survives power loss**: SQLite runs in WAL mode with `synchronous=FULL`; PostgreSQL's default is as strict.
2. **One writer at a time**, on all nodes together: SQLite takes the write lock at BEGIN (`BEGIN IMMEDIATE`), PostgreSQL an advisory lock for
   the transaction. So what a transaction has read is still true when it writes, and no transaction fails halfway.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, event, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from signaling.db.base import Base

BEGIN_IMMEDIATE = text("BEGIN IMMEDIATE")
TAKE_TURN = text("SELECT pg_advisory_xact_lock(7233013)")  # any number, as long as every node takes the same


class Database:
    """The door to the database. `url` is an SQLAlchemy URL; `Database.sqlite(path)` is the embedded default."""

    def __init__(self, url: str | URL, **options: Any) -> None:
        self.engine = create_async_engine(url, **options)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        if self.is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _configure_sqlite)

    @classmethod
    def sqlite(cls, path: Path) -> Database:
        """Open the embedded database in `path`, whose folder is made when missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        return cls(f"sqlite+aiosqlite:///{path}")

    @classmethod
    def postgresql(cls, url: URL, pool_size: int, connect_seconds: int, statement_seconds: int) -> Database:
        """Return the door to a PostgreSQL server; nothing is connected before it is used."""
        return cls(
            url.set(drivername="postgresql+psycopg"),
            pool_size=pool_size,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": connect_seconds,
                "options": f"-c timezone=UTC -c statement_timeout={statement_seconds * 1000}",
            },
        )

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Yield a session that is rolled back at the end."""
        async with self._sessions() as session:
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """Yield a session that is committed at the end, or rolled back when the block raises."""
        async with self._sessions() as session:
            await session.execute(BEGIN_IMMEDIATE if self.is_sqlite else TAKE_TURN)
            try:
                yield session
            except BaseException:
                await session.rollback()
                raise
            await session.commit()

    async def create_schema(self) -> None:
        """Create all tables that do not exist (tests; a server migrates instead)."""
        async with self.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()


def _configure_sqlite(connection: Any, record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's BEGIN is the only one
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
