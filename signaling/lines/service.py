"""Keeps the last connection tests of each screen, and counts how many screens were tested.

1. A run that is reported again (its sound was answered later) replaces what was reported before.
2. **The last runs of a screen are kept, no more**: an older one goes when a newer one comes.
3. A test older than the settings say counts as none: lines change over a holiday.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select

from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.models import School, SchoolClass, Screen
from signaling.directory.queries import Scope, covered, paired
from signaling.lines.documents import LineTestOrder, Summary
from signaling.lines.models import LineTest
from signaling.lines.verdicts import verdict_of


class LinesService:
    """The door to the results."""

    def __init__(self, db: Database, kept: int, tested_days: int, clock: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._kept = kept
        self._days = tested_days
        self._clock = clock

    async def report(self, screen_id: str, agent: str, order: LineTestOrder) -> LineTest:
        """Write down a run of a screen and return it."""
        now, verdict = self._clock(), verdict_of(line.state for line in order.lines)
        text = json.dumps([line.model_dump() for line in order.lines], ensure_ascii=False)
        async with self._db.writing() as session:
            same = select(LineTest).where(LineTest.screen_id == screen_id, LineTest.run == order.run)
            row = await session.scalar(same)
            if row is None:
                row = LineTest(screen_id=screen_id, run=order.run)
                session.add(row)
            row.at, row.verdict, row.agent, row.lines = now, verdict, agent[:256], text
            await session.flush()
            newest = select(LineTest.id).where(LineTest.screen_id == screen_id)
            newest = newest.order_by(LineTest.at.desc(), LineTest.id.desc()).limit(self._kept)
            kept = list(await session.scalars(newest))
            await session.execute(delete(LineTest).where(LineTest.screen_id == screen_id, LineTest.id.not_in(kept)))
            screen = await session.get_one(Screen, screen_id)
            screen.line_verdict, screen.line_tested_at = verdict, now
        return row

    async def last(self, screen_id: str) -> list[LineTest]:
        """Return the runs of a screen, the newest first."""
        runs = select(LineTest).where(LineTest.screen_id == screen_id).order_by(LineTest.at.desc(), LineTest.id.desc())
        async with self._db.reading() as session:
            return list(await session.scalars(runs))

    async def summary(self, scope: Scope, county: str, school: str) -> Summary:
        """Count the paired screens of a scope, narrowed to a county or a school."""
        since = self._clock() - timedelta(days=self._days)
        fresh = Screen.line_tested_at >= since
        statement = (
            select(Screen.line_verdict, fresh.is_(True), func.count())
            .join(SchoolClass, SchoolClass.id == Screen.class_id)
            .join(School, School.code == SchoolClass.school_code)
            .where(covered(scope), paired())
            .group_by(Screen.line_verdict, fresh.is_(True))
        )
        named = ((School.region_code, county), (School.code, school))
        statement = statement.where(*(column == value for column, value in named if value))
        async with self._db.reading() as session:
            rows = [(str(row[0]), bool(row[1]), int(row[2])) for row in await session.execute(statement)]
        count = {name: sum(n for verdict, is_fresh, n in rows if is_fresh and verdict == name) for name in VERDICTS}
        paired_screens = sum(n for _, _, n in rows)
        return Summary(days=self._days, paired=paired_screens, tested=sum(count.values()), **count)


VERDICTS = ("good", "limited", "bad")
