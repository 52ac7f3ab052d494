"""The statements behind the lectures: whom one is aimed at, which classes are expected.

An audience names nodes of prefecture -> county -> school; a node stands for everything below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Insert, Select, and_, case, func, insert, literal, or_, select

from signaling.auth.models import User
from signaling.directory.models import Region, School, SchoolClass, Screen
from signaling.directory.queries import Scope, is_open
from signaling.lectures.models import Lecture, LectureAudience, LectureFilter, LectureTarget
from signaling.live.models import Broadcast
from signaling.live.states import RUNNING


def lectures() -> Select[Lecture, str]:
    """Lectures with the names of their lecturers, newest first."""
    statement = select(Lecture, User.name).join(User, User.id == Lecture.lecturer_id)
    return statement.order_by(Lecture.scheduled_at.desc(), Lecture.id.desc())


@dataclass(frozen=True, slots=True)
class LectureFilters:
    """What narrows a list of lectures; `node` leaves approved ones that concern it, `text` are words of the title."""

    lecture_id: str | None = None
    lecturer_id: str | None = None
    by: str | None = None  # a lecturer whom the caller asks for
    node: str | None = None
    review: str | None = None
    topic: str | None = None
    called_off: bool | None = None
    oldest_first: bool = False
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""


def narrowed(wanted: LectureFilters) -> Select[Lecture, str]:
    """Lectures that the filters leave."""
    statement = lectures()
    if wanted.oldest_first:
        statement = statement.order_by(None).order_by(Lecture.scheduled_at, Lecture.id)
    equal = (
        (Lecture.id, wanted.lecture_id),
        (Lecture.lecturer_id, wanted.lecturer_id),
        (Lecture.lecturer_id, wanted.by),
        (Lecture.review, wanted.review),
        (Lecture.topic, wanted.topic),
        (Lecture.called_off_at.is_not(None), wanted.called_off),
    )
    statement = statement.where(*(column == value for column, value in equal if value is not None))
    if wanted.node is not None:
        statement = statement.where(Lecture.id.in_(aimed_at(wanted.node)), Lecture.approved_at.is_not(None))
    statement = statement.where(*within(wanted.since, wanted.until))
    for word in wanted.text.split():
        statement = statement.where(
            or_(Lecture.title.contains(word, autoescape=True), User.name.contains(word, autoescape=True))
        )
    return statement


def within(since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    """Planned from one time on and before another."""
    bounds = [] if since is None else [Lecture.scheduled_at >= since]
    return bounds if until is None else [*bounds, Lecture.scheduled_at < until]


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


def audience(lecture_id: str) -> Select[str, str, str, str]:
    """The nodes that a lecture is aimed at: code, name, level, and the node above; a code that names nothing stands for itself."""
    node = LectureAudience.node
    level = func.coalesce(Region.level, case((School.code.is_not(None), "school")))
    return (
        select(
            node,
            func.coalesce(Region.name, School.name, node),
            level,
            func.coalesce(Region.parent_code, School.region_code),
        )
        .outerjoin(Region, Region.code == node)
        .outerjoin(School, School.code == node)
        .where(LectureAudience.lecture_id == lecture_id)
        .order_by(node)
    )


def expected(lecture_id: str, today: date) -> Select[SchoolClass, School, Region, int]:
    """Classes that the audience stands for today, with their pupils."""
    return _classes(SchoolClass.pupils, _below(lecture_id), today)


def frozen(lecture_id: str) -> Select[SchoolClass, School, Region, int]:
    """Classes that were written down at the opening, with their pupils of that day."""
    return _in_order(
        select(SchoolClass, School, Region, LectureTarget.pupils)
        .join(LectureTarget, LectureTarget.class_id == SchoolClass.id)
        .join(School, School.code == LectureTarget.school_code)
        .join(Region, Region.code == LectureTarget.region_code)
        .where(LectureTarget.lecture_id == lecture_id)
    )


def expected_in(lecture_id: str, scope: Scope) -> Select[str, str, str, str, str, int]:
    """Class, code and name of school and county unit, and pupils of that day, of the classes that a scope covers."""
    statement = (
        select(LectureTarget.class_id, School.code, School.name, Region.code, Region.name, LectureTarget.pupils)
        .join(School, School.code == LectureTarget.school_code)
        .join(Region, Region.code == LectureTarget.region_code)
        .where(LectureTarget.lecture_id == lecture_id)
        .order_by(Region.sort, School.code)
    )
    if scope.school is not None:
        return statement.where(LectureTarget.school_code == scope.school)
    return statement if scope.regions is None else statement.where(LectureTarget.region_code.in_(scope.regions))


def sizes(lecture_id: str) -> Select[str, int]:
    """Ids and pupils of the classes that were written down at the opening."""
    return select(LectureTarget.class_id, LectureTarget.pupils).where(LectureTarget.lecture_id == lecture_id)


def screens_of_kinds(lecture_id: str, kinds: Sequence[str]) -> Select[str]:
    """Ids of the terminals of expected classes whose school or stage is of one of these kinds."""
    return (
        select(Screen.id)
        .join(LectureTarget, LectureTarget.class_id == Screen.class_id)
        .join(SchoolClass, SchoolClass.id == Screen.class_id)
        .join(School, School.code == SchoolClass.school_code)
        .where(LectureTarget.lecture_id == lecture_id, or_(School.kind.in_(kinds), SchoolClass.stage.in_(kinds)))
    )


def write_down(lecture_id: str, today: date) -> Insert:
    """Copies what is expected today into what was written down."""
    columns = literal(lecture_id), SchoolClass.id, School.code, School.region_code, SchoolClass.pupils
    rows = expected(lecture_id, today).order_by(None).with_only_columns(*columns)
    target = LectureTarget
    return insert(target).from_select(
        [target.lecture_id, target.class_id, target.school_code, target.region_code, target.pupils], rows
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


def _below(lecture_id: str) -> ColumnElement[bool]:
    audience = select(LectureAudience.node).where(LectureAudience.lecture_id == lecture_id)
    under = or_(School.code.in_(audience), School.region_code.in_(audience), Region.parent_code.in_(audience))
    narrowed = (
        or_(~values.exists(), column.in_(values))
        for values, column in (
            (_filter(lecture_id, "kind"), School.kind),
            (_filter(lecture_id, "stage"), SchoolClass.stage),
        )
    )
    return and_(under, *narrowed)


def _filter(lecture_id: str, field: str) -> Select[str]:
    return select(LectureFilter.value).where(LectureFilter.lecture_id == lecture_id, LectureFilter.field == field)


def planned(
    audience: Sequence[str], kinds: Sequence[str], stages: Sequence[str], today: date
) -> Select[SchoolClass, School, Region, int]:
    """Classes that a plan which is not stored yet stands for today."""
    under = or_(School.code.in_(audience), School.region_code.in_(audience), Region.parent_code.in_(audience))
    narrowed = [column.in_(values) for column, values in ((School.kind, kinds), (SchoolClass.stage, stages)) if values]
    return _classes(SchoolClass.pupils, and_(under, *narrowed), today)


def of_class(class_id: str, school_code: str, kind: str, stage: str) -> Select[Any]:
    """Approved lectures for a class, called off or not: those that wrote it down at their opening, and those that did not open yet.

    Lecture, name of the lecturer, whether the class was written down; newest first.
    """
    begun = select(LectureTarget.lecture_id).where(LectureTarget.lecture_id == Lecture.id)
    there = begun.where(LectureTarget.class_id == class_id)
    fits = and_(*(leaves(field, value) for field, value in (("kind", kind), ("stage", stage))))
    aimed = and_(~begun.exists(), Lecture.id.in_(aimed_at(school_code)), Lecture.approved_at.is_not(None), fits)
    return lectures().add_columns(there.exists()).where(or_(there.exists(), aimed))


def places(rows: Select[SchoolClass, School, Region, int]) -> Select[*tuple[Any, ...]]:
    """Id, code and name of the classes in `frozen` or `expected`, code and name of their schools and county units, pupils."""
    pupils = list(rows.selected_columns)[-1]
    named = (School.code, School.name, Region.code, Region.name)
    return rows.with_only_columns(SchoolClass.id, SchoolClass.code, SchoolClass.name, *named, pupils)


def class_ids(rows: Select[SchoolClass, School, Region, int]) -> Select[str]:
    """Ids of the classes in `planned` or `expected`."""
    return rows.order_by(None).with_only_columns(SchoolClass.id)


def for_class(class_id: str, school_code: str, kind: str, stage: str) -> Select[Lecture, str]:
    """Approved lectures for a class that were not called off, newest first."""
    fits = and_(*(leaves(field, value) for field, value in (("kind", kind), ("stage", stage))))
    return lectures().where(
        Lecture.id.in_(aimed_at(school_code)), Lecture.approved_at.is_not(None), Lecture.called_off_at.is_(None), fits
    )


def leaves(field: str, value: str) -> ColumnElement[bool]:
    """Whether a lecture's filters leave a value."""
    of_lecture = select(LectureFilter.value).where(LectureFilter.lecture_id == Lecture.id, LectureFilter.field == field)
    return or_(~of_lecture.exists(), of_lecture.where(LectureFilter.value == value).exists())


def current(statement: Select[Lecture, str], since: datetime, until: datetime) -> Select[Lecture, str]:
    """Those that a screen could show now: planned between two times, running, or ended since the first of them."""
    running = or_(Broadcast.state.in_([*RUNNING]), Broadcast.ended_at >= since)
    begun = select(Broadcast.lecture_id).where(running)
    return statement.where(or_(Lecture.scheduled_at.between(since, until), Lecture.id.in_(begun)))


def _classes(pupils: Any, condition: ColumnElement[bool], today: date) -> Select[SchoolClass, School, Region, int]:
    return _in_order(
        select(SchoolClass, School, Region, pupils)
        .join(School, School.code == SchoolClass.school_code)
        .join(Region, Region.code == School.region_code)
        .where(condition, is_open(School.closed_on, today), is_open(SchoolClass.closed_on, today))
    )


def _in_order(statement: Select[SchoolClass, School, Region, int]) -> Select[SchoolClass, School, Region, int]:
    return statement.order_by(Region.sort, School.code, SchoolClass.code)
