"""Regions, terms, schools, classes, their teachers and their screens: who the lectures are for. No child has a name here."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from signaling.db.base import Base, UtcDateTime, Versioned, utc_now, uuid7


class Region(Base):
    """A prefecture or a unit of its county level; `code` is ours, `gb2260` the national one where there is one."""

    __tablename__ = "regions"
    __table_args__ = (CheckConstraint("level IN ('prefecture', 'county')", name="level"),)

    code: Mapped[str] = mapped_column(String(12), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    gb2260: Mapped[str | None] = mapped_column(String(6))
    parent_code: Mapped[str | None] = mapped_column(ForeignKey("regions.code"), index=True)
    level: Mapped[str] = mapped_column(String(16))
    sort: Mapped[int] = mapped_column(default=0)
    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    successor_code: Mapped[str | None] = mapped_column(String(12))


class RegionAlias(Base):
    """A code under which older data may still name a region."""

    __tablename__ = "region_aliases"

    code: Mapped[str] = mapped_column(String(12), primary_key=True)
    region_code: Mapped[str] = mapped_column(ForeignKey("regions.code"), index=True)


class Term(Versioned, Base):
    """A term (学期) of a county unit, or of the prefecture for units that have none of their own; `code` is `2026-2027-1`."""

    __tablename__ = "terms"
    __table_args__ = (CheckConstraint("starts_on < ends_on", name="begins_before_it_ends"),)

    region_code: Mapped[str] = mapped_column(ForeignKey("regions.code"), primary_key=True)
    code: Mapped[str] = mapped_column(String(11), primary_key=True)
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date] = mapped_column(Date)


class School(Versioned, Base):
    """A school under its ten-digit code (学校标识码), which is unique for ever and kept as text.

    It is open on a day unless `closed_on` is that day or an earlier one. `successor_code` is the school that took its classes.
    """

    __tablename__ = "schools"

    code: Mapped[str] = mapped_column(String(10), primary_key=True)
    region_code: Mapped[str] = mapped_column(ForeignKey("regions.code"), index=True)
    name: Mapped[str] = mapped_column(String(128))
    kind: Mapped[str] = mapped_column(String(2))  # the type digits of the code: 21 primary, 31 junior, 34 senior, ...
    urban_rural: Mapped[str | None] = mapped_column(String(3))  # 城乡分类代码: 111, 112, 121, ...
    opened_on: Mapped[date | None] = mapped_column(Date)
    closed_on: Mapped[date | None] = mapped_column(Date, index=True)
    successor_code: Mapped[str | None] = mapped_column(ForeignKey("schools.code"))


class SchoolAlias(Base):
    """A code under which older data may still name a school, for instance its temporary one."""

    __tablename__ = "school_aliases"

    code: Mapped[str] = mapped_column(String(12), primary_key=True)
    school_code: Mapped[str] = mapped_column(ForeignKey("schools.code"), index=True)


class SchoolEvent(Base):
    """Something that happened to a school on a day. **Append-only**: triggers refuse UPDATE and DELETE."""

    __tablename__ = "school_events"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    school_code: Mapped[str] = mapped_column(ForeignKey("schools.code"), index=True)
    kind: Mapped[str] = mapped_column(String(16))  # opened, closed, reopened, merged, renamed, moved, recoded
    happened_on: Mapped[date] = mapped_column(Date)
    other_code: Mapped[str | None] = mapped_column(String(12))  # the school or region that it went to
    before: Mapped[str] = mapped_column(String(128), default="")
    after: Mapped[str] = mapped_column(String(128), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    actor: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class SchoolClass(Versioned, Base):
    """A class as cohort: entry year, stage and number; this year's spelling is `name`."""

    __tablename__ = "classes"
    __table_args__ = (
        UniqueConstraint("school_code", "code", name="uq_classes_school_code_code"),
        # How many a school has in each stage, with how many pupils, and whose screens are theirs, without reading them.
        Index("ix_classes_school_code_stage", "school_code", "stage", "closed_on", "pupils", "id"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    school_code: Mapped[str] = mapped_column(ForeignKey("schools.code"))
    code: Mapped[str] = mapped_column(String(16))  # unique within the school, for instance 2024-21-03
    name: Mapped[str] = mapped_column(String(64))
    entry_year: Mapped[int]
    stage: Mapped[str] = mapped_column(String(2))  # type digits of the stage, as in `School.kind`
    number: Mapped[int]
    pupils: Mapped[int] = mapped_column(default=0)
    closed_on: Mapped[date | None] = mapped_column(Date)


class Teacher(Versioned, Base):
    """A member of a school's staff under the number that the school gave. No telephone, no number of identity."""

    __tablename__ = "teachers"
    __table_args__ = (
        UniqueConstraint("school_code", "staff_no", name="uq_teachers_school_code_staff_no"),
        Index("ix_teachers_school_code_left_on", "school_code", "left_on"),  # how many there are, without reading them
        Index("ix_teachers_name", "name", "school_code", "staff_no"),  # a page by name, without sorting them
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    school_code: Mapped[str] = mapped_column(ForeignKey("schools.code"))
    staff_no: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(32), default="", server_default="")
    joined_on: Mapped[date | None] = mapped_column(Date)  # the day of coming back, or of coming where it was told
    left_on: Mapped[date | None] = mapped_column(Date)


class ImportJob(Base):
    """A file that somebody brought, from its check to its commit. The file itself lies in the data folder of the node `server`.

    `node` is whom its maker acted for: rows of others are bad rows, whoever commits it.
    """

    __tablename__ = "import_jobs"
    __table_args__ = (
        CheckConstraint("kind IN ('schools', 'classes', 'teachers')", name="kind"),
        CheckConstraint("state IN ('checking', 'checked', 'refused', 'committing', 'done', 'failed')", name="state"),
        Index("ix_import_jobs_node_created_at", "node", "created_at"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    file_name: Mapped[str] = mapped_column(String(128))
    file_bytes: Mapped[int]
    source: Mapped[str] = mapped_column(String(16), default="")  # format or encoding that was found
    corrects: Mapped[str | None] = mapped_column(String(36))  # the job whose good rows are taken along
    node: Mapped[str] = mapped_column(String(12))
    server: Mapped[str] = mapped_column(String(32))
    actor: Mapped[str] = mapped_column(String(36))
    rows: Mapped[int] = mapped_column(default=0)
    added: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    same: Mapped[int] = mapped_column(default=0)
    bad: Mapped[int] = mapped_column(default=0)
    stamp: Mapped[str] = mapped_column(String(64), default="")  # of the directory that it was compared with
    failure: Mapped[str] = mapped_column(String(32), default="")
    detail: Mapped[str] = mapped_column(String(200), default="")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Screen(Base):
    """A classroom terminal. Only the hash of its device token is stored; a revoked screen keeps its row."""

    __tablename__ = "screens"
    __table_args__ = (
        UniqueConstraint("class_id", "terminal_no", name="uq_screens_class_id_terminal_no"),
        Index("ix_screens_device_token_hash", "device_token_hash", unique=True),
        Index("ix_screens_sticker_hash", "sticker_hash", unique=True),
        Index(
            "ix_screens_class_id_revoked_at", "class_id", "revoked_at", "paired_at"
        ),  # which are paired, without reading them
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    class_id: Mapped[str] = mapped_column(ForeignKey("classes.id"))
    terminal_no: Mapped[int] = mapped_column(default=1)
    device_token_hash: Mapped[str | None] = mapped_column(String(64))
    paired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sticker_serial: Mapped[int] = mapped_column(default=0, server_default="0")  # another number makes another sticker
    sticker_hash: Mapped[str | None] = mapped_column(String(64))
    repaired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when the sticker was last used
    repairs: Mapped[int] = mapped_column(default=0, server_default="0")  # uses of the sticker on that day
    agent: Mapped[str] = mapped_column(String(256), default="", server_default="")  # User-Agent
    last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    key_thumbprint: Mapped[str | None] = mapped_column(String(43))  # of the key that its browser keeps (RFC 7638)
    tier: Mapped[str] = mapped_column(String(2), default="", server_default="")  # T1, T2, T3 as the browser says
    capability: Mapped[str] = mapped_column(Text, default="", server_default="")  # JSON, hints of the browser
    line_verdict: Mapped[str] = mapped_column(String(8), default="", server_default="")  # of its last connection test
    line_tested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
