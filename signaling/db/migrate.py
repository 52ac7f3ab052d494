"""Brings the database to the schema of this program.

**All steps happen or none**: they run in one transaction, on SQLite too. A database that is newer than the program is refused.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from signaling.db.engine import Database

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


async def upgrade(db: Database) -> None:
    """Take all steps that are missing; raises `SchemaError`."""
    async with db.engine.connect() as connection:
        if db.is_sqlite:
            await connection.execute(text("BEGIN IMMEDIATE"))
        try:
            await connection.run_sync(_upgrade)
        except (CommandError, SQLAlchemyError) as error:
            raise SchemaError(f"the database does not fit this program: {error}") from None
        await connection.commit()


def _upgrade(connection: Connection) -> None:
    command.upgrade(config(connection), "head")
