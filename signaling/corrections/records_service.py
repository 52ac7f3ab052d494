"""Export 10 of a lecture, as of its report: facts of the ledger, with the names and notes of those who asked for them and decided."""

from __future__ import annotations

import asyncio
from datetime import tzinfo
from typing import Final

from signaling.attendance.report import LectureReport
from signaling.attendance.reports_service import ReportsService
from signaling.attendance.tables import Table
from signaling.corrections import queries
from signaling.corrections.effect import CLASS, COUNTY
from signaling.corrections.records import Details, record_table
from signaling.corrections.values import Listed
from signaling.db.engine import Database
from signaling.directory.queries import Scope

EVERYTHING: Final = Scope(None)


class RecordsService:
    """Makes the table."""

    def __init__(self, db: Database, reports: ReportsService) -> None:
        self._db = db
        self._reports = reports

    async def table(self, made: LectureReport, zone: tzinfo) -> Table:
        """Return table 10 of a report. Raises `DamagedEntry`."""
        async with self._db.reading() as session:
            rows = [Listed(*row) for row in await session.execute(queries.approved_of(made.lecture_id))]
        excusals = {one.row.id for one in rows if one.row.level != CLASS}
        version = made.report.policy.version
        steps = await self._reports.course(made.lecture_id, EVERYTHING, version, made.as_of, excusals)
        details = {one.row.id: _details(one) for one in rows}
        return await asyncio.to_thread(record_table, made.report, steps, details, zone)


def _details(one: Listed) -> Details:
    row = one.row
    return Details(
        unit=row.unit_name,
        place=one.region_name if row.level == COUNTY else one.school_name,
        reason=row.reason,
        note=row.note,
        evidence=row.evidence,
        requested_by=one.requested_name,
        approved_by=one.decided_name,
        requested_at=row.requested_at,
    )
