"""The results of lectures, recounted from the ledger by the attendance of today, and kept while a lecture stays as it is.

Only lectures that are over have results. What was recounted is kept for the lectures asked for last (`KEPT`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from sqlalchemy import func, select

from signaling.attendance.report import ClassRow, Report
from signaling.coverage.results import ClassResult, SchoolResults
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.queries import Scope
from signaling.ledger.models import LedgerEntry
from signaling.live.models import Broadcast
from signaling.live.states import OVER

KEPT: Final = 32
WAITED_FOR: Final = timedelta(hours=24)
"""How long after its end a lecture waits for confirmations: only then do classes without one count."""
Recount = Callable[[str], Awaitable[Report | None]]
"""Returns the report of a lecture for the whole prefecture."""


@dataclass(frozen=True, slots=True)
class _Kept:
    stamp: str
    schools: Sequence[SchoolResults]
    minutes: Mapping[str, Sequence[int]]


class RecountedResults:
    """Implements `signaling.coverage.results.Results`."""

    def __init__(self, db: Database, recount: Recount, clock: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._recount = recount
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    async def stamps(self, lecture_ids: Sequence[str]) -> Mapping[str, str]:
        """Return for each lecture that is over what differs after another fact, and when a confirmation is not waited for any more."""
        over = select(Broadcast.lecture_id, Broadcast.ended_at).where(
            Broadcast.lecture_id.in_(lecture_ids), Broadcast.state.in_(OVER)
        )
        row = LedgerEntry
        facts = select(row.lecture_id, func.count()).where(row.lecture_id.in_(lecture_ids)).group_by(row.lecture_id)
        faults = select(func.count()).where(row.lecture_id.is_(None))
        async with self._db.reading() as session:
            entries = dict((await session.execute(facts)).all())
            everywhere = await session.scalar(faults)
            ended = (await session.execute(over)).all()
        now = self._clock()
        return {
            lecture: f"{at}:{entries.get(lecture, 0)}:{everywhere}:{at is not None and now >= at + WAITED_FOR}"
            for lecture, at in ended
        }

    async def decisions(self, lecture_ids: Sequence[str], scope: Scope) -> Sequence[SchoolResults]:
        """Return the results of lectures that are over for what a scope covers."""
        found: list[SchoolResults] = []
        for lecture_id, stamp in (await self.stamps(lecture_ids)).items():
            kept = await self._of(lecture_id, stamp)
            found += [one for one in kept.schools if scope.includes(one.region_code, one.school_code)]
        return found

    async def minutes(self, lecture_id: str) -> Mapping[str, Sequence[int]]:
        """Return the counted minutes of a lecture that is over, by class."""
        stamp = (await self.stamps([lecture_id])).get(lecture_id)
        return {} if stamp is None else (await self._of(lecture_id, stamp)).minutes

    async def _of(self, lecture_id: str, stamp: str) -> _Kept:
        kept = self._kept.pop(lecture_id, None)
        if kept is None or kept.stamp != stamp:
            report = await self._recount(lecture_id)
            rows = [] if report is None else report.classes
            kept = _Kept(stamp, _schools(lecture_id, rows), {row.target.class_id: row.delivery.minutes for row in rows})
        self._kept[lecture_id] = kept
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return kept


def _schools(lecture_id: str, rows: Sequence[ClassRow]) -> list[SchoolResults]:
    """Return the classes by school; a report has them in that order."""
    by_school = groupby(rows, key=lambda row: (row.target.school_code, row.target.region_code))
    return [
        SchoolResults(
            lecture_id,
            school,
            region,
            [_result(row) for row in its],
        )
        for (school, region), its in by_school
    ]


def _result(row: ClassRow) -> ClassResult:
    """Return the result in the words of the newer policies: what nobody has confirmed is not confirmed."""
    decision = row.decision
    result = decision.result.value
    if result == "qualified" and decision.present is None:
        result = "unconfirmed"
    return ClassResult(
        row.target.class_id, "pending" if decision.pending else result, row.target.pupils, decision.present
    )
