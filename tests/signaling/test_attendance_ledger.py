"""The ledger: durable before it is acknowledged, once however often it is told, never dropped."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.event import listen
from sqlalchemy.exc import DBAPIError, OperationalError

from signaling.attendance.events import Entry, PresenceFact, WindowFact, from_line, to_line
from signaling.attendance.journal import Journal, JournalFull
from signaling.attendance.ledger import Ledger, LedgerUnavailable
from signaling.attendance.models import TABLES
from signaling.db.append_only import statements
from signaling.db.engine import Database
from signaling.live.states import Event, State
from tests.support.databases import sqlite_only
from tests.support.roll import (
    BROADCAST,
    EVERYTHING,
    LECTURE,
    Rooms,
    at,
    changed,
    database,
    joined,
    left,
    populate,
    service,
)

ROOT = Path(__file__).parents[2]


def fact(number: int = 0) -> PresenceFact:
    return PresenceFact("joined", f"s{number}", "node-1", LECTURE, BROADCAST, f"screen-{number}", at(number), "boot")


WINDOW = WindowFact("node-1", LECTURE, BROADCAST, 177_000_000, "boot", 0, 1750, 10_000, (("screen-1", 1750, 0),))


class Shelf:
    """A store that can be told to refuse or to hang."""

    def __init__(self) -> None:
        self.kept: list[Entry] = []
        self.writes = 0
        self.error: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def store(self, entries: Sequence[Entry]) -> None:
        self.writes += 1
        await self.open.wait()
        if self.error is not None:
            raise self.error
        self.kept += [entry for entry in entries if entry not in self.kept]


def ledger(shelf: Shelf, path: Path, *, max_bytes: int = 100_000, capacity: int = 1000, seconds: float = 5.0) -> Ledger:
    return Ledger(shelf.store, Journal(path, max_bytes), capacity=capacity, store_seconds=seconds)


@pytest.mark.parametrize("entry", [fact(), WINDOW])
def test_entries_survive_as_lines(entry: Entry) -> None:
    line = to_line(entry)
    assert b"\n" not in line
    assert from_line(line) == entry


@pytest.mark.parametrize("line", [b"", b"?", to_line(fact())[:-9], to_line(WINDOW)[4:], b"eJyLBQAAXgBc"])
def test_torn_lines_are_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match="not a journal line"):
        from_line(line)


def test_a_journal_keeps_what_follows_a_torn_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", 10_000)
    journal.append([fact(1)])
    with journal.path.open("ab") as file:
        file.write(b"\n" + to_line(fact(2))[:20])
    journal.append([WINDOW])
    entries, unreadable = journal.read()
    assert entries == [fact(1), WINDOW]
    journal.clear(unreadable)
    assert journal.size == 0
    assert (tmp_path / "journal.unreadable").read_bytes() == to_line(fact(2))[:20] + b"\n"
    with pytest.raises(JournalFull, match="exceed the journal's limit of 10000"):
        journal.append([fact(n) for n in range(200)])


async def test_facts_that_come_together_share_a_commit(tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.open.clear()
    book = ledger(shelf, tmp_path / "journal")
    calls = [asyncio.create_task(book.add([fact(n)])) for n in range(100)]
    while not shelf.writes:
        await asyncio.sleep(0)
    assert not any(call.done() for call in calls)
    shelf.open.set()
    await asyncio.gather(*calls)
    assert (len(shelf.kept), shelf.writes, book.waiting) == (100, 2, 0)


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
    await book.add([fact(1)])
    await book.add([fact(2), WINDOW])
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
    await book.add([fact(1)])
    await book.add([fact(2)])
    assert (shelf.writes, book.degraded) == (1, True)
    shelf.open.set()
    assert await book.retry()
    assert shelf.kept == [fact(1), fact(2)]


async def test_nothing_is_acknowledged_that_is_not_durable_and_nothing_is_lost(tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.error = OSError("connection refused")
    book = ledger(shelf, tmp_path / "journal", max_bytes=10, capacity=3)
    with pytest.raises(LedgerUnavailable, match="neither database nor journal takes 1 facts"):
        await book.add([fact(1)])
    with pytest.raises(LedgerUnavailable):
        await book.add([fact(2), fact(3)])
    with pytest.raises(LedgerUnavailable, match="3 facts wait already, the limit is 3"):
        await book.add([fact(4)])
    assert (book.waiting, book.refused) == (3, 1)
    assert not await book.retry()
    shelf.error = None
    await book.retry()
    await book.retry()
    assert shelf.kept == [fact(1), fact(2), fact(3)]


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    made = await database(tmp_path)
    await populate(made, [("2152230101", "522301", "第一小学", 2)])
    yield made
    await made.close()


async def dump(db: Database) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of the ledger without their ids."""
    facts = "SELECT key, kind, node, session, screen_id, class_id, at, data FROM attendance_facts ORDER BY key"
    windows = "SELECT node, window_no, boot, part, published, flowing_ms, packed FROM delivery_windows ORDER BY window_no, boot, part"
    roster = "SELECT * FROM attendance_roster ORDER BY node, slot"
    async with db.reading() as session:
        return {q: [tuple(row) for row in await session.execute(text(q))] for q in (facts, windows, roster)}


A, B = "screen-2152230101-1", "screen-2152230101-2"


async def test_events_taken_together_are_recorded_as_one_by_one_with_fewer_commits(
    db: Database, tmp_path: Path
) -> None:
    commits: list[object] = []
    listen(db.engine.sync_engine, "commit", commits.append)
    attendance = service(db, tmp_path, Rooms())
    events = [
        joined(A, 0),
        joined("monitor:x", 0),
        joined(B, 1),
        changed(Event.START, State.OPEN, 2),
        left(A, 100),
        left(B, 120),
    ]
    await attendance.handle_all(events)
    together, once = await dump(db), len(commits)
    assert len(next(iter(together.values()))) == 4
    for event in events:
        await attendance.handle(event)
    assert await dump(db) == together
    assert once < len(commits) - once


async def test_an_event_that_fails_does_not_keep_the_others_of_its_group(db: Database, tmp_path: Path) -> None:
    attendance = service(db, tmp_path, Rooms())
    whole, attendance._sampler = attendance._sampler, None  # type: ignore[assignment]
    change = changed(Event.START, State.OPEN, 2)
    with pytest.raises(AttributeError):
        await attendance.handle_all([joined(A, 0), change, joined(B, 1)])
    with pytest.raises(ExceptionGroup, match="some facts are not recorded"):
        await attendance.handle_all([change, change])
    attendance._sampler = whole
    assert len(next(iter((await dump(db)).values()))) == 2


async def test_the_same_event_twice_changes_nothing(db: Database, tmp_path: Path) -> None:
    attendance = service(db, tmp_path, Rooms())
    events = [joined(A, 0), joined(B, 1), left(A, 100), left(B, 120)]
    for event in events:
        await attendance.handle(event)
    before = await dump(db)
    assert len(next(iter(before.values()))) == 4
    for event in reversed(events):
        await attendance.handle(event)
    await service(db, tmp_path, Rooms(), boot="boot-2").handle(events[0])
    assert await dump(db) == before
    await attendance.ledger.add([WINDOW])
    with_window = await dump(db)
    await attendance.ledger.add([WINDOW])
    assert await dump(db) == with_window


async def test_the_order_of_arrival_does_not_matter(tmp_path: Path) -> None:
    entries: list[Entry] = [fact(n) for n in range(3)]
    rows = [(("screen-2152230101-1", 1750, 0),), (("screen-2152230101-2", 900, 2), ("screen-2152230101-1", 100, 0))]
    entries += [
        WindowFact("node-1", LECTURE, BROADCAST, 177_000_000 + n, "b", 0, 1750, 10_000, d) for n, d in enumerate(rows)
    ]
    reports = []
    for number, order in enumerate((entries, entries[::-1])):
        (tmp_path / str(number)).mkdir()
        db = await database(tmp_path / str(number))
        await populate(db, [("2152230101", "522301", "第一小学", 2)])
        attendance = service(db, tmp_path / str(number), Rooms())
        for entry in order:
            await attendance.ledger.add([entry])
        reports.append(await attendance.report(LECTURE, EVERYTHING, "522300"))
        await db.close()
    assert reports[0] == reports[1]
    assert reports[0] is not None
    assert reports[0].report.total.delivered_ms > 10_000


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("change", ["UPDATE {} SET node = 'x'", "DELETE FROM {}"])
async def test_the_database_refuses_to_change_facts(db: Database, tmp_path: Path, table: str, change: str) -> None:
    attendance = service(db, tmp_path, Rooms())
    await attendance.handle(joined(A, 0))
    await attendance.ledger.add([WINDOW])
    before = await dump(db)
    with pytest.raises(DBAPIError, match=f"{table} is append-only"):
        async with db.writing() as session:
            await session.execute(text(change.format(table)))
    assert await dump(db) == before


@pytest.mark.parametrize(("dialect", "count"), [("sqlite", 2), ("postgresql", 3)])
def test_every_table_is_guarded_in_either_dialect(dialect: str, count: int) -> None:
    assert [len(statements(table, dialect)) for table in TABLES] == [count] * 3


async def test_a_roster_goes_on_after_a_restart_and_after_a_failed_write(db: Database, tmp_path: Path) -> None:
    rooms = Rooms()
    first = service(db, tmp_path, rooms)
    await first.handle(changed(Event.START, State.OPEN, 0))
    rooms.deliver(1750, 10.0, (A, 1750, 0))
    await first.tick(at(10))
    second = service(db, tmp_path, rooms, boot="boot-2")
    await second.handle(changed(Event.START, State.OPEN, 0))
    rooms.deliver(1750, 10.0, (B, 1750, 0), (A, 1750, 0), ("monitor:1", 1750, 0))
    await second.tick(at(20))
    async with db.reading() as session:
        rows = (
            await session.execute(text("SELECT slot, screen_id, class_id FROM attendance_roster ORDER BY slot"))
        ).all()
    assert [tuple(row) for row in rows] == [(0, A, "2152230101-1"), (1, B, "2152230101-2")]


@sqlite_only
async def test_a_database_locked_by_somebody_else_loses_nothing(db: Database, tmp_path: Path) -> None:
    rooms = Rooms()
    attendance = service(db, tmp_path, rooms)
    await db.engine.dispose()
    listen(db.engine.sync_engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=50"))
    await attendance.handle(changed(Event.START, State.OPEN, 0))
    blocker = sqlite3.connect(tmp_path / "jiangtang.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    await attendance.handle(joined(A, 1))
    rooms.deliver(1750, 10.0, (A, 1750, 0))
    await attendance.tick(at(10))
    assert attendance.ledger.degraded
    assert attendance.ledger.journal_bytes > 0
    blocker.execute("ROLLBACK")
    blocker.close()
    assert await attendance.ledger.retry()
    made = await attendance.report(LECTURE, EVERYTHING, "522300")
    assert made is not None
    assert (made.report.total.delivered_ms, made.report.on_air_ms) == (9_000, 10_000)  # joined after a second


CHILD = """
import asyncio, sys
from pathlib import Path
from signaling.db.engine import Database
from tests.support.databases import sqlite_only
from tests.support.roll import Rooms, joined, service

async def main():
    folder = Path(sys.argv[1])
    db = Database.sqlite(folder / "jiangtang.db")
    attendance = service(db, folder, Rooms())
    for number in range(100_000):
        await attendance.handle(joined(f"screen-{number}", number % 3600))
        print(number, flush=True)

asyncio.run(main())
"""


@pytest.mark.server
async def test_acknowledged_facts_survive_kill_9(db: Database, tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert child.stdout is not None
    acknowledged = 0
    for line in child.stdout:
        acknowledged = int(line) + 1
        if acknowledged == 40:
            child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    async with db.reading() as session:
        stored = await session.scalar(text("SELECT count(*) FROM attendance_facts"))
    assert stored is not None
    assert acknowledged <= stored <= acknowledged + 1
