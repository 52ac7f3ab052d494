"""The statements behind urging."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, literal, select, true, union_all
from sqlalchemy.orm import aliased

from signaling.alerts.models import Alert, AlertStep, SchoolCall, UrgedSchool, Urging, UrgingReceipt
from signaling.alerts.rules import SCHOOL
from signaling.auth.models import User
from signaling.directory.models import School
from signaling.directory.queries import Scope
from signaling.lectures.models import Lecture


def within(scope: Scope) -> ColumnElement[bool]:
    """Whether a scope covers an urged school."""
    if scope.school is not None:
        return UrgedSchool.school_code == scope.school
    if scope.regions is None:
        return true()
    return UrgedSchool.county.in_(scope.regions) if scope.regions else false()


def region_of(code: str) -> Select[str]:
    """The county unit of a school."""
    return select(School.region_code).where(School.code == code)


def all_calls(lecture_id: str, codes: Collection[str]) -> Any:
    """School, time and caller of all that was said of calling schools about a lecture: of its reminder, or of the list of the missing."""
    reminded = (
        select(Alert.node.label("school"), AlertStep.at.label("at"), AlertStep.actor.label("actor"))
        .join(AlertStep, AlertStep.alert_id == Alert.id)
        .where(Alert.subject == lecture_id, Alert.level == SCHOOL, Alert.node.in_(codes), AlertStep.kind == "contacted")
    )
    called = select(SchoolCall.school_code, SchoolCall.at, SchoolCall.actor).where(
        SchoolCall.lecture_id == lecture_id, SchoolCall.school_code.in_(codes)
    )
    return union_all(reminded, called).subquery()


def calls(lecture_id: str, codes: Collection[str]) -> Select[str, datetime, str]:
    """School, when it was called and by whom, the latest last."""
    told = all_calls(lecture_id, codes)
    named = select(told.c.school, told.c.at, func.coalesce(User.name, "")).outerjoin(User, User.id == told.c.actor)
    return named.order_by(told.c.at)


def called(lecture_id: str, codes: Collection[str], until: datetime) -> Select[str, datetime]:
    """School, and when somebody last said of it, until then, that they called it about a lecture."""
    told = all_calls(lecture_id, codes)
    return select(told.c.school, func.max(told.c.at)).where(told.c.at <= until).group_by(told.c.school)


def urged(lecture_id: str, codes: Collection[str]) -> Select[str, str, datetime]:
    """School, urging and time, the latest last."""
    row = UrgedSchool
    told = select(row.school_code, row.urging_id, row.at)
    return told.where(row.lecture_id == lecture_id, row.school_code.in_(codes)).order_by(row.at)


def urged_since(lecture_id: str, since: datetime) -> Select[str, datetime]:
    """School, and when it was urged last about a lecture, of those urged since then."""
    row = UrgedSchool
    told = select(row.school_code, func.max(row.at)).where(row.lecture_id == lecture_id, row.at > since)
    return told.group_by(row.school_code)


def receipts(lecture_id: str, codes: Collection[str]) -> Select[str, str, str, datetime]:
    """School, urging, kind and time of what became of the urgings of a lecture."""
    row = UrgingReceipt
    own = and_(UrgedSchool.urging_id == row.urging_id, UrgedSchool.school_code == row.school_code)
    told = select(row.school_code, row.urging_id, row.kind, row.at).join(UrgedSchool, own)
    return told.where(UrgedSchool.lecture_id == lecture_id, row.school_code.in_(codes))


def listing(lecture_id: str, scope: Scope) -> Select[*tuple[Any, ...]]:
    """Urging, time, who, reasons, note, numbers of schools and classes, and of schools by receipt; the latest first."""
    kinds = [func.coalesce(func.sum(_has(kind)), 0).label(kind) for kind in ("delivered", "read", "connected")]
    return (
        select(
            Urging.id,
            Urging.at,
            func.coalesce(User.name, ""),
            Urging.reasons,
            Urging.note,
            func.count(UrgedSchool.school_code),
            func.coalesce(func.sum(UrgedSchool.missing), 0),
            *kinds,
        )
        .join(UrgedSchool, UrgedSchool.urging_id == Urging.id)
        .outerjoin(User, User.id == Urging.actor)
        .where(Urging.lecture_id == lecture_id, within(scope))
        .group_by(Urging.id, Urging.at, User.name, Urging.reasons, Urging.note)
        .order_by(Urging.at.desc())
    )


def _has(kind: str) -> Any:
    row = aliased(UrgingReceipt)
    own = (row.urging_id == UrgedSchool.urging_id, row.school_code == UrgedSchool.school_code, row.kind == kind)
    return select(func.count(literal(1))).where(*own).correlate(UrgedSchool).scalar_subquery()


def schools(lecture_id: str, urging_id: str, scope: Scope) -> Select[*tuple[Any, ...]]:
    """School, name, county unit, numbers of missing and expected classes and time of an urging."""
    row = UrgedSchool
    told = select(
        row.school_code.label("code"),
        func.coalesce(School.name, row.school_code).label("name"),
        row.county,
        row.missing,
        row.expected,
        row.at,
    )
    told = told.outerjoin(School, School.code == row.school_code)
    own = (row.urging_id == urging_id, row.lecture_id == lecture_id, within(scope))
    return told.where(*own).order_by(row.county, row.school_code)


def receipts_of(urging_id: str, codes: Sequence[str]) -> Select[str, str, datetime, str]:
    """School, kind, time and who of an urging's receipts."""
    row = UrgingReceipt
    told = select(row.school_code, row.kind, row.at, func.coalesce(User.name, "")).outerjoin(User, User.id == row.actor)
    return told.where(row.urging_id == urging_id, row.school_code.in_(codes))


def of_school(code: str, since: datetime) -> Select[*tuple[Any, ...]]:
    """Urging, lecture, title, time, numbers and note of what a school was sent since then, the latest first."""
    row = UrgedSchool
    told = select(
        row.urging_id.label("id"), row.lecture_id, Lecture.title, row.at, row.missing, row.expected, Urging.note
    )
    joined = told.join(Urging, Urging.id == row.urging_id).join(Lecture, Lecture.id == row.lecture_id)
    return joined.where(row.school_code == code, row.at > since).order_by(row.at.desc())


def kinds_of(ids: Sequence[str], code: str) -> Select[str, str, datetime]:
    """Urging, kind and time of a school's receipts."""
    row = UrgingReceipt
    return select(row.urging_id, row.kind, row.at).where(row.urging_id.in_(ids), row.school_code == code)


def unconnected(since: datetime) -> Select[str, str, str, str]:
    """Lecture, urging, school and reasons of the urged schools that were not seen connected yet."""
    row, told = UrgedSchool, UrgingReceipt
    there = exists().where(
        told.urging_id == row.urging_id, told.school_code == row.school_code, told.kind == "connected"
    )
    rows = select(row.lecture_id, row.urging_id, row.school_code, Urging.reasons)
    return rows.join(Urging, Urging.id == row.urging_id).where(row.at > since, ~there)
