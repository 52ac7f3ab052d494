"""`kill -9` at any instant, and a disk that is full: what was acknowledged is there, once, and the chain is right."""

from __future__ import annotations

import os
import random
import selectors
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy.event import listen

from signaling.db.engine import Database
from signaling.ledger.codec import decode
from signaling.ledger.columns import StoredDelivery
from signaling.ledger.errors import LedgerUnavailable
from signaling.ledger.facts import Kind, MediaDelivered
from signaling.ledger.roots_service import RootsService
from signaling.ledger.roster import Roster
from signaling.ledger.service import LedgerService
from tests.support.databases import database_in, migrated, sqlite_only
from tests.support.ledger_writer import SUBJECT, service

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("JIANGTANG_KILLS", "12"))
SEED = os.environ.get("JIANGTANG_SEED", "20260914")


def killed(folder: Path, url: str, run: int, rng: random.Random) -> list[str]:
    """Let a writer write, kill it at an instant that the seed chose, and return what it had been acknowledged.

    Every third is killed soon after it began: while it brings in the journal that the one before has left.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.support.ledger_writer", str(folder), url, SEED, str(run)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"},
    )
    assert child.stdout is not None
    early, enough = run % 3 == 2, rng.randrange(1, 400)
    seconds = rng.uniform(0.0, 0.3)
    said = b""
    try:
        for said in _growing(child.stdout.fileno()):
            if early and b"begins\n" in said:
                time.sleep(seconds)  # the instant of the kill, not a wait for anything
                break
            if said.count(b"\n= ") > enough:
                break
    finally:
        child.send_signal(signal.SIGKILL)
        said += child.stdout.read()
        child.wait()
        child.stdout.close()
    assert b"begins\n" in said, said
    whole = said[: said.rfind(b"\n")]
    return [line[2:] for line in whole.decode().split("\n") if line.startswith("= ")]


def address(db: Database) -> str:
    """Return the URL of a database for another process; the folder of a socket stands in the query."""
    url = db.engine.url
    if not db.is_sqlite:
        url = url.set(host="").update_query_dict({"host": str(url.host)})
    return url.render_as_string(hide_password=False)


def _growing(descriptor: int) -> Iterator[bytes]:
    said = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while selector.select(60.0):
            data = os.read(descriptor, 65_536)
            if not data:
                return
            said += data
            yield said


async def stored(ledger: LedgerService) -> Counter[str]:
    """Return how often each fact is stored, duplicates that readers drop included."""
    found: Counter[str] = Counter()
    roster = Roster()
    for header, body, _ in await ledger.entries(str(SUBJECT.lecture_id)):
        facts = decode(header, body, roster)
        if header.kind == Kind.ROSTER:
            roster.learn(facts)  # type: ignore[arg-type]  # a roster holds nothing else
        else:
            found.update(fact.key for fact in facts)
    return found


@pytest.mark.server
@pytest.mark.timeout(120 + 20 * KILLS)
async def test_acknowledged_facts_survive_kill_9_again_and_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = await migrated(tmp_path / "jiangtang.sqlite3")
    url = address(db)
    await db.engine.dispose()
    rng = random.Random(SEED)
    acknowledged = [key for run in range(KILLS) for key in killed(tmp_path, url, run, rng)]
    ledger = service(db, tmp_path, "boot-last")
    await ledger.start()
    await ledger.stop()
    assert ledger.ledger.journal_bytes == 0
    found = await stored(ledger)
    verdict = await RootsService(db).verify()
    await db.close()
    with capsys.disabled():
        print(
            f"\n{KILLS} kills: {len(acknowledged)} facts acknowledged, {found.total()} stored, {verdict.entries} entries"
        )
    assert len(acknowledged) > KILLS
    assert [key for key in acknowledged if found[key] != 1] == []
    assert [key for key, times in found.items() if times != 1] == []
    assert verdict.fault is None


# --- a full disk ------------------------------------------------------------------------------------------------------

SCREENS = 600


def window(number: int, rng: random.Random) -> MediaDelivered:
    """A window of some kilobytes that nothing can make smaller."""
    deliveries = tuple((f"screen-{n}", rng.randrange(10**6), rng.randrange(10**6)) for n in range(SCREENS))
    return MediaDelivered(number, 0, 10**6, 10_000, deliveries)


class Small:
    """A place with little room: `make_room` gives more."""

    def __init__(self, folder: Path, db: Database, journal_bytes: int, make_room: Callable[[], None]) -> None:
        self.folder = folder
        self.db = db
        self.journal_bytes = journal_bytes
        self.make_room = make_room


Place = Callable[[Path], AbstractAsyncContextManager[Small]]


@asynccontextmanager
async def tmpfs(tmp_path: Path) -> AsyncIterator[Small]:
    """A file system of six megabytes, half of it taken."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.decode().strip()}")
    try:
        db = await migrated(folder / "jiangtang.sqlite3")
        ballast = folder / "ballast"
        ballast.write_bytes(bytes(3_000_000))
        yield Small(folder, db, 10**9, ballast.unlink)
        await db.close()
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@asynccontextmanager
async def limits(tmp_path: Path) -> AsyncIterator[Small]:
    """A database that may not grow, and a journal that may not either: what SQLite and we say of a full disk."""
    await (await migrated(tmp_path / "jiangtang.sqlite3")).close()
    db, most = database_in(tmp_path / "jiangtang.sqlite3"), [400]
    listen(db.engine.sync_engine, "checkout", lambda raw, *_: raw.execute(f"PRAGMA max_page_count={most[0]}"))
    yield Small(tmp_path, db, 200_000, lambda: most.__setitem__(0, 100_000))
    await db.close()


@sqlite_only
@pytest.mark.parametrize("place", [tmpfs, limits])
async def test_a_full_disk_is_reported_and_loses_nothing(place: Place, tmp_path: Path) -> None:
    async with place(tmp_path) as small:
        await fill_up(small)


async def fill_up(small: Small) -> None:
    """Write until nothing durable takes any more, make room, and compare."""
    ledger = service(small.db, small.folder, "boot-1")
    ledger.ledger._journal._max_bytes = small.journal_bytes
    rng = random.Random(SEED)
    acknowledged, refused = [], []
    for number in range(2_000):
        fact = window(number, rng)
        try:
            await ledger.record(SUBJECT, fact)
            acknowledged.append(fact)
        except LedgerUnavailable as error:
            refused.append(str(error))
            if len(refused) == 3:
                break
    assert [error[:34] for error in refused] == ["neither database nor journal takes"] * 3, "the disk was never full"
    assert len(acknowledged) > 20
    book = ledger.ledger
    assert (book.state, book.waiting) == ("unavailable", 3)
    assert (await ledger.trouble()).startswith("no facts are recorded: ")
    numbers = book.metrics()
    assert (numbers["unavailable"], numbers["degraded"], numbers["waiting"]) == (1, 1, 3)
    assert int(str(numbers["failures_total"])) >= 4
    assert not await book.retry()
    small.make_room()
    assert await book.retry()
    assert (book.state, book.waiting, book.journal_bytes, await ledger.trouble()) == ("ok", 0, 0, "")
    await ledger.record(SUBJECT, window(9_999, rng))
    told = [one async for one in ledger.facts(str(SUBJECT.lecture_id), {Kind.MEDIA_DELIVERED})]
    whole = [one.fact.whole(one.roster.screens) for one in told if isinstance(one.fact, StoredDelivery)]
    by_number = {fact.window_no: set(fact.deliveries) for fact in whole}
    assert all(by_number[fact.window_no] == set(fact.deliveries) for fact in acknowledged)
    assert len(whole) == len(by_number) == len(acknowledged) + 3 + 1
    assert (await RootsService(small.db).verify()).fault is None
