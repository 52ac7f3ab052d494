"""Pairings that wait for a school, were confirmed, or came to nothing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from signaling.db.base import Base, UtcDateTime, uuid7


class Pairing(Base):
    """A screen that shows a six-digit code and waits. `secret_hash` is of the secret that the screen alone knows."""

    __tablename__ = "pairings"
    __table_args__ = (CheckConstraint("state IN ('waiting', 'confirmed', 'collected', 'refused')", name="state_known"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=uuid7)
    code: Mapped[str] = mapped_column(String(6), index=True)
    secret_hash: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16), default="waiting")
    address: Mapped[str] = mapped_column(String(64))
    agent: Mapped[str] = mapped_column(String(256))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    key_thumbprint: Mapped[str | None] = mapped_column(String(43))
    screen_id: Mapped[str | None] = mapped_column(ForeignKey("screens.id"))
