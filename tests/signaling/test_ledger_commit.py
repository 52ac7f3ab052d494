"""Group commit: durable before it is acknowledged, once however often it is told, never dropped."""

from __future__ import annotations

import asyncio
import base64
import errno
import json
import os
import random
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from signaling.ledger.errors import LedgerUnavailable
from signaling.ledger.events import Draft, Note, Subject
from signaling.ledger.facts import Fact, Joined, Kind, Left, MediaDelivered
from signaling.ledger.journal import Journal, JournalFull
from signaling.ledger.ledger import ENOUGH, Ledger
from signaling.ledger.lines import from_line, to_line

NOON = datetime(2026, 9, 14, 4, 0, tzinfo=UTC)
LIVE = Subject("lecture-1", "broadcast-1")
WINDOW = MediaDelivered(177_000_000, 0, 1750, 10_000, (("screen-1", 1750, 0),))


def fact(number: int = 0) -> Joined:
    return Joined(f"s{number}", f"screen-{number}", None, NOON + timedelta(seconds=number), "boot")


def draft(number: int, *facts: Fact) -> Draft:
    return Draft(facts[0].kind, LIVE, "boot", number, NOON, facts)


class Shelf:
    """A store that can be told to refuse or to hang."""

    def __init__(self) -> None:
        self.drafts: dict[tuple[str, int], Draft] = {}
        self.writes = 0
        self.error: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def store(self, drafts: Sequence[Draft]) -> None:
        self.writes += 1
        await self.open.wait()
        if self.error is not None:
            raise self.error
        for draft in drafts:
            self.drafts.setdefault((draft.boot, draft.counter), draft)

    @property
    def kept(self) -> list[Fact]:
        return [fact for draft in self.drafts.values() for fact in draft.facts]


def ledger(
    shelf: Shelf,
    path: Path,
    *,
    max_bytes: int = 100_000,
    capacity: int = 1000,
    seconds: float = 5.0,
    gather: float = 0.0,
) -> Ledger:
    journal = Journal(path, max_bytes)
    limits = {"capacity": capacity, "store_seconds": seconds, "gather_seconds": gather}
    return Ledger(shelf.store, journal, boot="boot", clock=lambda: NOON, **limits)  # type: ignore[arg-type]


def test_a_journal_keeps_what_follows_a_torn_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", 10_000)
    journal.append([draft(1, fact(1))])
    with journal.path.open("ab") as file:
        file.write(b"\n" + to_line(draft(2, fact(2)))[:20])
    journal.append([draft(3, WINDOW)])
    entries, unreadable = journal.read()
    assert entries == [draft(1, fact(1)), draft(3, WINDOW)]
    journal.clear(unreadable)
    assert journal.size == 0
    assert (tmp_path / "journal.unreadable").read_bytes() == to_line(draft(2, fact(2)))[:20] + b"\n"
    with pytest.raises(JournalFull, match="exceed the journal's limit of 10000"):
        journal.append([draft(n, fact(n)) for n in range(200)])


async def test_facts_that_come_together_share_a_commit(tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.open.clear()
    book = ledger(shelf, tmp_path / "journal")
    calls = [asyncio.create_task(book.record(LIVE, fact(n))) for n in range(100)]
    while not shelf.writes:
        await asyncio.sleep(0)
    assert not any(call.done() for call in calls)
    shelf.open.set()
    await asyncio.gather(*calls)
    assert (len(shelf.kept), shelf.writes, book.waiting) == (100, 1, 0)


@pytest.mark.parametrize(
    "error",
    [OperationalError("insert", {}, Exception("disk I/O error")), ValueError("a window that cannot be packed")],
    ids=["database", "mistake"],
)
async def test_without_a_database_the_journal_takes_facts_and_gives_them_back_once(
    tmp_path: Path, error: Exception
) -> None:
    shelf = Shelf()
    shelf.error = error
    book = ledger(shelf, tmp_path / "journal")
    await book.record(LIVE, fact(1))
    await book.record(LIVE, fact(2), WINDOW)
    assert book.degraded
    assert book.journal_bytes > 0
    assert not await book.retry()
    again = ledger(shelf, tmp_path / "journal")  # the process was killed
    shelf.error = None
    assert await again.retry()
    assert await again.retry()
    assert shelf.kept == [fact(1), fact(2), WINDOW]
    assert (again.degraded, again.journal_bytes) == (False, 0)


async def test_a_frozen_database_holds_facts_up_once_only(tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.open.clear()
    book = ledger(shelf, tmp_path / "journal", seconds=0.05)
    await book.record(LIVE, fact(1))
    await book.record(LIVE, fact(2))
    assert (shelf.writes, book.degraded) == (1, True)
    shelf.open.set()
    assert await book.retry()
    assert shelf.kept == [fact(1), fact(2)]


async def test_nothing_is_acknowledged_that_is_not_durable_and_nothing_is_lost(tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.error = OSError("connection refused")
    book = ledger(shelf, tmp_path / "journal", max_bytes=10, capacity=3)
    with pytest.raises(LedgerUnavailable, match="neither database nor journal takes 1 facts"):
        await book.record(LIVE, fact(1))
    with pytest.raises(LedgerUnavailable):
        await book.record(LIVE, fact(2), fact(3))
    with pytest.raises(LedgerUnavailable, match="3 facts wait already, the limit is 3"):
        await book.record(LIVE, fact(4))
    assert (book.waiting, book.refused) == (3, 1)
    assert not await book.retry()
    shelf.error = None
    await book.retry()
    await book.retry()
    assert shelf.kept == [fact(1), fact(2), fact(3)]


async def test_a_commit_waits_for_company_after_another(tmp_path: Path) -> None:
    """The first fact goes at once; what follows waits, but a hundred do not, nor does a server that stops."""
    shelf = Shelf()
    book = ledger(shelf, tmp_path / "journal", gather=3600.0)
    await book.record(LIVE, fact(0))
    waiting = [asyncio.create_task(book.record(LIVE, fact(n))) for n in range(1, ENOUGH)]
    for _ in range(100):
        await asyncio.sleep(0)
    assert (shelf.writes, book.waiting) == (1, ENOUGH - 1)
    await book.record(LIVE, fact(ENOUGH))
    await asyncio.gather(*waiting)
    assert (shelf.writes, book.waiting) == (2, 0)
    late = asyncio.create_task(book.record(LIVE, fact(0)))
    await asyncio.sleep(0)
    await book.settled()
    await late


async def test_kinds_and_broadcasts_are_drafts_of_their_own(tmp_path: Path) -> None:
    shelf = Shelf()
    book = ledger(shelf, tmp_path / "journal")
    other = Subject("lecture-2", "broadcast-2")
    facts = [Note(LIVE, fact(1)), Note(other, fact(2)), Note(LIVE, WINDOW), Note(LIVE, fact(3)), Note(LIVE, WINDOW)]
    await book.record_all(facts)
    assert [(draft.kind, draft.subject, len(draft.facts)) for draft in shelf.drafts.values()] == [
        (Kind.JOINED, LIVE, 2),
        (Kind.JOINED, other, 1),
        (Kind.MEDIA_DELIVERED, LIVE, 1),
        (Kind.MEDIA_DELIVERED, LIVE, 1),
    ]
    assert [draft.counter for draft in shelf.drafts.values()] == [1, 2, 3, 4]
    assert book.recorded == 5


async def test_who_is_cancelled_takes_nothing_back(tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.open.clear()
    book = ledger(shelf, tmp_path / "journal")
    one, other = (asyncio.create_task(book.record(LIVE, fact(n))) for n in range(2))
    while not shelf.writes:
        await asyncio.sleep(0)
    one.cancel()
    shelf.open.set()
    await other
    assert shelf.kept == [fact(0), fact(1)]


def test_a_full_disk_leaves_no_torn_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part is written before the disk is full; trying again and again must not fill what is left with parts."""
    journal = Journal(tmp_path / "journal", 1_000_000)
    journal.append([draft(1, fact(1))])
    size, write = journal.size, os.write

    def full(descriptor: int, data: memoryview) -> int:
        if len(data) < 50:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[:20])

    monkeypatch.setattr(os, "write", full)
    for _ in range(3):
        with pytest.raises(OSError, match="No space left"):
            journal.append([draft(2, WINDOW)])
    assert journal.size == size
    monkeypatch.undo()
    assert journal.read() == ([draft(1, fact(1))], [])


def test_a_journal_is_brought_in_by_parts(tmp_path: Path) -> None:
    """Neither too many drafts nor too many bytes stand in one transaction: it has to end in time."""
    journal = Journal(tmp_path / "journal", 100_000_000)
    assert list(journal.parts(10)) == []
    rng = random.Random(1)
    screens = [f"{rng.getrandbits(128):032x}" for _ in range(6_000)]
    windows = [
        MediaDelivered(n, 0, 9, 9, tuple((screen, rng.randrange(10**9), 0) for screen in screens)) for n in range(9)
    ]
    many = [draft(n, fact(n)) for n in range(25)]
    large = [draft(100 + n, window) for n, window in enumerate(windows)]
    journal.append([*many, *large])
    parts = list(journal.parts(10))
    assert [one for some, _ in parts for one in some] == [*many, *large]
    assert [len(some) for some, _ in parts[:2]] == [10, 10]
    by_bytes = [len(some) for some, _ in journal.parts(1_000)]
    assert len(by_bytes) > 1
    assert sum(by_bytes) == len(many) + len(large)


async def test_a_database_that_is_away_is_asked_before_the_journal_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf()
    shelf.error = OSError("connection refused")
    book = ledger(shelf, tmp_path / "journal")
    await book.record(LIVE, fact(1))
    monkeypatch.setattr(Journal, "parts", lambda *_: pytest.fail("the journal was read"))
    assert not await book.retry()
    monkeypatch.undo()
    shelf.error = None
    assert await book.retry()
    assert shelf.kept == [fact(1)]


def test_lines_of_the_version_before_are_read() -> None:
    """Both kinds of line as that version wrote them."""
    joined = {"kind": "left", "session": "s", "node": "n", "lecture_id": "l", "broadcast_id": "b", "screen_id": "x"}
    joined |= {"at": NOON.isoformat(), "boot": "boot-0", "reason": "replaced"}
    window = {"node": "n", "lecture_id": "l", "broadcast_id": "b", "window_no": 7, "boot": "boot-0", "part": 1}
    window |= {"published": 9, "flowing_ms": 100, "deliveries": [["x", 9, 0]]}
    lines = [
        base64.b64encode(zlib.compress(json.dumps(one).encode(), 1))
        for one in (["PresenceFact", joined], ["WindowFact", window])
    ]
    left, delivered = map(from_line, lines)
    assert left.facts == (Left("s", "x", None, NOON, "replaced"),)
    assert delivered.facts == (MediaDelivered(7, 1, 9, 100, (("x", 9, 0),)),)
    assert (left.boot, left.subject, delivered.subject) == ("boot-0", Subject("l", "b"), Subject("l", "b"))
    assert left == from_line(lines[0])
    assert left.counter != delivered.counter
    assert min(left.counter, delivered.counter) >= 1 << 30
