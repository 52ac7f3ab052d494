"""Calendars of schools behind secret links. A calendar program cannot log in: who has the link reads.

1. **The secret is derived from the server's key, the school's code and a number**; a renewal counts the number, and the old link is dead.
2. A wrong secret is the same as a school that is nowhere.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Select, exists, or_, select

from config.settings import LecturesSettings
from signaling.auth.models import User
from signaling.auth.trail import entry
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.models import School, SchoolAlias, SchoolClass
from signaling.lectures import queries
from signaling.lectures.calendar import Entry, Office, calendar
from signaling.lectures.models import CalendarLink, Lecture, LectureFilter

PREFIX: Final = "jtc_"
"""Begins the secret, so that a log hides it as it hides every token of ours."""

MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Link:
    """Where a school's calendar is; `renewed_at` is None for its first link."""

    path: str
    number: int
    renewed_at: datetime | None


class CalendarService:
    """The door to calendars; `key` is for their secrets alone."""

    def __init__(
        self, db: Database, settings: LecturesSettings, key: bytes, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._db = db
        self._settings = settings
        self._key = key
        self._clock = clock

    async def link(self, school_code: str) -> Link:
        """Return the link of a school that exists."""
        async with self._db.reading() as session:
            row = await session.get(CalendarLink, school_code)
        number = 1 if row is None else row.number
        return Link(self._path(school_code, number), number, None if row is None else row.renewed_at)

    async def renew(self, school_code: str, actor: str) -> Link:
        """Make the link of a school worthless and return a new one."""
        now = self._clock()
        async with self._db.writing() as session:
            row = await session.get(CalendarLink, school_code, with_for_update=True)
            if row is None:
                row = CalendarLink(school_code=school_code, number=1)
                session.add(row)
            row.number, row.renewed_at = row.number + 1, now
            session.add(entry(now, actor, "calendar.renewed", school_code))
            number = row.number
        return Link(self._path(school_code, number), number, now)

    async def feed(self, school_code: str, secret: str) -> bytes | None:
        """Return a school's calendar; None for a wrong secret. A former code of a school goes on to work."""
        link = await self.link(school_code)
        if not hmac.compare_digest(self._secret(school_code, link.number).encode(), secret.encode()):
            return None
        async with self._db.reading() as session:
            school = await session.scalar(_school(school_code))
            if school is None:
                return None
            now, of = self._clock(), self._settings
            since, until = now - timedelta(days=of.calendar_days_back), now + timedelta(days=of.calendar_days_ahead)
            rows = (await session.execute(_lectures(school).where(*queries.within(since, until)).limit(MOST))).all()
        entries = [_entry(lecture, lecturer) for lecture, lecturer in rows]
        return calendar(f"{school.name} 讲座", entries, Office(of.office_name, of.office_mail))

    def _path(self, school_code: str, number: int) -> str:
        return f"/calendar/{school_code}/{self._secret(school_code, number)}.ics"

    def _secret(self, school_code: str, number: int) -> str:
        told = hmac.digest(self._key, f"{school_code}:{number}".encode(), "sha256")
        return PREFIX + base64.urlsafe_b64encode(told[:24]).decode()


def _school(code: str) -> Select[School]:
    today = select(SchoolAlias.school_code).where(SchoolAlias.code == code)
    named = select(School).where(or_(School.code.in_(today), School.code == code))
    return named.order_by(School.code == code).limit(1)  # what an older code stands for comes first


def _lectures(school: School) -> Select[Lecture, str]:
    """Lectures for a school or some of its classes that were approved once, whatever became of them, the earliest first."""
    of_stage = select(LectureFilter.value).where(LectureFilter.lecture_id == Lecture.id, LectureFilter.field == "stage")
    there = exists().where(SchoolClass.school_code == school.code, SchoolClass.stage.in_(of_stage))
    statement = select(Lecture, User.name).join(User, User.id == Lecture.lecturer_id)
    return statement.where(
        Lecture.id.in_(queries.aimed_at(school.code)),
        Lecture.announced != "",
        queries.leaves("kind", school.kind),
        or_(~of_stage.exists(), there),
    ).order_by(Lecture.scheduled_at, Lecture.id)


def _entry(lecture: Lecture, lecturer: str) -> Entry:
    times = (lecture.changed_at, lecture.approved_at, lecture.called_off_at)
    approved = lecture.approved_at is not None
    return Entry(
        lecture.id,
        lecture.announced,
        lecture.topic if approved else "",
        lecturer if approved else "",
        lecture.scheduled_at,
        lecture.minutes,
        lecture.sequence,
        max(at for at in times if at is not None),
        lecture.called_off_at is not None,
        lecture.called_off_reason,
        withdrawn=not approved,
    )
