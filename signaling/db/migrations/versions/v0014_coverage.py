"""Which lectures count for the term; trainings of teachers, households that watched at home."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signaling.db import base as types
from signaling.db.append_only import statements, undone

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None
TABLES = ("training_marks", "home_views")


def upgrade() -> None:
    """Add the column and the tables; lectures that are there count."""
    with op.batch_alter_table("lectures", schema=None) as batch_op:
        batch_op.add_column(sa.Column("counts", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.create_table(
        "training_marks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("lecture_id", sa.String(length=36), nullable=False),
        sa.Column("school_code", sa.String(length=10), nullable=False),
        sa.Column("teacher_id", sa.String(length=36), nullable=False),
        sa.Column("class_id", sa.String(length=36), nullable=False),
        sa.Column("action", sa.String(length=12), nullable=False),
        sa.Column("at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_marks")),
        sa.UniqueConstraint("key", name="uq_training_marks_key"),
    )
    op.create_index(
        "ix_training_marks_lecture_id_school_code", "training_marks", ["lecture_id", "school_code"], unique=False
    )
    op.create_table(
        "home_views",
        sa.Column("lecture_id", sa.String(length=36), nullable=False),
        sa.Column("class_id", sa.String(length=36), nullable=False),
        sa.Column("household", sa.String(length=43), nullable=False),
        sa.Column("at", types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("lecture_id", "class_id", "household", name=op.f("pk_home_views")),
        sqlite_with_rowid=False,
    )
    for table in TABLES:
        for sql in statements(table, op.get_bind().dialect.name):
            op.execute(sql)


def downgrade() -> None:
    """Take them away; what was marked is lost."""
    for table in reversed(TABLES):
        op.drop_table(table)
        for sql in undone(table, op.get_bind().dialect.name):
            op.execute(sql)
    with op.batch_alter_table("lectures", schema=None) as batch_op:
        batch_op.drop_column("counts")
