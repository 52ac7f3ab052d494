"""Rehearsals, the pool of lecturers, calendar links, when a lecture changed, which lectures a class was at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signaling.db import base as types

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None
TABLES = ("calendar_links", "expert_exceptions", "expert_hours", "expert_tags", "expert_profiles", "rehearsals")


def upgrade() -> None:
    """Add the tables, the column and the indexes."""
    with op.batch_alter_table("attendance_facts", schema=None) as batch_op:
        batch_op.create_index("ix_attendance_facts_class_id", ["class_id", "lecture_id"], unique=False)
    columns = ["lecture_id", "school_code"]  # the schools of a lecture in their order: whom to call, what is expected
    op.create_index("ix_lecture_targets_lecture_id_school_code", "lecture_targets", columns, unique=False)
    with op.batch_alter_table("lectures", schema=None) as batch_op:
        batch_op.add_column(sa.Column("changed_at", types.UtcDateTime(timezone=True), nullable=True))
    _add_rehearsals()
    _add_experts()
    op.create_table(
        "calendar_links",
        sa.Column("school_code", sa.String(length=10), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("renewed_at", types.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["school_code"], ["schools.code"], name=op.f("fk_calendar_links_school_code_schools")),
        sa.PrimaryKeyConstraint("school_code", name=op.f("pk_calendar_links")),
    )


def _add_rehearsals() -> None:
    op.create_table(
        "rehearsals",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("lecture_id", sa.String(length=36), nullable=False),
        sa.Column("created_by", sa.String(length=36), nullable=False),
        sa.Column("created_at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", types.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["lecture_id"], ["lectures.id"], name=op.f("fk_rehearsals_lecture_id_lectures")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rehearsals")),
    )
    with op.batch_alter_table("rehearsals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rehearsals_lecture_id"), ["lecture_id"], unique=False)


def _add_experts() -> None:
    op.create_table(
        "expert_profiles",
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("field", sa.String(length=64), nullable=False),
        sa.Column("position", sa.String(length=64), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("introduction", sa.Text(), nullable=False),
        sa.Column("contact", sa.String(length=64), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_expert_profiles_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_expert_profiles")),
    )
    op.create_table(
        "expert_tags",
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("field", sa.String(length=8), nullable=False),
        sa.Column("value", sa.String(length=64), nullable=False),
        _of_profile("expert_tags"),
        sa.PrimaryKeyConstraint("user_id", "field", "value", name=op.f("pk_expert_tags")),
    )
    op.create_table(
        "expert_hours",
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("begins", sa.Integer(), nullable=False),
        sa.Column("ends", sa.Integer(), nullable=False),
        sa.CheckConstraint("weekday BETWEEN 1 AND 7", name=op.f("ck_expert_hours_weekday_known")),
        sa.CheckConstraint("begins >= 0 AND begins < ends AND ends <= 1440", name=op.f("ck_expert_hours_within_day")),
        _of_profile("expert_hours"),
        sa.PrimaryKeyConstraint("user_id", "weekday", "begins", name=op.f("pk_expert_hours")),
    )
    op.create_table(
        "expert_exceptions",
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("begins_at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("free", sa.Boolean(), nullable=False),
        sa.CheckConstraint("begins_at < ends_at", name=op.f("ck_expert_exceptions_forwards")),
        _of_profile("expert_exceptions"),
        sa.PrimaryKeyConstraint("user_id", "begins_at", name=op.f("pk_expert_exceptions")),
    )


def _of_profile(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_user_id_expert_profiles")
    return sa.ForeignKeyConstraint(["user_id"], ["expert_profiles.user_id"], name=name)


def downgrade() -> None:
    """Take all of it away."""
    for table in TABLES:
        op.drop_table(table)
    with op.batch_alter_table("lectures", schema=None) as batch_op:
        batch_op.drop_column("changed_at")
    op.drop_index("ix_lecture_targets_lecture_id_school_code", table_name="lecture_targets")
    with op.batch_alter_table("attendance_facts", schema=None) as batch_op:
        batch_op.drop_index("ix_attendance_facts_class_id")
