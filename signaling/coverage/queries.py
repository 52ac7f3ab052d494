"""The statements behind a term: columns, not objects, because a prefecture has 15,600 classes and 40,000 teachers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Select, func, select

from signaling.coverage.models import HomeView, TrainingMark
from signaling.directory.models import Region, School, SchoolClass, Teacher, Term
from signaling.lectures.models import Lecture, LectureTarget
from signaling.live.models import Broadcast


def regions() -> Select[str, str | None, str, str, str | None]:
    """All regions in the order of the region file."""
    return select(Region.code, Region.gb2260, Region.name, Region.level, Region.parent_code).order_by(Region.sort)


def spans() -> Select[str, str, date, date]:
    """Region, code, first and last day of every term."""
    return select(Term.region_code, Term.code, Term.starts_on, Term.ends_on)


def held(since: datetime, until: datetime) -> Select[str, str, str, datetime | None]:
    """Id, title, audience and begin of the lectures that count and went on the air in a time, the earliest first."""
    return (
        select(Lecture.id, Lecture.title, Lecture.audience_kind, Broadcast.started_at)
        .join(Broadcast, Broadcast.lecture_id == Lecture.id)
        .where(Lecture.counts, Lecture.called_off_at.is_(None))
        .where(Broadcast.started_at >= since, Broadcast.started_at < until)
        .order_by(Broadcast.started_at, Lecture.id)
    )


def directory_stamp() -> list[Select[int, int | None, int | None]]:
    """What differs as soon as schools, classes or staff do: rows are never deleted, and their versions only grow."""
    closed = func.count(SchoolClass.closed_on)
    return [
        select(func.count(), func.sum(School.version), func.count(School.closed_on)).select_from(School),
        select(func.count(), func.sum(SchoolClass.version), func.sum(SchoolClass.pupils) + closed).select_from(
            SchoolClass
        ),
        select(func.count(), func.sum(Teacher.version), func.count(Teacher.left_on)).select_from(Teacher),
    ]


def schools() -> Select[str, str, str, date | None, date | None, str | None]:
    """Code, name, county unit, first day, day of closing and successor of every school, in the order of reports."""
    return (
        select(School.code, School.name, School.region_code, School.opened_on, School.closed_on, School.successor_code)
        .join(Region, Region.code == School.region_code)
        .order_by(Region.sort, School.code)
    )


def classes() -> Select[str, str, str, int, date | None]:
    """Id, name, school, size and day of closing of every class, the youngest first."""
    row = SchoolClass
    columns = (row.id, row.name, row.school_code, row.pupils, row.closed_on)
    return select(*columns).order_by(row.stage, row.entry_year.desc(), row.number)


def known_sizes(class_ids: Sequence[str]) -> Select[str, str, int]:
    """Class, lecture and size in the frozen lists in which it had one; ids of lectures are in the order of their making."""
    row = LectureTarget
    return (
        select(row.class_id, row.lecture_id, row.pupils)
        .where(row.class_id.in_(class_ids), row.pupils > 0)
        .order_by(row.lecture_id)
    )


def staff() -> Select[str, str, date | None]:
    """Id, school and last day of every teacher."""
    return select(Teacher.id, Teacher.school_code, Teacher.left_on)


def marks_made(lecture_ids: Sequence[str]) -> Select[str, int]:
    """Lecture, and number of its marks: rows are only added."""
    row = TrainingMark
    return select(row.lecture_id, func.count()).where(row.lecture_id.in_(lecture_ids)).group_by(row.lecture_id)


def marks(
    lecture_id: str, school_code: str | None = None, until: datetime | None = None
) -> Select[str, str, str, str, datetime, str, str]:
    """Id, teacher, venue, action, time, author and school of the marks of a lecture; `until` leaves out later ones."""
    row = TrainingMark
    columns = (row.id, row.teacher_id, row.class_id, row.action, row.at, row.by, row.school_code)
    statement = select(*columns).where(row.lecture_id == lecture_id)
    statement = statement if until is None else statement.where(row.at <= until)
    return statement if school_code is None else statement.where(row.school_code == school_code)


def homes(lecture_ids: Sequence[str], until: datetime | None = None) -> Select[str, str, int]:
    """Lecture, class and number of the households that watched; `until` leaves out later ones."""
    row = HomeView
    then = [] if until is None else [row.at <= until]
    return (
        select(row.lecture_id, row.class_id, func.count())
        .where(row.lecture_id.in_(lecture_ids), *then)
        .group_by(row.lecture_id, row.class_id)
    )
