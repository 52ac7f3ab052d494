"""Passwords by invitation, one-time codes, where logins come from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signaling.db import base as types

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
COLUMNS = ("stage", "address", "agent", "seen_at")


def upgrade() -> None:
    """Add the tables and columns; logins from before are whole ones of an unknown place."""
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(sa.Column("password_changed_at", types.UtcDateTime(timezone=True), nullable=True))
    with op.batch_alter_table("logins", schema=None) as batch_op:
        batch_op.add_column(sa.Column("stage", sa.String(length=16), nullable=False, server_default="full"))
        batch_op.add_column(sa.Column("address", sa.String(length=45), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("agent", sa.String(length=256), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("seen_at", types.UtcDateTime(timezone=True), nullable=True))
        batch_op.create_check_constraint(op.f("ck_logins_stage_known"), "stage IN ('full', 'enrolment')")
    _of_people("half_logins", sa.Column("tries", sa.Integer(), nullable=False), expires=True)
    _of_people("recovery_codes", _time("used_at", nullable=True), column="code_hash")
    _of_people(
        "password_invitations",
        sa.Column("created_by", sa.String(length=64), nullable=False),
        _time("created_at"),
        _time("used_at", nullable=True),
        _time("revoked_at", nullable=True),
        expires=True,
    )
    op.create_table(
        "second_factors",
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("sealed", sa.String(length=255), nullable=False),
        _time("created_at"),
        _time("confirmed_at", nullable=True),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_second_factors_user_id_users")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_second_factors")),
    )


def _time(name: str, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, types.UtcDateTime(timezone=True), nullable=nullable)


def _of_people(name: str, *columns: sa.Column[object], column: str = "token_hash", expires: bool = False) -> None:
    """Create a table of secrets of people."""
    op.create_table(
        name,
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column(column, sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        *([_time("expires_at")] if expires else []),
        *columns,
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f(f"fk_{name}_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
        sa.UniqueConstraint(column, name=op.f(f"uq_{name}_{column}")),
    )
    with op.batch_alter_table(name, schema=None) as batch_op:
        batch_op.create_index(batch_op.f(f"ix_{name}_user_id"), ["user_id"], unique=False)


def downgrade() -> None:
    """Take all of it away; who has not set up one-time codes fully is logged out."""
    for table in ("second_factors", "password_invitations", "recovery_codes", "half_logins"):
        op.drop_table(table)
    op.execute("UPDATE logins SET ended_at = created_at WHERE stage <> 'full' AND ended_at IS NULL")
    with op.batch_alter_table("logins", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_logins_stage_known"), type_="check")
        for column in reversed(COLUMNS):
            batch_op.drop_column(column)
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_column("password_changed_at")
