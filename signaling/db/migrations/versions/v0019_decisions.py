"""Settled decisions of lectures, the rounds in which they were settled, and what the directory said of their classes then."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signaling.db import base as types
from signaling.db.append_only import statements, undone

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None
TABLES = ("attendance_decisions", "attendance_settlings", "attendance_frames")
COUNTS = (
    "schools",
    "schools_connected",
    "schools_qualified",
    "schools_lenient",
    "schools_excused",
    "classes",
    "qualified",
    "unconfirmed",
    "pending",
    "partial",
    "failed",
    "absent",
    "made_up",
    "excused",
    "connected",
    "pupils",
    "excused_pupils",
    "confirmed",
    "present",
    "reached",
    "asked",
    "passed",
    "flagged",
    "corrected",
)


def upgrade() -> None:
    """Make the tables and their triggers."""
    op.create_table(
        "attendance_decisions",
        sa.Column("lecture_id", sa.String(length=36), nullable=False),
        sa.Column("school_code", sa.String(length=10), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("supersedes", sa.Integer(), nullable=True),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=False),
        sa.Column("as_of", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("settled_at", types.UtcDateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        sa.Column("delivered_ms", sa.BigInteger(), nullable=False),
        sa.Column("interrupted_ms", sa.BigInteger(), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "supersedes IS NULL OR supersedes = revision - 1",
            name=op.f("ck_attendance_decisions_supersedes_the_one_before"),
        ),
        sa.PrimaryKeyConstraint("lecture_id", "school_code", "revision", name=op.f("pk_attendance_decisions")),
    )
    op.create_index(
        "ix_attendance_decisions_school_code", "attendance_decisions", ["school_code", "lecture_id"], unique=False
    )
    op.create_table(
        "attendance_settlings",
        sa.Column("lecture_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cause", sa.String(length=16), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.Column("as_of", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("settled_at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("schools", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("lecture_id", "number", name=op.f("pk_attendance_settlings")),
    )
    op.create_table(
        "attendance_frames",
        sa.Column("lecture_id", sa.String(length=36), nullable=False),
        sa.Column("frozen_at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("lecture_id", name=op.f("pk_attendance_frames")),
    )
    for table in TABLES:
        for sql in statements(table, op.get_bind().dialect.name):
            op.execute(sql)


def downgrade() -> None:
    """Take them away; decisions can be made again from the ledger."""
    for table in reversed(TABLES):
        op.drop_table(table)
        for sql in undone(table, op.get_bind().dialect.name):
            op.execute(sql)
