"""The exports that need more than the report of a lecture: whom to call (04), what was corrected (10), what the terminals are (11).

1. Who called when, and what was delivered, is read **as of the report**: the same report says the same again.
2. Names of contacts and what browsers say of themselves are those of today: the directory keeps no others.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import datetime, tzinfo

from config.settings import AttendanceSettings
from signaling.alerts import queries as alert_queries
from signaling.alerts import urging_queries
from signaling.attendance import queries
from signaling.attendance.missing import MISSING, Contact, missing_table
from signaling.attendance.report import LectureReport
from signaling.attendance.tables import Table
from signaling.attendance.telling import Teller
from signaling.attendance.terminals import FACTS, Device, TerminalBook, terminal_table
from signaling.db.engine import Database
from signaling.ledger.events import Entry
from signaling.ledger.reading import tell
from signaling.ledger.service import LedgerService

Maker = Callable[[LectureReport, tzinfo], Awaitable[Table]]
"""Makes a table that another room knows how to make."""


class SheetsService:
    """Adds to a report what it does not hold. Tables are made off the loop, one of terminals at a time."""

    def __init__(self, db: Database, ledger: LedgerService, settings: AttendanceSettings) -> None:
        self._db = db
        self._ledger = ledger
        self._window_seconds = settings.window_seconds
        self._one_fold = asyncio.Lock()
        self.others: dict[str, Maker] = {}

    async def table(self, number: str, made: LectureReport, zone: tzinfo) -> Table:
        """Return table 04, 11 or one of `others` of a report. Raises `DamagedEntry`."""
        if number in self.others:
            return await self.others[number](made, zone)
        return await (self._missing(made, zone) if number == "04" else self._terminals(made))

    async def contacts(self, lecture_id: str, codes: Collection[str], as_of: datetime) -> dict[str, Contact]:
        """Return whom to call at schools, and whether somebody had said by then that they were called."""
        people: dict[str, list[str]] = defaultdict(list)
        async with self._db.reading() as session:
            for code, name in await session.execute(alert_queries.keepers(codes)):
                people[code].append(name)
            rows = await session.execute(urging_queries.called(lecture_id, codes, as_of))
            called = {code: at for code, at in rows}  # noqa: C416  # rows are no pairs to mypy
        return {code: Contact(tuple(people.get(code, ())), called.get(code)) for code in codes}

    async def _missing(self, made: LectureReport, zone: tzinfo) -> Table:
        codes = {row.target.school_code for row in made.report.classes if row.decision.result in MISSING}
        contacts = await self.contacts(made.lecture_id, codes, made.as_of)
        return await asyncio.to_thread(missing_table, made.report, contacts, made.ended_at, zone)

    async def _terminals(self, made: LectureReport) -> Table:
        async with self._one_fold:
            async with self._db.reading() as session:
                rows = (await session.execute(queries.devices(made.lecture_id))).all()
            entries = await self._ledger.entries(made.lecture_id, FACTS)
            devices = [_device(*row) for row in rows]
            return await asyncio.to_thread(_folded, made, devices, entries, self._window_seconds)


def _folded(made: LectureReport, devices: Iterable[Device], entries: Iterable[Entry], seconds: int) -> Table:
    book = TerminalBook(made.report.policy, seconds)
    Teller(book, made.as_of).tell(tell(entries))
    return terminal_table(made.report, devices, book.received(), book.home)


def _device(screen_id: str, class_id: str, number: int, agent: str, capability: str, paired: bool) -> Device:
    engine = json.loads(capability).get("engine", "") if capability else ""
    return Device(screen_id, class_id, number, agent, engine, paired)
