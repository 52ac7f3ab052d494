"""Another node that writes what a prefecture's screens were delivered, into the ledger of a running server's database.

    python -m tests.bench.evidence_writer FOLDER LECTURE

Forty-three minutes are written at once, then a window every ten seconds and a minute of reports every minute; with each window some classes come that were
not there. Tells on its standard output, a line a window, when the ledger acknowledged it and who came.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Final

from sqlalchemy import select

from config.settings import load
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.db.opening import open_database
from signaling.directory.models import Screen
from signaling.ledger.events import Subject
from signaling.ledger.facts import Flags, Joined, MediaDelivered, Rendered
from signaling.ledger.service import LedgerService
from signaling.live.models import Broadcast

MINUTES, WINDOWS, NEW = 43, 12, 100
"""Minutes that are there already, windows that are written in their time, classes that come with each of them."""
PUBLISHED: Final = 1_750
USUAL: Final = int(Flags.VISIBLE | Flags.AUDIBLE)


@dataclass(frozen=True)
class Written:
    """A window that the ledger acknowledged at a Unix time, and the classes that it told of first."""

    at: float
    classes: tuple[str, ...]


def written(lines: str) -> list[Written]:
    """Return what a writer told."""
    return [Written(one["at"], tuple(one["classes"])) for one in map(json.loads, lines.splitlines())]


class Writer:
    """Writes the facts of one lecture; the last `WINDOWS` x `NEW` screens come late."""

    def __init__(self, ledger: LedgerService, subject: Subject, screens: list[tuple[str, str]]) -> None:
        self._ledger = ledger
        self._subject = subject
        self._screens = [screen for screen, _ in screens]
        self._classes = [class_id for _, class_id in screens]
        self._early = len(screens) - WINDOWS * NEW

    async def past(self, window: int) -> None:
        """Write all that comes before a window."""
        for begin in range(0, len(self._screens), 50):
            now = utc_now()
            came = [Joined(one, one, None, now, "bench") for one in self._screens[begin : begin + 50]]
            await self._ledger.record(self._subject, *came)
        for number in range(window - MINUTES * 6, window):
            await self._window(number, self._early)
        for minute in range(window // 6 - MINUTES, window // 6 - 1):
            await self._minute(minute, self._early)

    async def present(self, window: int) -> None:
        """Write windows as they end."""
        for step in range(1, WINDOWS + 1):
            number, there = window + step, self._early + step * NEW
            await asyncio.sleep(max(0.0, (number + 1) * 10 - time.time()))
            await self._window(number, there)
            new = self._classes[there - NEW : there]
            print(json.dumps({"at": time.time(), "classes": new}), flush=True)
            if number % 6 == 5:
                await self._minute(number // 6 - 1, there)

    async def _window(self, number: int, there: int) -> None:
        lost = [(number * 7 + n) % 60 if (number + n) % 10 == 0 else 0 for n in range(there)]
        deliveries = tuple(zip(self._screens, [PUBLISHED - n % 90 for n in range(there)], lost, strict=False))
        await self._ledger.record(self._subject, MediaDelivered(number, 0, PUBLISHED, 10_000, deliveries))

    async def _minute(self, minute: int, there: int) -> None:
        shown = [60_000 if n % 5 < 3 else 60_000 - (minute * 31 + n) % 1500 for n in range(there)]
        rows: Iterator[tuple[str, int, int]] = zip(self._screens, shown, [USUAL] * there, strict=False)
        await self._ledger.record(self._subject, Rendered(minute, tuple(rows)))


async def write(folder: Path, lecture_id: str) -> None:
    """Write a lecture that runs."""
    db: Database = open_database(load(overrides={"server": {"data_dir": folder}}))
    try:
        async with db.reading() as session:
            wanted = select(Broadcast.id).where(Broadcast.lecture_id == lecture_id).order_by(Broadcast.id.desc())
            broadcast = str(await session.scalar(wanted.limit(1)))
            rows = await session.execute(select(Screen.id, Screen.class_id).where(Screen.class_id.is_not(None)))
            screens = [(str(screen), str(class_id)) for screen, class_id in rows]
        settings = load().ledger.model_copy(update={"gather_seconds": 0.0})
        place = folder / "second"
        place.mkdir()
        ledger = LedgerService(db, settings, node="node-2", boot="bench", data_dir=place, zone=UTC)
        writer, window = Writer(ledger, Subject(lecture_id, broadcast), screens), int(time.time()) // 10
        await writer.past(window)
        await writer.present(int(time.time()) // 10)
    finally:
        await db.close()


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), sys.argv[2]))
