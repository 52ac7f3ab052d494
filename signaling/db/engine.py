"""The engine and its sessions.

1. **A fact that was acknowledged survives power loss**: SQLite runs in WAL mode with `synchronous=FULL`.
2. **One writer**: SQLite takes the write lock at BEGIN (`BEGIN IMMEDIATE` in `writing`), so that no transaction fails halfway.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from signaling.db.base import Base


class Database:
    """The door to the database. `url` is an SQLAlchemy URL; `Database.sqlite(path)` is the embedded default."""

    def __init__(self, url: str) -> None:
        self.engine = create_async_engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        if self.is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _configure_sqlite)

    @classmethod
    def sqlite(cls, path: Path) -> Database:
        """Open the embedded database in `path`, whose folder is made when missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        return cls(f"sqlite+aiosqlite:///{path}")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Yield a session that is rolled back at the end."""
        async with self._sessions() as session:
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """Yield a session that is committed at the end, or rolled back when the block raises."""
        async with self._sessions() as session:
            if self.is_sqlite:
                await session.execute(text("BEGIN IMMEDIATE"))
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
