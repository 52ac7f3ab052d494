"""Tables of the attendance ledger.

1. **Facts are append-only**: triggers refuse UPDATE and DELETE on all three tables, in SQLite and in PostgreSQL.
2. **A fact never waits for another row**: there are no foreign keys, so neither a missing parent nor a cascade can touch evidence.
3. **Writing the same fact twice changes nothing**: every row has a natural key, and a second insert is ignored.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from signaling.db.append_only import append_only
from signaling.db.base import Base, UtcDateTime, uuid7


class AttendanceFact(Base):
    """Something that the server saw a screen do. `kind` is joined or left; `data` is JSON without personal data."""

    __tablename__ = "attendance_facts"
    __table_args__ = (
        UniqueConstraint("key", name="uq_attendance_facts_key"),
        Index("ix_attendance_facts_lecture_id", "lecture_id"),
        Index("ix_attendance_facts_class_id", "class_id", "lecture_id"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    key: Mapped[str] = mapped_column(String(96))  # "<kind>:<session>": a session joins and leaves once
    kind: Mapped[str] = mapped_column(String(24))
    node: Mapped[str] = mapped_column(String(32))
    session: Mapped[str] = mapped_column(String(64))
    lecture_id: Mapped[str] = mapped_column(String(36))
    broadcast_id: Mapped[str] = mapped_column(String(36))
    screen_id: Mapped[str] = mapped_column(String(36))
    class_id: Mapped[str | None] = mapped_column(String(36))  # of the screen when the fact was written
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    data: Mapped[str] = mapped_column(Text, default="{}")


class DeliveryWindow(Base):
    """What one node delivered of one broadcast in one window: the facts `media_delivered`, packed.

    `window_no` is UTC seconds // `attendance.window_seconds`. A node that restarts within a window, or closes a broadcast
    in the middle of one, adds a row with another `boot` or `part`; the fold adds them up.
    """

    __tablename__ = "delivery_windows"
    __table_args__ = (
        UniqueConstraint("node", "broadcast_id", "window_no", "boot", "part", name="uq_delivery_windows_key"),
        Index("ix_delivery_windows_lecture_id", "lecture_id"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    node: Mapped[str] = mapped_column(String(32))
    lecture_id: Mapped[str] = mapped_column(String(36))
    broadcast_id: Mapped[str] = mapped_column(String(36))
    window_no: Mapped[int]
    boot: Mapped[str] = mapped_column(String(16))
    part: Mapped[int]
    published: Mapped[int]
    flowing_ms: Mapped[int]
    packed: Mapped[bytes] = mapped_column(LargeBinary)  # see packing.py


class RosterEntry(Base):
    """The small number that stands for a screen in the packed rows of one broadcast and node, and its class of that day."""

    __tablename__ = "attendance_roster"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - SQLAlchemy's own way; the key is the table, stored once

    broadcast_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    node: Mapped[str] = mapped_column(String(32), primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    screen_id: Mapped[str] = mapped_column(String(36))
    class_id: Mapped[str | None] = mapped_column(String(36))


TABLES: Final = (AttendanceFact.__tablename__, DeliveryWindow.__tablename__, RosterEntry.__tablename__)


for _name in TABLES:
    append_only(Base.metadata.tables[_name])
