"""The statements behind the lists of teachers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, true

from signaling.directory.models import Region, School, Teacher
from signaling.directory.queries import Scope, covered, is_open


@dataclass(frozen=True, slots=True)
class TeacherFilter:
    """What narrows a list of teachers; `state` is here, left or all as of `today`."""

    county: str = ""
    school: str = ""
    subject: str = ""
    text: str = ""
    state: str = "all"
    sort: str = ""
    today: date = date.max


@dataclass(frozen=True, slots=True)
class ListedTeacher:
    """A teacher in a list, and where they teach."""

    teacher: Teacher
    school: School
    county: Region


def teachers(scope: Scope, wanted: TeacherFilter) -> Select[Teacher, School, Region]:
    """Teachers with their schools and county units, in the order of reports or as wanted."""
    statement = (
        select(Teacher, School, Region)
        .join(School, School.code == Teacher.school_code)
        .join(Region, Region.code == School.region_code)
        .where(covered(scope), _in_state(wanted.state, wanted.today))
    )
    equal = ((School.region_code, wanted.county), (School.code, wanted.school), (Teacher.subject, wanted.subject))
    statement = statement.where(*(column == value for column, value in equal if value))
    for word in wanted.text.split():
        named = (column.contains(word, autoescape=True) for column in (Teacher.name, School.name))
        statement = statement.where(or_(*named, Teacher.staff_no.startswith(word, autoescape=True)))
    return statement.order_by(*_order(wanted.sort))


def by_school(scope: Scope, wanted: TeacherFilter) -> Select[str, int]:
    """School, and how many of its teachers a filter without words leaves, in the order of reports: an index has the numbers."""
    here = select(Teacher.school_code, func.count().label("number")).where(_in_state(wanted.state, wanted.today))
    if wanted.subject:
        here = here.where(Teacher.subject == wanted.subject)
    part = here.group_by(Teacher.school_code).subquery()
    equal = ((School.region_code, wanted.county), (School.code, wanted.school))
    return (
        select(School.code, part.c.number)
        .join(part, part.c.school_code == School.code)
        .join(Region, Region.code == School.region_code)
        .where(covered(scope), *(column == value for column, value in equal if value))
        .order_by(Region.sort, School.code)
    )


def window(numbers: Iterable[tuple[str, int]], limit: int, offset: int) -> tuple[list[str], int]:
    """Return the schools in which a page lies, and how many rows of the first one lie before it."""
    codes: list[str] = []
    before = skipped = 0
    for code, number in numbers:
        if before < offset + limit and before + number > offset:
            skipped = skipped if codes else offset - before
            codes.append(code)
        before += number
    return codes, skipped


def _in_state(state: str, today: date) -> ColumnElement[bool]:
    if state == "all":
        return true()
    here = is_open(Teacher.left_on, today)
    return here if state == "here" else ~here


def _order(sort: str) -> list[Any]:
    columns: dict[str, Any] = {
        "name": Teacher.name,
        "staff_no": Teacher.staff_no,
        "subject": Teacher.subject,
        "school": School.name,
    }
    column = columns.get(sort.removeprefix("-"))
    if column is None:
        return [Region.sort, School.code, Teacher.staff_no]
    return [column.desc() if sort.startswith("-") else column, School.code, Teacher.staff_no]
