"""Imports as jobs, the day on which a teacher came, and how many a school has without reading them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signaling.db import base as types

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, the column and the index."""
    op.add_column("teachers", sa.Column("joined_on", sa.Date(), nullable=True))
    op.create_index("ix_teachers_school_code_left_on", "teachers", ["school_code", "left_on"], unique=False)
    op.create_table(
        "import_jobs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("file_name", sa.String(length=128), nullable=False),
        sa.Column("file_bytes", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("corrects", sa.String(length=36), nullable=True),
        sa.Column("node", sa.String(length=12), nullable=False),
        sa.Column("server", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.String(length=36), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("rows", "added", "changed", "same", "bad")),
        sa.Column("stamp", sa.String(length=64), nullable=False),
        sa.Column("failure", sa.String(length=32), nullable=False),
        sa.Column("detail", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("checked_at", types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("finished_at", types.UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('schools', 'classes', 'teachers')", name=op.f("ck_import_jobs_kind")),
        sa.CheckConstraint(
            "state IN ('checking', 'checked', 'refused', 'committing', 'done', 'failed')",
            name=op.f("ck_import_jobs_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_jobs")),
    )
    op.create_index("ix_import_jobs_node_created_at", "import_jobs", ["node", "created_at"], unique=False)


def downgrade() -> None:
    """Take them away; who imported what stays in the audit log."""
    op.drop_table("import_jobs")
    with op.batch_alter_table("teachers", schema=None) as batch_op:
        batch_op.drop_index("ix_teachers_school_code_left_on")
        batch_op.drop_column("joined_on")
