"""The statements of corrections: what a scope covers, with names, in pages."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, null, or_, select, true
from sqlalchemy.orm import aliased

from signaling.auth.models import User
from signaling.corrections.models import Correction, CorrectionOutcome, TermClosing
from signaling.corrections.rules import APPROVED, REQUESTED
from signaling.directory.models import Region, School, SchoolClass
from signaling.directory.queries import Scope
from signaling.lectures.models import Lecture, LectureTarget
from signaling.live.models import Broadcast
from signaling.live.rehearsals import of_lecture

Applicant, Decider = aliased(User), aliased(User)


@dataclass(frozen=True, slots=True)
class CorrectionFilter:
    """What narrows the list."""

    state: str | None = None
    lecture_id: str | None = None
    school: str | None = None


def corrections(scope: Scope, wanted: CorrectionFilter) -> Select[*tuple[Any, ...]]:
    """Corrections that a scope covers: row, outcome or None, titles and names; what waits first, then the newest."""
    conditions = [covered(scope)]
    if wanted.state is not None:
        conditions.append(in_state(wanted.state))
    if wanted.lecture_id is not None:
        conditions.append(Correction.lecture_id == wanted.lecture_id)
    if wanted.school is not None:
        conditions.append(Correction.school_code == wanted.school)
    waits = CorrectionOutcome.correction_id.is_not(None)
    return _named().where(*conditions).order_by(waits, Correction.id.desc())


def correction(correction_id: str, scope: Scope) -> Select[*tuple[Any, ...]]:
    """One of them."""
    return _named().where(Correction.id == correction_id, covered(scope))


def _named() -> Select[*tuple[Any, ...]]:
    columns = (
        func.coalesce(Lecture.title, ""),
        func.coalesce(SchoolClass.name, ""),
        func.coalesce(School.name, ""),
        func.coalesce(Region.name, Correction.region_code),
        func.coalesce(Applicant.name, Correction.requested_by),
        func.coalesce(Decider.name, ""),
    )
    return (
        select(Correction, CorrectionOutcome, *columns)
        .outerjoin(CorrectionOutcome, CorrectionOutcome.correction_id == Correction.id)
        .outerjoin(Lecture, Lecture.id == Correction.lecture_id)
        .outerjoin(SchoolClass, SchoolClass.id == Correction.scope)
        .outerjoin(School, School.code == Correction.school_code)
        .outerjoin(Region, Region.code == Correction.region_code)
        .outerjoin(Applicant, Applicant.id == Correction.requested_by)
        .outerjoin(Decider, Decider.id == CorrectionOutcome.decided_by)
    )


def covered(scope: Scope) -> ColumnElement[bool]:
    """Whether a scope covers what a correction is about."""
    if scope.school is not None:
        return Correction.school_code == scope.school
    return true() if scope.regions is None else Correction.region_code.in_(scope.regions)


def in_state(state: str) -> ColumnElement[bool]:
    """Whether a correction is in a state: one without an outcome waits."""
    if state == REQUESTED:
        return CorrectionOutcome.correction_id.is_(None)
    return CorrectionOutcome.outcome == state


def waiting(lecture_id: str, scope: str, field: str) -> Select[str]:
    """The correction of the same thing that waits to be decided."""
    return _of(lecture_id, scope, field).where(CorrectionOutcome.correction_id.is_(None))


def approved_before(lecture_id: str, scope: str, field: str) -> Select[str]:
    """The correction of the same thing that was approved last."""
    approved = _of(lecture_id, scope, field).where(CorrectionOutcome.outcome == APPROVED)
    return approved.order_by(CorrectionOutcome.at.desc(), Correction.id.desc()).limit(1)


def _of(lecture_id: str, scope: str, field: str) -> Select[str]:
    same = and_(Correction.lecture_id == lecture_id, Correction.scope == scope, Correction.field == field)
    joined = CorrectionOutcome.correction_id == Correction.id
    return select(Correction.id).outerjoin(CorrectionOutcome, joined).where(same)


def approved_since(since: datetime) -> Select[Correction, CorrectionOutcome]:
    """What was approved since a time, by lecture."""
    return (
        select(Correction, CorrectionOutcome)
        .join(CorrectionOutcome, CorrectionOutcome.correction_id == Correction.id)
        .where(CorrectionOutcome.outcome == APPROVED, CorrectionOutcome.at >= since)
        .order_by(Correction.lecture_id, Correction.id)
    )


def approved_of(lecture_id: str) -> Select[*tuple[Any, ...]]:
    """What was approved of a lecture, with the names of both people."""
    return _named().where(Correction.lecture_id == lecture_id, CorrectionOutcome.outcome == APPROVED)


def waiting_for(scope: Scope, user_id: str) -> Select[int]:
    """How many corrections that a scope covers wait for somebody: those of others, which two people decide about."""
    return (
        select(func.count())
        .select_from(Correction)
        .outerjoin(CorrectionOutcome, CorrectionOutcome.correction_id == Correction.id)
        .where(CorrectionOutcome.correction_id.is_(None), covered(scope), Correction.requested_by != user_id)
    )


def waiting_in(region: str | None, since: datetime, until: datetime) -> Select[int]:
    """How many corrections of lectures that began in a span wait, of a region or of all."""
    found = (
        select(func.count())
        .select_from(Correction)
        .outerjoin(CorrectionOutcome, CorrectionOutcome.correction_id == Correction.id)
        .join(Broadcast, Broadcast.lecture_id == Correction.lecture_id)
        .where(CorrectionOutcome.correction_id.is_(None), Broadcast.started_at >= since, Broadcast.started_at < until)
    )
    return found if region is None else found.where(Correction.region_code == region)


def broadcast(lecture_id: str) -> Select[str, str, datetime | None, datetime | None]:
    """Id, state, begin and end of a lecture's broadcast."""
    columns = (Broadcast.id, Broadcast.state, Broadcast.started_at, Broadcast.ended_at)
    return select(*columns).where(Broadcast.lecture_id == lecture_id)


def broadcasts_within(begin: datetime, end: datetime) -> Select[str, str, str, datetime | None, datetime | None]:
    """Lecture, title, state, begin and end of what was on the air in a span; the earliest first."""
    columns = (Broadcast.lecture_id, Lecture.title, Broadcast.state, Broadcast.started_at, Broadcast.ended_at)
    over = or_(Broadcast.ended_at.is_(None), Broadcast.ended_at > begin)
    return (
        select(*columns)
        .join(Lecture, Lecture.id == Broadcast.lecture_id)
        .where(Broadcast.started_at < end, over, of_lecture(Broadcast.lecture_id))
        .order_by(Broadcast.started_at)
    )


def target(lecture_id: str, scope: str) -> Select[str, str]:
    """School and county unit of the classes of a lecture that a class, school or county unit stands for."""
    named = or_(LectureTarget.class_id == scope, LectureTarget.school_code == scope, LectureTarget.region_code == scope)
    columns = (LectureTarget.school_code, LectureTarget.region_code)
    return select(*columns).where(LectureTarget.lecture_id == lecture_id, named).limit(1)


def places(scopes: Collection[str]) -> list[Select[str, str, str | None, str]]:
    """Scope, name, school and county unit of classes, schools and regions."""
    of_class = select(SchoolClass.id, SchoolClass.name, School.code, School.region_code).join(
        School, School.code == SchoolClass.school_code
    )
    of_school = select(School.code, School.name, School.code, School.region_code)
    of_region = select(Region.code, Region.name, null(), Region.code)
    return [
        of_class.where(SchoolClass.id.in_(scopes)),
        of_school.where(School.code.in_(scopes)),
        of_region.where(Region.code.in_(scopes)),
    ]


def closings(regions: Collection[str] | None) -> Select[TermClosing, str]:
    """Closings of terms with the name of who did it, the newest first; None for all regions."""
    found = select(TermClosing, func.coalesce(User.name, TermClosing.by)).outerjoin(User, User.id == TermClosing.by)
    found = found if regions is None else found.where(TermClosing.region_code.in_(regions))
    return found.order_by(TermClosing.number.desc())


def closing(region: str, term: str) -> Select[TermClosing]:
    """The row that counts for a region: its own or the prefecture's, whichever is newer."""
    top = select(Region.code).where(Region.level == "prefecture").scalar_subquery()
    mine = or_(TermClosing.region_code == region, TermClosing.region_code == top)
    return select(TermClosing).where(TermClosing.term == term, mine).order_by(TermClosing.number.desc()).limit(1)


def tops() -> Select[str]:
    """The prefecture."""
    return select(Region.code).where(Region.level == "prefecture")


def region_of(school: str) -> Select[str]:
    """The county unit of a school."""
    return select(School.region_code).where(School.code == school)


def counties_of(region: str) -> Select[str]:
    """The county units of the prefecture; of another region none."""
    return select(Region.code).where(Region.parent_code == region, Region.level == "county").order_by(Region.sort)
