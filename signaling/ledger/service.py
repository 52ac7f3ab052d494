"""The door to the ledger's table: this node's author, and the reader of everybody's facts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import LedgerSettings
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.models import Screen
from signaling.ledger import chain, queries
from signaling.ledger.chain import GENESIS
from signaling.ledger.codec import encode, screens_of
from signaling.ledger.errors import ForeignAuthor
from signaling.ledger.events import Draft, Entry, Header, Note, Subject
from signaling.ledger.facts import Fact, Joined, Kind, Left, Numbered
from signaling.ledger.journal import Journal
from signaling.ledger.ledger import Ledger
from signaling.ledger.models import LedgerEntry
from signaling.ledger.reading import Reader, Told
from signaling.ledger.roster import Roster
from signaling.operations.pulse import Pulse

log = structlog.get_logger(__name__)

JOURNAL: Final = "ledger.journal"
OLDER_JOURNAL: Final = "attendance.journal"
NOWHERE: Final[Mapping[str, int]] = {}
CHUNK: Final = 5000  # values of one IN list; both databases take more
PAGE: Final = 200  # entries read at once: some megabytes
WITH_SLOTS: Final = frozenset(Kind) - {Kind.ON_AIR, Kind.RULED, Kind.FAULT, Kind.ROSTER}


@dataclass(frozen=True, slots=True)
class Head:
    """The end of this node's chain."""

    number: int
    digest: bytes
    day: date
    boot: str = ""
    counter: int = 0


class LedgerService:
    """Writes as the node `node`, reads everything. `zone` is that of the days of the chain.

    `record` returns when the facts are durable; when nothing durable is left to write to, it raises `LedgerUnavailable`.
    """

    def __init__(
        self,
        db: Database,
        settings: LedgerSettings,
        *,
        node: str,
        boot: str,
        data_dir: Path,
        zone: tzinfo,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._node = node
        self._boot = boot[:16]
        self._zone = zone
        self._clock = clock
        self._head: Head | None = None  # None when it is not known what became of the last attempt
        self._sure: Head | None = None  # the last one that was
        self._tried: set[tuple[str, int]] = set()  # what may be in the chain since
        self._barred = ""
        self._rosters: dict[Subject, Roster] = {}
        self.ledger = Ledger(
            self._store,
            Journal(data_dir / JOURNAL, settings.journal_bytes),
            boot=self._boot,
            clock=clock,
            capacity=settings.facts_waiting,
            store_seconds=settings.store_seconds,
            gather_seconds=settings.gather_seconds,
            older=Journal(data_dir / OLDER_JOURNAL, settings.journal_bytes),
        )
        self._pulse = Pulse("ledger", self.ledger.mend, settings.retry_seconds)

    async def record(self, subject: Subject, *facts: Fact) -> None:
        """Make facts of one subject durable."""
        await self.ledger.record(subject, *facts)

    async def record_all(self, notes: Sequence[Note]) -> None:
        """Make facts durable together."""
        await self.ledger.record_all(notes)

    def forget(self, subject: Subject) -> None:
        """Drop the roster of a broadcast that is over, some megabytes of a prefecture; what comes late reads it again."""
        self._rosters.pop(subject, None)

    async def start(self) -> None:
        """Read the end of the chain and bring in what journals hold; go on trying from then on."""
        async with self._db.reading() as session:
            self._sure = self._head = await _head(session, self._node)
        await self.ledger.retry()
        self._pulse.start()

    async def stop(self) -> None:
        """Return when what was handed over is durable, or was tried."""
        await self._pulse.stop()
        await self.ledger.settled()

    async def trouble(self) -> str:
        """Return a sentence when facts reach nothing durable, or another server writes in this one's name; else nothing."""
        if self._barred:
            return self._barred
        return f"no facts are recorded: {self.ledger.trouble}" if self.ledger.unavailable else ""

    # --- reading ------------------------------------------------------------------------------------------------------

    async def facts(self, lecture_id: str | None, kinds: Collection[Kind] | None = None) -> AsyncIterator[Told]:
        """Yield the facts of a lecture (None: those of no lecture) in the order of the chains; of `kinds` only, when given.

        Raises `DamagedEntry` when it comes to one.
        """
        reader, wanted = Reader(), _with_roster(kinds)
        async for page in self._pages(lecture_id, wanted):
            for told in await asyncio.to_thread(list, reader.tell(page)):
                if kinds is None or told.fact.kind in kinds:
                    yield told

    async def entries(
        self, lecture_id: str | None, kinds: Collection[Kind] | None = None, behind: Mapping[str, int] = NOWHERE
    ) -> list[Entry]:
        """Return the entries of a lecture with the rosters that they need, to be read by `reading.tell`, off the loop.

        `behind` leaves out what a reader had before: the entries of each node up to that number.
        """
        return [entry async for page in self._pages(lecture_id, _with_roster(kinds), behind) for entry in page]

    async def ends(self, lecture_ids: Collection[str]) -> dict[str, tuple[tuple[str, int], ...]]:
        """Return for each lecture that has entries its last one of each node: as long as that is the same, so is all that is read of it."""
        async with self._db.reading() as session:
            rows = (await session.execute(queries.ends(lecture_ids))).all()
        found: dict[str, tuple[tuple[str, int], ...]] = {}
        for lecture_id, node, number in rows:
            found[str(lecture_id)] = (*found.get(str(lecture_id), ()), (node, number))
        return found

    async def _pages(
        self, lecture_id: str | None, kinds: Collection[Kind] | None, behind: Mapping[str, int] = NOWHERE
    ) -> AsyncIterator[list[Entry]]:
        after = ("", 0)
        while True:
            async with self._db.reading() as session:
                rows = (await session.execute(queries.entries(lecture_id, kinds, after, PAGE, behind))).all()
            page = list(map(queries.entry, rows))
            if page:
                yield page
            if len(page) < PAGE:
                return
            after = (page[-1].header.node, page[-1].header.number)

    # --- writing ------------------------------------------------------------------------------------------------------

    async def _store(self, drafts: Sequence[Draft]) -> None:
        """Write drafts in one transaction as the next entries of the chain; what is there already is left alone."""
        if self._barred:
            raise ForeignAuthor(self._barred)
        head, entries = self._head, []
        try:
            async with self._db.writing() as session:
                if head is None:
                    head = self._own(await _head(session, self._node))
                drafts = await _missing(session, self._node, drafts)
                entries = await self._linked(session, head, await _with_classes(session, drafts))
                self._tried.update((entry.header.boot, entry.header.counter) for entry in entries)
                if entries:
                    await session.execute(insert(LedgerEntry), list(map(_row, entries)))
        except IntegrityError as error:
            self._forget_all()
            raise self._bar(1 if head is None else head.number + 1) from error
        except BaseException:
            self._forget_all()
            raise
        self._sure = self._head = _end(entries[-1]) if entries else head
        self._tried.clear()

    def _own(self, head: Head) -> Head:
        """Return the end of the chain that was read; once this process has begun, every entry is one of its own."""
        mine = self._sure is None or head.number == self._sure.number or (head.boot, head.counter) in self._tried
        if not mine:
            raise self._bar(head.number)
        return head

    def _bar(self, number: int) -> ForeignAuthor:
        """Stop writing for good: two authors would make a chain that belongs to nobody."""
        self._barred = (
            f"entry {number} of node {self._node} was written by another process: two servers have the same server.node. "
            "This one keeps its facts in its journal until it is started again as the only one of that name"
        )
        return ForeignAuthor(self._barred)

    def _forget_all(self) -> None:
        """Read the head and the rosters again: what became of the transaction is not known."""
        self._head = None
        self._rosters.clear()

    async def _linked(self, session: AsyncSession, head: Head, drafts: Sequence[Draft]) -> list[Entry]:
        day = max(head.day, self._clock().astimezone(self._zone).date())
        entries: list[Entry] = []
        number, digest = head.number, head.digest
        for draft in drafts:
            roster = await self._roster(session, draft.subject)
            new = await _numbered(session, roster, draft.facts)
            made = [replace(draft, kind=Kind.ROSTER, facts=new, boot=self._boot, counter=self.ledger.next_counter())]
            for one in [*(made if new else []), draft]:
                number += 1
                header = _header(self._node, number, day, one)
                body = await asyncio.to_thread(encode, one.kind, one.facts, roster)
                entries.append(chain.link(digest, header, body))
                digest = entries[-1].digest
        return entries

    async def _roster(self, session: AsyncSession, subject: Subject) -> Roster:
        if subject not in self._rosters:
            reader = Reader()
            rows = (await session.execute(queries.roster(self._node, *subject))).all()
            told = list(reader.tell(map(queries.entry, rows)))
            self._rosters[subject] = told[0].roster if told else Roster()
        return self._rosters[subject]


def _with_roster(kinds: Collection[Kind] | None) -> Collection[Kind] | None:
    return kinds if kinds is None or WITH_SLOTS.isdisjoint(kinds) else {*kinds, Kind.ROSTER}


async def _head(session: AsyncSession, node: str) -> Head:
    found = (await session.execute(queries.head(node))).one_or_none()
    if found is None:
        return Head(0, GENESIS, date.min)
    number, digest, day, boot, counter = found
    return Head(number, bytes(digest), day, boot, counter)


def _end(entry: Entry) -> Head:
    header = entry.header
    return Head(header.number, entry.digest, header.day, header.boot, header.counter)


async def _missing(session: AsyncSession, node: str, drafts: Sequence[Draft]) -> list[Draft]:
    """Return the drafts that are not stored yet, each once."""
    by_boot: dict[str, dict[int, Draft]] = {}
    for draft in drafts:
        by_boot.setdefault(draft.boot, {}).setdefault(draft.counter, draft)
    there: set[tuple[str, int]] = set()
    for boot, counters in by_boot.items():
        found = await session.scalars(queries.known(node, boot, counters))
        there.update((boot, counter) for counter in found)
    once = {(draft.boot, draft.counter): draft for draft in reversed(drafts)}
    return [draft for key, draft in reversed(once.items()) if key not in there]


async def _with_classes(session: AsyncSession, drafts: Sequence[Draft]) -> list[Draft]:
    """Fill in the class of screens that came or went, as it is now."""
    screens = {
        fact.screen_id
        for draft in drafts
        for fact in draft.facts
        if isinstance(fact, Joined | Left) and fact.class_id is None
    }
    if not screens:
        return list(drafts)
    class_of = await _class_of(session, screens)

    def filled(fact: Fact) -> Fact:
        if isinstance(fact, Joined | Left) and fact.class_id is None:
            return replace(fact, class_id=class_of.get(fact.screen_id))
        return fact

    return [replace(draft, facts=tuple(map(filled, draft.facts))) for draft in drafts]


async def _numbered(session: AsyncSession, roster: Roster, facts: Iterable[Fact]) -> tuple[Numbered, ...]:
    """Give the screens of facts that have no number one; return what is new in the roster."""
    new = dict.fromkeys(screen for fact in facts for screen in screens_of(fact) if screen not in roster.slots)
    class_of = await _class_of(session, new)
    return tuple(roster.add(screen, class_of.get(screen)) for screen in new)


async def _class_of(session: AsyncSession, screens: Iterable[str]) -> dict[str, str]:
    ids = list(screens)
    found: dict[str, str] = {}
    for start in range(0, len(ids), CHUNK):
        statement = select(Screen.id, Screen.class_id).where(Screen.id.in_(ids[start : start + CHUNK]))
        found.update((await session.execute(statement)).all())
    return found


def _header(node: str, number: int, day: date, draft: Draft) -> Header:
    told = (draft.subject.lecture_id, draft.subject.broadcast_id, draft.boot, draft.counter, draft.recorded_at)
    return Header(node, number, day, str(draft.kind), *told, len(draft.facts))


def _row(entry: Entry) -> dict[str, Any]:
    return {**entry.header._asdict(), "body": entry.body, "digest": entry.digest}
