"""Tables of the live broadcast.

1. **A transition is never updated or deleted**: `broadcast_transitions` is the history, `broadcasts` its last line.
2. **The fence only grows.** It is raised and committed before the media plane hears of a new publisher.
3. Credentials are stored as SHA-256 in hex, never in clear.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from signaling.db.base import Base, UtcDateTime, utc_now, uuid7


class Broadcast(Base):
    """One run of a lecture. A lecture without a row is `scheduled`.

    `on_air_seconds` adds up the finished stretches in state `live`; `live_since` is the begin of the running one.
    """

    __tablename__ = "broadcasts"
    __table_args__ = (CheckConstraint("fence >= 0", name="fence_not_negative"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    lecture_id: Mapped[str] = mapped_column(String(36), unique=True)
    state: Mapped[str] = mapped_column(String(16))
    fence: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    live_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    on_air_seconds: Mapped[float] = mapped_column(default=0.0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class Rehearsal(Base):
    """A rehearsal of a lecture. Its broadcast has its id in place of a lecture's; `ends_at` is the latest."""

    __tablename__ = "rehearsals"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    lecture_id: Mapped[str] = mapped_column(ForeignKey("lectures.id"), index=True)
    created_by: Mapped[str] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)


class BroadcastTransition(Base):
    """One event that changed a broadcast. `actor` is a user id, or `system`."""

    __tablename__ = "broadcast_transitions"
    __table_args__ = (Index("ix_broadcast_transitions_broadcast_id_at", "broadcast_id", "at"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    broadcast_id: Mapped[str] = mapped_column(ForeignKey("broadcasts.id"))
    event: Mapped[str] = mapped_column(String(16))
    from_state: Mapped[str] = mapped_column(String(16))
    to_state: Mapped[str] = mapped_column(String(16))
    fence: Mapped[int]
    actor: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Ticket(Base):
    """A single-use right to publish one lecture, for a studio."""

    __tablename__ = "publishing_tickets"
    __table_args__ = (Index("ix_publishing_tickets_lecture_id", "lecture_id"),)

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    lecture_id: Mapped[str] = mapped_column(String(36))
    user_id: Mapped[str] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    consumed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StreamKey(Base):
    """A right to publish one lecture again and again within a window, for OBS and its like."""

    __tablename__ = "stream_keys"
    __table_args__ = (Index("ix_stream_keys_lecture_id", "lecture_id"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    lecture_id: Mapped[str] = mapped_column(String(36))
    user_id: Mapped[str] = mapped_column(String(36))
    not_before: Mapped[datetime] = mapped_column(UtcDateTime)
    not_after: Mapped[datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
