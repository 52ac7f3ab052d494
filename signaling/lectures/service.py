"""Lectures, whom they are for, and the list of expected classes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.models import School, SchoolClass
from signaling.directory.queries import Scope
from signaling.lectures import approval, queries
from signaling.lectures.counts_service import TargetCountsService
from signaling.lectures.models import Lecture, LectureAudience, LectureTarget
from signaling.lectures.queries import LectureFilters
from signaling.lectures.review import APPROVED
from signaling.lectures.targets import ExpectedClass, TargetClass, TargetScreen

# Which of several lectures a screen shows: smaller is better; a state that is missing here is never shown.
RANK = {"live": 0, "paused": 0, "cut": 0, "open": 1, "scheduled": 2, "ended": 3}
PART: Final = 1000  # rows that are read in one turn of the loop
SHOWN_BEFORE, SHOWN_AFTER = timedelta(days=60), timedelta(days=1)  # around its time a screen may show a lecture


@dataclass(frozen=True, slots=True)
class LectureInfo:
    """A lecture with the name of its lecturer."""

    id: str
    title: str
    topic: str
    lecturer_id: str
    lecturer_name: str
    scheduled_at: datetime
    minutes: int
    autostart: bool
    approved_at: datetime | None
    summary: str = ""
    audience_kind: str = "pupils"
    review: str = "draft"
    created_by: str | None = None
    called_off_at: datetime | None = None
    called_off_reason: str = ""
    version: int = 1
    counts: bool = True

    @property
    def approved(self) -> bool:
        """Whether it may go on the air."""
        return self.approved_at is not None


@dataclass(frozen=True, slots=True)
class LectureOfClass:
    """A lecture for a class: whether it was written down at the opening, and when its first screen came."""

    lecture: LectureInfo
    expected: bool
    joined_at: datetime | None


async def _nobody_came(class_id: str, lecture_ids: Sequence[str]) -> dict[str, datetime]:
    return {}


class LectureService:
    """The door to the lectures' tables; `today` tells the local day of the schools."""

    def __init__(self, db: Database, today: Callable[[], date], clock: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._today = today
        self._clock = clock
        self.counts = TargetCountsService(db, today)
        self.state_of: Callable[[str], str] = lambda lecture_id: "scheduled"  # the live service takes this over
        self.arrivals: Callable[[str, Sequence[str]], Awaitable[dict[str, datetime]]] = (
            _nobody_came  # and attendance this
        )

    async def add(self, lecture: Lecture, audience: Sequence[str]) -> str:
        """Store a lecture aimed at the nodes of `audience` (codes of regions or schools); return its id."""
        async with self._db.writing() as session:
            session.add(lecture)
            await session.flush()
            session.add_all(LectureAudience(lecture_id=lecture.id, node=node) for node in dict.fromkeys(audience))
        return lecture.id

    async def approve(self, lecture_id: str, user_id: str) -> None:
        """Let a lecture go on the air; the first approval stands."""
        async with self._db.writing() as session:
            lecture = await session.get(Lecture, lecture_id)
            if lecture is not None and lecture.approved_at is None:
                approval.approve(lecture, user_id, self._clock())
                lecture.review = APPROVED

    async def info(self, lecture_id: str) -> LectureInfo | None:
        """Return a lecture, or None."""
        found = await self.find(lecture_id=lecture_id)
        return found[0] if found else None

    async def find(
        self, *, lecture_id: str | None = None, lecturer_id: str | None = None, node: str | None = None
    ) -> list[LectureInfo]:
        """Return lectures, newest first; each argument narrows: one alone, those of a lecturer, approved ones that concern a node."""
        statement = queries.lectures()
        if lecture_id is not None:
            statement = statement.where(Lecture.id == lecture_id)
        if lecturer_id is not None:
            statement = statement.where(Lecture.lecturer_id == lecturer_id)
        if node is not None:
            statement = statement.where(Lecture.id.in_(queries.aimed_at(node)), Lecture.approved_at.is_not(None))
        async with self._db.reading() as session:
            return [_info(*row) for row in await session.execute(statement)]

    async def ids(self, *, lecturer_id: str | None = None, node: str | None = None) -> frozenset[str]:
        """Return the ids of the lectures of a lecturer, or of those that concern a node."""
        statement = select(Lecture.id)
        if lecturer_id is not None:
            statement = statement.where(Lecture.lecturer_id == lecturer_id)
        if node is not None:
            statement = statement.where(Lecture.id.in_(queries.aimed_at(node)), Lecture.approved_at.is_not(None))
        async with self._db.reading() as session:
            return frozenset(await session.scalars(statement))

    async def page(self, wanted: LectureFilters, limit: int, offset: int) -> tuple[list[LectureInfo], int]:
        """Return a page of lectures, newest first, and how many there are in all."""
        statement = queries.narrowed(wanted)
        async with self._db.reading() as session:
            total = await session.scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0
            return [_info(*row) for row in await session.execute(statement.limit(limit).offset(offset))], total

    async def concerns(self, lecture_id: str, node: str) -> bool:
        """Whether a lecture is for a node, for a part of it, or for something that contains it."""
        return bool(await self.find(lecture_id=lecture_id, node=node))

    async def for_class(self, class_id: str, since: datetime | None = None) -> list[LectureInfo]:
        """Return the approved lectures for a class, newest first; with `since` only what a screen could show now."""
        places = select(School.code, School.kind, SchoolClass.stage).join(
            School, School.code == SchoolClass.school_code
        )
        async with self._db.reading() as session:
            place = (await session.execute(places.where(SchoolClass.id == class_id))).one_or_none()
            if place is None:
                return []
            statement = queries.for_class(class_id, *place)
            if since is not None:
                statement = queries.current(statement, since - SHOWN_AFTER, since + SHOWN_BEFORE)
            return [_info(*row) for row in await session.execute(statement)]

    async def of_class(
        self, class_id: str, since: datetime | None, until: datetime | None, limit: int, offset: int
    ) -> tuple[list[LectureOfClass], int]:
        """Return a page of the lectures for a class, newest first, called off or not, and how many there are in all."""
        places = select(School.code, School.kind, SchoolClass.stage)
        places = places.join(School, School.code == SchoolClass.school_code).where(SchoolClass.id == class_id)
        async with self._db.reading() as session:
            place = (await session.execute(places)).one_or_none()
            if place is None:
                return [], 0
            statement = queries.of_class(class_id, *place).where(*queries.within(since, until))
            total = await session.scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0
            rows = (await session.execute(statement.limit(limit).offset(offset))).all()
        joined = await self.arrivals(class_id, [row[0].id for row in rows])
        return [LectureOfClass(_info(row[0], row[1]), bool(row[2]), joined.get(row[0].id)) for row in rows], total

    async def current_for_class(self, class_id: str) -> str | None:
        """Return the lecture that a screen of the class shows: on air, else open, else the next one, else the latest ended."""
        now, state_of = self._clock(), self.state_of

        def order(lecture: LectureInfo) -> tuple[int, float]:
            rank = RANK[state_of(lecture.id)]
            ahead = (lecture.scheduled_at - now).total_seconds()
            return rank, ahead if rank == RANK["scheduled"] else -ahead

        shown = [lecture for lecture in await self.for_class(class_id, now) if state_of(lecture.id) in RANK]
        return min(shown, key=order).id if shown else None

    async def freeze_targets(self, lecture_id: str) -> int:
        """Write down the classes that are expected; return how many. A second call changes nothing.

        The database copies them itself: 15,600 rows that went through here would hold the loop for a second.
        """
        already = select(func.count()).where(LectureTarget.lecture_id == lecture_id)
        async with self._db.writing() as session:
            there = await session.scalar(already) or 0
            if there:
                return there
            await session.execute(queries.write_down(lecture_id, self._today()))
            return await session.scalar(already) or 0

    async def targets(self, lecture_id: str) -> list[TargetClass]:
        """Return the expected classes by region, school and class: the frozen ones, before the opening a preview.

        They are read in parts: a prefecture has 15,600, and the loop waits for one part at most.
        """
        by_class = defaultdict(list)
        async with self._db.reading() as session:
            async for screens in _parts(session, queries.screens(lecture_id)):
                for class_id, screen_id, terminal_no in screens:
                    by_class[class_id].append(TargetScreen(screen_id, terminal_no))
            found: list[TargetClass] = []
            for classes in (queries.frozen(lecture_id), queries.expected(lecture_id, self._today())):
                async for rows in _parts(session, queries.places(classes)):
                    found += (TargetClass(*(*row, tuple(by_class[row[0]]))) for row in rows)
                if found:
                    break
        return found

    async def expected_in(self, lecture_id: str, scope: Scope) -> list[ExpectedClass]:
        """Return the classes that a scope covers and that were expected when the lecture opened, by region and school; read in parts."""
        found: list[ExpectedClass] = []
        async with self._db.reading() as session:
            async for rows in _parts(session, queries.expected_in(lecture_id, scope)):
                found += (ExpectedClass(*row) for row in rows)
        return found

    async def sizes(self, lecture_id: str) -> dict[str, int]:
        """Return the pupils of every class that was expected when the lecture opened."""
        async with self._db.reading() as session:
            rows = await session.execute(queries.sizes(lecture_id))
            return {row[0]: row[1] for row in rows}

    async def screens_of_kinds(self, lecture_id: str, kinds: Sequence[str]) -> frozenset[str]:
        """Return the terminals of expected classes at schools, or of stages, of these kinds."""
        async with self._db.reading() as session:
            return frozenset(await session.scalars(queries.screens_of_kinds(lecture_id, kinds)))

    async def expected_at(self, lecture_id: str, school_code: str) -> list[TargetClass]:
        """Return the classes of a school that were expected when the lecture opened, by class."""
        statement = queries.frozen(lecture_id).where(School.code == school_code)
        async with self._db.reading() as session:
            return [TargetClass(*row) for row in await session.execute(queries.places(statement))]


async def _parts(session: AsyncSession, statement: Select[*tuple[Any, ...]]) -> AsyncIterator[Sequence[Any]]:
    stream = await session.stream(statement.execution_options(yield_per=PART))
    async for rows in stream.partitions(PART):
        yield rows


def _info(lecture: Lecture, lecturer: str) -> LectureInfo:
    return LectureInfo(
        lecture.id,
        lecture.title,
        lecture.topic,
        lecture.lecturer_id,
        lecturer,
        lecture.scheduled_at,
        lecture.minutes,
        lecture.autostart,
        lecture.approved_at,
        lecture.summary,
        lecture.audience_kind,
        lecture.review,
        lecture.created_by,
        lecture.called_off_at,
        lecture.called_off_reason,
        lecture.version,
        lecture.counts,
    )
