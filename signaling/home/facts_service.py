"""The door to what is known of households: who came, what was delivered to them, who counts.

1. **What was written is never written again, and twice is once**: every row is its own key; a batch that was broken off is written anew.
2. A household counts from its first row of `home_views` on; nothing takes that back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from signaling.coverage.models import HomeView
from signaling.db.engine import Database
from signaling.home import queries
from signaling.home.doorman import Arrival
from signaling.home.models import HomeArrival, HomeSeen
from signaling.home.viewing import Seen, counts, joined

CHUNK: Final = 500
PART: Final = 2000

Home = tuple[str, str]
"""Class and household."""


class FactsService:
    """Writes and judges."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def write(self, arrivals: Sequence[Arrival], facts: Sequence[Seen]) -> None:
        """Write down who came and what was delivered, in one transaction."""
        came = [{**_place(one.household), "number": one.number, "origin": one.origin, "at": one.at} for one in arrivals]
        seen = [{**_place(one.household), "block": one.block, "bits": one.bits} for one in facts]
        async with self._db.writing() as session:
            await self._add(session, HomeArrival, came)
            await self._add(session, HomeSeen, seen)

    async def known(self, lecture_id: str, class_id: str, number: int) -> list[str]:
        """Return the households of a link."""
        async with self._db.reading() as session:
            return list(await session.scalars(queries.known(lecture_id, class_id, number)))

    async def ended_since(self, since: datetime) -> list[str]:
        """Return the lectures with links that ended after a time."""
        async with self._db.reading() as session:
            return list(await session.scalars(queries.ended_since(since)))

    async def judge(
        self,
        lecture_id: str,
        on_air: Mapping[int, int],
        ratio: Fraction,
        now: datetime,
        households: Collection[str] | None = None,
    ) -> int:
        """Write down the households that have seen their share of a lecture, of all or of some; return how many are new."""
        async with self._db.reading() as session:
            counted = {(one, two) for one, two in await session.execute(queries.counted(lecture_id))}
            found: dict[Home, list[tuple[int, int]]] = {}
            for chunk in [None] if households is None else _chunks(sorted(households)):
                stream = await session.stream(queries.seen(lecture_id, chunk).execution_options(yield_per=PART))
                async for rows in stream.partitions(PART):
                    for class_id, household, block, bits in rows:
                        found.setdefault((class_id, household), []).append((block, bits))
        reached = await asyncio.to_thread(_reached, found, counted, on_air, ratio)
        new = [{"lecture_id": lecture_id, "class_id": one, "household": two, "at": now} for one, two in reached]
        if new:
            async with self._db.writing() as session:
                await self._add(session, HomeView, new)
        return len(new)

    async def _add(self, session: AsyncSession, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        insert = sqlite.insert if self._db.is_sqlite else postgresql.insert
        if rows:  # one statement for all of them: one with all values would be compiled anew for every batch
            await session.execute(insert(table.__table__).on_conflict_do_nothing(), [*rows])


def _reached(
    found: Mapping[Home, Sequence[tuple[int, int]]], counted: set[Home], on_air: Mapping[int, int], ratio: Fraction
) -> list[Home]:
    """Return who counts now and did not before; runs in a thread."""
    return [one for one, facts in found.items() if one not in counted and counts(joined(facts), on_air, ratio)]


def _place(household: tuple[str, str, str]) -> dict[str, str]:
    return dict(zip(("lecture_id", "class_id", "household"), household, strict=True))


def _chunks(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return [values[start : start + CHUNK] for start in range(0, len(values), CHUNK)]
