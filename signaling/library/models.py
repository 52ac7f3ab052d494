"""The catalogue of recordings.

**One recording a broadcast**, however often its lecturer or the server comes back. The files are `recorder.store`'s; a row says
what people may know of them, so that a list reads no files.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from signaling.db.base import Base, UtcDateTime, utc_now, uuid7
from signaling.library.review import Review

OPEN_STATES = ("recording", "degraded", "finalising")
STATES = (*OPEN_STATES, "ready", "failed")
REVIEWS = tuple(review.value for review in Review)
STORAGES = ("local", "uploading", "stored")
REMOVED = "removed"  # among the problems of an entry whose files were deleted: their time was over


class RecordingEntry(Base):
    """One recording. Figures of the file stay empty until the state is `ready`.

    `reviewed_by` is the user whose decision stands. `chapters` are `{start_s, kind}`, `gaps` `{at_s, seconds, reason}`, in seconds
    of the finished file; `has_preview` says that there is a sprite with its WebVTT.
    """

    __tablename__ = "recordings"
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state_known"),
        CheckConstraint(f"review IN {REVIEWS}", name="review_known"),
        CheckConstraint(f"storage IN {STORAGES}", name="storage_known"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    lecture_id: Mapped[str] = mapped_column(String(36), index=True)
    broadcast_id: Mapped[str] = mapped_column(String(36), unique=True)
    title: Mapped[str] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(16), default="recording")
    review: Mapped[str] = mapped_column(String(16), default=Review.PENDING)
    reviewed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reviewed_by: Mapped[str | None] = mapped_column(String(36))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    duration_s: Mapped[float | None]
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(String(64))
    width: Mapped[int | None]
    height: Mapped[int | None]
    has_thumbnail: Mapped[bool] = mapped_column(default=False)
    has_preview: Mapped[bool] = mapped_column(default=False)
    chapters: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    gaps: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    storage: Mapped[str] = mapped_column(String(16), default="local")
    problems: Mapped[list[str]] = mapped_column(JSON, default=list)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
