"""Recordings are reviewed before screens see them; what lists show of a finished one stands in its row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signaling.db import base as types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
CHECKS = {
    "review_known": "review IN ('pending', 'approved', 'withdrawn')",
    "storage_known": "storage IN ('local', 'uploading', 'stored')",
}
# Recordings that were finished by a recovery did not say when their broadcast had ended.
ENDS = """
    UPDATE recordings SET ended_at = (SELECT ended_at FROM broadcasts WHERE broadcasts.id = recordings.broadcast_id)
    WHERE ended_at IS NULL AND state IN ('ready', 'failed')
"""
COLUMNS = (
    "review",
    "reviewed_at",
    "reviewed_by",
    "width",
    "height",
    "has_preview",
    "chapters",
    "gaps",
    "storage",
)


def upgrade() -> None:
    """Add the columns; what was recorded before waits for its reviewer like everything else."""
    with op.batch_alter_table("recordings", schema=None) as batch_op:
        batch_op.add_column(sa.Column("review", sa.String(length=16), nullable=False, server_default="pending"))
        batch_op.add_column(sa.Column("reviewed_at", types.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("reviewed_by", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("width", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("height", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("has_preview", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("chapters", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("gaps", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("storage", sa.String(length=16), nullable=False, server_default="local"))
        for name, condition in CHECKS.items():
            batch_op.create_check_constraint(op.f(f"ck_recordings_{name}"), condition)
    op.execute(ENDS)


def downgrade() -> None:
    """Take the columns away; who approved what stays in the audit log."""
    with op.batch_alter_table("recordings", schema=None) as batch_op:
        for name in CHECKS:
            batch_op.drop_constraint(op.f(f"ck_recordings_{name}"), type_="check")
        for column in reversed(COLUMNS):
            batch_op.drop_column(column)
