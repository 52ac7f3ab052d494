"""Brings the database to the schema of this program.

**All steps happen or none**: they run in one transaction, on SQLite too, and one node at a time takes them. A database that is newer than the program is refused.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from signaling.db.engine import BEGIN_IMMEDIATE, TAKE_TURN, Database

FOLDER = Path(__file__).with_name("migrations")


class SchemaError(Exception):
    """The database cannot be brought to the schema of this program."""


def config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration, for `connection` when given."""
    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    made.attributes["connection"] = connection
    return made


def head() -> str | None:
    """Return the newest step that this program knows."""
    return ScriptDirectory.from_config(config()).get_current_head()


def revisions() -> frozenset[str]:
    """Return every step that this program knows."""
    return frozenset(step.revision for step in ScriptDirectory.from_config(config()).walk_revisions())


async def upgrade(db: Database) -> None:
    """Take all steps that are missing; raises `SchemaError`."""
    await _step(db, lambda config: command.upgrade(config, "head"))


async def downgrade(db: Database, to: str) -> None:
    """Take steps back to the revision `to`, or to `base`; raises `SchemaError`."""
    await _step(db, lambda config: command.downgrade(config, to))


async def _step(db: Database, take: Callable[[Config], None]) -> None:
    try:
        async with db.engine.connect() as connection, _foreign_keys_at_the_end(db, connection):
            await connection.execute(BEGIN_IMMEDIATE if db.is_sqlite else TAKE_TURN)
            await connection.run_sync(lambda plain: take(config(plain)))
            if db.is_sqlite and (await connection.exec_driver_sql("PRAGMA foreign_key_check")).first() is not None:
                raise SchemaError("the database does not fit this program: rows would lose what they refer to")
            await connection.commit()
    except OperationalError as error:
        raise SchemaError(f"the database cannot be used: {error.orig}") from None
    except (CommandError, SQLAlchemyError) as error:
        raise SchemaError(f"the database does not fit this program: {error}") from None


@asynccontextmanager
async def _foreign_keys_at_the_end(db: Database, connection: AsyncConnection) -> AsyncIterator[None]:
    """Keep SQLite from deleting rows along: a step that makes a table anew drops the old one. They are checked before the commit."""
    if not db.is_sqlite:
        yield
        return
    await connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        await connection.rollback()
        await connection.exec_driver_sql("PRAGMA foreign_keys=ON")
