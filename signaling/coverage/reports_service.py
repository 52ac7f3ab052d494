"""What exports 06 and 07 list, read anew for the schools that they are for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Protocol

from sqlalchemy import Select, select

from signaling.coverage import queries
from signaling.coverage.counting import SchoolCoverage
from signaling.coverage.obligations import Kind
from signaling.coverage.results import CREDITED, Results
from signaling.coverage.tables import Met, Staffed
from signaling.coverage.term import CountedTerm
from signaling.coverage.training import NOTHING
from signaling.db.engine import Database
from signaling.directory.models import Teacher
from signaling.directory.queries import Scope, is_open

MEETING, HOME = "家长会", "线上"


class Suspicion(Protocol):
    """So many households came from one address within so many seconds (`signaling.home.doorman`)."""

    @property
    def households(self) -> int: ...
    @property
    def seconds(self) -> int: ...


Suspicions = Callable[[Sequence[str], datetime], Awaitable[Mapping[tuple[str, str], Suspicion]]]
"""The classes (lecture, class) whose households at home want a look, by what was known at a time."""


async def _none(lecture_ids: Sequence[str], until: datetime) -> Mapping[tuple[str, str], Suspicion]:
    return {}


class ReportsService:
    """The door for exports; `today` tells the local day, `zone` is that of the schools."""

    def __init__(self, db: Database, results: Results, today: Callable[[], date], zone: tzinfo) -> None:
        self._db = db
        self._results = results
        self._today = today
        self._zone = zone
        self.suspicions: Suspicions = _none

    async def staffed(self, counted: CountedTerm, scope: Scope) -> list[Staffed]:
        """Return the staff of the schools, with each training of theirs, or once without any."""
        schools = {one.place.code: one for one in counted.seen(scope)}
        titles = {held.lecture_id: title for held, title in counted.lectures if held.kind is Kind.TEACHERS}
        day = self._today() if counted.until is None else counted.until.astimezone(self._zone).date()
        async with self._db.reading() as session:
            staff = (await session.execute(_staff(scope, day))).all()
            rooms = {row[0]: row[1] for row in await session.execute(queries.classes())}
        place = {code: number for number, code in enumerate(schools)}
        rows = []
        for teacher, school, number, name in sorted(staff, key=lambda row: (place.get(row[1], len(place)), row[2])):
            if school not in schools:
                continue
            named = school, schools[school].place.name, name, number
            had = [
                Staffed(*named, title, rooms.get(credit.class_id, ""), credit)
                for lecture, title in titles.items()
                if (credit := counted.credits.get(lecture, {}).get(teacher)) is not None
            ]
            rows += had or [Staffed(*named, "", "", NOTHING)]
        return rows

    async def met(self, counted: CountedTerm, scope: Scope) -> list[Met]:
        """Return the households that parents' lectures reached, by class: at the meeting, and at home where somebody was."""
        titles = {held.lecture_id: title for held, title in counted.lectures if held.kind is Kind.PARENTS}
        schools = {one.place.code: one for one in counted.seen(scope)}
        results = await self._results.decisions(list(titles), scope, counted.until)
        async with self._db.reading() as session:
            rows_of_homes = await session.execute(queries.homes(list(titles), counted.until))
            homes = {(one, made): number for one, made, number in rows_of_homes}
        wanting = await self.suspicions(list(titles), counted.as_of)
        order = {code: number for number, code in enumerate(schools)}
        rows = []
        for school in sorted(results, key=lambda one: (order.get(one.school_code, len(order)), one.lecture_id)):
            known = schools.get(school.school_code)
            if known is None:
                continue
            names = _names(known)
            for row in school.classes:
                told = school.school_code, known.place.name, names.get(row.class_id, ""), titles[school.lecture_id]
                met = row.present or 0 if row.result in CREDITED else 0
                rows.append(Met(*told, MEETING, min(met, row.expected), row.expected))
                place = school.lecture_id, row.class_id
                if (home := homes.get(place, 0)) or place in wanting:
                    note = _note(home, row.expected, wanting.get(place))
                    rows.append(Met(*told, HOME, min(home, row.expected), row.expected, note))
        return rows


def _note(home: int, pupils: int, suspicion: Suspicion | None) -> str:
    """Return what stands beside households at home: that they were more than pupils, and what wants a look."""
    notes = [f"收看{home}户，按学生数计"] if home > pupils else []
    if suspicion is not None:
        notes.append(f"待核：同一网络地址{suspicion.seconds}秒内新增{suspicion.households}户")
    return "；".join(notes)


def _names(school: SchoolCoverage) -> Mapping[str, str]:
    return {one.class_id: one.name for one in school.classes}


def _staff(scope: Scope, day: date) -> Select[str, str, str, str]:
    """Id, school, number and name of the staff that a scope covers as far as one school goes."""
    statement = select(Teacher.id, Teacher.school_code, Teacher.staff_no, Teacher.name).where(
        is_open(Teacher.left_on, day)
    )
    return statement if scope.school is None else statement.where(Teacher.school_code == scope.school)
