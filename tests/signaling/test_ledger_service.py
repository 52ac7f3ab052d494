"""The ledger on a database: durable, chained, once, read back in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import text

from config.settings import LedgerSettings, load
from signaling.db.engine import Database
from signaling.ledger.errors import ForeignAuthor
from signaling.ledger.events import Entry, Note, Subject
from signaling.ledger.facts import Fact, Fault, Joined, Kind, Left, MediaDelivered, OnAir
from signaling.ledger.reading import Told
from signaling.ledger.service import LedgerService
from tests.support.databases import migrated

NOON = datetime(2026, 9, 14, 4, 0, tzinfo=UTC)
SHANGHAI = timezone(timedelta(hours=8))
LIVE = Subject("lecture-1", "broadcast-1")


class Clock:
    """A clock that stands."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def settings(**changes: object) -> LedgerSettings:
    return load().ledger.model_copy(update={"gather_seconds": 0.0} | changes)


def ledger(
    db: Database, folder: Path, *, boot: str = "boot-1", node: str = "node-1", clock: Clock | None = None
) -> LedgerService:
    made = clock or Clock()
    return LedgerService(db, settings(), node=node, boot=boot, data_dir=folder, zone=SHANGHAI, clock=made)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    made = await migrated(tmp_path / "jiangtang.db")
    yield made
    await made.close()


def joined(number: int) -> Joined:
    return Joined(f"s{number}", f"screen-{number}", None, NOON + timedelta(seconds=number), "boot-1")


def delivered(window: int, *screens: int) -> MediaDelivered:
    return MediaDelivered(window, 0, 1750, 10_000, tuple((f"screen-{n}", 1750 - n, 0) for n in screens))


async def told(service: LedgerService, lecture_id: str | None = "lecture-1", *kinds: Kind) -> list[Told]:
    return [one async for one in service.facts(lecture_id, set(kinds) or None)]


async def facts(service: LedgerService, lecture_id: str | None = "lecture-1") -> list[Fact]:
    """Return the facts of a lecture, columns unpacked, without the roster."""
    return [
        one.fact.whole(one.roster.screens) if hasattr(one.fact, "whole") else one.fact
        for one in await told(service, lecture_id)
        if one.fact.kind is not Kind.ROSTER
    ]


async def rows(service: LedgerService) -> list[Entry]:
    return [*await service.entries("lecture-1"), *await service.entries(None)]


async def test_facts_are_read_as_they_were_recorded(db: Database, tmp_path: Path) -> None:
    service = ledger(db, tmp_path)
    await service.record(LIVE, joined(1), joined(2))
    await service.record(LIVE, delivered(7, 2, 3))
    await service.record(LIVE, OnAir("live", "ended", NOON, "end"), Left("s1", "screen-1", None, NOON, "over"))
    power = Fault("f1", "power", "522301", NOON, None, "user-1", "grid", NOON, 1)
    await service.record(Subject(), power)
    assert await facts(service) == [
        joined(1),
        joined(2),
        delivered(7, 2, 3),
        OnAir("live", "ended", NOON, "end"),
        Left("s1", "screen-1", None, NOON, "over"),
    ]
    assert await facts(service, None) == [power]
    assert [one.fact.kind for one in await told(service, "lecture-1", Kind.LEFT)] == [Kind.LEFT]


async def test_facts_that_come_together_share_an_entry(db: Database, tmp_path: Path) -> None:
    service = ledger(db, tmp_path)
    await asyncio.gather(*(service.record(LIVE, joined(number)) for number in range(50)))
    await service.record_all(
        [Note(LIVE, delivered(1, 1)), Note(LIVE, delivered(2, 1)), Note(Subject("other"), joined(99))]
    )
    found = [(one.header.kind, one.header.facts) for one in await rows(service)]
    assert found == [("roster", 50), ("joined", 50), ("media_delivered", 1), ("media_delivered", 1)]


async def test_the_same_fact_twice_is_told_once(db: Database, tmp_path: Path) -> None:
    first, second = ledger(db, tmp_path), ledger(db, tmp_path, boot="boot-2")
    await first.record(LIVE, joined(1), delivered(7, 1))
    await second.record(LIVE, joined(1), delivered(7, 1))
    assert await facts(second) == [joined(1), delivered(7, 1), delivered(7, 1)]  # two processes deliver for themselves
    keys = [one.key for one in await told(second)]
    assert len(set(keys)) == len(keys)


async def test_a_roster_goes_on_after_a_restart(db: Database, tmp_path: Path) -> None:
    await ledger(db, tmp_path).record(LIVE, joined(1), delivered(7, 1, 2))
    again = ledger(db, tmp_path, boot="boot-2")
    await again.record(LIVE, delivered(8, 3, 2))
    again.forget(LIVE)
    await again.record(LIVE, delivered(9, 1))
    numbers = [(one.fact.slot, one.fact.screen_id) for one in await told(again, "lecture-1", Kind.ROSTER)]  # type: ignore[union-attr]
    assert numbers == [(0, "screen-1"), (1, "screen-2"), (2, "screen-3")]


async def test_two_processes_of_one_name_cannot_fork_the_chain(db: Database, tmp_path: Path) -> None:
    first, second = ledger(db, tmp_path / "one"), ledger(db, tmp_path / "two", boot="boot-2")
    await first.start()
    await second.start()
    await first.record(LIVE, joined(1))
    await second.record(LIVE, joined(2))  # durable in its journal
    assert second.ledger.journal_bytes > 0
    assert second.ledger.trouble.startswith("ForeignAuthor: entry 1 of node node-1 was written by another process")
    assert not await second.ledger.retry()
    await first.record(LIVE, joined(3))
    assert await facts(first) == [joined(1), joined(3)]
    third = ledger(db, tmp_path / "two", boot="boot-3")  # the first one has ended
    await third.start()
    assert await facts(third) == [joined(1), joined(3), joined(2)]
    with pytest.raises(ForeignAuthor, match="two servers have the same"):
        await second._store([])


async def test_a_day_is_that_of_the_schools_and_never_goes_back(db: Database, tmp_path: Path) -> None:
    clock = Clock()
    service = ledger(db, tmp_path, clock=clock)
    clock.now = datetime(2026, 9, 14, 15, 59, tzinfo=UTC)
    await service.record(LIVE, OnAir("open", "live", clock.now, "start"))
    clock.now += timedelta(minutes=1)
    await service.record(LIVE, OnAir("live", "paused", clock.now, "pause"))
    clock.now -= timedelta(hours=1)
    await service.record(LIVE, OnAir("paused", "live", clock.now, "resume"))
    assert [one.header.day.day for one in await rows(service)] == [14, 15, 15]


async def test_an_entry_that_was_committed_unheard_is_stored_once(db: Database, tmp_path: Path) -> None:
    """The commit happens, its answer is lost: the same drafts come again by way of the journal."""
    service = ledger(db, tmp_path)
    await service.start()
    store = service.ledger._store

    async def lost(drafts: object) -> None:
        await store(drafts)  # type: ignore[arg-type]
        service._forget_all()
        service._tried.update((draft.boot, draft.counter) for draft in drafts)  # type: ignore[attr-defined]
        raise ConnectionError("the answer is lost")

    service.ledger._store = lost
    await service.record(LIVE, joined(1))
    service.ledger._store = store
    assert service.ledger.degraded
    assert await service.ledger.retry()
    await service.record(LIVE, joined(2))
    assert [(one.header.number, one.header.kind) for one in await rows(service)] == [
        (1, "roster"),
        (2, "joined"),
        (3, "roster"),
        (4, "joined"),
    ]


async def test_many_pages_are_read_in_order(db: Database, tmp_path: Path) -> None:
    for node in ("node-2", "node-1"):
        service = ledger(db, tmp_path, node=node)
        await service.record_all([Note(LIVE, delivered(window, 1)) for window in range(250)])
    found = await service.entries("lecture-1")
    places = [(one.header.node, one.header.number) for one in found]
    assert places == sorted(places)
    assert len(places) == 2 * 251


async def test_a_class_is_that_of_the_screen_when_it_is_stored(db: Database, tmp_path: Path) -> None:
    from tests.support.roll import LECTURE, populate

    await populate(db, [("2152230101", "522301", "第一小学", 1)])
    service = ledger(db, tmp_path)
    subject = Subject(LECTURE, "b")
    await service.record(subject, Joined("s", "screen-2152230101-1", None, NOON, "boot-1"))
    async with db.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM ledger_entries")) == 2
    (one,) = await told(service, LECTURE, Kind.JOINED)
    assert one.fact.class_id == "2152230101-1"  # type: ignore[union-attr]
