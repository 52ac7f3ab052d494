"""Plans lectures: adds and changes them, has them reviewed, calls them off, finds what is at the same time."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from signaling.api import etags
from signaling.api.problems import Problem, not_found
from signaling.auth.identity import Role
from signaling.auth.models import AuditEntry, User
from signaling.db.base import utc_now
from signaling.db.editing import editing
from signaling.db.engine import Database
from signaling.directory.models import Region, RegionAlias, School, SchoolAlias
from signaling.directory.queries import Scope
from signaling.lectures import approval, queries, review
from signaling.lectures.counts_queries import EVERYTHING
from signaling.lectures.counts_service import TargetCounts
from signaling.lectures.models import Lecture, LectureAudience, LectureFilter, LectureReview
from signaling.lectures.times import overlaps

LONGEST: Final = timedelta(minutes=240)
SCOPE: Final = frozenset({"audience", "kinds", "stages"})
FOUND: Final = 50
"""Lecturers that a search returns at most."""
NEWS: Final = frozenset({"title", "scheduled_at", "minutes", "lecturer_id"}) | SCOPE
"""Members whose change calendars must hear of."""


@dataclass(frozen=True, slots=True)
class Aim:
    """A node that a lecture is aimed at; `level` is None where the code names nothing any more."""

    code: str
    name: str
    level: str | None
    parent: str | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another lecture at the same time: by the same lecturer, or with `classes` that are wanted at both."""

    lecture: Lecture
    lecturer: bool
    classes: int


class PlanService:
    """The door for people who make the timetable; `today` tells the local day of the schools."""

    def __init__(self, db: Database, today: Callable[[], date], clock: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._today = today
        self._clock = clock

    async def add(self, plan: Mapping[str, Any], actor: str, scope: Scope = EVERYTHING) -> str:
        """Add a lecture as a draft that is aimed within a scope; return its id.

        Raise 422 `unknown_node`, `no_lecturer`, 409 `lecturer_busy`.
        """
        values = {name: value for name, value in plan.items() if name not in SCOPE}
        async with editing(self._db) as session:
            await _check_lecturer(session, plan["lecturer_id"])
            plan = {**plan, "audience": await _named_today(session, plan["audience"], scope)}
            lecture = Lecture(**values, created_by=actor)
            await _check_free(session, lecture)
            session.add(lecture)
            await session.flush()
            await _set_scope(session, lecture.id, plan)
            self._audit(session, actor, "lecture.planned", lecture.id, {"title": lecture.title})
        return lecture.id

    async def change(
        self, lecture_id: str, version: int, changes: Mapping[str, Any], actor: str, scope: Scope = EVERYTHING
    ) -> None:
        """Change a plan of this version; another content sends it back to review. Raise 409, 412 or 422.

        Nodes outside the scope stay in an audience where they are already, and do not come into one.
        """
        async with editing(self._db) as session:
            lecture = await self._at(session, lecture_id, version)
            _check_on(lecture)
            new = {name: value for name, value in changes.items() if name not in SCOPE}
            before = {name: getattr(lecture, name) for name in new}
            if "lecturer_id" in new:
                await _check_lecturer(session, new["lecturer_id"])
            for name, value in new.items():
                setattr(lecture, name, value)
            await _check_free(session, lecture)
            if SCOPE & changes.keys():
                if "audience" in changes:
                    there = select(LectureAudience.node).where(LectureAudience.lecture_id == lecture_id)
                    kept = frozenset(await session.scalars(there))
                    changes = {**changes, "audience": await _named_today(session, changes["audience"], scope, kept)}
                await _set_scope(session, lecture_id, changes)
            changed = {name for name in new if before[name] != new[name]}
            told = lecture.sequence
            if review.CONTENT & changed:
                self._step(session, lecture, "change", actor, "")
            if told == lecture.sequence and NEWS & (changed | (SCOPE & changes.keys())):
                approval.tell(lecture, self._clock())
            detail = {"before": {name: before[name] for name in changed}, "scope": sorted(SCOPE & changes.keys())}
            self._audit(session, actor, "lecture.changed", lecture_id, detail)

    async def decide(self, lecture_id: str, action: str, note: str, actor: str) -> None:
        """Take a step of the review: `submit`, `approve` or `return`; raise 403 `own_lecture`, 409 `illegal_review` or `called_off`."""
        async with editing(self._db) as session:
            lecture = await session.get(Lecture, lecture_id, with_for_update=True)
            if lecture is None:
                raise not_found("lecture")
            _check_on(lecture)
            if action != "submit":
                review.check_person(actor, lecture.lecturer_id, lecture.created_by)
            self._step(session, lecture, action, actor, note)
            self._audit(session, actor, f"lecture.{review.WRITTEN[action]}", lecture_id, {"note": note})

    def _step(self, session: AsyncSession, lecture: Lecture, action: str, actor: str, note: str) -> None:
        old, now = lecture.review, self._clock()
        lecture.review = review.after(old, action)
        if lecture.review == review.APPROVED:
            approval.approve(lecture, actor, now)
        else:
            approval.withdraw(lecture, now)
        if (old, action) != (review.DRAFT, "change"):
            written = review.WRITTEN[action]
            session.add(LectureReview(lecture_id=lecture.id, action=written, actor=actor, note=note, at=now))

    async def call_off(self, lecture_id: str, version: int, reason: str, actor: str) -> None:
        """Say that a lecture does not take place; it stays in the calendars as cancelled. Raise 409 `called_off`."""
        async with editing(self._db) as session:
            lecture = await self._at(session, lecture_id, version)
            _check_on(lecture)
            lecture.called_off_at, lecture.called_off_reason = self._clock(), reason
            approval.tell(lecture, lecture.called_off_at)
            self._audit(session, actor, "lecture.called_off", lecture_id, {"reason": reason})

    async def reviews(self, lecture_id: str) -> list[tuple[LectureReview, str]]:
        """Return the steps of the review with the names of the people, the latest first."""
        statement = (
            select(LectureReview, func.coalesce(User.name, ""))
            .outerjoin(User, User.id == LectureReview.actor)
            .where(LectureReview.lecture_id == lecture_id)
            .order_by(LectureReview.id.desc())
        )
        async with self._db.reading() as session:
            return [(row, name) for row, name in await session.execute(statement)]

    async def scope(self, lecture_id: str) -> tuple[list[Aim], list[str], list[str]]:
        """Return the nodes, kinds and stages that a lecture is aimed at."""
        filters = select(LectureFilter).where(LectureFilter.lecture_id == lecture_id).order_by(LectureFilter.value)
        async with self._db.reading() as session:
            aims = [Aim(*row) for row in await session.execute(queries.audience(lecture_id))]
            rows = list(await session.scalars(filters))
        kinds, stages = ([row.value for row in rows if row.field == field] for field in ("kind", "stage"))
        return aims, kinds, stages

    async def lecturers(
        self, text: str, only: str | None, starts_at: datetime | None, minutes: int, but: str | None
    ) -> list[tuple[User, str | None]]:
        """Return who may lecture, by name, each with the title of what else they do at that time; `only` narrows to one."""
        wanted = select(User).where(User.role == Role.LECTURER, User.disabled_at.is_(None))
        wanted = wanted.where(*(User.name.contains(word, autoescape=True) for word in text.split()))
        if only is not None:
            wanted = wanted.where(User.id == only)
        async with self._db.reading() as session:
            people = list(await session.scalars(wanted.order_by(User.name, User.id).limit(FOUND)))
            taken = [] if starts_at is None else await _at_the_same_time(session, starts_at, minutes, but)
        busy = {lecture.lecturer_id: lecture.title for lecture in taken}
        return [(person, busy.get(person.id)) for person in people]

    async def preview(
        self, audience: Sequence[str], kinds: Sequence[str], stages: Sequence[str], scope: Scope = EVERYTHING
    ) -> TargetCounts:
        """Return how many a plan would expect today."""
        async with self._db.reading() as session:
            nodes = await _named_today(session, audience, scope)
            counted = queries.counts(queries.planned(nodes, kinds, stages, self._today()))
            return TargetCounts(*(await session.execute(counted)).one())

    async def conflicts(
        self,
        starts_at: datetime,
        minutes: int,
        lecturer_id: str | None,
        scope: tuple[Sequence[str], ...],
        but: str | None,
    ) -> list[Conflict]:
        """Return the lectures at the same time that are by the same lecturer or want some of the same classes."""
        audience, kinds, stages = scope
        found = []
        async with self._db.reading() as session:
            nodes = await _named_today(session, audience)
            wanted = queries.class_ids(queries.planned(nodes, kinds, stages, self._today()))
            for lecture in await _at_the_same_time(session, starts_at, minutes, but):
                theirs = queries.class_ids(queries.expected(lecture.id, self._today()))
                both = await session.scalar(select(func.count()).select_from(wanted.intersect(theirs).subquery())) or 0
                same = lecture.lecturer_id == lecturer_id
                if both or same:
                    found.append(Conflict(lecture, same, both))
        return found

    async def _at(self, session: AsyncSession, lecture_id: str, version: int) -> Lecture:
        lecture = await session.get(Lecture, lecture_id, with_for_update=True)
        if lecture is None:
            raise not_found("lecture")
        if lecture.version != version:
            raise etags.changed_meanwhile(lecture.version)
        return lecture

    def _audit(self, session: AsyncSession, actor: str, action: str, subject: str, detail: Mapping[str, Any]) -> None:
        text = json.dumps(detail, ensure_ascii=False, sort_keys=True, default=str)
        session.add(AuditEntry(at=self._clock(), actor=actor, action=action, subject=subject, detail=text))


async def _at_the_same_time(session: AsyncSession, starts_at: datetime, minutes: int, but: str | None) -> list[Lecture]:
    """Return the lectures that are not called off and whose time overlaps; one that ends when another begins does not."""
    ends_at = starts_at + timedelta(minutes=minutes)
    near = Lecture.scheduled_at > starts_at - LONGEST, Lecture.scheduled_at < ends_at, Lecture.called_off_at.is_(None)
    rows = await session.scalars(select(Lecture).where(*near).order_by(Lecture.scheduled_at))
    return [row for row in rows if row.id != but and overlaps(starts_at, minutes, row.scheduled_at, row.minutes)]


async def _check_free(session: AsyncSession, lecture: Lecture) -> None:
    """Raise 409 `lecturer_busy` when the lecturer lectures elsewhere at that time."""
    with session.no_autoflush:
        others = await _at_the_same_time(session, lecture.scheduled_at, lecture.minutes, lecture.id)
    busy = next((other for other in others if other.lecturer_id == lecture.lecturer_id), None)
    if busy is not None:
        raise Problem(409, "lecturer_busy", "the lecturer has another lecture at that time", other=busy.title)


def _check_on(lecture: Lecture) -> None:
    if lecture.called_off_at is not None:
        raise Problem(409, "called_off", "the lecture was called off")


async def _check_lecturer(session: AsyncSession, user_id: str) -> None:
    user = await session.get(User, user_id)
    if user is None or user.role != Role.LECTURER or user.disabled_at is not None:
        wrong = [{"field": "lecturer_id", "reason": "value_error"}]
        raise Problem(422, "no_lecturer", "this is no lecturer", errors=wrong)


async def _named_today(
    session: AsyncSession, nodes: Sequence[str], scope: Scope = EVERYTHING, kept: Collection[str] = ()
) -> list[str]:
    """Return the codes that nodes have today, each once; older ones name what follows.

    Raise 422 `unknown_node`, also for what lies outside the scope and is not in `kept`: foreign and missing are the same.
    """
    now: dict[str | None, str] = {}
    for known, code in (
        (Region.code, Region.code),
        (Region.gb2260, Region.code),
        (RegionAlias.code, RegionAlias.region_code),
        (School.code, School.code),
        (SchoolAlias.code, SchoolAlias.school_code),
    ):
        now.update((row[0], row[1]) for row in await session.execute(select(known, code).where(known.in_(nodes))))
    foreign = await _outside(session, scope, {*now.values()} - {*kept})
    unknown = [node for node in nodes if node not in now or now[node] in foreign]
    if unknown:
        wrong = [{"field": "audience", "reason": "value_error"}]
        raise Problem(422, "unknown_node", "no region or school has this code", nodes=unknown[:20], errors=wrong)
    return list(dict.fromkeys(now[node] for node in nodes))


async def _outside(session: AsyncSession, scope: Scope, codes: Collection[str]) -> set[str]:
    """Return which of the regions and schools a scope does not cover."""
    if scope == EVERYTHING:
        return set()
    schools = select(School.code, School.region_code).where(School.code.in_(codes))
    places = {row[0]: row[1] for row in await session.execute(schools)}
    return {
        code
        for code in codes
        if not (scope.includes(places[code], code) if code in places else scope.includes_region(code))
    }


async def _set_scope(session: AsyncSession, lecture_id: str, plan: Mapping[str, Any]) -> None:
    if "audience" in plan:
        await session.execute(delete(LectureAudience).where(LectureAudience.lecture_id == lecture_id))
        session.add_all(LectureAudience(lecture_id=lecture_id, node=node) for node in plan["audience"])
    for member, field in (("kinds", "kind"), ("stages", "stage")):
        if member in plan:
            old = delete(LectureFilter).where(LectureFilter.lecture_id == lecture_id, LectureFilter.field == field)
            await session.execute(old)
            session.add_all(LectureFilter(lecture_id=lecture_id, field=field, value=value) for value in plan[member])
