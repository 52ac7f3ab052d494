"""A process that writes facts into a ledger until it is killed, and tells each one on its standard output, in lines that begin with `= `, after
it was acknowledged.

    python -m tests.support.ledger_writer FOLDER DATABASE-URL SEED RUN

Sixteen writers record joinings one by one or some together, and windows. In some runs the database refuses everything for a while, so that the
journal takes facts and is brought in again.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy import make_url

from config.settings import load
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.ledger.events import Draft, Note, Subject
from signaling.ledger.facts import Fact, Joined, MediaDelivered
from signaling.ledger.service import LedgerService
from tests.support.roll import ZONE

WRITERS, MOST = 16, 4000
SUBJECT = Subject("lecture-1", "broadcast-1")


def open_url(url: str) -> Database:
    """Open the database that another process has made."""
    made = make_url(url)
    if made.get_backend_name() == "sqlite":
        return Database.sqlite(Path(str(made.database)))
    return Database.postgresql(made, 5, 10, 60)


def service(db: Database, folder: Path, boot: str) -> LedgerService:
    """Return the ledger of the one node."""
    settings = load().ledger.model_copy(update={"gather_seconds": 0.002, "retry_seconds": 0.05})
    return LedgerService(db, settings, node="node-1", boot=boot, data_dir=folder, zone=ZONE)


def facts(rng: random.Random, name: str) -> list[Fact]:
    """Return one to five facts whose keys say who made them."""
    if rng.random() < 0.2:
        deliveries = tuple(
            (f"screen-{n}", rng.randrange(1750), rng.randrange(50)) for n in range(rng.randrange(1, 300))
        )
        return [MediaDelivered(abs(hash(name)) % 10**9, rng.randrange(10**6), 1750, 10_000, deliveries)]
    now = utc_now()
    return [
        Joined(f"{name}-{n}", f"screen-{rng.randrange(500)}", None, now + timedelta(seconds=n), "boot")
        for n in range(rng.randrange(1, 6))
    ]


async def write(ledger: LedgerService, rng: random.Random, name: str) -> None:
    """Record facts one after the other."""
    for number in range(MOST):
        some = facts(rng, f"{name}-{number}")
        await ledger.record_all([Note(SUBJECT, fact) for fact in some])
        os.write(1, "".join(f"= {fact.key}\n" for fact in some).encode())


def refuse_at_times(ledger: LedgerService, rng: random.Random) -> None:
    """Let the database fail now and then, for some attempts in a row."""
    store, left = ledger.ledger._store, 0

    async def flaky(drafts: Sequence[Draft]) -> None:
        nonlocal left
        if left == 0 and rng.random() < 0.1:
            left = rng.randrange(1, 20)
        if left:
            left -= 1
            raise OSError("the database is away")
        await store(drafts)

    ledger.ledger._store = flaky


async def main(folder: Path, url: str, seed: str, run: str) -> None:
    """Write until killed."""
    rng = random.Random(f"{seed}-{run}")
    ledger = service(open_url(url), folder, f"boot-{run}")
    os.write(1, b"begins\n")
    if int(run) % 2:
        refuse_at_times(ledger, rng)
    await ledger.start()
    await asyncio.gather(*(write(ledger, rng, f"{run}-{number}") for number in range(WRITERS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
