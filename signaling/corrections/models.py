"""Tables of corrections and of closed terms.

1. **All three are append-only**: triggers refuse UPDATE and DELETE. What was asked for stays as it was asked.
2. **A correction is decided once**, by somebody else: its outcome is a row under its id, and the database compares the two people.
3. What was approved is a fact of the ledger; these tables hold what led to it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from signaling.db.append_only import append_only
from signaling.db.base import Base, UtcDateTime, uuid7


class Correction(Base):
    """Somebody asks for a correction. `scope` is a class, or the code of a school or county unit that is excused as a whole.

    `old` is what stood there when it was asked for, `unit` and `unit_name` are the node of who asked.
    """

    __tablename__ = "corrections"
    __table_args__ = (
        UniqueConstraint("id", "requested_by", name="uq_corrections_id_requested_by"),
        CheckConstraint("field IN ('present', 'expected', 'result')", name="field_known"),
        Index("ix_corrections_lecture_id_scope", "lecture_id", "scope"),
        Index("ix_corrections_region_code_school_code", "region_code", "school_code"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    lecture_id: Mapped[str] = mapped_column(String(36))
    scope: Mapped[str] = mapped_column(String(36))
    level: Mapped[str] = mapped_column(String(8))  # class, school, county
    school_code: Mapped[str | None] = mapped_column(String(10))  # NULL for a county unit
    region_code: Mapped[str] = mapped_column(String(12))
    field: Mapped[str] = mapped_column(String(16))
    old: Mapped[str] = mapped_column(String(32))
    new: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(String(200), default="")
    evidence: Mapped[str] = mapped_column(String(120), default="")  # where the proof lies: a number of a document
    unit: Mapped[str] = mapped_column(String(12))
    unit_name: Mapped[str] = mapped_column(String(128))
    requested_by: Mapped[str] = mapped_column(String(36))
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)


class CorrectionOutcome(Base):
    """What became of a correction. `old` is what stood there when it was approved; `supersedes` the correction before."""

    __tablename__ = "correction_outcomes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["correction_id", "requested_by"],
            ["corrections.id", "corrections.requested_by"],
            name="fk_correction_outcomes_correction_id_corrections",
        ),
        CheckConstraint("outcome IN ('approved', 'rejected', 'withdrawn')", name="outcome_known"),
        CheckConstraint("(outcome = 'withdrawn') = (decided_by = requested_by)", name="two_people"),
        Index("ix_correction_outcomes_at", "at"),
    )

    correction_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    requested_by: Mapped[str] = mapped_column(String(36))
    outcome: Mapped[str] = mapped_column(String(16))
    decided_by: Mapped[str] = mapped_column(String(36))
    note: Mapped[str] = mapped_column(String(200), default="")
    old: Mapped[str] = mapped_column(String(32), default="")
    supersedes: Mapped[str | None] = mapped_column(String(36))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class TermClosing(Base):
    """A term of a county unit, or of the prefecture for all of them, was closed (封账) or opened again; the newest `number` counts."""

    __tablename__ = "term_closings"
    __table_args__ = (
        CheckConstraint("closed OR reason <> ''", name="reason_to_open"),
        Index("ix_term_closings_term_region_code", "term", "region_code"),
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # from 1, of all terms
    region_code: Mapped[str] = mapped_column(String(12))
    term: Mapped[str] = mapped_column(String(11))
    closed: Mapped[bool]
    reason: Mapped[str] = mapped_column(String(200), default="")
    by: Mapped[str] = mapped_column(String(36))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


TABLES: Final = (Correction.__tablename__, CorrectionOutcome.__tablename__, TermClosing.__tablename__)

for _table in TABLES:
    append_only(Base.metadata.tables[_table])
