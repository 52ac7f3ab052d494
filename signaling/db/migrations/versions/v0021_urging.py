"""Schools that were urged to connect to a running lecture, what became of it, and who called them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signaling.db import base as types
from signaling.db.append_only import statements, undone

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None
TABLES = ("urgings", "urged_schools", "urging_receipts", "school_calls")


def upgrade() -> None:
    """Make the tables and their triggers."""
    op.create_table(
        "urgings",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("lecture_id", sa.String(length=36), nullable=False),
        sa.Column("node", sa.String(length=12), nullable=False),
        sa.Column("actor", sa.String(length=36), nullable=False),
        sa.Column("at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("reasons", sa.String(length=200), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["actor"], ["users.id"], name=op.f("fk_urgings_actor_users")),
        sa.ForeignKeyConstraint(["lecture_id"], ["lectures.id"], name=op.f("fk_urgings_lecture_id_lectures")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_urgings")),
    )
    op.create_index("ix_urgings_lecture_id_at", "urgings", ["lecture_id", "at"], unique=False)
    op.create_table(
        "urged_schools",
        sa.Column("urging_id", sa.String(length=36), nullable=False),
        sa.Column("school_code", sa.String(length=10), nullable=False),
        sa.Column("lecture_id", sa.String(length=36), nullable=False),
        sa.Column("county", sa.String(length=12), nullable=False),
        sa.Column("missing", sa.Integer(), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("at", types.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["urging_id"], ["urgings.id"], name=op.f("fk_urged_schools_urging_id_urgings")),
        sa.PrimaryKeyConstraint("urging_id", "school_code", name=op.f("pk_urged_schools")),
    )
    op.create_index("ix_urged_schools_school_code_at", "urged_schools", ["school_code", "at"], unique=False)
    op.create_index("ix_urged_schools_lecture_id_at", "urged_schools", ["lecture_id", "at"], unique=False)
    op.create_table(
        "urging_receipts",
        sa.Column("urging_id", sa.String(length=36), nullable=False),
        sa.Column("school_code", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.CheckConstraint("kind IN ('delivered', 'read', 'connected')", name=op.f("ck_urging_receipts_kind_known")),
        sa.ForeignKeyConstraint(
            ["urging_id", "school_code"],
            ["urged_schools.urging_id", "urged_schools.school_code"],
            name=op.f("fk_urging_receipts_urging_id_urged_schools"),
        ),
        sa.PrimaryKeyConstraint("urging_id", "school_code", "kind", name=op.f("pk_urging_receipts")),
    )
    op.create_table(
        "school_calls",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("lecture_id", sa.String(length=36), nullable=False),
        sa.Column("school_code", sa.String(length=10), nullable=False),
        sa.Column("at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=36), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["actor"], ["users.id"], name=op.f("fk_school_calls_actor_users")),
        sa.ForeignKeyConstraint(["lecture_id"], ["lectures.id"], name=op.f("fk_school_calls_lecture_id_lectures")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_school_calls")),
    )
    op.create_index(
        "ix_school_calls_lecture_id_school_code", "school_calls", ["lecture_id", "school_code"], unique=False
    )
    for table in TABLES:
        for sql in statements(table, op.get_bind().dialect.name):
            op.execute(sql)


def downgrade() -> None:
    """Take them away."""
    for table in reversed(TABLES):
        op.drop_table(table)
        for sql in undone(table, op.get_bind().dialect.name):
            op.execute(sql)
