"""The tables of settled decisions.

1. **All three are append-only**: triggers refuse UPDATE and DELETE. Another decision is another revision, which supersedes the one before.
2. A revision is numbered from 1 within its lecture and school; two servers that settle at once cannot both write it.
3. There are no foreign keys: neither a missing parent nor a cascade can touch a decision.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from signaling.db.append_only import append_only
from signaling.db.base import Base, UtcDateTime


class AttendanceDecision(Base):
    """What a lecture came to for one school, as it stood at `as_of`; the counts are those of `report.Tally`."""

    __tablename__ = "attendance_decisions"
    __table_args__ = (
        CheckConstraint("supersedes IS NULL OR supersedes = revision - 1", name="supersedes_the_one_before"),
        Index("ix_attendance_decisions_school_code", "school_code", "lecture_id"),
    )

    lecture_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    school_code: Mapped[str] = mapped_column(String(10), primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    supersedes: Mapped[int | None]  # the revision before; NULL for the first
    region_code: Mapped[str] = mapped_column(String(12))
    policy_version: Mapped[int]
    cause: Mapped[str] = mapped_column(String(16))  # one of `settling.Cause`
    as_of: Mapped[datetime] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime] = mapped_column(UtcDateTime)
    schools: Mapped[int]
    schools_connected: Mapped[int]
    schools_qualified: Mapped[int]
    schools_lenient: Mapped[int]
    schools_excused: Mapped[int]
    classes: Mapped[int]
    qualified: Mapped[int]
    unconfirmed: Mapped[int]
    pending: Mapped[int]
    partial: Mapped[int]
    failed: Mapped[int]
    absent: Mapped[int]
    made_up: Mapped[int]
    excused: Mapped[int]
    connected: Mapped[int]
    pupils: Mapped[int]
    excused_pupils: Mapped[int]
    confirmed: Mapped[int]
    present: Mapped[int]
    reached: Mapped[int]
    asked: Mapped[int]
    passed: Mapped[int]
    flagged: Mapped[int]
    corrected: Mapped[int]
    delivered_ms: Mapped[int] = mapped_column(BigInteger)
    interrupted_ms: Mapped[int] = mapped_column(BigInteger)
    packed: Mapped[bytes] = mapped_column(LargeBinary)  # see settled.py


class AttendanceSettling(Base):
    """A round of settling one lecture: why, as of when, up to where in the chains (`stamp`), and how many schools had another decision."""

    __tablename__ = "attendance_settlings"

    lecture_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # from 1
    cause: Mapped[str] = mapped_column(String(16))  # one of `settling.Cause`
    stamp: Mapped[str] = mapped_column(Text)
    as_of: Mapped[datetime] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime] = mapped_column(UtcDateTime)
    policy_version: Mapped[int]
    schools: Mapped[int]
    changed: Mapped[int]


class AttendanceFrame(Base):
    """What the directory said of a lecture's classes when it was settled first."""

    __tablename__ = "attendance_frames"

    lecture_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    frozen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    packed: Mapped[bytes] = mapped_column(LargeBinary)  # see settled.py


TABLES: Final = (
    AttendanceDecision.__tablename__,
    AttendanceSettling.__tablename__,
    AttendanceFrame.__tablename__,
)

for _table in TABLES:
    append_only(Base.metadata.tables[_table])
