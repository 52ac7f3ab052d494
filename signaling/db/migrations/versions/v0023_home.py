"""Links of classes to parents' lectures, the households that came by them, and what was delivered to those."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signaling.db import base as types
from signaling.db.append_only import statements, undone

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None
TABLES = ("home_links", "home_arrivals", "home_seen")


def upgrade() -> None:
    """Make the tables and their triggers."""
    op.create_table(
        "home_links",
        sa.Column("lecture_id", sa.String(length=36), nullable=False),
        sa.Column("class_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=36), nullable=False),
        sa.Column("at", types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("lecture_id", "class_id", "number", name=op.f("pk_home_links")),
        sa.UniqueConstraint("digest", name="uq_home_links_digest"),
    )
    op.create_table(
        "home_arrivals",
        sa.Column("lecture_id", sa.String(length=36), nullable=False),
        sa.Column("class_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("household", sa.String(length=43), nullable=False),
        sa.Column("origin", sa.String(length=12), nullable=False),
        sa.Column("at", types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("lecture_id", "class_id", "number", "household", name=op.f("pk_home_arrivals")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "home_seen",
        sa.Column("lecture_id", sa.String(length=36), nullable=False),
        sa.Column("class_id", sa.String(length=36), nullable=False),
        sa.Column("household", sa.String(length=43), nullable=False),
        sa.Column("block", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bits", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("lecture_id", "class_id", "household", "block", "bits", name=op.f("pk_home_seen")),
        sqlite_with_rowid=False,
    )
    for table in TABLES:
        for sql in statements(table, op.get_bind().dialect.name):
            op.execute(sql)


def downgrade() -> None:
    """Take them away; what was delivered to households is lost."""
    for table in reversed(TABLES):
        op.drop_table(table)
        for sql in undone(table, op.get_bind().dialect.name):
            op.execute(sql)
