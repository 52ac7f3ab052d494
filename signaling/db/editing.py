"""Writing what people edit: a lost race is told as such."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError

from signaling.api import etags
from signaling.db.engine import Database


@asynccontextmanager
async def editing(db: Database) -> AsyncIterator[AsyncSession]:
    """Yield a writing session; raise 412 `changed_meanwhile` when somebody else was faster (RFC 9110 section 13.1.1)."""
    try:
        async with db.writing() as session:
            yield session
    except StaleDataError:
        raise etags.changed_meanwhile() from None
