"""Duty, alarms, channels and the outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signaling.db import base as types
from signaling.db.append_only import statements, undone

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
TABLES = ("notices", "channels", "alert_steps", "alerts", "duty_people", "duty_rosters")


def upgrade() -> None:
    """Make the tables."""
    _duty()
    _alerts()
    _channels()
    for sql in statements("alert_steps", op.get_bind().dialect.name):
        op.execute(sql)


def _duty() -> None:
    op.create_table(
        "duty_rosters",
        sa.Column("lecture_id", sa.String(length=36), nullable=False),
        sa.Column("changed_at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.ForeignKeyConstraint(["changed_by"], ["users.id"], name=op.f("fk_duty_rosters_changed_by_users")),
        sa.ForeignKeyConstraint(["lecture_id"], ["lectures.id"], name=op.f("fk_duty_rosters_lecture_id_lectures")),
        sa.PrimaryKeyConstraint("lecture_id", name=op.f("pk_duty_rosters")),
    )
    op.create_table(
        "duty_people",
        sa.Column("lecture_id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["lecture_id"], ["lectures.id"], name=op.f("fk_duty_people_lecture_id_lectures")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_duty_people_user_id_users")),
        sa.PrimaryKeyConstraint("lecture_id", "user_id", name=op.f("pk_duty_people")),
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("rule", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=36), nullable=False),
        sa.Column("lecture_id", sa.String(length=36), nullable=True),
        sa.Column("node", sa.String(length=12), nullable=False),
        sa.Column("level", sa.String(length=12), nullable=False, server_default="prefecture"),
        sa.Column("county", sa.String(length=12), nullable=False),
        sa.Column("occasion", sa.Integer(), nullable=False),
        sa.Column("starts_at", types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("opened_at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("cleared_at", types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("cleared_because", sa.String(length=16), nullable=False),
        sa.Column("acknowledged_at", types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=36), nullable=True),
        sa.Column("escalated_at", types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("escalated_to", sa.String(length=12), nullable=False),
        sa.Column("contacted_at", types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("contacted_by", sa.String(length=36), nullable=True),
        sa.CheckConstraint("level IN ('prefecture', 'county', 'school')", name=op.f("ck_alerts_level_known")),
        sa.ForeignKeyConstraint(["acknowledged_by"], ["users.id"], name=op.f("fk_alerts_acknowledged_by_users")),
        sa.ForeignKeyConstraint(["contacted_by"], ["users.id"], name=op.f("fk_alerts_contacted_by_users")),
        sa.ForeignKeyConstraint(["lecture_id"], ["lectures.id"], name=op.f("fk_alerts_lecture_id_lectures")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        sa.UniqueConstraint("rule", "subject", "node", "occasion", name="uq_alerts_rule_subject_node_occasion"),
    )
    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alerts_cleared_at"), ["cleared_at"], unique=False)
        batch_op.create_index("ix_alerts_node_cleared_at", ["node", "cleared_at"], unique=False)
        batch_op.create_index("ix_alerts_subject", ["subject"], unique=False)
    op.create_table(
        "alert_steps",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("alert_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_alert_steps_alert_id_alerts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_steps")),
    )
    with op.batch_alter_table("alert_steps", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alert_steps_alert_id"), ["alert_id"], unique=False)


def _channels() -> None:
    op.create_table(
        "channels",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("node", sa.String(length=12), nullable=False),
        sa.Column("rules", sa.String(length=200), nullable=False),
        sa.Column("hint", sa.String(length=200), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("escalated_only", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.CheckConstraint("kind IN ('email', 'wecom', 'dingtalk', 'webhook')", name=op.f("ck_channels_kind_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channels")),
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("channel_id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("next_at", types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("tried_at", types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("sent_at", types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=24), nullable=False),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'failed')", name=op.f("ck_notices_state_known")),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_notices_channel_id_channels")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("key", name=op.f("uq_notices_key")),
    )
    with op.batch_alter_table("notices", schema=None) as batch_op:
        batch_op.create_index("ix_notices_channel_id_created_at", ["channel_id", "created_at"], unique=False)
        batch_op.create_index("ix_notices_state_next_at", ["state", "next_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_notices_tried_at"), ["tried_at"], unique=False)


def downgrade() -> None:
    """Take all of it away; who did what stays in the audit log."""
    for table in TABLES:
        op.drop_table(table)
    for sql in undone("alert_steps", op.get_bind().dialect.name):
        op.execute(sql)
