"""How many classes, schools and pupils are expected at lectures: one, or a whole page of them."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from signaling.db.engine import Database
from signaling.directory.queries import Scope
from signaling.lectures import counts_queries, queries
from signaling.lectures.counts_queries import EVERYTHING
from signaling.lectures.models import LectureAudience, LectureFilter

KEPT: Final = 4096  # counts of what was written down that are kept in memory: it never changes


@dataclass(frozen=True, slots=True)
class TargetCounts:
    """How many are expected."""

    classes: int
    schools: int
    pupils: int


# Nodes of an audience, and the kinds of schools and the stages that are left of them; none leaves all.
Aim = tuple[frozenset[str], frozenset[str], frozenset[str]]


class TargetCountsService:
    """Counts the classes that were written down at the opening, before it those that the audience stands for today."""

    def __init__(self, db: Database, today: Callable[[], date]) -> None:
        self._db = db
        self._today = today
        self._frozen: OrderedDict[tuple[str, Scope], TargetCounts] = OrderedDict()

    async def of(self, lecture_id: str) -> TargetCounts:
        """Return how many are expected at one lecture."""
        async with self._db.reading() as session:
            found = (await session.execute(queries.counts(queries.frozen(lecture_id)))).one()
            if not found[0]:
                found = (await session.execute(queries.counts(queries.expected(lecture_id, self._today())))).one()
        return TargetCounts(*found)

    async def of_many(self, lecture_ids: Sequence[str], scope: Scope = EVERYTHING) -> dict[str, TargetCounts]:
        """Return how many are expected at each of many lectures, of what a scope covers, in five questions at most."""
        async with self._db.reading() as session:
            frozen = await self._written_down(session, lecture_ids, scope)
            open_ones = [one for one in lecture_ids if one not in frozen]
            if not open_ones:
                return frozen
            aims = await _aims(session, open_ones)
            stages = (await session.execute(counts_queries.stages_of_schools(self._today(), scope))).all()
        # Most lectures are for the same places: 1,675 schools are counted once for all of these.
        numbers = {aim: _counted(stages, *aim) for aim in set(aims.values())}
        return frozen | {one: numbers[aim] for one, aim in aims.items()}

    async def _written_down(
        self, session: AsyncSession, lecture_ids: Iterable[str], scope: Scope
    ) -> dict[str, TargetCounts]:
        known = {one: counts for one in lecture_ids if (counts := self._frozen.get((one, scope))) is not None}
        unknown = [one for one in lecture_ids if one not in known]
        begun = [*await session.scalars(counts_queries.begun(unknown))]
        if not begun:
            return known
        counted = {row[0]: row[1:] for row in await session.execute(counts_queries.frozen_counts(begun, scope))}
        fresh = {one: TargetCounts(*counted.get(one, (0, 0, 0))) for one in begun}
        self._frozen |= {(one, scope): counts for one, counts in fresh.items()}
        while len(self._frozen) > KEPT:
            self._frozen.popitem(last=False)
        return known | fresh


async def _aims(session: AsyncSession, lecture_ids: Sequence[str]) -> dict[str, Aim]:
    nodes: dict[str, set[str]] = defaultdict(set)
    filters: dict[tuple[str, str], set[str]] = defaultdict(set)
    audience = select(LectureAudience.lecture_id, LectureAudience.node)
    for lecture_id, node in await session.execute(audience.where(LectureAudience.lecture_id.in_(lecture_ids))):
        nodes[lecture_id].add(node)
    narrowed = select(LectureFilter.lecture_id, LectureFilter.field, LectureFilter.value)
    for lecture_id, field, value in await session.execute(narrowed.where(LectureFilter.lecture_id.in_(lecture_ids))):
        filters[lecture_id, field].add(value)
    return {
        one: (frozenset(nodes[one]), frozenset(filters[one, "kind"]), frozenset(filters[one, "stage"]))
        for one in lecture_ids
    }


def _counted(
    stages: Sequence[Any], audience: frozenset[str], kinds: frozenset[str], wanted: frozenset[str]
) -> TargetCounts:
    """Count the rows of `counts_queries.stages_of_schools` that an audience covers and its filters leave."""
    classes = pupils = 0
    schools = set()
    for school, county, prefecture, kind, stage, number, children in stages:
        covered = county in audience or prefecture in audience or school in audience
        if covered and (not kinds or kind in kinds) and (not wanted or stage in wanted):
            classes, pupils = classes + number, pupils + children
            schools.add(school)
    return TargetCounts(classes, len(schools), pupils)
