"""Keeps the staff of schools: names under the numbers that schools gave. Every change is audited in its own transaction.

**The audit log tells that a name was changed, not the names**: it is kept longer than the people stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from signaling.api import etags
from signaling.api.problems import Problem, not_found
from signaling.auth.trail import entry
from signaling.db.base import utc_now
from signaling.db.editing import editing
from signaling.db.engine import Database
from signaling.directory import teachers
from signaling.directory.lifecycle import is_closed, wrong
from signaling.directory.models import School, Teacher
from signaling.directory.pages_service import page_by_key, page_by_school
from signaling.directory.queries import Scope
from signaling.directory.teachers import ListedTeacher, TeacherFilter


class TeachersService:
    """The door to the staff; `today` tells the local day."""

    def __init__(self, db: Database, today: Callable[[], date], clock: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._today = today
        self._clock = clock

    async def teachers(
        self, scope: Scope, wanted: TeacherFilter, limit: int, offset: int = 0
    ) -> tuple[list[ListedTeacher], int]:
        """Return a page of the teachers that the scope covers and the filter leaves, and how many there are in all."""
        statement = teachers.teachers(scope, wanted)
        async with self._db.reading() as session:
            if wanted.sort:
                keys = teachers.keys(scope, wanted)
                rows, total = await page_by_key(session, keys, statement, Teacher.id, limit, offset)
            else:
                numbers = teachers.numbers(scope, wanted)
                rows, total = await page_by_school(session, numbers, statement, limit, offset)
        return [ListedTeacher(*row) for row in rows], total

    async def subjects(self, scope: Scope, limit: int) -> list[str]:
        """Return the subjects that the teachers of a scope have."""
        async with self._db.reading() as session:
            return list(await session.scalars(teachers.subjects(scope).limit(limit)))

    async def teacher(self, scope: Scope, teacher_id: str) -> ListedTeacher | None:
        """Return a teacher; None when there is none, or the scope does not cover their school."""
        statement = teachers.teachers(scope, TeacherFilter()).where(Teacher.id == teacher_id)
        async with self._db.reading() as session:
            row = (await session.execute(statement)).one_or_none()
        return None if row is None else ListedTeacher(*row)

    async def add(self, school_code: str, values: Mapping[str, Any], actor: str) -> Teacher:
        """Add a teacher; raise 409 `school_closed` or `staff_no_taken`."""
        async with editing(self._db) as session:
            school = await session.get(School, school_code)
            if school is None:
                raise not_found("school")
            if is_closed(school, self._today()):
                raise Problem(409, "school_closed", "the school is closed")
            await _refuse_taken(session, school_code, values["staff_no"])
            made = Teacher(school_code=school_code, **values)
            session.add(made)
            await session.flush()
            session.add(entry(self._clock(), actor, "teacher.added", made.id, {"school": school_code}))
        return made

    async def change(self, teacher_id: str, version: int, values: Mapping[str, Any], actor: str) -> None:
        """Correct a teacher of this version; raise 412, or 409 `staff_no_taken`."""
        async with editing(self._db) as session:
            made = await _at_version(session, teacher_id, version)
            different = {name: value for name, value in values.items() if getattr(made, name) != value}
            if "staff_no" in different:
                await _refuse_taken(session, made.school_code, different["staff_no"])
            for name, value in different.items():
                setattr(made, name, value)
            if different:
                detail = {"school": made.school_code, "fields": sorted(different)}
                session.add(entry(self._clock(), actor, "teacher.changed", teacher_id, detail))

    async def leave(self, teacher_id: str, version: int, on: date, actor: str) -> None:
        """Write down from which day a teacher is not at the school any more; raise 409 `teacher_left`, 422 `before_joining`."""
        async with editing(self._db) as session:
            made = await _at_version(session, teacher_id, version)
            if made.left_on is not None:
                raise Problem(409, "teacher_left", "the teacher has left already")
            if made.joined_on is not None and on < made.joined_on:
                raise Problem(422, "before_joining", "the teacher came later", errors=[wrong("on")])
            made.left_on = on
            session.add(entry(self._clock(), actor, "teacher.left", teacher_id, _day(made, on)))

    async def come_back(self, teacher_id: str, version: int, on: date, actor: str) -> None:
        """Write down from which day a teacher is back; raise 409 `teacher_here` or `school_closed`, 422 `before_leaving`."""
        async with editing(self._db) as session:
            made = await _at_version(session, teacher_id, version)
            if made.left_on is None:
                raise Problem(409, "teacher_here", "the teacher has not left")
            if on < made.left_on:
                raise Problem(422, "before_leaving", "the teacher left later", errors=[wrong("on")])
            if is_closed(await session.get_one(School, made.school_code), self._today()):
                raise Problem(409, "school_closed", "the school is closed")
            made.left_on, made.joined_on = None, on
            session.add(entry(self._clock(), actor, "teacher.returned", teacher_id, _day(made, on)))


def _day(made: Teacher, on: date) -> dict[str, Any]:
    return {"school": made.school_code, "on": on.isoformat()}


async def _at_version(session: AsyncSession, teacher_id: str, version: int) -> Teacher:
    made = await session.get(Teacher, teacher_id, with_for_update=True)
    if made is None:
        raise not_found("teacher")
    if made.version != version:
        raise etags.changed_meanwhile(made.version)
    return made


async def _refuse_taken(session: AsyncSession, school_code: str, staff_no: str) -> None:
    used = select(Teacher.id).where(Teacher.school_code == school_code, Teacher.staff_no == staff_no)
    if await session.scalar(used) is not None:
        raise Problem(409, "staff_no_taken", "somebody at the school has this number", errors=[wrong("staff_no")])
