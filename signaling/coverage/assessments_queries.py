"""The statements behind assessments. A class is asked for by its id: a school that got another code keeps what it entered."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Select, func, select

from signaling.auth.models import User
from signaling.coverage.assessments_models import AssessmentEntry
from signaling.directory.models import SchoolClass


def number(first: date, last: date) -> Select[int]:
    """How many entries there are for some days: rows are only added."""
    return select(func.count()).where(AssessmentEntry.day.between(first, last))


def entries(first: date, last: date, until: datetime | None = None) -> Select[str, str, date, int, int, int | None]:
    """Class, kind, day, revision, size and number of the entries for some days; `until` leaves out what was entered later."""
    row = AssessmentEntry
    columns = (row.class_id, row.kind, row.day, row.revision, row.size, row.took_part)
    statement = select(*columns).where(row.day.between(first, last))
    return statement if until is None else statement.where(row.at <= until)


def of_school(school_code: str, first: date, last: date) -> Select[AssessmentEntry, str]:
    """The entries of a school for some days, each with the name of its author, the earliest first."""
    row = AssessmentEntry
    mine = select(SchoolClass.id).where(SchoolClass.school_code == school_code)
    return (
        select(row, func.coalesce(User.name, row.by))
        .outerjoin(User, User.id == row.by)
        .where(row.class_id.in_(mine), row.day.between(first, last))
        .order_by(row.day, row.kind, row.revision, row.class_id)
    )


def classes(school_code: str) -> Select[str, str, int, date | None]:
    """Id, name, size and day of closing of a school's classes, the youngest first."""
    row = SchoolClass
    return (
        select(row.id, row.name, row.pupils, row.closed_on)
        .where(row.school_code == school_code)
        .order_by(row.stage, row.entry_year.desc(), row.number)
    )
