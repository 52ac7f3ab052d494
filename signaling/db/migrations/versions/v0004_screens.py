"""Pairing, stickers, when a screen was last there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signaling.db import base as types

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
COLUMNS = ("sticker_serial", "sticker_hash", "repaired_at", "repairs", "agent", "last_seen_at")


def upgrade() -> None:
    """Add the columns and the table; screens that were paired before get their stickers when these are first printed."""
    with op.batch_alter_table("screens", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sticker_serial", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("sticker_hash", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("repaired_at", types.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("repairs", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("agent", sa.String(length=256), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("last_seen_at", types.UtcDateTime(timezone=True), nullable=True))
        batch_op.create_index("ix_screens_sticker_hash", ["sticker_hash"], unique=True)
        batch_op.create_index(batch_op.f("ix_screens_last_seen_at"), ["last_seen_at"], unique=False)
    op.create_table(
        "pairings",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("code", sa.String(length=6), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("agent", sa.String(length=256), nullable=False),
        sa.Column("created_at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("screen_id", sa.String(length=36), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'confirmed', 'collected', 'refused')", name=op.f("ck_pairings_state_known")
        ),
        sa.ForeignKeyConstraint(["screen_id"], ["screens.id"], name=op.f("fk_pairings_screen_id_screens")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pairings")),
    )
    with op.batch_alter_table("pairings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pairings_code"), ["code"], unique=False)
        batch_op.create_index(batch_op.f("ix_pairings_expires_at"), ["expires_at"], unique=False)


def downgrade() -> None:
    """Take all of it away; screens stay paired."""
    op.drop_table("pairings")
    with op.batch_alter_table("screens", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_screens_last_seen_at"))
        batch_op.drop_index("ix_screens_sticker_hash")
        for column in reversed(COLUMNS):
            batch_op.drop_column(column)
