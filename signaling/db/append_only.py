"""Tables whose rows are never changed: triggers refuse UPDATE and DELETE, in SQLite and in PostgreSQL.

A program that has a bug, or an administrator in a hurry, gets an error instead of a rewritten past.
"""

from __future__ import annotations

from sqlalchemy import Connection, event
from sqlalchemy.schema import Table

ACTIONS = ("UPDATE", "DELETE")


def statements(table: str, dialect: str) -> list[str]:
    """Return the SQL that makes a table append-only."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for action in ACTIONS
        ]
    function = f"{table}_append_only"
    return [
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '{table} is append-only'; END $$",
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {function}()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {function}()",
    ]


def undone(table: str, dialect: str) -> list[str]:
    """Return the SQL that takes away what `DROP TABLE` leaves behind."""
    return [] if dialect == "sqlite" else [f"DROP FUNCTION IF EXISTS {table}_append_only()"]


def append_only(table: Table) -> None:
    """Make a table append-only wherever it is created from the metadata."""

    def created(target: Table, connection: Connection, **_: object) -> None:
        for sql in statements(target.name, connection.dialect.name):
            connection.exec_driver_sql(sql)

    event.listen(table, "after_create", created)
