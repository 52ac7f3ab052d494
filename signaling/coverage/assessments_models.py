"""The table of assessments that schools enter. Numbers of classes only; no pupil has a row, a name or a mark.

It is **append-only** as the other tables of this room: a mistake is answered by another row, which keeps who and when.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from signaling.db.append_only import append_only
from signaling.db.base import Base, UtcDateTime, uuid7


class AssessmentEntry(Base):
    """How many of a class took part in an assessment of a day, and passed; no number takes it back.

    `size` is that of the class when the number was given. What is entered at once for a school has one `revision`, which grows.
    """

    __tablename__ = "assessment_entries"
    __table_args__ = (
        UniqueConstraint("class_id", "kind", "day", "revision", name="uq_assessment_entries_key"),
        Index("ix_assessment_entries_day", "day"),
        CheckConstraint("took_part IS NULL OR (took_part >= 0 AND took_part <= size)", name="took_part_of_size"),
        CheckConstraint("passed IS NULL OR (passed >= 0 AND passed <= took_part)", name="passed_of_took_part"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    class_id: Mapped[str] = mapped_column(String(36))
    kind: Mapped[str] = mapped_column(String(16))  # a key of `obligations.assessments`
    day: Mapped[date] = mapped_column(Date)
    revision: Mapped[int]
    size: Mapped[int]
    took_part: Mapped[int | None]
    passed: Mapped[int | None]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(36))


append_only(Base.metadata.tables[AssessmentEntry.__tablename__])
