"""Tables of what schools and homes do for the term: marks of teachers' trainings, households that watched at home; exports that were made.

Neither is in the ledger of lectures: that one is about screens, holds no person and is read for a whole prefecture, while a mark is
about a member of the staff and is for those who may see their names. All tables are **append-only**: triggers refuse UPDATE and
DELETE, a mistake is answered by another row. There are no foreign keys: neither a missing parent nor a cascade can touch them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from signaling.coverage import assessments_models  # noqa: F401 - so that whoever takes the schema of this room has its table
from signaling.db.append_only import append_only
from signaling.db.base import Base, UtcDateTime, uuid7


class TrainingMark(Base):
    """Something written down about a teacher at a training; `class_id` is the room where it was shown.

    `by` is the id of the person who ticked, empty for a code. `key` makes a code work once for each person.
    """

    __tablename__ = "training_marks"
    __table_args__ = (
        UniqueConstraint("key", name="uq_training_marks_key"),
        Index("ix_training_marks_lecture_id_school_code", "lecture_id", "school_code"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    key: Mapped[str] = mapped_column(String(80))
    lecture_id: Mapped[str] = mapped_column(String(36))
    school_code: Mapped[str] = mapped_column(String(10))
    teacher_id: Mapped[str] = mapped_column(String(36))
    class_id: Mapped[str] = mapped_column(String(36))
    action: Mapped[str] = mapped_column(String(12))  # one of `training.Action`
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(36), default="")


class HomeView(Base):
    """A household that has seen its share of a parents' lecture at home (`signaling.home`), live or afterwards.

    `household` is a digest of a random number of its browser.
    """

    __tablename__ = "home_views"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - SQLAlchemy's own way; the key is the table, stored once

    lecture_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    class_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    household: Mapped[str] = mapped_column(String(43), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class CoverageTable(Base):
    """A table as it was exported, packed (see `frozen.py`), under the SHA-256 of that: the same content is there once."""

    __tablename__ = "coverage_tables"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    packed: Mapped[bytes] = mapped_column(LargeBinary)


class CoverageExport(Base):
    """An export that was made of a node's term: facts as of `as_of`, the directory as of `directory_at`; `note` is JSON, `by` a person's id."""

    __tablename__ = "coverage_exports"
    __table_args__ = (
        UniqueConstraint("term", "node", "number", "level", "as_of", name="uq_coverage_exports_term_node_number_level"),
        Index("ix_coverage_exports_node_at", "node", "at"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    term: Mapped[str] = mapped_column(String(11))
    node: Mapped[str] = mapped_column(String(12))
    number: Mapped[str] = mapped_column(String(2))
    level: Mapped[str] = mapped_column(String(8))
    as_of: Mapped[datetime] = mapped_column(UtcDateTime)
    directory_at: Mapped[datetime] = mapped_column(UtcDateTime)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    rules_version: Mapped[int]
    checksum: Mapped[str] = mapped_column(String(16))
    digest: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(36))


TABLES: Final = (
    TrainingMark.__tablename__,
    HomeView.__tablename__,
    CoverageTable.__tablename__,
    CoverageExport.__tablename__,
)

for _table in TABLES:
    append_only(Base.metadata.tables[_table])
