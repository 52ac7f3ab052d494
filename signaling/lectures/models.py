"""Lectures, whom they are for, the frozen list of classes that were expected; the pool of lecturers; calendar links."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, true
from sqlalchemy.orm import Mapped, mapped_column

from signaling.db.base import Base, UtcDateTime, Versioned, utc_now, uuid7


class Lecture(Versioned, Base):
    """A planned lecture. Whether it is on the air is the business of `signaling.live`.

    `sequence` counts the changes that calendars must hear of (RFC 5545 section 3.8.7.4).
    """

    __tablename__ = "lectures"
    __table_args__ = (
        CheckConstraint("review IN ('draft', 'submitted', 'approved', 'returned')", name="review_known"),
        CheckConstraint("audience_kind IN ('pupils', 'teachers', 'parents')", name="audience_known"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    title: Mapped[str] = mapped_column(String(128))
    topic: Mapped[str] = mapped_column(String(64), default="")
    lecturer_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    scheduled_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    minutes: Mapped[int] = mapped_column(default=40)
    autostart: Mapped[bool] = mapped_column(default=False)  # a stream published in `open` starts the broadcast
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    approved_by: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    summary: Mapped[str] = mapped_column(Text, default="", server_default="")  # what the reviewer reads
    audience_kind: Mapped[str] = mapped_column(String(16), default="pupils", server_default="pupils")
    counts: Mapped[bool] = mapped_column(
        default=True, server_default=true()
    )  # for the obligations of the term (计入覆盖)
    review: Mapped[str] = mapped_column(String(16), default="draft", server_default="draft")
    created_by: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    called_off_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    called_off_reason: Mapped[str] = mapped_column(String(200), default="", server_default="")
    sequence: Mapped[int] = mapped_column(default=0, server_default="0")
    changed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when `sequence` was counted up last
    announced: Mapped[str] = mapped_column(String(128), default="", server_default="")  # title approved last


class LectureAudience(Base):
    """A node that a lecture is aimed at: the code of a region or a school. Opening turns it into `LectureTarget` rows."""

    __tablename__ = "lecture_audiences"

    lecture_id: Mapped[str] = mapped_column(ForeignKey("lectures.id"), primary_key=True)
    node: Mapped[str] = mapped_column(String(12), primary_key=True)


class LectureFilter(Base):
    """What narrows an audience: kinds of schools and stages of classes. None of a field means all."""

    __tablename__ = "lecture_filters"

    lecture_id: Mapped[str] = mapped_column(ForeignKey("lectures.id"), primary_key=True)
    field: Mapped[str] = mapped_column(String(8), primary_key=True)  # kind, stage
    value: Mapped[str] = mapped_column(String(2), primary_key=True)


class LectureReview(Base):
    """A step of the review of a lecture's content. **Append-only**: triggers refuse UPDATE and DELETE."""

    __tablename__ = "lecture_reviews"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    lecture_id: Mapped[str] = mapped_column(ForeignKey("lectures.id"), index=True)
    action: Mapped[str] = mapped_column(String(16))  # submitted, approved, returned, changed
    actor: Mapped[str] = mapped_column(String(36))
    note: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class LectureTarget(Base):
    """A class that was expected when the lecture opened. **Frozen**: later changes of the directory do not touch it."""

    __tablename__ = "lecture_targets"
    __table_args__ = (Index("ix_lecture_targets_lecture_id_school_code", "lecture_id", "school_code", "class_id"),)

    lecture_id: Mapped[str] = mapped_column(ForeignKey("lectures.id"), primary_key=True)
    class_id: Mapped[str] = mapped_column(ForeignKey("classes.id"), primary_key=True)
    school_code: Mapped[str] = mapped_column(ForeignKey("schools.code"))
    region_code: Mapped[str] = mapped_column(ForeignKey("regions.code"))
    pupils: Mapped[int]


class ExpertProfile(Versioned, Base):
    """What the office knows of a lecturer. No telephone in the open: `contact` is shown to the office and the lecturer alone."""

    __tablename__ = "expert_profiles"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    field: Mapped[str] = mapped_column(String(64), default="")
    position: Mapped[str] = mapped_column(String(64), default="")
    organisation: Mapped[str] = mapped_column(String(64), default="")
    introduction: Mapped[str] = mapped_column(Text, default="")
    contact: Mapped[str] = mapped_column(String(64), default="")
    active: Mapped[bool] = mapped_column(default=True)


class ExpertTag(Base):
    """A topic or a stage that a lecturer can speak about or to. None of a field means all."""

    __tablename__ = "expert_tags"

    user_id: Mapped[str] = mapped_column(ForeignKey("expert_profiles.user_id"), primary_key=True)
    field: Mapped[str] = mapped_column(String(8), primary_key=True)  # topic, stage
    value: Mapped[str] = mapped_column(String(64), primary_key=True)


class ExpertHours(Base):
    """Hours of every week, in minutes of the schools' local day. None at all means any time."""

    __tablename__ = "expert_hours"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 1 AND 7", name="weekday_known"),
        CheckConstraint("begins >= 0 AND begins < ends AND ends <= 1440", name="within_day"),
    )

    user_id: Mapped[str] = mapped_column(ForeignKey("expert_profiles.user_id"), primary_key=True)
    weekday: Mapped[int] = mapped_column(primary_key=True)  # 1 is Monday
    begins: Mapped[int] = mapped_column(primary_key=True)
    ends: Mapped[int]


class ExpertException(Base):
    """A stretch of time that differs from the weekly hours: `free` or away."""

    __tablename__ = "expert_exceptions"
    __table_args__ = (CheckConstraint("begins_at < ends_at", name="forwards"),)

    user_id: Mapped[str] = mapped_column(ForeignKey("expert_profiles.user_id"), primary_key=True)
    begins_at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    free: Mapped[bool]


class ExpertRating(Base):
    """What a planner said of a lecturer after a lecture. **Append-only**: of one lecture and rater the newest row counts."""

    __tablename__ = "expert_ratings"
    __table_args__ = (
        CheckConstraint("stars BETWEEN 1 AND 5", name="stars_known"),
        Index("ix_expert_ratings_lecture_id_rater", "lecture_id", "rater"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    lecture_id: Mapped[str] = mapped_column(ForeignKey("lectures.id"))
    lecturer_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    rater: Mapped[str] = mapped_column(String(36))
    stars: Mapped[int]
    note: Mapped[str] = mapped_column(String(64), default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class CalendarLink(Base):
    """How often the secret link to a school's calendar was renewed; a school without a row has its first."""

    __tablename__ = "calendar_links"

    school_code: Mapped[str] = mapped_column(ForeignKey("schools.code"), primary_key=True)
    number: Mapped[int] = mapped_column(default=1)
    renewed_at: Mapped[datetime] = mapped_column(UtcDateTime)
