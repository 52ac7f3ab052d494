"""Writes what belongs to no other transaction into the audit log: single acts, and failures in bounded number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import select

from signaling.auth.failures import Failures
from signaling.auth.models import User
from signaling.auth.trail import entry
from signaling.db.engine import Database


class TrailService:
    """The audit log of what fails. **Ten thousand guesses make a handful of rows**; see `failures.py`."""

    def __init__(
        self, db: Database, failures_told: int, clock: Callable[[], datetime], monotonic: Callable[[], float]
    ) -> None:
        self._db = db
        self._clock = clock
        self._monotonic = monotonic
        self._failures = Failures(failures_told)

    async def write(self, actor: str, action: str, subject: str = "", **detail: Any) -> None:
        """Append a row; `detail` must hold no secret."""
        async with self._db.writing() as session:
            session.add(entry(self._clock(), actor, action, subject, detail))

    async def failed(self, action: str, account: str = "", address: str = "", first: int | None = None) -> None:
        """Count a failure of `action`, at an account or not, and tell it when it is its turn.

        What was given as the login is not written down, as it may be a password typed into the wrong field; whose it is, is.
        """
        told = self._failures.count(f"{action} {account}", self._monotonic(), first)
        if told is None:
            return
        detail: dict[str, Any] = {"count": told.number} | ({"from": address} if address else {})
        async with self._db.writing() as session:
            subject = await session.scalar(select(User.id).where(User.login == account)) if account else None
            if told.of_all:
                session.add(entry(self._clock(), "system", "failures.many", detail=detail))
            else:
                session.add(entry(self._clock(), "system", action, subject or "", detail))
