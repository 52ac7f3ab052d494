"""Schools open, close and merge; terms; teachers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signaling.db import base as types
from signaling.db.append_only import statements, undone

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
TABLES = ("teachers", "school_events", "school_aliases", "terms", "region_aliases")


def upgrade() -> None:
    """Add the tables and the columns; every school and class that was there is open."""
    with op.batch_alter_table("regions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("successor_code", sa.String(length=12), nullable=True))
    with op.batch_alter_table("schools", schema=None) as batch_op:
        batch_op.add_column(sa.Column("opened_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("closed_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("successor_code", sa.String(length=10), nullable=True))
        batch_op.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
        batch_op.create_foreign_key(op.f("fk_schools_successor_code_schools"), "schools", ["successor_code"], ["code"])
        batch_op.create_index(batch_op.f("ix_schools_closed_on"), ["closed_on"], unique=False)
    with op.batch_alter_table("classes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("closed_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    _regions()
    _schools()
    _teachers()


def _regions() -> None:
    op.create_table(
        "region_aliases",
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(["region_code"], ["regions.code"], name=op.f("fk_region_aliases_region_code_regions")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_region_aliases")),
    )
    with op.batch_alter_table("region_aliases", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_region_aliases_region_code"), ["region_code"], unique=False)
    op.create_table(
        "terms",
        sa.Column("region_code", sa.String(length=12), nullable=False),
        sa.Column("code", sa.String(length=11), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.CheckConstraint("starts_on < ends_on", name=op.f("ck_terms_begins_before_it_ends")),
        sa.ForeignKeyConstraint(["region_code"], ["regions.code"], name=op.f("fk_terms_region_code_regions")),
        sa.PrimaryKeyConstraint("region_code", "code", name=op.f("pk_terms")),
    )


def _schools() -> None:
    op.create_table(
        "school_aliases",
        sa.Column("code", sa.String(length=12), nullable=False),
        sa.Column("school_code", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["school_code"], ["schools.code"], name=op.f("fk_school_aliases_school_code_schools")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_school_aliases")),
    )
    with op.batch_alter_table("school_aliases", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_school_aliases_school_code"), ["school_code"], unique=False)
    op.create_table(
        "school_events",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school_code", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("other_code", sa.String(length=12), nullable=True),
        sa.Column("before", sa.String(length=128), nullable=False),
        sa.Column("after", sa.String(length=128), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("at", types.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["school_code"], ["schools.code"], name=op.f("fk_school_events_school_code_schools")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_school_events")),
    )
    with op.batch_alter_table("school_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_school_events_school_code"), ["school_code"], unique=False)
    for sql in statements("school_events", op.get_bind().dialect.name):
        op.execute(sql)


def _teachers() -> None:
    op.create_table(
        "teachers",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("school_code", sa.String(length=10), nullable=False),
        sa.Column("staff_no", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=32), nullable=False, server_default=""),
        sa.Column("left_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.ForeignKeyConstraint(["school_code"], ["schools.code"], name=op.f("fk_teachers_school_code_schools")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teachers")),
        sa.UniqueConstraint("school_code", "staff_no", name="uq_teachers_school_code_staff_no"),
    )


def downgrade() -> None:
    """Take all of it away; what happened to schools stays in the audit log."""
    for table in TABLES:
        op.drop_table(table)
    for sql in undone("school_events", op.get_bind().dialect.name):
        op.execute(sql)
    with op.batch_alter_table("classes", schema=None) as batch_op:
        batch_op.drop_column("version")
        batch_op.drop_column("closed_on")
    with op.batch_alter_table("schools", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_schools_closed_on"))
        batch_op.drop_constraint(op.f("fk_schools_successor_code_schools"), type_="foreignkey")
        for column in ("version", "successor_code", "closed_on", "opened_on"):
            batch_op.drop_column(column)
    with op.batch_alter_table("regions", schema=None) as batch_op:
        batch_op.drop_column("successor_code")
