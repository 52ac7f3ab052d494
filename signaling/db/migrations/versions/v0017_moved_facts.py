"""Facts of attendance move into the ledger; their tables go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from signaling.db import base as types
from signaling.db.append_only import statements, undone
from signaling.ledger import older
from signaling.ledger.events import Entry, Header, Subject
from signaling.ledger.reading import Reader

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None
APPEND_ONLY = ("attendance_facts", "delivery_windows", "attendance_roster")
PAGE = 500

_before = sa.MetaData()
FACTS = sa.Table(
    "attendance_facts",
    _before,
    sa.Column("id", sa.String(length=36), nullable=False),
    sa.Column("key", sa.String(length=96), nullable=False),
    sa.Column("kind", sa.String(length=24), nullable=False),
    sa.Column("node", sa.String(length=32), nullable=False),
    sa.Column("session", sa.String(length=64), nullable=False),
    sa.Column("lecture_id", sa.String(length=36), nullable=False),
    sa.Column("broadcast_id", sa.String(length=36), nullable=False),
    sa.Column("screen_id", sa.String(length=36), nullable=False),
    sa.Column("class_id", sa.String(length=36), nullable=True),
    sa.Column("at", types.UtcDateTime(timezone=True), nullable=False),
    sa.Column("data", sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint("id", name="pk_attendance_facts"),
    sa.UniqueConstraint("key", name="uq_attendance_facts_key"),
    sa.Index("ix_attendance_facts_lecture_id", "lecture_id"),
    sa.Index("ix_attendance_facts_class_id", "class_id", "lecture_id"),
)
WINDOWS = sa.Table(
    "delivery_windows",
    _before,
    sa.Column("id", sa.String(length=36), nullable=False),
    sa.Column("node", sa.String(length=32), nullable=False),
    sa.Column("lecture_id", sa.String(length=36), nullable=False),
    sa.Column("broadcast_id", sa.String(length=36), nullable=False),
    sa.Column("window_no", sa.Integer(), nullable=False),
    sa.Column("boot", sa.String(length=16), nullable=False),
    sa.Column("part", sa.Integer(), nullable=False),
    sa.Column("published", sa.Integer(), nullable=False),
    sa.Column("flowing_ms", sa.Integer(), nullable=False),
    sa.Column("packed", sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint("id", name="pk_delivery_windows"),
    sa.UniqueConstraint("node", "broadcast_id", "window_no", "boot", "part", name="uq_delivery_windows_key"),
    sa.Index("ix_delivery_windows_lecture_id", "lecture_id"),
)
ROSTER = sa.Table(
    "attendance_roster",
    _before,
    sa.Column("broadcast_id", sa.String(length=36), nullable=False),
    sa.Column("node", sa.String(length=32), nullable=False),
    sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
    sa.Column("screen_id", sa.String(length=36), nullable=False),
    sa.Column("class_id", sa.String(length=36), nullable=True),
    sa.PrimaryKeyConstraint("broadcast_id", "node", "slot", name="pk_attendance_roster"),
    sqlite_with_rowid=False,
)
LEDGER = sa.table(
    "ledger_entries",
    sa.column("node", sa.String()),
    sa.column("number", sa.Integer()),
    sa.column("day", sa.Date()),
    sa.column("kind", sa.String()),
    sa.column("lecture_id", sa.String()),
    sa.column("broadcast_id", sa.String()),
    sa.column("boot", sa.String()),
    sa.column("counter", sa.Integer()),
    sa.column("recorded_at", types.UtcDateTime(timezone=True)),
    sa.column("facts", sa.Integer()),
    sa.column("body", sa.LargeBinary()),
    sa.column("digest", sa.LargeBinary()),
)
TABLES = {table.name: table for table in (FACTS, WINDOWS, ROSTER)}


def upgrade() -> None:
    """Move every row into the chain of its node, then drop the tables of before."""
    connection = op.get_bind()
    movers: dict[str, older.Mover] = {}
    for node, broadcast_id, lecture_id in _broadcasts(connection):
        mover = movers.setdefault(node, older.Mover(node))
        rows = [_rows(connection, table, node, broadcast_id) for table in (FACTS, WINDOWS, ROSTER)]
        for entry in mover.move(older.Older(Subject(lecture_id, broadcast_id), *rows)):
            connection.execute(sa.insert(LEDGER).values(_row(entry)))
    for name in APPEND_ONLY:
        op.drop_table(name)
        for sql in undone(name, connection.dialect.name):
            op.execute(sql)


def _broadcasts(connection: sa.Connection) -> list[tuple[str, str, str | None]]:
    """Return node, broadcast and lecture of all that was recorded, in the order of the broadcasts' ids."""
    lectures: dict[tuple[str, str], str | None] = {}
    for table in (FACTS, WINDOWS):
        columns = (table.c.broadcast_id, table.c.node, table.c.lecture_id)
        for broadcast_id, node, lecture_id in connection.execute(sa.select(*columns).distinct()):
            lectures[broadcast_id, node] = lecture_id
    for broadcast_id, node in connection.execute(sa.select(ROSTER.c.broadcast_id, ROSTER.c.node).distinct()):
        lectures.setdefault((broadcast_id, node), None)
    return [(node, broadcast_id, lecture_id) for (broadcast_id, node), lecture_id in sorted(lectures.items())]


def _rows(connection: sa.Connection, table: sa.Table, node: str, broadcast_id: str) -> list[Any]:
    mine = sa.select(table).where(table.c.node == node, table.c.broadcast_id == broadcast_id)
    return list(connection.execute(mine).mappings())


def _row(entry: Entry) -> dict[str, Any]:
    return {**entry.header._asdict(), "body": entry.body, "digest": entry.digest}


def downgrade() -> None:
    """Make the tables of before and fill them with what they can hold."""
    connection = op.get_bind()
    _before.create_all(connection)
    for (node,) in connection.execute(sa.select(LEDGER.c.node).distinct().order_by(LEDGER.c.node)).all():
        reader = Reader()
        for page in _pages(connection, node):
            rows: dict[str, list[dict[str, Any]]] = {}
            for name, row in older.back(reader.tell(page)):
                rows.setdefault(name, []).append(row)
            for name, some in rows.items():
                connection.execute(sa.insert(TABLES[name]), some)
    for name in APPEND_ONLY:
        for sql in statements(name, connection.dialect.name):
            op.execute(sql)
    for sql in _emptied(connection.dialect.name):
        op.execute(sql)


def _pages(connection: sa.Connection, node: str) -> Iterator[list[Entry]]:
    after = 0
    mine = sa.select(LEDGER).where(LEDGER.c.node == node).order_by(LEDGER.c.number).limit(PAGE)
    while rows := connection.execute(mine.where(LEDGER.c.number > after)).all():
        yield [Entry(Header(*row[:-2]), bytes(row.body), bytes(row.digest)) for row in rows]
        after = rows[-1].number


def _emptied(dialect: str) -> list[str]:
    """Return the SQL that empties the ledger, which the next step up fills again."""
    if dialect == "sqlite":
        off, on = (
            ["DROP TRIGGER ledger_entries_no_delete"],
            [sql for sql in statements("ledger_entries", dialect) if "_no_delete" in sql],
        )
    else:
        off, on = (
            [f"ALTER TABLE ledger_entries {state} TRIGGER ledger_entries_no_change"] for state in ("DISABLE", "ENABLE")
        )
    return [*off, "DELETE FROM ledger_entries", *on]
