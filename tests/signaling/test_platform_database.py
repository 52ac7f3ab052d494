"""The schema by migrations is the schema of the models, and old or foreign databases are treated with care."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from signaling.db import schema
from signaling.db.engine import Database
from signaling.db.migrate import SchemaError, head, upgrade

OBJECTS = "SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND name NOT LIKE 'sqlite_%'"


async def test_migrations_lead_to_the_models(tmp_path: Path) -> None:
    migrated, made = Database.sqlite(tmp_path / "migrated"), Database.sqlite(tmp_path / "made")
    try:
        await upgrade(migrated)
        await made.create_schema()

        def differences(connection: Connection) -> list[object]:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            return list(compare_metadata(context, schema.metadata))

        async with migrated.engine.connect() as connection:
            assert await connection.run_sync(differences) == []
    finally:
        await migrated.close()
        await made.close()
    with sqlite3.connect(tmp_path / "migrated") as first, sqlite3.connect(tmp_path / "made") as second:
        assert set(first.execute(OBJECTS)) == set(second.execute(OBJECTS))


async def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    db = Database.sqlite(tmp_path / "db")
    try:
        await upgrade(db)
        async with db.writing() as session:
            await session.execute(text("INSERT INTO regions (code, name, level, sort) VALUES ('1', 'x', 'county', 0)"))
        await upgrade(db)
        async with db.reading() as session:
            assert await session.scalar(text("SELECT name FROM regions")) == "x"
            assert await session.scalar(text("SELECT version_num FROM alembic_version")) == head()
    finally:
        await db.close()


async def test_a_database_of_a_newer_program_is_refused_and_not_touched(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "db") as direct:
        direct.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        direct.execute("INSERT INTO alembic_version VALUES ('9999')")
    db = Database.sqlite(tmp_path / "db")
    try:
        with pytest.raises(SchemaError, match="9999"):
            await upgrade(db)
    finally:
        await db.close()
    with sqlite3.connect(tmp_path / "db") as direct:
        assert list(direct.execute(OBJECTS)) == []


async def test_a_step_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "db") as direct:
        direct.execute("CREATE TABLE users (id TEXT)")
    db = Database.sqlite(tmp_path / "db")
    try:
        with pytest.raises(SchemaError, match="users already exists"):
            await upgrade(db)
    finally:
        await db.close()
    with sqlite3.connect(tmp_path / "db") as direct:
        assert list(direct.execute(OBJECTS)) == [("table", "users")]


@pytest.mark.parametrize("table", schema.ALL_APPEND_ONLY)
async def test_logs_and_ledger_are_append_only(tmp_path: Path, table: str) -> None:
    db = Database.sqlite(tmp_path / "db")
    try:
        await upgrade(db)
    finally:
        await db.close()
    with sqlite3.connect(tmp_path / "db") as direct:
        columns = [row[1] for row in direct.execute(f"PRAGMA table_info({table})")]
        marks = ", ".join("1" for _ in columns)
        direct.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})")
        for statement in (f"UPDATE {table} SET {columns[0]} = 2", f"DELETE FROM {table}"):
            with pytest.raises(sqlite3.IntegrityError, match=f"{table} is append-only"):
                direct.execute(statement)
        assert direct.execute(f"SELECT count(*) FROM {table}").fetchone() == (1,)
