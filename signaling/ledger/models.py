"""The table of the ledger.

1. **Entries are append-only**: triggers refuse UPDATE, DELETE and, on PostgreSQL, TRUNCATE.
2. **An entry never waits for another row**: there are no foreign keys, so neither a missing parent nor a cascade can touch evidence.
3. **Writing the same entry twice is impossible**: a node numbers its entries, and (node, boot, counter) names what one process wrote once.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlalchemy import Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from signaling.db.append_only import append_only
from signaling.db.base import Base, UtcDateTime


class LedgerEntry(Base):
    """Facts of one kind of one broadcast that were made durable together; a power cut has neither lecture nor broadcast."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        UniqueConstraint("node", "boot", "counter", name="uq_ledger_entries_node_boot_counter"),
        Index("ix_ledger_entries_lecture_id_node_number", "lecture_id", "node", "number"),
        Index("ix_ledger_entries_day_node_number", "day", "node", "number"),
    )

    node: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # in the node's chain, from 1
    day: Mapped[date]  # of its recording, in the time zone of reports; never earlier than that of the entry before
    kind: Mapped[str] = mapped_column(String(24))
    lecture_id: Mapped[str | None] = mapped_column(String(36))
    broadcast_id: Mapped[str | None] = mapped_column(String(36))
    boot: Mapped[str] = mapped_column(String(16))
    counter: Mapped[int]
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    facts: Mapped[int]
    body: Mapped[bytes] = mapped_column(LargeBinary)  # see codec.py
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))  # see chain.py


TABLE: Final = LedgerEntry.__tablename__

append_only(Base.metadata.tables[TABLE])
