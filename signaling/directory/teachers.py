"""The statements behind the lists of teachers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, true

from signaling.directory.models import Region, School, Teacher
from signaling.directory.queries import Scope, is_open, of_schools


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
        .where(*_wanted(scope, wanted))
    )
    if wanted.sort:
        return statement.order_by(*_order(wanted.sort))
    return statement.order_by(Region.sort, School.code, Teacher.staff_no)


def subjects(scope: Scope) -> Select[str]:
    """Subjects that the teachers of a scope have, in order."""
    here = of_schools(Teacher.school_code, scope)
    return select(Teacher.subject).distinct().where(*here, Teacher.subject != "").order_by(Teacher.subject)


def numbers(scope: Scope, wanted: TeacherFilter) -> Select[str, int]:
    """School, and how many of its teachers a filter leaves; without words an index knows."""
    counted = select(Teacher.school_code, func.count().label("number"))
    return counted.where(*_wanted(scope, wanted)).group_by(Teacher.school_code)


def keys(scope: Scope, wanted: TeacherFilter) -> Select[str]:
    """The ids of the teachers that a filter leaves, sorted as wanted without what need not be read for it."""
    sorted_ones = select(Teacher.id).where(*_wanted(scope, wanted)).order_by(*_order(wanted.sort))
    by_name_of_school = wanted.sort.removeprefix("-") == "school"
    return sorted_ones.join(School, School.code == Teacher.school_code) if by_name_of_school else sorted_ones


def _wanted(scope: Scope, wanted: TeacherFilter) -> Iterator[ColumnElement[bool]]:
    yield from of_schools(Teacher.school_code, scope, wanted.county, wanted.school)
    yield _in_state(wanted.state, wanted.today)
    if wanted.subject:
        yield Teacher.subject == wanted.subject
    for word in wanted.text.split():
        at_school = Teacher.school_code.in_(select(School.code).where(School.name.contains(word, autoescape=True)))
        numbered = Teacher.staff_no.startswith(word, autoescape=True)
        yield or_(Teacher.name.contains(word, autoescape=True), numbered, at_school)


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
    column = columns[sort.removeprefix("-")]
    return [column.desc() if sort.startswith("-") else column, Teacher.school_code, Teacher.staff_no]
