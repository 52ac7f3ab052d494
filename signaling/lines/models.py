"""The results of connection tests that paired screens reported."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from signaling.db.base import Base, UtcDateTime, uuid7


class LineTest(Base):
    """One run of the test page. `run` is the page's own name for it: what is reported again replaces what was. `lines` is JSON."""

    __tablename__ = "line_tests"
    __table_args__ = (
        CheckConstraint("verdict IN ('good', 'limited', 'bad')", name="verdict_known"),
        UniqueConstraint("screen_id", "run", name="uq_line_tests_screen_id_run"),
        Index("ix_line_tests_screen_id_at", "screen_id", "at"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    screen_id: Mapped[str] = mapped_column(ForeignKey("screens.id"))
    run: Mapped[str] = mapped_column(String(36))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    verdict: Mapped[str] = mapped_column(String(8))
    agent: Mapped[str] = mapped_column(String(256))
    lines: Mapped[str] = mapped_column(Text)
