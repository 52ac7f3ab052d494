"""The statements behind links and households."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from signaling.auth.models import User
from signaling.coverage.models import HomeView
from signaling.directory.models import School, SchoolClass
from signaling.home.models import HomeArrival, HomeLink, HomeSeen
from signaling.lectures import queries as lectures
from signaling.lectures.models import Lecture, LectureTarget
from signaling.live.models import Broadcast

LISTED = 50


def of_school(school_code: str) -> Select[*tuple[Any, ...]]:
    """Parents' lectures for a school, the latest first, at most `LISTED`; columns as in `lecture`."""
    expected = select(LectureTarget.lecture_id).where(LectureTarget.school_code == school_code)
    return (
        _lectures()
        .where(Lecture.audience_kind == "parents", Lecture.approved_at.is_not(None))
        .where(or_(Lecture.id.in_(lectures.aimed_at(school_code)), Lecture.id.in_(expected)))
        .order_by(Lecture.scheduled_at.desc(), Lecture.id)
        .limit(LISTED)
    )


def lecture(lecture_id: str) -> Select[*tuple[Any, ...]]:
    """Id, title, lecturer, planned begin, minutes, when it was called off, audience, begin and end of the broadcast."""
    return _lectures().where(Lecture.id == lecture_id)


def _lectures() -> Select[*tuple[Any, ...]]:
    planned = (Lecture.id, Lecture.title, User.name, Lecture.scheduled_at, Lecture.minutes, Lecture.called_off_at)
    return (
        select(*planned, Lecture.audience_kind, Broadcast.started_at, Broadcast.ended_at)
        .join(User, User.id == Lecture.lecturer_id)
        .outerjoin(Broadcast, Broadcast.lecture_id == Lecture.id)
    )


def classes(lecture_id: str, school_code: str, today: date) -> list[Select[str, str, int]]:
    """Id, name and pupils of the classes of a school at a lecture: those written down at its opening, else those expected."""
    pair = (
        (lectures.frozen(lecture_id), LectureTarget.pupils),
        (lectures.expected(lecture_id, today), SchoolClass.pupils),
    )
    return [
        statement.where(School.code == school_code).with_only_columns(SchoolClass.id, SchoolClass.name, pupils)
        for statement, pupils in pair
    ]


def link(digest: str) -> Select[str, str, int, str, str, str, int]:
    """Lecture, class and number of a link by the digest of its code; names of school and class, pupils."""
    return (
        select(
            HomeLink.lecture_id,
            HomeLink.class_id,
            HomeLink.number,
            School.name,
            School.code,
            SchoolClass.name,
            func.coalesce(LectureTarget.pupils, SchoolClass.pupils),
        )
        .join(SchoolClass, SchoolClass.id == HomeLink.class_id)
        .join(School, School.code == SchoolClass.school_code)
        .outerjoin(
            LectureTarget,
            (LectureTarget.lecture_id == HomeLink.lecture_id) & (LectureTarget.class_id == HomeLink.class_id),
        )
        .where(HomeLink.digest == digest)
    )


def links(lecture_id: str, class_ids: Sequence[str]) -> Select[str, int, datetime]:
    """Class, number and time of all links of some classes to a lecture, the newest last."""
    row = HomeLink
    return (
        select(row.class_id, row.number, row.at)
        .where(row.lecture_id == lecture_id, row.class_id.in_(class_ids))
        .order_by(row.number)
    )


def came(lecture_id: str, class_ids: Sequence[str]) -> Select[str, int]:
    """Class, and number of the households that came by its links."""
    row = HomeArrival
    return (
        select(row.class_id, func.count(row.household.distinct()))
        .where(row.lecture_id == lecture_id, row.class_id.in_(class_ids))
        .group_by(row.class_id)
    )


def crowded(lecture_ids: Sequence[str], many: int, until: datetime | None) -> Select[str, str, str, datetime]:
    """Lecture, class, origin and time of arrivals, of origins alone that brought `many` to a class; `until` leaves out later ones."""
    row = HomeArrival
    of = [row.lecture_id.in_(lecture_ids)] if until is None else [row.lecture_id.in_(lecture_ids), row.at <= until]
    place = (row.lecture_id, row.class_id, row.origin)
    part = select(*place).where(*of).group_by(*place).having(func.count() >= many).subquery()
    same = tuple(column == part.c[column.key] for column in place)
    return select(*place, row.at).join(part, and_(*same)).where(*of)


def known(lecture_id: str, class_id: str, number: int) -> Select[str]:
    """The households of a link."""
    row = HomeArrival
    same = (row.lecture_id == lecture_id, row.class_id == class_id, row.number == number)
    return select(row.household).where(*same)


def counted(lecture_id: str) -> Select[str, str]:
    """Class and household of those that count at a lecture."""
    return select(HomeView.class_id, HomeView.household).where(HomeView.lecture_id == lecture_id)


def seen(lecture_id: str, households: Sequence[str] | None = None) -> Select[str, str, int, int]:
    """Class, household, block and bits of what was delivered of a lecture."""
    row = HomeSeen
    statement = select(row.class_id, row.household, row.block, row.bits).where(row.lecture_id == lecture_id)
    return statement if households is None else statement.where(row.household.in_(households))


def ended_since(since: datetime) -> Select[str]:
    """Lectures with links that ended after a time."""
    linked: ColumnElement[bool] = Broadcast.lecture_id.in_(select(HomeLink.lecture_id))
    return select(Broadcast.lecture_id).where(linked, Broadcast.ended_at >= since)
