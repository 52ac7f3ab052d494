"""Corrections with their outcomes, closed terms: three append-only tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signaling.db import base as types
from signaling.db.append_only import statements, undone

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None
TABLES = ("corrections", "correction_outcomes", "term_closings")


def upgrade() -> None:
    """Make the tables and their triggers."""
    _corrections()
    _outcomes()
    _closings()
    for table in TABLES:
        for sql in statements(table, op.get_bind().dialect.name):
            op.execute(sql)


def _corrections() -> None:
    op.create_table(
        "corrections",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("lecture_id", sa.String(length=36), nullable=False),
        sa.Column("scope", sa.String(length=36), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("school_code", sa.String(length=10), nullable=True),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("field", sa.String(length=16), nullable=False),
        sa.Column("old", sa.String(length=32), nullable=False),
        sa.Column("new", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("evidence", sa.String(length=120), nullable=False),
        sa.Column("unit", sa.String(length=12), nullable=False),
        sa.Column("unit_name", sa.String(length=128), nullable=False),
        sa.Column("requested_by", sa.String(length=36), nullable=False),
        sa.Column("requested_at", types.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("field IN ('present', 'expected', 'result')", name=op.f("ck_corrections_field_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
        sa.UniqueConstraint("id", "requested_by", name="uq_corrections_id_requested_by"),
    )
    op.create_index("ix_corrections_lecture_id_scope", "corrections", ["lecture_id", "scope"], unique=False)
    op.create_index(
        "ix_corrections_region_code_school_code", "corrections", ["region_code", "school_code"], unique=False
    )


def _outcomes() -> None:
    op.create_table(
        "correction_outcomes",
        sa.Column("correction_id", sa.String(length=36), nullable=False),
        sa.Column("requested_by", sa.String(length=36), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("decided_by", sa.String(length=36), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("old", sa.String(length=32), nullable=False),
        sa.Column("supersedes", sa.String(length=36), nullable=True),
        sa.Column("at", types.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('approved', 'rejected', 'withdrawn')", name=op.f("ck_correction_outcomes_outcome_known")
        ),
        sa.CheckConstraint(
            "(outcome = 'withdrawn') = (decided_by = requested_by)", name=op.f("ck_correction_outcomes_two_people")
        ),
        sa.ForeignKeyConstraint(
            ["correction_id", "requested_by"],
            ["corrections.id", "corrections.requested_by"],
            name="fk_correction_outcomes_correction_id_corrections",
        ),
        sa.PrimaryKeyConstraint("correction_id", name=op.f("pk_correction_outcomes")),
    )
    op.create_index("ix_correction_outcomes_at", "correction_outcomes", ["at"], unique=False)


def _closings() -> None:
    op.create_table(
        "term_closings",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("term", sa.String(length=11), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("by", sa.String(length=36), nullable=False),
        sa.Column("at", types.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("closed OR reason <> ''", name=op.f("ck_term_closings_reason_to_open")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_term_closings")),
    )
    op.create_index("ix_term_closings_term_region_code", "term_closings", ["term", "region_code"], unique=False)


def downgrade() -> None:
    """Take them away; what was approved stays in the ledger."""
    for table in reversed(TABLES):
        op.drop_table(table)
        for sql in undone(table, op.get_bind().dialect.name):
            op.execute(sql)
