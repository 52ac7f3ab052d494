"""Group commit: many facts, few entries, one transaction, one fsync.

1. **`record` returns only when the facts are durable**: committed in the database, or else fsynced in the journal.
2. **The ledger never drops.** When neither takes them, `record` raises `LedgerUnavailable`, the facts stay in memory and go with
   the next attempt; when `capacity` facts wait there, new ones are refused with the same error, and counted.
3. **One task writes**, so that the chain of a node has one author. Who is cancelled while waiting takes nothing back.
4. Facts of one kind and subject that come together share an entry. A commit begins at once after a quiet moment, else `gather_seconds` after the one before, or
   as soon as `ENOUGH` facts wait.
5. **An entry is named before it is tried** (boot, counter), so that it is stored once whatever became of an attempt.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

import structlog

from signaling.ledger.errors import ForeignAuthor, LedgerUnavailable
from signaling.ledger.events import Draft, Note, Subject
from signaling.ledger.facts import ALONE, Fact, Kind, whole_milliseconds
from signaling.ledger.journal import PART_DRAFTS, Journal

log = structlog.get_logger(__name__)

Store = Callable[[Sequence[Draft]], Awaitable[None]]
ENOUGH: Final = 100
MOST: Final = 5000
"""Facts of one entry."""


class Ledger:
    """Takes facts and stores them with `store`, which must ignore drafts that are there already. `clock` stamps the drafts.

    `older` is a journal that an earlier version may have left; it is brought in and not written to.
    """

    def __init__(
        self,
        store: Store,
        journal: Journal,
        *,
        boot: str,
        clock: Callable[[], datetime],
        capacity: int,
        store_seconds: float,
        gather_seconds: float = 0.0,
        older: Journal | None = None,
    ) -> None:
        self._store = store
        self._journal = journal
        self._journals = [journal] if older is None else [older, journal]
        self._boot = boot
        self._clock = clock
        self._capacity = capacity
        self._store_seconds = store_seconds
        self._gather_seconds = gather_seconds
        self._counter = itertools.count(1)
        self._notes: list[Note] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._drafts: list[Draft] = []  # tried and not durable yet
        self._writer: asyncio.Task[None] | None = None
        self._enough = asyncio.Event()
        self._free_at = 0.0
        self._lock = asyncio.Lock()
        self.degraded = False
        self.unavailable = False
        self.trouble = ""
        self.refused = 0
        self.recorded = 0
        self.journaled = 0
        self.failures = 0

    @property
    def waiting(self) -> int:
        """Facts in memory that are not durable yet."""
        return len(self._notes) + sum(len(draft.facts) for draft in self._drafts)

    @property
    def journal_bytes(self) -> int:
        """Bytes that are durable but not in the database yet."""
        return sum(journal.size for journal in self._journals)

    def next_counter(self) -> int:
        """Return a number that this process has not used for an entry."""
        return next(self._counter)

    async def record(self, subject: Subject, *facts: Fact) -> None:
        """Make facts of one subject durable; raise `LedgerUnavailable`."""
        await self.record_all([Note(subject, fact) for fact in facts])

    async def record_all(self, notes: Sequence[Note]) -> None:
        """Make facts durable; whoever waits for the same commit shares it. Raises `LedgerUnavailable`."""
        if not notes:
            return
        waiting = self.waiting
        if waiting + len(notes) > self._capacity:
            self.refused += len(notes)
            self.unavailable = True
            raise LedgerUnavailable(f"{waiting} facts wait already, the limit is {self._capacity}")
        self._notes.extend(notes)
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(durable)
        if len(self._notes) >= ENOUGH:
            self._enough.set()
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all(), name="ledger-writer")
        await durable

    async def retry(self) -> bool:
        """Bring what waits in memory and in the journal into the database; return whether nothing waits any more."""
        async with self._lock:
            try:
                await self._write_database(
                    self._drafts
                )  # be there any or not: a database that is away reads no journal
                self._done()
                for journal in self._journals:
                    if journal.size:
                        await self._replay(journal)
                self._recover()
            except Exception as error:
                self._degrade(error)
            return not self.waiting and not self.journal_bytes

    async def mend(self) -> None:
        """Try again when something did not go well; cheap when all is well."""
        if self.degraded or self._drafts or self.journal_bytes:
            await self.retry()

    @property
    def state(self) -> str:
        """`ok`; `journal` while the database does not take facts; `unavailable` while nothing does."""
        if self.unavailable:
            return "unavailable"
        return "journal" if self.degraded else "ok"

    def metrics(self) -> dict[str, object]:
        """Return what `/metrics` shows."""
        return {
            "degraded": int(self.degraded),
            "unavailable": int(self.unavailable),
            "waiting": self.waiting,
            "journal_bytes": self.journal_bytes,
            "recorded_total": self.recorded,
            "journaled_total": self.journaled,
            "refused_total": self.refused,
            "failures_total": self.failures,
        }

    async def settled(self) -> None:
        """Return when everything that was handed over so far was tried."""
        self._enough.set()
        if self._writer is not None:
            await asyncio.wait([self._writer])

    async def _write_all(self) -> None:
        while self._notes:
            await self._gather()
            async with self._lock:
                notes, self._notes = self._notes, []
                waiters, self._waiters = self._waiters, []
                self._enough.clear()
                failure: Exception | None = None
                try:
                    self._drafts += self._fold(notes)
                    await self._write()
                except Exception as error:
                    failure = error
                for one in waiters:
                    _tell(one, failure)

    async def _gather(self) -> None:
        """Wait for company after a commit that was a moment ago."""
        loop = asyncio.get_running_loop()
        if len(self._notes) < ENOUGH and (rest := self._free_at - loop.time()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._enough.wait()
        self._free_at = loop.time() + self._gather_seconds

    def _fold(self, notes: Iterable[Note]) -> list[Draft]:
        """Return the drafts of facts that came together, kinds and subjects in the order in which they came first."""
        now = whole_milliseconds(self._clock())
        groups: dict[tuple[Kind, Subject], list[Fact]] = {}
        for subject, fact in notes:
            groups.setdefault((fact.kind, subject), []).append(fact)
        return [
            Draft(kind, subject, self._boot, self.next_counter(), now, part)
            for (kind, subject), facts in groups.items()
            for part in _parts(facts, 1 if kind in ALONE else MOST)
        ]

    async def _write(self) -> None:
        if not self.degraded:  # a frozen database must not hold up every fact; `retry` finds out when it is back
            try:
                await self._write_database(self._drafts)
                return self._done()
            except Exception as error:  # a mistake of ours too: it must not keep facts out of the journal
                self._degrade(error)
        await self._write_journal()

    async def _write_database(self, drafts: Sequence[Draft]) -> None:
        async with asyncio.timeout(self._store_seconds):
            await self._store(drafts)

    async def _write_journal(self) -> None:
        try:
            await asyncio.to_thread(self._journal.append, self._drafts)
        except OSError as error:
            self.unavailable = True
            self.failures += 1
            facts = self.waiting
            log.error("ledger.unavailable", error=str(error), facts=facts)
            raise LedgerUnavailable(f"neither database nor journal takes {facts} facts: {error}") from error
        self.journaled += sum(len(draft.facts) for draft in self._drafts)
        self._done()

    def _done(self) -> None:
        self.recorded += sum(len(draft.facts) for draft in self._drafts)
        self._drafts = []
        self.unavailable = False

    async def _replay(self, journal: Journal) -> None:
        """Bring a journal in, part by part; a crash between two repeats harmlessly."""
        drafts, unreadable, parts = 0, [], journal.parts(PART_DRAFTS)
        while (part := await asyncio.to_thread(next, parts, None)) is not None:
            await self._write_database(part[0])
            drafts += len(part[0])
            unreadable += part[1]
        await asyncio.to_thread(journal.clear, unreadable)
        log.info("ledger.journal_replayed", drafts=drafts, unreadable=len(unreadable))

    def _degrade(self, error: Exception) -> None:
        sentence = f"{type(error).__name__}: {error}"
        if not self.degraded or isinstance(error, ForeignAuthor):
            log.error("ledger.degraded", error=sentence, journal=str(self._journal.path))
        self.failures += 1
        self.degraded = True
        self.trouble = sentence

    def _recover(self) -> None:
        self.degraded = self.unavailable = False
        self.trouble = ""


def _tell(waiter: asyncio.Future[None], failure: Exception | None) -> None:
    """Let somebody who waits know how it went; who was cancelled meanwhile does not wait."""
    if waiter.done():
        return
    if failure is None:
        waiter.set_result(None)
    else:
        waiter.set_exception(failure)


def _parts(facts: Sequence[Fact], size: int) -> Iterable[tuple[Fact, ...]]:
    return (tuple(facts[start : start + size]) for start in range(0, len(facts), size))
