"""The duty roster: who watches over a lecture."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select

from signaling.alerts.models import DutyPerson, DutyRoster
from signaling.api import etags
from signaling.api.problems import Problem
from signaling.auth.identity import Role
from signaling.auth.models import AuditEntry, User
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.models import Region, School
from signaling.lectures.models import LectureAudience

KEEPERS: Final = (Role.OPERATOR, Role.PREFECTURE_ADMIN)
MOST_CANDIDATES: Final = 200


@dataclass(frozen=True, slots=True)
class Keeper:
    """Somebody who is on duty or may be."""

    id: str
    name: str
    role: str
    node: str
    node_name: str
    enabled: bool


class DutyService:
    """The door to the rosters."""

    def __init__(self, db: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._clock = clock

    async def roster(self, lecture_id: str) -> tuple[list[Keeper], int]:
        """Return who is on duty, by name, and the version of the roster; 0 when nobody has made one."""
        people = _people().join(DutyPerson, DutyPerson.user_id == User.id).where(DutyPerson.lecture_id == lecture_id)
        async with self._db.reading() as session:
            roster = await session.get(DutyRoster, lecture_id)
            rows = (await session.execute(people)).all()
        return [_keeper(*row) for row in rows], 0 if roster is None else roster.version

    async def candidates(self, lecture_id: str, text: str = "") -> list[Keeper]:
        """Return who may be put on duty: operators, administrators of the prefecture and of the county units concerned."""
        statement = _people().where(_may_keep(lecture_id), User.disabled_at.is_(None)).limit(MOST_CANDIDATES)
        for word in text.split():
            statement = statement.where(
                or_(User.name.contains(word, autoescape=True), User.login.contains(word, autoescape=True))
            )
        async with self._db.reading() as session:
            return [_keeper(*row) for row in await session.execute(statement)]

    async def set(self, lecture_id: str, version: int, people: Sequence[str], actor: str) -> None:
        """Replace the roster of this version; raise 412 `changed_meanwhile` or 422 `unknown_person`."""
        now = self._clock()
        async with self._db.writing() as session:
            roster = await session.get(DutyRoster, lecture_id, with_for_update=True)
            if (0 if roster is None else roster.version) != version:
                raise etags.changed_meanwhile(0 if roster is None else roster.version)
            there = set(await session.scalars(select(DutyPerson.user_id).where(DutyPerson.lecture_id == lecture_id)))
            fits = select(User.id).where(User.id.in_(people), _may_keep(lecture_id), User.disabled_at.is_(None))
            unknown = set(people) - set(await session.scalars(fits)) - there
            if unknown:
                wrong = [{"field": "people", "reason": "value_error"}]
                raise Problem(
                    422, "unknown_person", "somebody of these cannot be on duty for this lecture", errors=wrong
                )
            if roster is None:
                session.add(DutyRoster(lecture_id=lecture_id, changed_at=now, changed_by=actor))
            else:
                roster.changed_at, roster.changed_by = now, actor
            await session.execute(delete(DutyPerson).where(DutyPerson.lecture_id == lecture_id))
            session.add_all(DutyPerson(lecture_id=lecture_id, user_id=one) for one in dict.fromkeys(people))
            detail = {"before": sorted(there), "after": sorted(set(people))}
            text = json.dumps(detail, ensure_ascii=False, sort_keys=True)
            session.add(AuditEntry(at=now, actor=actor, action="duty.changed", subject=lecture_id, detail=text))


def _people() -> Select[*tuple[Any, ...]]:
    return (
        select(User, func.coalesce(Region.name, School.name, ""))
        .outerjoin(Region, Region.code == User.node)
        .outerjoin(School, School.code == User.node)
        .order_by(User.role.desc(), User.name, User.id)
    )


def _may_keep(lecture_id: str) -> ColumnElement[bool]:
    """Whether somebody may be on duty: an operator, or an administrator above classes of the lecture's audience."""
    nodes = select(LectureAudience.node).where(LectureAudience.lecture_id == lecture_id)
    above = select(Region.code).where(or_(Region.code.in_(nodes), Region.parent_code.in_(nodes)))
    of_schools = select(School.region_code).where(School.code.in_(nodes))
    county = and_(User.role == Role.COUNTY_ADMIN, or_(User.node.in_(above), User.node.in_(of_schools)))
    return or_(User.role.in_(KEEPERS), county)


def _keeper(user: User, node_name: str) -> Keeper:
    return Keeper(user.id, user.name, user.role, user.node, node_name, user.disabled_at is None)
