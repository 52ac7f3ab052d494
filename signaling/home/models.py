"""Tables of households at home. All are **append-only**, and none has a foreign key: neither a missing parent nor a cascade can touch
them. No name, no telephone number, no address: digests alone. That a household counts is a row of `home_views` (`signaling.coverage`).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from signaling.db.append_only import append_only
from signaling.db.base import Base, UtcDateTime


class HomeLink(Base):
    """The link of a class to a parents' lecture: of several the one with the greatest number holds."""

    __tablename__ = "home_links"
    __table_args__ = (UniqueConstraint("digest", name="uq_home_links_digest"),)

    lecture_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    class_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    by: Mapped[str] = mapped_column(String(36))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class HomeArrival(Base):
    """A household that came by a link; `origin` is a digest of its address that holds for this lecture alone."""

    __tablename__ = "home_arrivals"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - SQLAlchemy's own way; the key is nearly the table

    lecture_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    class_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    household: Mapped[str] = mapped_column(String(43), primary_key=True)
    origin: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class HomeSeen(Base):
    """Windows of ten seconds that were delivered to a household, 60 to a block (`viewing`). The fact is the key: twice is once."""

    __tablename__ = "home_seen"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - SQLAlchemy's own way; the key is the table, stored once

    lecture_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    class_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    household: Mapped[str] = mapped_column(String(43), primary_key=True)
    block: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    bits: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


for _table in (HomeLink.__tablename__, HomeArrival.__tablename__, HomeSeen.__tablename__):
    append_only(Base.metadata.tables[_table])
