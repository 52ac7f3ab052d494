"""The statements behind the rosters of trainings."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ColumnElement, Select, and_, select

from signaling.auth.models import User
from signaling.coverage.models import TrainingMark
from signaling.directory.models import SchoolClass, Teacher
from signaling.directory.queries import is_open
from signaling.lectures.models import Lecture, LectureTarget
from signaling.live.models import Broadcast

LISTED = 50


def _trainings(school_code: str) -> ColumnElement[bool]:
    expected = select(LectureTarget.lecture_id).where(LectureTarget.school_code == school_code)
    return and_(
        Lecture.audience_kind == "teachers",
        Lecture.counts,
        Lecture.called_off_at.is_(None),
        Broadcast.started_at.is_not(None),
        Lecture.id.in_(expected),
    )


def trainings(school_code: str) -> Select[str, str, datetime | None, datetime | None]:
    """Id, title, begin and end of the trainings that began and expected a school, the latest first, at most 50."""
    return (
        select(Lecture.id, Lecture.title, Broadcast.started_at, Broadcast.ended_at)
        .join(Broadcast, Broadcast.lecture_id == Lecture.id)
        .where(_trainings(school_code))
        .order_by(Broadcast.started_at.desc(), Lecture.id)
        .limit(LISTED)
    )


def training(school_code: str, lecture_id: str) -> Select[str, str, datetime | None, datetime | None]:
    """One of them."""
    return trainings(school_code).where(Lecture.id == lecture_id)


def rooms(school_code: str, lecture_id: str) -> Select[str, str]:
    """Id and name of the classes of a school that a lecture expected: the rooms in which it can be seen."""
    return (
        select(SchoolClass.id, SchoolClass.name)
        .join(LectureTarget, LectureTarget.class_id == SchoolClass.id)
        .where(LectureTarget.lecture_id == lecture_id, LectureTarget.school_code == school_code)
        .order_by(SchoolClass.stage, SchoolClass.entry_year.desc(), SchoolClass.number)
    )


def roster(school_code: str, day: date) -> Select[str, str, str, str]:
    """Id, number, name and subject of the staff of a school on a day."""
    return (
        select(Teacher.id, Teacher.staff_no, Teacher.name, Teacher.subject)
        .where(Teacher.school_code == school_code, is_open(Teacher.left_on, day))
        .order_by(Teacher.staff_no)
    )


def authors(lecture_id: str, school_code: str) -> Select[str, str]:
    """Id and name of the people who ticked at a training of a school."""
    ids = select(TrainingMark.by).where(TrainingMark.lecture_id == lecture_id, TrainingMark.school_code == school_code)
    return select(User.id, User.name).where(User.id.in_(ids))


def showing(class_id: str) -> Select[str, str, datetime, int, datetime | None, str]:
    """Trainings that expect a class: id, title, planned begin, minutes, end and school, the latest planned first."""
    return (
        select(
            Lecture.id,
            Lecture.title,
            Lecture.scheduled_at,
            Lecture.minutes,
            Broadcast.ended_at,
            LectureTarget.school_code,
        )
        .join(LectureTarget, LectureTarget.lecture_id == Lecture.id)
        .join(Broadcast, Broadcast.lecture_id == Lecture.id)
        .where(LectureTarget.class_id == class_id, Lecture.audience_kind == "teachers", Lecture.counts)
        .where(Lecture.called_off_at.is_(None))
        .order_by(Lecture.scheduled_at.desc())
        .limit(4)
    )


def venue(lecture_id: str, class_id: str) -> Select[str, str, str]:
    """Title of a lecture, name and school of a class that it expected."""
    return (
        select(Lecture.title, SchoolClass.name, LectureTarget.school_code)
        .join(LectureTarget, LectureTarget.lecture_id == Lecture.id)
        .join(SchoolClass, SchoolClass.id == LectureTarget.class_id)
        .where(Lecture.id == lecture_id, SchoolClass.id == class_id)
    )
