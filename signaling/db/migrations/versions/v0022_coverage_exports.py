"""Exports of terms that were made, so that the same as-of time gives the same table again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signaling.db import base as types
from signaling.db.append_only import statements, undone

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None
TABLES = ("coverage_tables", "coverage_exports")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "coverage_tables",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_coverage_tables")),
    )
    op.create_table(
        "coverage_exports",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("term", sa.String(length=11), nullable=False),
        sa.Column("node", sa.String(length=12), nullable=False),
        sa.Column("number", sa.String(length=2), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("as_of", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("directory_at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("rules_version", sa.Integer(), nullable=False),
        sa.Column("checksum", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coverage_exports")),
        sa.UniqueConstraint(
            "term", "node", "number", "level", "as_of", name="uq_coverage_exports_term_node_number_level"
        ),
    )
    op.create_index("ix_coverage_exports_node_at", "coverage_exports", ["node", "at"], unique=False)
    for table in TABLES:
        for sql in statements(table, op.get_bind().dialect.name):
            op.execute(sql)


def downgrade() -> None:
    """Take them away; what was exported cannot be made again."""
    for table in reversed(TABLES):
        op.drop_table(table)
        for sql in undone(table, op.get_bind().dialect.name):
            op.execute(sql)
