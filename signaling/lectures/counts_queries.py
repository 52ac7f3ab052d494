"""The statements that count what lectures expect: what was written down, and what the directory holds today."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Select, func, select

from signaling.directory.models import Region, School, SchoolClass
from signaling.directory.queries import Scope, covered, is_open
from signaling.lectures.models import Lecture, LectureTarget

EVERYTHING = Scope(None)


def begun(lecture_ids: Sequence[str]) -> Select[str]:
    """Those of the lectures whose expected classes were written down: one look at each, however many classes it has."""
    written = select(LectureTarget.lecture_id).where(LectureTarget.lecture_id == Lecture.id)
    return select(Lecture.id).where(Lecture.id.in_(lecture_ids), written.exists())


def frozen_counts(lecture_ids: Sequence[str], scope: Scope = EVERYTHING) -> Select[str, int, int, int]:
    """Lecture, and numbers of the classes, schools and pupils that were written down at its opening and that a scope covers."""
    target = LectureTarget
    rows = (
        select(
            target.lecture_id,
            func.count(),
            func.count(target.school_code.distinct()),
            func.coalesce(func.sum(target.pupils), 0),
        )
        .where(target.lecture_id.in_(lecture_ids))
        .group_by(target.lecture_id)
    )
    if scope.school is not None:
        return rows.where(target.school_code == scope.school)
    return rows if scope.regions is None else rows.where(target.region_code.in_(scope.regions))


def stages_of_schools(today: date, scope: Scope = EVERYTHING) -> Select[str, str, str | None, str, str, int, int]:
    """School, its county unit, the prefecture, its kind, a stage, and number and pupils of its open classes in that stage; what a scope covers.

    The classes are counted before they meet their schools: an index holds all that this reads, in its order.
    """
    counted = (
        select(
            SchoolClass.school_code,
            SchoolClass.stage,
            func.count().label("number"),
            func.coalesce(func.sum(SchoolClass.pupils), 0).label("pupils"),
        )
        .where(is_open(SchoolClass.closed_on, today))
        .group_by(SchoolClass.school_code, SchoolClass.stage)
    )
    if scope.school is not None:
        counted = counted.where(SchoolClass.school_code == scope.school)
    classes = counted.subquery()
    place = School.code, School.region_code, Region.parent_code, School.kind
    return (
        select(*place, classes.c.stage, classes.c.number, classes.c.pupils)
        .join(classes, classes.c.school_code == School.code)
        .join(Region, Region.code == School.region_code)
        .where(is_open(School.closed_on, today), covered(scope))
    )
