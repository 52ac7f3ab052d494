"""What attendance writes into the ledger: durable before it is acknowledged, once however often it is told."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.event import listen

from signaling.attendance.service import AttendanceService
from signaling.db.engine import Database
from signaling.ledger.columns import StoredDelivery
from signaling.ledger.events import Note, Subject
from signaling.ledger.facts import Joined, Kind, MediaDelivered, Numbered
from signaling.live.states import Event, State
from tests.support.databases import sqlite_only
from tests.support.roll import (
    BROADCAST,
    EVERYTHING,
    LECTURE,
    Rooms,
    at,
    book,
    changed,
    database,
    joined,
    left,
    populate,
    service,
)

LIVE = Subject(LECTURE, BROADCAST)


def fact(number: int = 0) -> Joined:
    return Joined(f"s{number}", f"screen-{number}", None, at(number), "boot")


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    made = await database(tmp_path)
    await populate(made, [("2152230101", "522301", "第一小学", 2)])
    yield made
    await made.close()


async def dump(attendance: AttendanceService) -> set[tuple[str, object]]:
    """Return all facts of the lecture with their keys."""
    return {
        (told.key, told.fact.whole(told.roster.screens) if isinstance(told.fact, StoredDelivery) else told.fact)
        async for told in book(attendance).facts(LECTURE)
    }


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
    together, once = await dump(attendance), len(commits)
    assert len([key for key, _ in together if "joined:" in key or "left:" in key]) == 4
    for event in events:
        await attendance.handle(event)
    assert await dump(attendance) == together
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
    assert len([key for key, _ in await dump(attendance) if "joined:" in key]) == 2


async def test_the_same_event_twice_changes_nothing(db: Database, tmp_path: Path) -> None:
    attendance = service(db, tmp_path, Rooms())
    events = [joined(A, 0), joined(B, 1), left(A, 100), left(B, 120)]
    for event in events:
        await attendance.handle(event)
    before = await dump(attendance)
    assert len([key for key, _ in before if "joined:" in key or "left:" in key]) == 4
    for event in reversed(events):
        await attendance.handle(event)
    await service(db, tmp_path, Rooms(), boot="boot-2").handle(events[0])
    assert await dump(attendance) == before


async def test_the_order_of_arrival_does_not_matter(tmp_path: Path) -> None:
    notes = [Note(LIVE, fact(n)) for n in range(3)]
    rows = [(("screen-2152230101-1", 1750, 0),), (("screen-2152230101-2", 900, 2), ("screen-2152230101-1", 100, 0))]
    notes += [Note(LIVE, MediaDelivered(177_000_000 + n, 0, 1750, 10_000, d)) for n, d in enumerate(rows)]
    reports = []
    for number, order in enumerate((notes, notes[::-1])):
        (tmp_path / str(number)).mkdir()
        db = await database(tmp_path / str(number))
        await populate(db, [("2152230101", "522301", "第一小学", 2)])
        attendance = service(db, tmp_path / str(number), Rooms())
        for note in order:
            await book(attendance).record_all([note])
        reports.append(await attendance.report(LECTURE, EVERYTHING, "522300"))
        await db.close()
    assert reports[0] == reports[1]
    assert reports[0] is not None
    assert reports[0].report.total.delivered_ms > 10_000


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
    numbered = [told.fact async for told in book(second).facts(LECTURE, {Kind.ROSTER})]
    assert numbered == [Numbered(0, A, "2152230101-1"), Numbered(1, B, "2152230101-2")]


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
    assert book(attendance).ledger.degraded
    assert book(attendance).ledger.journal_bytes > 0
    blocker.execute("ROLLBACK")
    blocker.close()
    assert await book(attendance).ledger.retry()
    made = await attendance.report(LECTURE, EVERYTHING, "522300")
    assert made is not None
    assert (made.report.total.delivered_ms, made.report.on_air_ms) == (9_000, 10_000)  # joined after a second
