"""The catalogue of recordings.

**One recording a broadcast**, however often its lecturer or the server comes back. The files are `recorder.store`'s; a row says
what people may know of them.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, BigInteger, CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from signaling.db.base import Base, UtcDateTime, utc_now, uuid7

OPEN_STATES = ("recording", "degraded", "finalising")
STATES = (*OPEN_STATES, "ready", "failed")


class RecordingEntry(Base):
    """One recording. Figures of the file stay empty until the state is `ready`."""

    __tablename__ = "recordings"
    __table_args__ = (CheckConstraint(f"state IN {STATES}", name="state_known"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    lecture_id: Mapped[str] = mapped_column(String(36), index=True)
    broadcast_id: Mapped[str] = mapped_column(String(36), unique=True)
    title: Mapped[str] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(16), default="recording")
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    duration_s: Mapped[float | None]
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(String(64))
    has_thumbnail: Mapped[bool] = mapped_column(default=False)
    problems: Mapped[list[str]] = mapped_column(JSON, default=list)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
