"""The schema by migrations is the schema of the models, steps go up and down, and old or foreign databases are treated with care."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, inspect, text
from sqlalchemy.exc import DBAPIError

from config.settings import load
from signaling.db import schema
from signaling.db.base import UtcDateTime
from signaling.db.engine import Database
from signaling.db.migrate import SchemaError, config, downgrade, head, upgrade
from signaling.db.opening import address, open_database
from signaling.listen import StartError
from tests.support.databases import POSTGRESQL, migrated, opened, sqlite_only

OBJECTS = "SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND name NOT LIKE 'sqlite_%'"
REVISIONS = [step.revision for step in ScriptDirectory.from_config(config()).walk_revisions()][::-1]
VALUES: dict[type, Any] = {bool: False, str: "1", int: 1, float: 1.0, bytes: b"1", date: date(2026, 3, 2)}
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(tmp_path / "db") as made:
        yield made


async def differences(db: Database) -> list[object]:
    """What Alembic would still change to come to the models."""

    def compare(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, schema.metadata))

    async with db.engine.connect() as connection:
        return await connection.run_sync(compare)


async def tables(db: Database) -> set[str]:
    async with db.engine.connect() as connection:
        return set(await connection.run_sync(lambda plain: inspect(plain).get_table_names()))


async def execute(db: Database, sql: str, **values: Any) -> Any:
    async with db.writing() as session:
        return await session.execute(text(sql), values)


async def test_migrations_lead_to_the_models(db: Database, tmp_path: Path) -> None:
    await upgrade(db)
    assert await differences(db) == []
    async with opened(tmp_path / "made") as made:
        await made.create_schema()
        assert await tables(made) == await tables(db) - {"alembic_version"}
    if not POSTGRESQL:  # indexes and triggers too
        with sqlite3.connect(tmp_path / "db") as first, sqlite3.connect(tmp_path / "made") as second:
            assert set(first.execute(OBJECTS)) == set(second.execute(OBJECTS))


async def test_all_steps_can_be_taken_back_and_taken_again(db: Database) -> None:
    await upgrade(db)
    await downgrade(db, "base")
    assert await tables(db) == {"alembic_version"}
    if POSTGRESQL:
        left = "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        assert list(await execute(db, left)) == []
    await upgrade(db)
    assert await differences(db) == []


@pytest.mark.parametrize("revision", REVISIONS[:-1])
async def test_what_was_written_outlives_steps_back_and_forth(db: Database, revision: str) -> None:
    await upgrade(db)
    await execute(db, "INSERT INTO regions (code, name, level, sort) VALUES ('1', '一州', 'prefecture', 0)")
    await execute(db, "INSERT INTO schools (code, region_code, name, kind) VALUES ('2152000001', '1', '一校', '21')")
    names, values = "id, school_code, code, name, entry_year, stage, number, pupils", "'c', '2152000001', '2024-21-01'"
    await execute(db, f"INSERT INTO classes ({names}) VALUES ({values}, '一班', 2024, '21', 1, 40)")
    await downgrade(db, revision)
    async with db.reading() as session:
        assert await session.scalar(text("SELECT version_num FROM alembic_version")) == revision
    await upgrade(db)
    async with db.reading() as session:
        joined = "SELECT schools.name, classes.name FROM classes JOIN schools ON schools.code = classes.school_code"
        assert list(await session.execute(text(joined))) == [("一校", "一班")]
    assert await differences(db) == []


async def test_migrating_again_changes_nothing(db: Database) -> None:
    await upgrade(db)
    await execute(db, "INSERT INTO regions (code, name, level, sort) VALUES ('1', 'x', 'county', 0)")
    await upgrade(db)
    async with db.reading() as session:
        assert await session.scalar(text("SELECT name FROM regions")) == "x"
        assert await session.scalar(text("SELECT version_num FROM alembic_version")) == head()


async def test_a_database_of_a_newer_program_is_refused_and_not_touched(db: Database) -> None:
    await execute(db, "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    await execute(db, "INSERT INTO alembic_version VALUES ('9999')")
    with pytest.raises(SchemaError, match="9999"):
        await upgrade(db)
    assert await tables(db) == {"alembic_version"}


async def test_a_step_that_fails_leaves_nothing_behind(db: Database) -> None:
    await execute(db, "CREATE TABLE users (id TEXT)")
    with pytest.raises(SchemaError, match="users"):
        await upgrade(db)
    assert await tables(db) == {"users"}


FITTING: dict[str, dict[str, Any]] = {
    "corrections": {"field": "present"},
    "correction_outcomes": {"outcome": "withdrawn"},
    "urging_receipts": {"kind": "read"},
}
"""Values that the constraints of a table ask for."""
PARENTS = {
    "correction_outcomes": ("corrections",),
    "urged_schools": ("urgings",),
    "urging_receipts": ("urgings", "urged_schools"),
}


def _row(table: Table) -> dict[str, Any]:
    needed = [column for column in table.columns if not column.nullable and column.server_default is None]
    return {
        column.name: NOON if isinstance(column.type, UtcDateTime) else VALUES[column.type.python_type]
        for column in needed
    } | FITTING.get(table.name, {})


@pytest.mark.parametrize("name", schema.ALL_APPEND_ONLY)
async def test_logs_and_ledger_are_append_only(tmp_path: Path, name: str) -> None:
    db, table = await migrated(tmp_path / "db"), schema.metadata.tables[name]
    try:
        await execute(db, "INSERT INTO regions (code, name, level, sort) VALUES ('1', 'x', 'prefecture', 0)")
        await execute(db, "INSERT INTO schools (code, region_code, name, kind) VALUES ('1', '1', 'x', '21')")
        async with db.writing() as session:
            for other in ("broadcasts", "users", "lectures", "alerts", *PARENTS.get(name, ())):
                await session.execute(
                    schema.metadata.tables[other].insert().values(_row(schema.metadata.tables[other]))
                )
            await session.execute(table.insert().values(_row(table)))
        column = next(iter(table.columns)).name
        refused = [f"UPDATE {name} SET {column} = {column}", f"DELETE FROM {name}"]
        for statement in refused + ([f"TRUNCATE {name}"] if POSTGRESQL else []):
            held = f"{name} is append-only|cannot truncate a table referenced"
            with pytest.raises(DBAPIError, match=held):
                await execute(db, statement)
        async with db.reading() as session:
            assert await session.scalar(text(f"SELECT count(*) FROM {name}")) == 1
    finally:
        await db.close()


@sqlite_only
async def test_the_settings_name_the_embedded_database_unless_they_say_otherwise(tmp_path: Path) -> None:
    db = open_database(load(overrides={"server": {"data_dir": tmp_path}}))
    await upgrade(db)
    await db.close()
    assert (tmp_path / "jiangtang.sqlite3").is_file()


def test_the_address_of_postgresql_takes_its_password_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("p@ss:wörd\n", "utf-8")
    overrides: dict[str, dict[str, object]] = {
        "database": {"url": "postgresql://user@host:5433/name", "password_file": str(secret)}
    }
    url = address(load(overrides=overrides).database)
    assert (url.username, url.password, url.host, url.port, url.database) == ("user", "p@ss:wörd", "host", 5433, "name")


@pytest.mark.parametrize(
    ("url", "told"), [("mysql://u:secret@h/d", "names mysql"), ("nonsense", "no address"), ("sqlite:///x", "sqlite")]
)
def test_an_address_that_cannot_be_used_is_told_without_its_password(url: str, told: str) -> None:
    with pytest.raises(StartError, match=told) as raised:
        address(load(overrides={"database": {"url": url}}).database)
    assert "secret" not in str(raised.value)


async def test_a_server_out_of_reach_is_told_without_its_password() -> None:
    settings = load(overrides={"database": {"url": "postgresql://user:secret@127.0.0.1:1/name", "connect_seconds": 2}})
    db = open_database(settings)
    try:
        with pytest.raises(SchemaError, match="cannot be used") as raised:
            await upgrade(db)
        assert "secret" not in str(raised.value)
    finally:
        await db.close()
