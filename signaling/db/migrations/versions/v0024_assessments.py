"""Assessments: how many of a class took part on a day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signaling.db import base as types
from signaling.db.append_only import statements, undone

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None
TABLE = "assessment_entries"


def upgrade() -> None:
    """Make the table and its triggers."""
    op.create_table(
        TABLE,
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("class_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("took_part", sa.Integer(), nullable=True),
        sa.Column("passed", sa.Integer(), nullable=True),
        sa.Column("at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=36), nullable=False),
        sa.CheckConstraint(
            "took_part IS NULL OR (took_part >= 0 AND took_part <= size)",
            name=op.f("ck_assessment_entries_took_part_of_size"),
        ),
        sa.CheckConstraint(
            "passed IS NULL OR (passed >= 0 AND passed <= took_part)",
            name=op.f("ck_assessment_entries_passed_of_took_part"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_entries")),
        sa.UniqueConstraint("class_id", "kind", "day", "revision", name="uq_assessment_entries_key"),
    )
    op.create_index("ix_assessment_entries_day", TABLE, ["day"], unique=False)
    for sql in statements(TABLE, op.get_bind().dialect.name):
        op.execute(sql)


def downgrade() -> None:
    """Take it away; what was entered is lost."""
    op.drop_table(TABLE)
    for sql in undone(TABLE, op.get_bind().dialect.name):
        op.execute(sql)
