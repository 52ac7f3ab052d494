"""Who is on duty, what raised an alarm, over which channels it is told.

1. **A step of an alarm is never updated or deleted**: `alert_steps` is the history, `alerts` its last line.
2. **An alarm exists once**: rule, subject, node and occasion are unique, so that a restart or a second node raises nothing again.
3. Targets and secrets of channels are stored sealed (`sealing.py`), never in clear.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from signaling.db.base import Base, UtcDateTime, Versioned, utc_now, uuid7


class DutyRoster(Versioned, Base):
    """The roster of a lecture as people edit it; a lecture that nobody has given one has no row and version 0."""

    __tablename__ = "duty_rosters"

    lecture_id: Mapped[str] = mapped_column(ForeignKey("lectures.id"), primary_key=True)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_by: Mapped[str] = mapped_column(ForeignKey("users.id"))


class DutyPerson(Base):
    """Somebody who watches over a lecture."""

    __tablename__ = "duty_people"

    lecture_id: Mapped[str] = mapped_column(ForeignKey("lectures.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)


class Alert(Base):
    """An alarm or reminder at a node. `subject` is a lecture's id, or the name of the server whose recorder is in trouble.

    `count` of `expected` schools are concerned. `county` is the county unit of a node below the prefecture.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        CheckConstraint("level IN ('prefecture', 'county', 'school')", name="level_known"),
        UniqueConstraint("rule", "subject", "node", "occasion", name="uq_alerts_rule_subject_node_occasion"),
        Index("ix_alerts_node_cleared_at", "node", "cleared_at"),
        Index("ix_alerts_subject", "subject"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    rule: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(36))
    lecture_id: Mapped[str | None] = mapped_column(ForeignKey("lectures.id"))
    node: Mapped[str] = mapped_column(String(12))
    level: Mapped[str] = mapped_column(String(12), default="prefecture", server_default="prefecture")
    county: Mapped[str] = mapped_column(String(12), default="")
    occasion: Mapped[int] = mapped_column(default=1)
    starts_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    count: Mapped[int] = mapped_column(default=0)
    expected: Mapped[int] = mapped_column(default=0)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    cleared_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    cleared_because: Mapped[str] = mapped_column(String(16), default="")
    acknowledged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    acknowledged_by: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    escalated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    escalated_to: Mapped[str] = mapped_column(String(12), default="")
    contacted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    contacted_by: Mapped[str | None] = mapped_column(ForeignKey("users.id"))


class AlertStep(Base):
    """Something that happened to an alarm. **Append-only**: triggers refuse UPDATE and DELETE."""

    __tablename__ = "alert_steps"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    alert_id: Mapped[str] = mapped_column(ForeignKey("alerts.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))  # opened, escalated, acknowledged, contacted, cleared
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(64), default="system")
    note: Mapped[str] = mapped_column(Text, default="")


class Channel(Versioned, Base):
    """A way out of the house. `hint` is what may be shown of the target; `rules` are names with commas between them."""

    __tablename__ = "channels"
    __table_args__ = (CheckConstraint("kind IN ('email', 'wecom', 'dingtalk', 'webhook')", name="kind_known"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    name: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    node: Mapped[str] = mapped_column(String(12))
    rules: Mapped[str] = mapped_column(String(200))
    hint: Mapped[str] = mapped_column(String(200))
    sealed: Mapped[str] = mapped_column(Text)
    escalated_only: Mapped[bool] = mapped_column(default=False)
    enabled: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Notice(Base):
    """A message on its way, and afterwards its receipt. `key` is unique: the same news is never written twice for a channel."""

    __tablename__ = "notices"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'sent', 'failed')", name="state_known"),
        Index("ix_notices_state_next_at", "state", "next_at"),
        Index("ix_notices_channel_id_created_at", "channel_id", "created_at"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    channel_id: Mapped[str] = mapped_column(ForeignKey("channels.id"))
    key: Mapped[str] = mapped_column(String(160), unique=True)
    message: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)
    tried_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[str] = mapped_column(String(24), default="")
    detail: Mapped[str] = mapped_column(String(300), default="")


class Urging(Base):
    """Schools were urged to connect to a running lecture, by somebody of `node`. **Append-only**, like the three tables below it."""

    __tablename__ = "urgings"
    __table_args__ = (Index("ix_urgings_lecture_id_at", "lecture_id", "at"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    lecture_id: Mapped[str] = mapped_column(ForeignKey("lectures.id"))
    node: Mapped[str] = mapped_column(String(12))
    actor: Mapped[str] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    reasons: Mapped[str] = mapped_column(String(200), default="")
    note: Mapped[str] = mapped_column(String(200), default="")


class UrgedSchool(Base):
    """A school that was urged: `missing` of its `expected` classes. `lecture_id` and `at` are those of the urging."""

    __tablename__ = "urged_schools"
    __table_args__ = (
        Index("ix_urged_schools_school_code_at", "school_code", "at"),
        Index("ix_urged_schools_lecture_id_at", "lecture_id", "at"),
    )

    urging_id: Mapped[str] = mapped_column(ForeignKey("urgings.id"), primary_key=True)
    school_code: Mapped[str] = mapped_column(String(10), primary_key=True)
    lecture_id: Mapped[str] = mapped_column(String(36))
    county: Mapped[str] = mapped_column(String(12))
    missing: Mapped[int]
    expected: Mapped[int]
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class UrgingReceipt(Base):
    """What became of an urging at a school, each once: its console showed it, somebody read it, its classes were there again."""

    __tablename__ = "urging_receipts"
    __table_args__ = (
        CheckConstraint("kind IN ('delivered', 'read', 'connected')", name="kind_known"),
        ForeignKeyConstraint(
            ["urging_id", "school_code"],
            ["urged_schools.urging_id", "urged_schools.school_code"],
            name="fk_urging_receipts_urging_id_urged_schools",
        ),
    )

    urging_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    school_code: Mapped[str] = mapped_column(String(10), primary_key=True)
    kind: Mapped[str] = mapped_column(String(12), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(64), default="system")


class SchoolCall(Base):
    """Somebody called a school about a lecture (已联系)."""

    __tablename__ = "school_calls"
    __table_args__ = (Index("ix_school_calls_lecture_id_school_code", "lecture_id", "school_code"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    lecture_id: Mapped[str] = mapped_column(ForeignKey("lectures.id"))
    school_code: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(ForeignKey("users.id"))
    note: Mapped[str] = mapped_column(Text, default="")
