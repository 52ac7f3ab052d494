"""What planners say of a lecturer after a lecture: one to five, and a line.

1. **Append-only**: another opinion of the same person about the same lecture is a new row, and the newest one counts.
2. A mean is of opinions that count, one for each lecture and rater; it is told together with their number.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from signaling.auth.trail import entry
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.lectures.models import ExpertRating


@dataclass(frozen=True, slots=True)
class Rating:
    """How many opinions count, and their mean."""

    mean: float
    count: int


class RatingsService:
    """The door to the opinions about lecturers."""

    def __init__(self, db: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._clock = clock

    async def rate(self, lecture_id: str, lecturer_id: str, stars: int, note: str, actor: str) -> ExpertRating:
        """Write an opinion down; it takes the place of the actor's earlier one about this lecture."""
        row = ExpertRating(lecture_id=lecture_id, lecturer_id=lecturer_id, rater=actor, stars=stars, note=note)
        row.at = self._clock()
        async with self._db.writing() as session:
            session.add(row)
            session.add(entry(row.at, actor, "expert.rated", lecturer_id, {"lecture": lecture_id, "stars": stars}))
        return row

    async def own(self, lecture_id: str, rater: str) -> ExpertRating | None:
        """Return what somebody said last about a lecture."""
        mine = select(ExpertRating).where(ExpertRating.lecture_id == lecture_id, ExpertRating.rater == rater)
        async with self._db.reading() as session:
            found: ExpertRating | None = await session.scalar(mine.order_by(ExpertRating.id.desc()).limit(1))
        return found

    async def of(self, lecturer_ids: Collection[str]) -> dict[str, Rating]:
        """Return the opinions about lecturers; who has none is not in it."""
        async with self._db.reading() as session:
            rows = (await session.execute(_means(lecturer_ids))).all()
        return {who: Rating(round(float(mean), 2), count) for who, mean, count in rows}


def _means(lecturer_ids: Collection[str]) -> Select[Any]:
    rating = ExpertRating
    newest = select(func.max(rating.id)).where(rating.lecturer_id.in_(lecturer_ids))
    newest = newest.group_by(rating.lecture_id, rating.rater)
    means = select(rating.lecturer_id, func.avg(rating.stars), func.count()).where(rating.id.in_(newest))
    return means.group_by(rating.lecturer_id)
