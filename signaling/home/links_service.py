"""The door to the links of classes: who has one, a new one, what is behind a code.

1. **A link is made for a class that a parents' lecture is for**, and for nothing else; a new one makes the one before worthless.
2. Making one and its entry in the audit log are one transaction. Codes are derived (`tokens`): here are their digests.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from signaling.api.problems import Problem, not_found
from signaling.auth import opaque
from signaling.auth.trail import entry
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.home import doorman, queries, tokens
from signaling.home.doorman import Suspicion
from signaling.home.models import HomeLink

PARENTS: Final = "parents"
RENEWALS: Final = 50
"""New links of one class and lecture: more are nobody's mistake any more."""


@dataclass(frozen=True, slots=True)
class HomeLecture:
    """A lecture, as far as parents are told of it."""

    id: str
    title: str
    lecturer: str
    scheduled_at: datetime
    minutes: int
    called_off_at: datetime | None
    audience: str
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class ClassLink:
    """A class at a lecture; without a link `code` is None. `counted` is no more than its pupils."""

    class_id: str
    name: str
    pupils: int
    code: str | None
    number: int
    at: datetime | None
    came: int
    counted: int
    suspicion: Suspicion | None


@dataclass(frozen=True, slots=True)
class Behind:
    """What is behind a code."""

    lecture: HomeLecture
    class_id: str
    number: int
    school: str
    class_name: str
    pupils: int


class LinksService:
    """Makes and reads links. `key` is for codes and tokens alone; `replay` is how long after its end a lecture can be watched."""

    def __init__(
        self,
        db: Database,
        key: bytes,
        today: Callable[[], date],
        replay: timedelta,
        crowd: tuple[int, int],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._db = db
        self._key = key
        self._today = today
        self._replay = replay
        self._crowd = crowd
        self._clock = clock

    async def lectures(self, school_code: str) -> list[HomeLecture]:
        """Return the parents' lectures for a school, the latest first."""
        async with self._db.reading() as session:
            return [HomeLecture(*row) for row in await session.execute(queries.of_school(school_code))]

    async def classes(self, school_code: str, lecture_id: str) -> tuple[HomeLecture, list[ClassLink]]:
        """Return a lecture and the classes of a school at it; raise 404, or 409 `not_for_parents`."""
        async with self._db.reading() as session:
            lecture, expected = await self._at(session, school_code, lecture_id)
            return lecture, await self._links(session, lecture_id, expected)

    async def issue(
        self, school_code: str, lecture_id: str, class_ids: Collection[str], actor: str, *, renew: bool
    ) -> tuple[HomeLecture, list[ClassLink]]:
        """Give classes their links, with `renew` new ones; return as `classes`.

        Raise 404, 409 `not_for_parents`, `called_off`, `home_over`, `too_many_links`, or 422 `no_class`.
        """
        now = self._clock()
        async with self._db.writing() as session:
            lecture, expected = await self._at(session, school_code, lecture_id)
            self._refuse(lecture, now)
            if not {row[0] for row in expected}.issuperset(class_ids):
                wrong = [{"field": "class_ids", "reason": "value_error"}]
                raise Problem(
                    422, "no_class", "a class is not of this school, or the lecture is not for it", errors=wrong
                )
            newest = {row[0]: row[1] for row in await session.execute(queries.links(lecture_id, list(class_ids)))}
            made = [one for one in dict.fromkeys(class_ids) if renew or one not in newest]
            if any(newest.get(one, 0) >= RENEWALS for one in made):
                raise Problem(409, "too_many_links", "this class had too many links")
            for class_id in made:
                number = newest.get(class_id, 0) + 1
                digest = opaque.digest(tokens.code(self._key, lecture_id, class_id, number))
                row = HomeLink(lecture_id=lecture_id, class_id=class_id, number=number, digest=digest, by=actor, at=now)
                session.add(row)
                action = "home.link_made" if number == 1 else "home.link_renewed"
                session.add(entry(now, actor, action, lecture_id, {"school": school_code, "class": class_id}))
            await session.flush()
            return lecture, await self._links(session, lecture_id, expected)

    async def behind(self, code: str) -> Behind:
        """Return what is behind a code; raise 404 `no_such_link`, or 410 `link_replaced` when there is a newer one."""
        gone = Problem(404, "no_such_link", "there is no such link")
        if not tokens.is_code(code):
            raise gone
        async with self._db.reading() as session:
            row = (await session.execute(queries.link(opaque.digest(code)))).one_or_none()
            if row is None:
                raise gone
            lecture_id, class_id, number, school, _, class_name, pupils = row
            same = (HomeLink.lecture_id == lecture_id, HomeLink.class_id == class_id)
            newest = await session.scalar(select(func.max(HomeLink.number)).where(*same))
            if newest != number:
                raise Problem(410, "link_replaced", "the school made a new link for this class")
            lecture = (await session.execute(queries.lecture(lecture_id))).one_or_none()
        if lecture is None or lecture[6] != PARENTS:
            raise gone
        return Behind(HomeLecture(*lecture), class_id, number, school, class_name, pupils)

    async def suspicions(
        self, lecture_ids: Sequence[str], until: datetime | None = None
    ) -> dict[tuple[str, str], Suspicion]:
        """Return the classes (lecture, class) whose households want a look, by those that came until a time."""
        async with self._db.reading() as session:
            return await self._suspicions(session, lecture_ids, until)

    async def _suspicions(
        self, session: AsyncSession, lecture_ids: Sequence[str], until: datetime | None = None
    ) -> dict[tuple[str, str], Suspicion]:
        rows = await session.execute(queries.crowded(lecture_ids, self._crowd[0], until))
        by_class: dict[tuple[str, str], list[tuple[str, datetime]]] = {}
        for lecture_id, class_id, origin, at in rows:
            by_class.setdefault((lecture_id, class_id), []).append((origin, at))
        found = {place: doorman.suspicion(came, *self._crowd) for place, came in by_class.items()}
        return {place: one for place, one in found.items() if one is not None}

    def _refuse(self, lecture: HomeLecture, now: datetime) -> None:
        if lecture.called_off_at is not None:
            raise Problem(409, "called_off", "the lecture was called off")
        if lecture.ended_at is not None and now >= lecture.ended_at + self._replay:
            raise Problem(409, "home_over", "the lecture is over, and so is the time to watch it again")

    async def _at(self, session: AsyncSession, school_code: str, lecture_id: str) -> tuple[HomeLecture, list[Any]]:
        """Return a lecture and the classes (id, name, pupils) of a school at it."""
        found = (await session.execute(queries.lecture(lecture_id))).one_or_none()
        expected: list[Any] = []
        for statement in queries.classes(lecture_id, school_code, self._today()):
            expected = expected or list((await session.execute(statement)).all())
        if found is None or not expected:
            raise not_found("lecture")
        lecture = HomeLecture(*found)
        if lecture.audience != PARENTS:
            raise Problem(409, "not_for_parents", "only a parents' lecture is watched at home")
        return lecture, expected

    async def _links(self, session: AsyncSession, lecture_id: str, expected: Sequence[Any]) -> list[ClassLink]:
        ids = [row[0] for row in expected]
        newest = {one: (number, at) for one, number, at in await session.execute(queries.links(lecture_id, ids))}
        came: dict[str, int] = dict((await session.execute(queries.came(lecture_id, ids))).all())
        suspicions = await self._suspicions(session, [lecture_id])
        counted: dict[str, int] = {}
        for class_id, _ in await session.execute(queries.counted(lecture_id)):
            counted[class_id] = counted.get(class_id, 0) + 1
        made = []
        for class_id, name, pupils in expected:
            number, at = newest.get(class_id, (0, None))
            code = tokens.code(self._key, lecture_id, class_id, number) if number else None
            mine = min(counted.get(class_id, 0), pupils)
            made.append(
                ClassLink(
                    class_id,
                    name,
                    pupils,
                    code,
                    number,
                    at,
                    came.get(class_id, 0),
                    mine,
                    suspicions.get((lecture_id, class_id)),
                )
            )
        return made
