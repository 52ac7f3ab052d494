"""Keeps the books of the lectures asked for last, and brings them up to date with what is new in the ledger.

1. **A book is never the truth**: it is what the ledger says, read once; after a restart it is read again.
2. Bounded: `KEPT` books, some tens of megabytes each when the whole prefecture is there; the one longest unused goes.
3. Reading and folding go on off the loop, one book at a time.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from signaling.attendance.book import Book
from signaling.attendance.policy import Policy
from signaling.attendance.telling import Teller, kinds
from signaling.ledger.events import Entry
from signaling.ledger.facts import Kind
from signaling.ledger.reading import Reader
from signaling.ledger.service import LedgerService

KEPT: Final = 3
EVERYWHERE: Final = frozenset({Kind.FAULT})
"""What is read of no lecture: a power cut concerns a region."""


class Shelf:
    """Hands out books; `window_seconds` is that of the deliveries."""

    def __init__(self, ledger: LedgerService, window_seconds: int) -> None:
        self._ledger = ledger
        self._window_seconds = window_seconds
        self._kept: OrderedDict[tuple[str, int], _Kept] = OrderedDict()

    async def book(self, lecture_id: str, policy: Policy, able: Iterable[str]) -> Book:
        """Return the lecture's book as of now. Raises `DamagedEntry`. `able` counts when the book is opened."""
        key = (lecture_id, policy.version)
        kept = self._kept.pop(key, None) or _Kept(Book(policy, self._window_seconds, able))
        await kept.read(self._ledger, lecture_id)
        self._kept[key] = kept
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return kept.book

    async def book_as_of(self, lecture_id: str, policy: Policy, able: Iterable[str], as_of: datetime) -> Book:
        """Return the lecture's book as it was, read anew. Raises `DamagedEntry`."""
        kept = _Kept(Book(policy, self._window_seconds, able), as_of)
        await kept.read(self._ledger, lecture_id)
        return kept.book


class _Kept:
    """A book, and how far each chain was read into it."""

    def __init__(self, book: Book, as_of: datetime | None = None) -> None:
        self.book = book
        self._teller = Teller(book, as_of)
        self._kinds = kinds(book.policy)
        self._reader = Reader()
        self._heads: dict[str, int] = {}
        self._outside: dict[str, int] = {}

    async def read(self, ledger: LedgerService, lecture_id: str) -> None:
        """Read on, and fold what that touches."""
        entries = await ledger.entries(lecture_id, self._kinds, self._heads)
        if self.book.policy.credit is not None:
            entries += await ledger.entries(None, EVERYWHERE, self._outside)
        if entries:
            await asyncio.to_thread(self._tell, entries)

    def _tell(self, entries: list[Entry]) -> None:
        self._teller.tell(self._reader.tell(entries))
        self.book.fold()
        self.book.revision += 1
        for entry in entries:
            heads = self._outside if entry.header.lecture_id is None else self._heads
            heads[entry.header.node] = max(entry.header.number, heads.get(entry.header.node, 0))
