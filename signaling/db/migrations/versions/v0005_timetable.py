"""Content review, scopes of lectures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signaling.db import base as types
from signaling.db.append_only import statements, undone

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
CHECKS = {
    "review_known": "review IN ('draft', 'submitted', 'approved', 'returned')",
    "audience_known": "audience_kind IN ('pupils', 'teachers', 'parents')",
}
COLUMNS = (
    "version",
    "summary",
    "audience_kind",
    "review",
    "created_by",
    "called_off_at",
    "called_off_reason",
    "sequence",
)


def upgrade() -> None:
    """Add the columns and tables; what was approved stays approved."""
    with op.batch_alter_table("lectures", schema=None) as batch_op:
        batch_op.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("summary", sa.Text(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("audience_kind", sa.String(length=16), nullable=False, server_default="pupils"))
        batch_op.add_column(sa.Column("review", sa.String(length=16), nullable=False, server_default="draft"))
        batch_op.add_column(sa.Column("created_by", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("called_off_at", types.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("called_off_reason", sa.String(length=200), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("sequence", sa.Integer(), nullable=False, server_default="0"))
        batch_op.create_foreign_key(op.f("fk_lectures_created_by_users"), "users", ["created_by"], ["id"])
        for name, condition in CHECKS.items():
            batch_op.create_check_constraint(op.f(f"ck_lectures_{name}"), condition)
    op.execute("UPDATE lectures SET review = 'approved' WHERE approved_at IS NOT NULL")
    op.create_table(
        "lecture_filters",
        sa.Column("lecture_id", sa.String(length=36), nullable=False),
        sa.Column("field", sa.String(length=8), nullable=False),
        sa.Column("value", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(["lecture_id"], ["lectures.id"], name=op.f("fk_lecture_filters_lecture_id_lectures")),
        sa.PrimaryKeyConstraint("lecture_id", "field", "value", name=op.f("pk_lecture_filters")),
    )
    op.create_table(
        "lecture_reviews",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("lecture_id", sa.String(length=36), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=36), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", types.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["lecture_id"], ["lectures.id"], name=op.f("fk_lecture_reviews_lecture_id_lectures")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lecture_reviews")),
    )
    with op.batch_alter_table("lecture_reviews", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lecture_reviews_lecture_id"), ["lecture_id"], unique=False)
    for sql in statements("lecture_reviews", op.get_bind().dialect.name):
        op.execute(sql)


def downgrade() -> None:
    """Take all of it away; who approved what stays in the audit log."""
    for table in ("lecture_reviews", "lecture_filters"):
        op.drop_table(table)
    for sql in undone("lecture_reviews", op.get_bind().dialect.name):
        op.execute(sql)
    with op.batch_alter_table("lectures", schema=None) as batch_op:
        for name in CHECKS:
            batch_op.drop_constraint(op.f(f"ck_lectures_{name}"), type_="check")
        batch_op.drop_constraint(op.f("fk_lectures_created_by_users"), type_="foreignkey")
        for column in reversed(COLUMNS):
            batch_op.drop_column(column)
