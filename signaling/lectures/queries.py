"""The statements behind the lectures: whom one is aimed at, which classes are expected.

An audience names nodes of prefecture -> county -> school; a node stands for everything below it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select

from signaling.auth.models import User
from signaling.directory.models import Region, School, SchoolClass, Screen
from signaling.lectures.models import Lecture, LectureAudience, LectureTarget

ClassRow = tuple[SchoolClass, School, Region, int]


def lectures() -> Select[Lecture, str]:
    """Lectures with the names of their lecturers, newest first."""
    statement = select(Lecture, User.name).join(User, User.id == Lecture.lecturer_id)
    return statement.order_by(Lecture.scheduled_at.desc(), Lecture.id.desc())


def aimed_at(node: str) -> Select[str]:
    """Ids of the lectures whose audience holds the node, something above it, or something below it."""
    own_region = select(School.region_code).where(School.code == node)
    above = select(Region.parent_code).where(or_(Region.code == node, Region.code.in_(own_region)))
    below = select(Region.code).where(Region.parent_code == node)
    schools = select(School.code).join(Region).where(or_(Region.code == node, Region.parent_code == node))
    audience = LectureAudience.node
    return select(LectureAudience.lecture_id).where(
        or_(
            audience == node,
            audience.in_(own_region),
            audience.in_(above),
            audience.in_(below),
            audience.in_(schools),
        )
    )


def expected(lecture_id: str) -> Select[SchoolClass, School, Region, int]:
    """Classes that the audience stands for today, with their pupils."""
    return _classes(SchoolClass.pupils, _below(lecture_id))


def frozen(lecture_id: str) -> Select[SchoolClass, School, Region, int]:
    """Classes that were written down at the opening, with their pupils of that day."""
    return _in_order(
        select(SchoolClass, School, Region, LectureTarget.pupils)
        .join(LectureTarget, LectureTarget.class_id == SchoolClass.id)
        .join(School, School.code == LectureTarget.school_code)
        .join(Region, Region.code == LectureTarget.region_code)
        .where(LectureTarget.lecture_id == lecture_id)
    )


def screens(lecture_id: str) -> Select[str, str, int]:
    """Class, id and number of the paired terminals of the classes in `frozen` or `expected`."""
    ids = or_(
        SchoolClass.id.in_(select(LectureTarget.class_id).where(LectureTarget.lecture_id == lecture_id)),
        _below(lecture_id),
    )
    return (
        select(Screen.class_id, Screen.id, Screen.terminal_no)
        .join(SchoolClass, SchoolClass.id == Screen.class_id)
        .join(School, School.code == SchoolClass.school_code)
        .join(Region, Region.code == School.region_code)
        .where(ids, Screen.revoked_at.is_(None), Screen.paired_at.is_not(None))
        .order_by(Screen.terminal_no)
    )


def counts(rows: Select[SchoolClass, School, Region, int]) -> Select[int, int, int]:
    """Numbers of classes, schools and pupils in `frozen` or `expected`."""
    table = rows.order_by(None).with_only_columns(
        SchoolClass.id.label("class_id"),
        School.code.label("school_code"),
        list(rows.selected_columns)[-1].label("pupils"),
    )
    part = table.subquery()
    return select(
        func.count(part.c.class_id),
        func.count(part.c.school_code.distinct()),
        func.coalesce(func.sum(part.c.pupils), 0),
    )


def _open(closed_on: Any) -> ColumnElement[bool]:
    return or_(closed_on.is_(None), closed_on > func.current_date())


def _below(lecture_id: str) -> ColumnElement[bool]:
    audience = select(LectureAudience.node).where(LectureAudience.lecture_id == lecture_id)
    return or_(School.code.in_(audience), School.region_code.in_(audience), Region.parent_code.in_(audience))


def _classes(pupils: Any, condition: ColumnElement[bool]) -> Select[SchoolClass, School, Region, int]:
    return _in_order(
        select(SchoolClass, School, Region, pupils)
        .join(School, School.code == SchoolClass.school_code)
        .join(Region, Region.code == School.region_code)
        .where(condition, _open(School.closed_on), _open(SchoolClass.closed_on))
    )


def _in_order(statement: Select[SchoolClass, School, Region, int]) -> Select[SchoolClass, School, Region, int]:
    return statement.order_by(Region.sort, School.code, SchoolClass.code)
