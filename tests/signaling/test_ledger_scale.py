"""What a lecture of the whole prefecture costs the database, kind by kind, and how fast it is written, read and folded."""

from __future__ import annotations

import random
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from config.settings import load
from signaling.attendance.book import Book
from signaling.attendance.policy import load_policy
from signaling.attendance.telling import Teller
from signaling.db.engine import Database
from signaling.ledger.events import Note, Subject
from signaling.ledger.facts import ReplayDelivered
from signaling.ledger.reading import tell
from signaling.ledger.roots_service import RootsService
from signaling.ledger.service import LedgerService
from tests.support.databases import migrated, sqlite_only
from tests.support.prefecture_lecture import CHECKS, MINUTES, SCREENS, WINDOWS, Lecture, Portion, directory
from tests.support.roll import START, ledger

pytestmark = sqlite_only
LIMIT = 10_000_000
"""Bytes by which the database may grow."""

LIVE = Subject("01991c7f-3b4a-7000-8000-000000000001", "01991c7f-3b4a-7000-8000-000000000002")
NAME = "jiangtang.sqlite3"
REAL_SECONDS = 45 * 60


async def record(book: LedgerService, portions: Iterable[Portion]) -> None:
    """Write portions, each a commit."""
    for portion in portions:
        await book.record_all([Note(LIVE, fact) for fact in portion])


def pages(path: Path) -> int:
    """Return the bytes of the database's pages that are in use."""
    with sqlite3.connect(path) as raw:
        count, free, size = (
            raw.execute(f"PRAGMA {one}").fetchone()[0] for one in ("page_count", "freelist_count", "page_size")
        )
        return int((count - free) * size)


def by_kind(path: Path) -> dict[str, tuple[int, int, int]]:
    """Return entries, facts and bytes of bodies of each kind."""
    query = "SELECT kind, count(*), sum(facts), sum(length(body)) FROM ledger_entries GROUP BY kind"
    with sqlite3.connect(path) as raw:
        return {kind: (entries, facts, size) for kind, entries, facts, size in raw.execute(query)}


async def grown(db: Database, book: LedgerService, path: Path, portions: Iterable[Portion]) -> int:
    """Write portions; return by how many bytes the database has grown."""
    before = pages(path)
    await record(book, portions)
    return pages(path) - before


async def test_a_lecture_of_the_prefecture_fits_into_ten_megabytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A part of what repeats itself is written and multiplied."""
    db, path = await migrated(tmp_path / NAME), tmp_path / NAME
    screens, classes = await directory(db)
    made, book = Lecture(screens, classes), ledger(db, tmp_path, store_seconds=120)
    windows, minutes = WINDOWS // 10, MINUTES // 9
    sizes = {
        "joined, roster": await grown(db, book, path, made.joined()),
        "media_delivered": 10 * await grown(db, book, path, made.delivered(windows)),
        "rendered": 9 * await grown(db, book, path, made.rendered(minutes)),
        "refused": 9 * await grown(db, book, path, made.refused(minutes)),
        "challenged, answered": CHECKS * await grown(db, book, path, made.checks(1)),
        "confirmed": await grown(db, book, path, made.confirmed()),
        "left": await grown(db, book, path, made.left()),
    }
    flood = await grown(db, book, path, made.flooded(load().presence.refusals_named)) - sizes["refused"]
    await db.close()
    with capsys.disabled():
        told = ", ".join(f"{kind} {size / 1e6:.2f}" for kind, size in sizes.items())
        print(
            f"\n{SCREENS} screens, 45 minutes: {sum(sizes.values()) / 1e6:.2f} MB ({told}); if all forged {flood / 1e6:.2f} more"
        )
    assert sum(sizes.values()) + flood <= LIMIT


def made_up(screens: Sequence[str], days: int) -> Iterator[Portion]:
    """Yield what screens are sent of the recording, a minute each: each watches all of it at some time of a school's day of eight hours."""
    rng, begin = random.Random(7), int(START.timestamp())
    watching: dict[int, list[tuple[str, int, int]]] = defaultdict(list)
    for screen in screens:
        first = rng.randrange(days) * 1440 + rng.randrange(480)
        for minute in range(MINUTES):
            at = (begin + 60 * minute) * 1000 + rng.randrange(6000)
            watching[first + minute].append((screen, at, at + 60_000))
    for minute, told in sorted(watching.items()):
        yield [ReplayDelivered(begin // 10 + 6 * minute + 5, tuple(told), windows=6)]


async def test_what_classes_make_up_is_small_beside_the_lecture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """258 classes in fourteen days, of which a seventh is written and multiplied."""
    db, path = await migrated(tmp_path / NAME), tmp_path / NAME
    screens, _ = await directory(db)
    size = 7 * await grown(db, ledger(db, tmp_path, store_seconds=120), path, made_up(screens[:37], 2))
    await db.close()
    with capsys.disabled():
        print(f"\n258 classes make up 45 minutes: {size / 1e6:.2f} MB")
    assert size <= LIMIT // 4


@pytest.mark.bench
@pytest.mark.timeout(900)
async def test_the_whole_lecture_through_ledger_and_fold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything is written, verified, read and folded; the rate is real time by CPU time."""
    db, path = await migrated(tmp_path / NAME), tmp_path / NAME
    screens, classes = await directory(db)
    made, book = Lecture(screens, classes), ledger(db, tmp_path, store_seconds=600)
    before, cpu = pages(path), 0.0
    through = (
        made.joined(),
        made.delivered(),
        made.rendered(),
        made.refused(),
        made.checks(),
        made.confirmed(),
        made.left(),
    )
    for portions in through:
        for portion in portions:  # making a portion is not counted
            started = time.process_time()
            await record(book, [portion])
            cpu += time.process_time() - started
    started = time.process_time()
    entries = await book.entries(LIVE.lecture_id)
    told = Book(load_policy(1), 10)
    Teller(told).tell(tell(entries))
    folded = told.folded()
    folding = time.process_time() - started
    started = time.process_time()
    verdict = await RootsService(db).verify()
    verifying = time.process_time() - started
    await db.close()
    growth = pages(path) - before
    rate = REAL_SECONDS / (cpu + folding)
    with capsys.disabled():
        print(f"\n{growth / 1e6:.2f} MB in {verdict.entries} entries")
        for kind, (number, facts, size) in sorted(by_kind(path).items()):
            share = size + number * (growth - sum(one[2] for one in by_kind(path).values())) / verdict.entries
            print(
                f"  {kind:16} {number:5} entries {facts:6} facts {size / 1e6:5.2f} MB, with its rows {share / 1e6:5.2f} MB"
            )
        print(
            f"CPU: written in {cpu:.1f} s, folded in {folding:.1f} s, verified in {verifying:.1f} s: {rate:.0f} x real time"
        )
    assert verdict.fault is None
    assert len(folded.classes) > 0.99 * SCREENS  # some left before their first window was over
    assert growth <= LIMIT
    assert rate >= 20
