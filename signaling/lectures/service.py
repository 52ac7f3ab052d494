"""Lectures, whom they are for, and the list of expected classes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, func, select

from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.models import SchoolClass
from signaling.lectures import queries
from signaling.lectures.models import Lecture, LectureAudience, LectureTarget

# Which of several lectures a screen shows: smaller is better; a state that is missing here is never shown.
RANK = {"live": 0, "paused": 0, "cut": 0, "open": 1, "scheduled": 2, "ended": 3}


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

    @property
    def approved(self) -> bool:
        """Whether it may go on the air."""
        return self.approved_at is not None


@dataclass(frozen=True, slots=True)
class TargetScreen:
    """A paired terminal of an expected class."""

    id: str
    terminal_no: int


@dataclass(frozen=True, slots=True)
class TargetClass:
    """An expected class and where it belongs."""

    class_id: str
    class_code: str
    class_name: str
    school_code: str
    school_name: str
    region_code: str
    region_name: str
    pupils: int
    screens: tuple[TargetScreen, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetCounts:
    """How many are expected."""

    classes: int
    schools: int
    pupils: int


class LectureService:
    """The door to the lectures' tables."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.state_of: Callable[[str], str] = lambda lecture_id: "scheduled"  # the live service takes this over

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
                lecture.approved_at, lecture.approved_by = utc_now(), user_id

    async def info(self, lecture_id: str) -> LectureInfo | None:
        """Return a lecture, or None."""
        found = await self.find(lecture_id=lecture_id)
        return found[0] if found else None

    async def find(
        self, *, lecture_id: str | None = None, lecturer_id: str | None = None, node: str | None = None
    ) -> list[LectureInfo]:
        """Return lectures, newest first; each argument narrows: one alone, those of a lecturer, those that concern a node."""
        statement = queries.lectures()
        if lecture_id is not None:
            statement = statement.where(Lecture.id == lecture_id)
        if lecturer_id is not None:
            statement = statement.where(Lecture.lecturer_id == lecturer_id)
        if node is not None:
            statement = statement.where(Lecture.id.in_(queries.aimed_at(node)))
        async with self._db.reading() as session:
            return [_info(row) for row in await session.execute(statement)]

    async def ids(self, *, lecturer_id: str | None = None, node: str | None = None) -> frozenset[str]:
        """Return the ids of the lectures of a lecturer, or of those that concern a node."""
        statement = select(Lecture.id)
        if lecturer_id is not None:
            statement = statement.where(Lecture.lecturer_id == lecturer_id)
        if node is not None:
            statement = statement.where(Lecture.id.in_(queries.aimed_at(node)))
        async with self._db.reading() as session:
            return frozenset(await session.scalars(statement))

    async def concerns(self, lecture_id: str, node: str) -> bool:
        """Whether a lecture is for a node, for a part of it, or for something that contains it."""
        return bool(await self.find(lecture_id=lecture_id, node=node))

    async def for_class(self, class_id: str) -> list[LectureInfo]:
        """Return the lectures aimed at a class, newest first."""
        async with self._db.reading() as session:
            school = await session.scalar(select(SchoolClass.school_code).where(SchoolClass.id == class_id))
        return [] if school is None else await self.find(node=school)

    async def current_for_class(self, class_id: str) -> str | None:
        """Return the lecture that a screen of the class shows: on air, else open, else the next one, else the latest ended."""
        now, state_of = utc_now(), self.state_of

        def order(lecture: LectureInfo) -> tuple[int, float]:
            rank = RANK[state_of(lecture.id)]
            ahead = (lecture.scheduled_at - now).total_seconds()
            return rank, ahead if rank == RANK["scheduled"] else -ahead

        shown = [lecture for lecture in await self.for_class(class_id) if state_of(lecture.id) in RANK]
        return min(shown, key=order).id if shown else None

    async def freeze_targets(self, lecture_id: str) -> int:
        """Write down the classes that are expected; return how many. A second call changes nothing."""
        already = select(func.count()).where(LectureTarget.lecture_id == lecture_id)
        async with self._db.writing() as session:
            there = await session.scalar(already) or 0
            if there:
                return there
            rows = (await session.execute(queries.expected(lecture_id))).all()
            session.add_all(
                LectureTarget(
                    lecture_id=lecture_id,
                    class_id=school_class.id,
                    school_code=school.code,
                    region_code=region.code,
                    pupils=pupils,
                )
                for school_class, school, region, pupils in rows
            )
            return len(rows)

    async def targets(self, lecture_id: str) -> list[TargetClass]:
        """Return the expected classes by region, school and class: the frozen ones, before the opening a preview."""
        async with self._db.reading() as session:
            rows = (await session.execute(queries.frozen(lecture_id))).all()
            rows = rows or (await session.execute(queries.expected(lecture_id))).all()
            screens = (await session.execute(queries.screens(lecture_id))).all()
        by_class = defaultdict(list)
        for class_id, screen_id, terminal_no in screens:
            by_class[class_id].append(TargetScreen(screen_id, terminal_no))
        return [_target(row, by_class[row[0].id]) for row in rows]

    async def target_counts(self, lecture_id: str) -> TargetCounts:
        """Return how many classes, schools and pupils are expected."""
        async with self._db.reading() as session:
            found = (await session.execute(queries.counts(queries.frozen(lecture_id)))).one()
            if not found[0]:
                found = (await session.execute(queries.counts(queries.expected(lecture_id)))).one()
        return TargetCounts(*found)


def _info(row: Row[Lecture, str]) -> LectureInfo:
    lecture, lecturer = row
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
    )


def _target(row: queries.ClassRow, screens: Sequence[TargetScreen]) -> TargetClass:
    school_class, school, region, pupils = row
    return TargetClass(
        school_class.id,
        school_class.code,
        school_class.name,
        school.code,
        school.name,
        region.code,
        region.name,
        pupils,
        tuple(screens),
    )
