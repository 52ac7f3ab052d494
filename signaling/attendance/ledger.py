"""Group commit: many facts, one transaction, one fsync.

1. **`add` returns only when the facts are durable**: committed in the database, or else fsynced in the journal.
2. **The ledger never drops.** When neither takes them, `add` raises `LedgerUnavailable`, the facts stay in memory and go with
   the next attempt; when `capacity` facts wait there, new ones are refused with the same error, and counted.
3. Whatever is added twice is stored once (`models.py`, rule 3); the order does not matter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from signaling.attendance.events import Entry
from signaling.attendance.journal import Journal

log = structlog.get_logger(__name__)

Store = Callable[[Sequence[Entry]], Awaitable[None]]
REPLAY = 200  # entries of one transaction while a journal is brought in; a crash between two repeats harmlessly


class LedgerUnavailable(Exception):
    """Neither database nor journal takes facts: the caller must not treat them as recorded."""


class Ledger:
    """Takes entries and stores them with `store`, which must ignore what is already there."""

    def __init__(self, store: Store, journal: Journal, *, capacity: int, store_seconds: float) -> None:
        self._store = store
        self._journal = journal
        self._capacity = capacity
        self._store_seconds = store_seconds
        self._pending: list[Entry] = []
        self._added = 0
        self._stored = 0
        self._lock = asyncio.Lock()
        self.degraded = False
        self.refused = 0

    @property
    def waiting(self) -> int:
        """Entries in memory that are not durable yet."""
        return len(self._pending)

    @property
    def journal_bytes(self) -> int:
        """Bytes that are durable but not in the database yet."""
        return self._journal.size

    async def add(self, entries: Sequence[Entry]) -> None:
        """Make entries durable; whoever waits for the same commit shares it."""
        if len(self._pending) + len(entries) > self._capacity:
            self.refused += len(entries)
            raise LedgerUnavailable(f"{len(self._pending)} facts wait already, the limit is {self._capacity}")
        self._pending.extend(entries)
        self._added += len(entries)
        mine = self._added
        async with self._lock:
            if self._stored < mine:
                await self._drain(self._write)

    async def retry(self) -> bool:
        """Bring what waits in memory and in the journal into the database; return whether nothing waits any more."""
        async with self._lock:
            try:
                await self._drain(self._write_database)
                if self._journal.size:
                    await self._replay()
                self.degraded = False
            except Exception as error:
                self._degrade(error)
            return not self._pending and not self._journal.size

    async def _drain(self, write: Store) -> None:
        batch = list(self._pending)
        if batch:
            await write(batch)
            del self._pending[: len(batch)]
            self._stored += len(batch)

    async def _write(self, batch: Sequence[Entry]) -> None:
        if not self.degraded:  # a frozen database must not hold up every fact; `retry` finds out when it is back
            try:
                return await self._write_database(batch)
            except Exception as error:  # a mistake of ours too: it must not keep facts out of the journal
                self._degrade(error)
        await self._write_journal(batch)

    async def _write_database(self, batch: Sequence[Entry]) -> None:
        async with asyncio.timeout(self._store_seconds):
            await self._store(batch)

    async def _write_journal(self, batch: Sequence[Entry]) -> None:
        try:
            await asyncio.to_thread(self._journal.append, batch)
        except OSError as error:
            raise LedgerUnavailable(f"neither database nor journal takes {len(batch)} facts: {error}") from error

    async def _replay(self) -> None:
        entries, unreadable = await asyncio.to_thread(self._journal.read)
        for start in range(0, len(entries), REPLAY):
            await self._write_database(entries[start : start + REPLAY])
        await asyncio.to_thread(self._journal.clear, unreadable)
        log.info("attendance.journal_replayed", entries=len(entries), unreadable=len(unreadable))

    def _degrade(self, error: BaseException) -> None:
        if not self.degraded:
            log.error("attendance.degraded", error=f"{type(error).__name__}: {error}", journal=str(self._journal.path))
        self.degraded = True
