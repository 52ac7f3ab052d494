"""The ledger: one append-only table of chained entries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signaling.db import base as types
from signaling.db.append_only import statements, undone

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None
TABLE = "ledger_entries"


def upgrade() -> None:
    """Make the table and its triggers."""
    op.create_table(
        TABLE,
        sa.Column("node", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("lecture_id", sa.String(length=36), nullable=True),
        sa.Column("broadcast_id", sa.String(length=36), nullable=True),
        sa.Column("boot", sa.String(length=16), nullable=False),
        sa.Column("counter", sa.Integer(), nullable=False),
        sa.Column("recorded_at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("facts", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("node", "number", name=op.f("pk_ledger_entries")),
        sa.UniqueConstraint("node", "boot", "counter", name="uq_ledger_entries_node_boot_counter"),
    )
    op.create_index("ix_ledger_entries_day_node_number", TABLE, ["day", "node", "number"], unique=False)
    op.create_index("ix_ledger_entries_lecture_id_node_number", TABLE, ["lecture_id", "node", "number"], unique=False)
    for sql in statements(TABLE, op.get_bind().dialect.name):
        op.execute(sql)


def downgrade() -> None:
    """Take it away."""
    op.drop_table(TABLE)
    for sql in undone(TABLE, op.get_bind().dialect.name):
        op.execute(sql)
