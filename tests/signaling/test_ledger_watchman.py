"""The ledger is verified by itself: at the start, after a day, not while a lecture is on; what is wrong is an alarm until it is right again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text

from signaling.alerts.rules import Facts, Rule, wanted
from signaling.db.engine import Database
from signaling.ledger.events import Subject
from signaling.ledger.facts import Joined
from signaling.ledger.roots_service import RootsService
from signaling.ledger.watchman import Watchman
from tests.signaling.test_alerts_rules import LIMITS
from tests.support.databases import sqlite_only
from tests.support.roll import START, at, database, ledger

pytestmark = sqlite_only
HOUR = 3600.0


class Quiet:
    """A clock and whether a lecture is on."""

    def __init__(self) -> None:
        self.now = 0.0
        self.busy = False


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    made = await database(tmp_path)
    book = ledger(made, tmp_path)
    for number in range(5):
        await book.record(Subject("lecture-1", "b"), Joined(f"s{number}", "screen", None, at(number), "boot"))
    yield made
    await made.close()


def watchman(db: Database, quiet: Quiet) -> Watchman:
    return Watchman(RootsService(db), 24, lambda: quiet.busy, lambda: quiet.now)


async def test_the_chain_is_followed_at_the_start_and_after_a_day(db: Database) -> None:
    quiet = Quiet()
    made = watchman(db, quiet)
    assert await made.round()
    assert made.metrics()["verified_entries"] > 5
    assert not await made.round()
    quiet.now = 23.9 * HOUR
    assert not await made.round()
    quiet.now = 24 * HOUR
    assert await made.round()
    assert made.damaged == ""


async def test_nothing_is_read_while_a_lecture_is_on(db: Database) -> None:
    quiet = Quiet()
    quiet.busy = True
    made = watchman(db, quiet)
    assert not await made.round()
    quiet.busy = False
    assert await made.round()


async def test_a_changed_byte_is_named_and_is_an_alarm_until_it_is_restored(db: Database) -> None:
    quiet = Quiet()
    made = watchman(db, quiet)
    await turn(db)
    await made.round()
    assert "node-1" in made.damaged
    assert START.date().isoformat() in made.damaged
    assert [key.rule for key in wanted(at(0), Facts("300", server="n", damaged=bool(made.damaged)), LIMITS)] == [
        Rule.DAMAGED
    ]
    await turn(db)
    quiet.now = 24 * HOUR
    await made.round()
    assert made.damaged == ""


async def turn(db: Database) -> None:
    """Turn a bit of the third entry, as somebody can who has the disk."""
    async with db.writing() as session:
        for name in (await session.scalars(text("SELECT name FROM sqlite_schema WHERE type = 'trigger'"))).all():
            await session.execute(text(f'DROP TRIGGER "{name}"'))
        body = bytes(await session.scalar(text("SELECT body FROM ledger_entries WHERE number = 3")) or b"")
        turned = body[:-1] + bytes([body[-1] ^ 1])
        await session.execute(text("UPDATE ledger_entries SET body = :body WHERE number = 3"), {"body": turned})
