"""Lectures, whom they are for, and the frozen list of classes that were expected."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from signaling.db.base import Base, UtcDateTime, uuid7


class Lecture(Base):
    """A planned lecture. Whether it is on the air is the business of `signaling.live`."""

    __tablename__ = "lectures"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    title: Mapped[str] = mapped_column(String(128))
    topic: Mapped[str] = mapped_column(String(64), default="")
    lecturer_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    scheduled_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    minutes: Mapped[int] = mapped_column(default=40)
    autostart: Mapped[bool] = mapped_column(default=False)  # a stream published in `open` starts the broadcast
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    approved_by: Mapped[str | None] = mapped_column(ForeignKey("users.id"))


class LectureAudience(Base):
    """A node that a lecture is aimed at: the code of a region or a school. Opening turns it into `LectureTarget` rows."""

    __tablename__ = "lecture_audiences"

    lecture_id: Mapped[str] = mapped_column(ForeignKey("lectures.id"), primary_key=True)
    node: Mapped[str] = mapped_column(String(12), primary_key=True)


class LectureTarget(Base):
    """A class that was expected when the lecture opened. **Frozen**: later changes of the directory do not touch it."""

    __tablename__ = "lecture_targets"

    lecture_id: Mapped[str] = mapped_column(ForeignKey("lectures.id"), primary_key=True)
    class_id: Mapped[str] = mapped_column(ForeignKey("classes.id"), primary_key=True)
    school_code: Mapped[str] = mapped_column(ForeignKey("schools.code"))
    region_code: Mapped[str] = mapped_column(ForeignKey("regions.code"))
    pupils: Mapped[int]
