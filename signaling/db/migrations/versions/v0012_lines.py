"""Results of connection tests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signaling.db import base as types

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of runs, and what the last one came to on the screen itself."""
    op.create_table(
        "line_tests",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("screen_id", sa.String(length=36), nullable=False),
        sa.Column("run", sa.String(length=36), nullable=False),
        sa.Column("at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(length=8), nullable=False),
        sa.Column("agent", sa.String(length=256), nullable=False),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.CheckConstraint("verdict IN ('good', 'limited', 'bad')", name=op.f("ck_line_tests_verdict_known")),
        sa.ForeignKeyConstraint(["screen_id"], ["screens.id"], name=op.f("fk_line_tests_screen_id_screens")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_tests")),
        sa.UniqueConstraint("screen_id", "run", name="uq_line_tests_screen_id_run"),
    )
    op.create_index("ix_line_tests_screen_id_at", "line_tests", ["screen_id", "at"], unique=False)
    with op.batch_alter_table("screens", schema=None) as batch_op:
        batch_op.add_column(sa.Column("line_verdict", sa.String(length=8), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("line_tested_at", types.UtcDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Take them away."""
    with op.batch_alter_table("screens", schema=None) as batch_op:
        batch_op.drop_column("line_tested_at")
        batch_op.drop_column("line_verdict")
    op.drop_table("line_tests")
