"""Asks the rules again and again, and writes what they want.

1. **It never holds up the loop**: some bounded statements a round, whatever the number of lectures; nothing is written when nothing changed.
2. What is to be written is worked out again inside the transaction that writes it, so that two nodes raise one alarm.
3. **An alarm and its notices are written together**: there is no alarm whose notice a crash has swallowed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from config.settings import AlertsSettings
from signaling.alerts import queries, rules
from signaling.alerts.models import Alert, AlertStep
from signaling.alerts.outbox_service import News, Outbox
from signaling.alerts.rules import Changes, Facts, Key, Known, LectureFacts, Limits, Schools
from signaling.db.base import utc_now, uuid7
from signaling.db.engine import Database
from signaling.directory.models import Region

log = structlog.get_logger(__name__)
LONGEST: Final = timedelta(hours=12)
"""How long after its planned start a lecture is still looked at."""


class WatchService:
    """The round of the rules. `state_of`, `has_studio`, `disk`, `uploads_failed`, `ledger` and `damaged` are set by the composition root."""

    state_of: Callable[[str], str] = staticmethod(lambda lecture_id: "scheduled")
    has_studio: Callable[[str], bool] = staticmethod(lambda lecture_id: False)
    disk: Callable[[], str] = staticmethod(lambda: "ok")
    uploads_failed: Callable[[], int] = staticmethod(lambda: 0)
    ledger: Callable[[], str] = staticmethod(lambda: "ok")
    damaged: Callable[[], bool] = staticmethod(lambda: False)

    def __init__(
        self,
        db: Database,
        settings: AlertsSettings,
        outbox: Outbox,
        today: Callable[[], date],
        *,
        server: str = "",
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._outbox = outbox
        self._today = today
        self._server = server[:36]
        self._clock = clock
        self._fresh = timedelta(seconds=settings.screen_seconds)
        self.limits = Limits(
            duty=timedelta(minutes=settings.duty_minutes),
            approval=timedelta(hours=settings.approval_hours),
            studio=timedelta(minutes=settings.studio_minutes),
            screens=timedelta(minutes=settings.screens_minutes),
            escalate=timedelta(minutes=settings.escalate_minutes),
        )

    async def round(self) -> Changes:
        """Ask the rules once; return what was written."""
        now = self._clock()
        async with self._db.reading() as session:
            facts = await self._facts(session, now)
            if facts is None:
                return Changes()
            known = await self._known(session, facts)
        if not rules.changes(now, facts, self.limits, known):
            return Changes()
        async with self._db.writing() as session:
            changes = rules.changes(now, facts, self.limits, await self._known(session, facts))
            await self._write(session, now, facts, changes)
        log.info("- alarms", raised=len(changes.raised), cleared=len(changes.cleared), escalated=len(changes.escalated))
        return changes

    async def _facts(self, session: AsyncSession, now: datetime) -> Facts | None:
        prefecture = await session.scalar(select(Region.code).where(Region.level == rules.PREFECTURE))
        if prefecture is None:
            return None
        ahead = max(self.limits.duty, self.limits.approval, self.limits.studio, self.limits.screens)
        found = (await session.execute(queries.near(now - LONGEST, now + ahead))).all()
        lectures = []
        for lecture_id, starts_at, minutes, approved_at, on_duty in found:
            state, studio = self.state_of(lecture_id), self.has_studio(lecture_id)
            lecture = LectureFacts(lecture_id, starts_at, minutes, approved_at is not None, state, on_duty, studio)
            if rules.looks_for_screens(lecture, now, self.limits):
                lecture = await self._with_schools(session, lecture, now)
            lectures.append(lecture)
        about = self.disk(), self.uploads_failed(), self.ledger(), self.damaged()
        return Facts(prefecture, lectures, self._server, *about)

    async def _with_schools(self, session: AsyncSession, lecture: LectureFacts, now: datetime) -> LectureFacts:
        frozen = bool(await session.scalar(queries.is_frozen(lecture.id)))
        expected: dict[str, int] = {}
        absent = {}
        since = now - self._fresh
        rows = await session.execute(queries.there(lecture.id, self._today(), since, frozen=frozen))
        for school, county, seen in rows:
            expected[county] = expected.get(county, 0) + 1
            if not seen:
                absent[school] = county
        schools = Schools(expected, absent)
        state = lecture.state, lecture.on_duty, lecture.studio
        return LectureFacts(lecture.id, lecture.starts_at, lecture.minutes, lecture.approved, *state, schools)

    async def _known(self, session: AsyncSession, facts: Facts) -> list[Known]:
        subjects = [lecture.id for lecture in facts.lectures] + [facts.server]
        looked = [lecture.id for lecture in facts.lectures if lecture.schools is not None]
        return [
            Known(
                row.id,
                Key(row.rule, row.subject, row.node),
                row.occasion,
                row.level,
                row.county,
                row.starts_at,
                row.number,
                row.opened_at,
                row.cleared_at is None,
                row.acknowledged_at is not None,
                row.escalated_at is not None,
            )
            for row in await session.execute(queries.known(subjects, looked))
        ]

    async def _write(self, session: AsyncSession, now: datetime, facts: Facts, changes: Changes) -> None:
        steps: list[dict[str, object]] = []
        news: list[News] = []
        raised = [_row(key, occasion, wanted, now) for key, occasion, wanted in changes.raised]
        if raised:
            await session.execute(insert(Alert), raised)
        for row in raised:
            steps.append(_step(str(row["id"]), "opened", now))
            news.append(_news(row, "opened", str(row["node"])))
        for one, why in changes.cleared:
            steps.append(_step(one.id, "cleared", now, why))
        for one, node in changes.escalated:
            steps.append(_step(one.id, "escalated", now, node))
        news += _escalations(changes, facts)
        await self._update(session, now, changes)
        if steps:
            await session.execute(insert(AlertStep), steps)
        if news:
            await self._outbox.add(session, news, now)

    async def _update(self, session: AsyncSession, now: datetime, changes: Changes) -> None:
        for why in {why for _, why in changes.cleared}:
            ids = [one.id for one, reason in changes.cleared if reason == why]
            await _each(session, ids, {"cleared_at": now, "cleared_because": why})
        for node in {node for _, node in changes.escalated}:
            ids = [one.id for one, to in changes.escalated if to == node]
            await _each(session, ids, {"escalated_at": now, "escalated_to": node})
        for one, count in changes.counted:
            await _each(session, [one.id], {"count": count})


async def _each(session: AsyncSession, ids: Sequence[str], values: dict[str, object]) -> None:
    for begin in range(0, len(ids), 500):
        part = ids[begin : begin + 500]
        await session.execute(update(Alert).where(Alert.id.in_(part)).values(values))


def _row(key: Key, occasion: int, wanted: rules.Wanted, now: datetime) -> dict[str, object]:
    lecture = wanted.lecture
    return {
        "id": uuid7(),
        "rule": str(key.rule),
        "subject": key.subject,
        "lecture_id": None if lecture is None else lecture.id,
        "node": key.node,
        "level": wanted.level,
        "county": wanted.county,
        "occasion": occasion,
        "starts_at": None if lecture is None else lecture.starts_at,
        "count": wanted.count,
        "expected": wanted.expected,
        "opened_at": now,
    }


def _step(alert_id: str, kind: str, now: datetime, note: str = "") -> dict[str, object]:
    return {"id": uuid7(), "alert_id": alert_id, "kind": kind, "at": now, "actor": "system", "note": note}


def _news(row: dict[str, object], event: str, node: str) -> News:
    count, expected, occasion = (int(str(row[name])) for name in ("count", "expected", "occasion"))
    lecture = row["lecture_id"]
    return News(event, str(row["rule"]), str(row["subject"]), node, occasion, lecture is not None, count, expected)


def _escalations(changes: Changes, facts: Facts) -> list[News]:
    """Return what the levels above are told: one message for all schools of a lecture."""
    lectures = {lecture.id for lecture in facts.lectures}
    groups: dict[tuple[str, str, str, int], int] = defaultdict(int)
    for one, node in changes.escalated:
        number = 1 if one.level == rules.SCHOOL else one.count
        groups[one.key.rule, one.key.subject, node, one.occasion] += number
    return [
        News("escalated", rule, subject, node, occasion, subject in lectures, number, 0)
        for (rule, subject, node, occasion), number in groups.items()
    ]
