"""Agencies and versions of people; indexes for reading the audit log by actor, action and subject."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None
READ_BY = ("actor", "action", "subject")


def upgrade() -> None:
    """Add the columns and the indexes; nobody belongs to an agency yet."""
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(sa.Column("agency", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
        batch_op.create_index(batch_op.f("ix_users_node"), ["node"], unique=False)
    for column in READ_BY:  # not by a batch: that would make the table anew, and its triggers would be lost
        op.create_index(f"ix_audit_log_{column}_at", "audit_log", [column, "at"], unique=False)


def downgrade() -> None:
    """Take them away; who belonged to which agency stays in the audit log."""
    for column in READ_BY:
        op.drop_index(f"ix_audit_log_{column}_at", table_name="audit_log")
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_users_node"))
        batch_op.drop_column("version")
        batch_op.drop_column("agency")
