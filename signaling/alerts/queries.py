"""The statements behind duty, alarms and the call list: columns, not objects, because a prefecture has 1,675 schools."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, false, func, or_, select, true

from signaling.alerts.models import Alert, DutyPerson
from signaling.alerts.rules import PREFECTURE, SCHOOL
from signaling.auth.models import User
from signaling.directory.models import Region, School, SchoolClass, Screen
from signaling.directory.queries import Scope, paired
from signaling.lectures import queries as lecture_queries
from signaling.lectures.models import Lecture, LectureTarget


def near(since: datetime, until: datetime) -> Select[str, datetime, int, datetime | None, int]:
    """Lectures planned between two times that were not called off: id, start, minutes, approval, people on duty."""
    on_duty = (
        select(func.count())
        .select_from(DutyPerson)
        .join(User, User.id == DutyPerson.user_id)
        .where(DutyPerson.lecture_id == Lecture.id, User.disabled_at.is_(None))
        .scalar_subquery()
    )
    return select(Lecture.id, Lecture.scheduled_at, Lecture.minutes, Lecture.approved_at, on_duty).where(
        Lecture.scheduled_at.between(since, until), Lecture.called_off_at.is_(None)
    )


def known(subjects: Collection[str], looked: Collection[str]) -> Select[*tuple[Any, ...]]:
    """Open alarms, those that the prefecture had about some subjects, and all about the lectures whose schools were looked at."""
    row = Alert
    return select(
        row.id,
        row.rule,
        row.subject,
        row.node,
        row.occasion,
        row.level,
        row.county,
        row.starts_at,
        row.count.label("number"),
        row.opened_at,
        row.cleared_at,
        row.acknowledged_at,
        row.escalated_at,
    ).where(
        or_(
            row.cleared_at.is_(None),
            and_(row.subject.in_(subjects), row.level == PREFECTURE),
            row.subject.in_(looked),
        )
    )


def there(lecture_id: str, today: date, since: datetime, *, frozen: bool) -> Select[str, str, int]:
    """School of a lecture's audience, its county unit, 1 when one of its paired screens was seen since then."""
    classes, school_code, class_id = _classes(lecture_id, today, frozen)
    seen = func.max(case((Screen.last_seen_at >= since, 1), else_=0))
    return _with_county(_with_screens(classes, class_id).with_only_columns(school_code, seen.label("seen")))


def attending(lecture_id: str, today: date, *, frozen: bool) -> Select[str, str, int]:
    """School of a lecture's audience, its county unit, number of its classes."""
    classes, school_code, class_id = _classes(lecture_id, today, frozen)
    return _with_county(classes.with_only_columns(school_code, func.count(class_id).label("number")))


def sights(lecture_id: str, today: date, *, frozen: bool) -> Select[str, int, datetime | None]:
    """School of a lecture's audience, number of its paired screens, when one was last seen."""
    classes, school_code, class_id = _classes(lecture_id, today, frozen)
    numbers = func.count(Screen.id), func.max(Screen.last_seen_at)
    return _with_screens(classes, class_id).with_only_columns(school_code, *numbers)


def _classes(lecture_id: str, today: date, frozen: bool) -> tuple[Select[*tuple[Any, ...]], Any, Any]:
    """The classes of a lecture's audience, by the code of the school, in whose order an index has them; the columns of code and id."""
    if not frozen:
        classes = lecture_queries.expected(lecture_id, today).order_by(None)
        return classes.group_by(School.code), School.code, SchoolClass.id
    target = LectureTarget
    written = select(target.class_id).where(target.lecture_id == lecture_id).group_by(target.school_code)
    return written, target.school_code, target.class_id


def _with_screens(classes: Select[*tuple[Any, ...]], class_id: Any) -> Select[*tuple[Any, ...]]:
    return classes.outerjoin(Screen, and_(Screen.class_id == class_id, paired()))


def _with_county(schools: Select[str, int]) -> Select[str, str, int]:
    of_school = schools.subquery()
    told = select(School.code, School.region_code, of_school.c[1])
    return told.join(of_school, of_school.c[0] == School.code)


def is_frozen(lecture_id: str) -> Select[bool]:
    """Whether the expected classes were written down."""
    return select(select(LectureTarget.class_id).where(LectureTarget.lecture_id == lecture_id).exists())


def classes_of(
    lecture_id: str, today: date, codes: Collection[str], *, frozen: bool
) -> Select[str, str, int, datetime | None]:
    """School, name, number of paired screens and last sight of the expected classes of some schools."""
    classes = lecture_queries.frozen(lecture_id) if frozen else lecture_queries.expected(lecture_id, today)
    return (
        classes.where(School.code.in_(codes))
        .outerjoin(Screen, and_(Screen.class_id == SchoolClass.id, paired()))
        .order_by(None)
        .with_only_columns(School.code, SchoolClass.name, func.count(Screen.id), func.max(Screen.last_seen_at))
        .group_by(School.code, SchoolClass.id, SchoolClass.name, SchoolClass.code)
        .order_by(School.code, SchoolClass.code)
    )


def names_of_schools(codes: Collection[str]) -> Select[str, str, str, str]:
    """Code and name of schools, code and name of their county units."""
    joined = select(School.code, School.name, Region.code, Region.name).join(Region, Region.code == School.region_code)
    return joined.where(School.code.in_(codes))


def keepers(codes: Collection[str]) -> Select[str, str]:
    """Node and name of the people who keep schools: whom one may call."""
    return (
        select(User.node, User.name)
        .where(User.node.in_(codes), User.role == "school_admin", User.disabled_at.is_(None))
        .order_by(User.node, User.name)
    )


def lines(codes: Collection[str]) -> Select[*tuple[Any, ...]]:
    """School, verdict and time of the last connection test of each paired screen of some schools, the latest last."""
    return (
        select(SchoolClass.school_code, Screen.line_verdict, Screen.line_tested_at)
        .join(SchoolClass, SchoolClass.id == Screen.class_id)
        .where(SchoolClass.school_code.in_(codes), Screen.line_tested_at.is_not(None), paired())
        .order_by(Screen.line_tested_at)
    )


def reminders(lecture_id: str, codes: Collection[str]) -> Select[*tuple[Any, ...]]:
    """The latest reminder of each school about a lecture."""
    latest = (
        select(func.max(Alert.id))
        .where(Alert.subject == lecture_id, Alert.level == SCHOOL, Alert.node.in_(codes))
        .group_by(Alert.node)
    )
    return select(Alert).where(Alert.id.in_(latest))


def within(scope: Scope) -> ColumnElement[bool]:
    """Whether a scope covers the node of an alarm."""
    if scope.school is not None:
        return Alert.node == scope.school
    if scope.regions is None:
        return true()
    return Alert.county.in_(scope.regions) if scope.regions else false()


def names_of_regions(codes: Collection[str]) -> Select[str, str]:
    """Code and name of regions in the order of reports."""
    return select(Region.code, Region.name).where(Region.code.in_(codes)).order_by(Region.sort)
