"""Opinions about lecturers: an append-only table."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signaling.db import base as types
from signaling.db.append_only import statements, undone

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None
TABLE = "expert_ratings"


def upgrade() -> None:
    """Make the table and its triggers."""
    op.create_table(
        TABLE,
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("lecture_id", sa.String(length=36), nullable=False),
        sa.Column("lecturer_id", sa.String(length=36), nullable=False),
        sa.Column("rater", sa.String(length=36), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=64), nullable=False),
        sa.Column("at", types.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name=op.f("ck_expert_ratings_stars_known")),
        sa.ForeignKeyConstraint(["lecture_id"], ["lectures.id"], name=op.f("fk_expert_ratings_lecture_id_lectures")),
        sa.ForeignKeyConstraint(["lecturer_id"], ["users.id"], name=op.f("fk_expert_ratings_lecturer_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expert_ratings")),
    )
    op.create_index("ix_expert_ratings_lecturer_id", TABLE, ["lecturer_id"], unique=False)
    op.create_index("ix_expert_ratings_lecture_id_rater", TABLE, ["lecture_id", "rater"], unique=False)
    for sql in statements(TABLE, op.get_bind().dialect.name):
        op.execute(sql)


def downgrade() -> None:
    """Take it away."""
    op.drop_table(TABLE)
    for sql in undone(TABLE, op.get_bind().dialect.name):
        op.execute(sql)
