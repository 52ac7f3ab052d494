"""The pool of lecturers: everybody with that role, with a profile where somebody has written one."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError

from signaling.api import etags
from signaling.api.problems import Problem, not_found
from signaling.auth.identity import Role
from signaling.auth.models import User
from signaling.auth.trail import entry
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.lectures.availability import Hours, Stretch, away_then, within_hours
from signaling.lectures.models import ExpertException, ExpertHours, ExpertProfile, ExpertTag, Lecture
from signaling.lectures.times import overlaps

LONGEST: Final = timedelta(minutes=240)
PLAIN: Final = ("field", "position", "organisation", "introduction", "contact", "active")
TAGS: Final = {"topics": "topic", "stages": "stage"}


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a lecturer is not free: `inactive`, another `lecture`, `away`, or outside the weekly `hours`."""

    reason: str
    begins_at: datetime | None = None
    ends_at: datetime | None = None
    lecture_id: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Expert:
    """A lecturer; somebody without a profile has version 0 and is active."""

    id: str
    name: str
    field: str = ""
    position: str = ""
    organisation: str = ""
    introduction: str = ""
    contact: str = ""
    active: bool = True
    version: int = 0
    topics: Sequence[str] = ()
    stages: Sequence[str] = ()
    hours: Sequence[Hours] = ()
    exceptions: Sequence[Stretch] = ()
    hindrances: Sequence[Hindrance] | None = None  # None where no time was asked for


@dataclass(frozen=True, slots=True)
class ExpertFilters:
    """What narrows the pool. With `at` it is said who is free then, and they come first; `only_free` leaves nobody else.

    `but` is the lecture that is being planned: it is in nobody's way.
    """

    text: str = ""
    topic: str | None = None
    stage: str | None = None
    active: bool | None = True
    at: datetime | None = None
    minutes: int = 40
    only_free: bool = True
    but: str | None = None


class ExpertsService:
    """The door to the pool; `utc_offset_hours` makes the schools' local time."""

    def __init__(self, db: Database, utc_offset_hours: float, clock: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._offset = timedelta(hours=utc_offset_hours)
        self._clock = clock

    async def find(self, wanted: ExpertFilters, limit: int, offset: int) -> tuple[list[Expert], int]:
        """Return a part of the pool by name, who is free first, and how many there are in all."""
        async with self._db.reading() as session:
            people = [Expert(*row) for row in await session.execute(_named(wanted))]
            if wanted.at is None:
                return await _complete(session, people[offset : offset + limit]), len(people)
            taken = await _taken(session, wanted.at, wanted.minutes, wanted.but)
            timed = await _timed(session, people)
            told = [replace(one, hindrances=self._hindrances(one, wanted.at, wanted.minutes, taken)) for one in timed]
            free = [one for one in told if not one.hindrances]
            told = free if wanted.only_free else free + [one for one in told if one.hindrances]
            return await _tagged(session, told[offset : offset + limit]), len(told)

    def _hindrances(
        self, expert: Expert, at: datetime, minutes: int, taken: Mapping[str, Hindrance]
    ) -> list[Hindrance]:
        found = [] if expert.active else [Hindrance("inactive")]
        if expert.id in taken:
            found.append(taken[expert.id])
        away = away_then(at, minutes, expert.exceptions)
        if away is not None:
            found.append(Hindrance("away", away.begins_at, away.ends_at))
        stretches = [
            replace(one, begins_at=self._local(one.begins_at), ends_at=self._local(one.ends_at))
            for one in expert.exceptions
        ]
        if not within_hours(self._local(at), minutes, expert.hours, stretches):
            found.append(Hindrance("hours"))
        return found

    def _local(self, at: datetime) -> datetime:
        return at.replace(tzinfo=None) - (at.utcoffset() or timedelta()) + self._offset

    async def one(self, user_id: str) -> Expert | None:
        """Return a lecturer who is not disabled."""
        async with self._db.reading() as session:
            found = [Expert(*row) for row in await session.execute(_people().where(User.id == user_id))]
            return (await _complete(session, found))[0] if found else None

    async def coming(self, user_id: str) -> list[Lecture]:
        """Return the lectures of a lecturer that are not over, the next one first."""
        mine = Lecture.lecturer_id == user_id, Lecture.called_off_at.is_(None)
        coming = select(Lecture).where(*mine, Lecture.scheduled_at > self._clock() - LONGEST)
        async with self._db.reading() as session:
            return [*await session.scalars(coming.order_by(Lecture.scheduled_at).limit(50))]

    async def add(self, order: Mapping[str, Any], node: str, actor: str) -> tuple[str, str]:
        """Add an account without a password, and its profile; return id and login. Raise 409 `login_taken`."""
        login = order["login"] or f"lecturer-{secrets.token_hex(4)}"
        user = User(login=login, name=order["name"], role=Role.LECTURER, node=node, password_hash="")
        try:
            async with self._db.writing() as session:
                session.add(user)
                await session.flush()
                session.add(_profile(user.id, order))
                await session.flush()
                await _set_lists(session, user.id, order)
                session.add(entry(self._clock(), actor, "expert.added", user.id, {"login": login}))
        except IntegrityError:
            raise Problem(409, "login_taken", "this login is taken", errors=[_wrong("login")]) from None
        return user.id, login

    async def change(self, user_id: str, version: int, changes: Mapping[str, Any], actor: str) -> None:
        """Change a profile of this version, the first one too (version 0); raise 404 or 412."""
        try:
            async with self._db.writing() as session:
                await self._change(session, user_id, version, changes)
                session.add(entry(self._clock(), actor, "expert.changed", user_id, {"changed": sorted(changes)}))
        except (StaleDataError, IntegrityError):
            raise etags.changed_meanwhile() from None

    async def _change(self, session: AsyncSession, user_id: str, version: int, changes: Mapping[str, Any]) -> None:
        user = await session.get(User, user_id)
        if user is None or user.role != Role.LECTURER or user.disabled_at is not None:
            raise not_found("expert")
        profile = await session.get(ExpertProfile, user_id, with_for_update=True)
        if (profile.version if profile else 0) != version:
            raise etags.changed_meanwhile(profile.version if profile else 0)
        if profile is None:
            session.add(_profile(user_id, changes))
        else:
            for name in PLAIN:
                if name in changes:
                    setattr(profile, name, changes[name])
            profile.version = version + 1  # also when only lists change
        await session.flush()
        await _set_lists(session, user_id, changes)


def _profile(user_id: str, values: Mapping[str, Any]) -> ExpertProfile:
    return ExpertProfile(user_id=user_id, **{name: values[name] for name in PLAIN if name in values})


def _wrong(name: str) -> dict[str, str]:
    return {"field": name, "reason": "value_error"}


def _people() -> Any:
    profile = ExpertProfile
    columns = (profile.field, profile.position, profile.organisation, profile.introduction, profile.contact)
    told = [func.coalesce(column, "") for column in columns]
    rest = (func.coalesce(profile.active, True), func.coalesce(profile.version, 0))
    statement = select(User.id, User.name, *told, *rest).outerjoin(profile, profile.user_id == User.id)
    statement = statement.where(User.role == Role.LECTURER, User.disabled_at.is_(None))
    return statement.order_by(User.name, User.id)


def _named(wanted: ExpertFilters) -> Any:
    statement, profile = _people(), ExpertProfile
    for word in wanted.text.split():
        columns = (User.name, profile.field, profile.position, profile.organisation)
        statement = statement.where(or_(*(column.contains(word, autoescape=True) for column in columns)))
    for tag, value in (("topic", wanted.topic), ("stage", wanted.stage)):
        if value:
            of_person = select(ExpertTag.value).where(ExpertTag.user_id == User.id, ExpertTag.field == tag)
            statement = statement.where(or_(~of_person.exists(), of_person.where(ExpertTag.value == value).exists()))
    if wanted.active is not None:
        statement = statement.where(func.coalesce(profile.active, True).is_(wanted.active))
    return statement


async def _taken(session: AsyncSession, at: datetime, minutes: int, but: str | None) -> dict[str, Hindrance]:
    """Return who gives another lecture then, and which."""
    near = Lecture.scheduled_at > at - LONGEST, Lecture.scheduled_at < at + timedelta(minutes=minutes)
    rows = await session.scalars(select(Lecture).where(*near, Lecture.called_off_at.is_(None)))
    return {
        row.lecturer_id: Hindrance(
            "lecture", row.scheduled_at, row.scheduled_at + timedelta(minutes=row.minutes), row.id, row.title
        )
        for row in rows
        if row.id != but and overlaps(at, minutes, row.scheduled_at, row.minutes)
    }


async def _complete(session: AsyncSession, people: Sequence[Expert]) -> list[Expert]:
    """Return the people with their topics, stages, hours and exceptions."""
    return await _tagged(session, await _timed(session, people))


async def _tagged(session: AsyncSession, people: Sequence[Expert]) -> list[Expert]:
    """Return the people with their topics and stages."""
    tags: dict[tuple[str, str], list[str]] = defaultdict(list)
    columns = select(ExpertTag.user_id, ExpertTag.field, ExpertTag.value)
    of_people = columns.where(ExpertTag.user_id.in_([one.id for one in people])).order_by(ExpertTag.value)
    for user_id, name, value in await session.execute(of_people):
        tags[user_id, name].append(value)
    return [replace(one, topics=tags[one.id, "topic"], stages=tags[one.id, "stage"]) for one in people]


async def _timed(session: AsyncSession, people: Sequence[Expert]) -> list[Expert]:
    """Return the people with their hours and exceptions."""
    ids, week, dated = [one.id for one in people], ExpertHours, ExpertException
    hours: dict[str, list[Hours]] = defaultdict(list)
    stretches: dict[str, list[Stretch]] = defaultdict(list)
    of_week = select(week.user_id, week.weekday, week.begins, week.ends).where(week.user_id.in_(ids))
    for user_id, weekday, begins, ends in await session.execute(of_week.order_by(week.weekday, week.begins)):
        hours[user_id].append(Hours(weekday, begins, ends))
    columns = select(dated.user_id, dated.begins_at, dated.ends_at, dated.free).where(dated.user_id.in_(ids))
    for user_id, begins_at, ends_at, free in await session.execute(columns.order_by(dated.begins_at)):
        stretches[user_id].append(Stretch(begins_at, ends_at, free))
    return [replace(one, hours=hours[one.id], exceptions=stretches[one.id]) for one in people]


async def _set_lists(session: AsyncSession, user_id: str, values: Mapping[str, Any]) -> None:
    for member, tag in TAGS.items():
        if member in values:
            await session.execute(delete(ExpertTag).where(ExpertTag.user_id == user_id, ExpertTag.field == tag))
            session.add_all(ExpertTag(user_id=user_id, field=tag, value=value) for value in values[member])
    for member, model in (("hours", ExpertHours), ("exceptions", ExpertException)):
        if member in values:
            await session.execute(delete(model).where(model.user_id == user_id))
            session.add_all(model(user_id=user_id, **one) for one in values[member])
