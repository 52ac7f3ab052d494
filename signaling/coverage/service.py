"""The door to the coverage of terms: counts one when something of it has changed, and remembers the last few.

1. **What is asked for again costs no count**: a term is counted anew when a stamp of what it is made of differs (directory, lectures,
   results, marks, homes, the day).
2. **A count as of an earlier time leaves out what was recorded later** (results, marks, homes, lectures). Schools, classes, staff, terms and
   what lectures are for change in place: they are those of the day on which it is made; `frozen_service` keeps what came of it.
3. One term is counted at a time, in a thread. **A count that takes long is not made again at once**: one of more than `LONG_SECONDS`
   stands for ten times as long as it took, told by its `as_of`, so that counting never takes more than a tenth of a core.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from signaling.coverage import assessments_queries, queries
from signaling.coverage.calendar import RegionInfo, bounds, days, spans_of
from signaling.coverage.counting import Held
from signaling.coverage.making import Found, Frame, Rows, make
from signaling.coverage.obligations import Kind, Obligations
from signaling.coverage.results import Results
from signaling.coverage.term import CountedTerm
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.queries import Scope

EVERYTHING: Final = Scope(None)
REMEMBERED: Final = 4
"""Terms whose counts are kept: the one that runs and those that somebody compares it with."""
CHUNK: Final = 5000
LONG_SECONDS: Final = 1.0
STANDS_FOR: Final = 10.0
"""How many times as long as it took a long count stands."""


class CoverageService:
    """Counts terms; `today` tells the local day, `zone` is that of the schools."""

    def __init__(
        self,
        db: Database,
        results: Results,
        rules: Obligations,
        today: Callable[[], date],
        zone: tzinfo,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._results = results
        self.rules = rules
        self._today = today
        self._zone = zone
        self._clock = clock
        self._monotonic = monotonic
        self._stands_until: dict[str, float] = {}
        self._last_as_of = datetime.min.replace(tzinfo=UTC)
        self._counted: OrderedDict[str, tuple[Hashable, CountedTerm]] = OrderedDict()
        self._turn = asyncio.Lock()

    async def codes(self) -> list[str]:
        """Return the codes of all terms, the latest first."""
        async with self._db.reading() as session:
            return sorted({row[1] for row in await session.execute(queries.spans())}, reverse=True)

    async def current(self) -> str | None:
        """Return the code of the term that runs somewhere, else of the last that did."""
        today = self._today()
        async with self._db.reading() as session:
            begun = [(row[2], row[1]) for row in await session.execute(queries.spans()) if row[2] <= today]
        return max(begun)[1] if begun else None

    async def term(self, code: str) -> CountedTerm | None:
        """Return the count of a term; None when nobody has such a term."""
        async with self._turn:
            async with self._db.reading() as session:
                frame = await self._frame(session, code)
            if frame is None:
                return None
            known = self._counted.get(code)
            if known is None or (known[0] != frame.stamp and self._monotonic() >= self._stands_until.get(code, 0.0)):
                begun = self._monotonic()
                known = frame.stamp, await self._count(code, frame)
                took = self._monotonic() - begun
                self._stands_until[code] = begun + took + (took * STANDS_FOR if took > LONG_SECONDS else 0.0)
            self._counted[code] = known
            self._counted.move_to_end(code)
            if len(self._counted) > REMEMBERED:
                forgotten, _ = self._counted.popitem(last=False)
                self._stands_until.pop(forgotten, None)
            return known[1]

    async def term_until(self, code: str, until: datetime) -> CountedTerm | None:
        """Return the count of a term as of an earlier time; None when nobody has such a term."""
        async with self._turn:
            async with self._db.reading() as session:
                frame = await self._frame(session, code)
            if frame is None:
                return None
            lectures = [(held, title) for held, title in frame.lectures if held.started_at <= until]
            return await self._count(code, replace(frame, lectures=lectures), until)

    def _now(self) -> datetime:
        """Return a time that no other count has: `as_of` names a count."""
        self._last_as_of = max(self._clock(), self._last_as_of + timedelta(microseconds=1))
        return self._last_as_of

    async def _frame(self, session: AsyncSession, code: str) -> Frame | None:
        regions = [
            RegionInfo(own, national or own, name, level, parent)
            for own, national, name, level, parent in await session.execute(queries.regions())
        ]
        spans = spans_of(code, [(*row,) for row in await session.execute(queries.spans())], regions)
        if not spans:
            return None
        rows = await session.execute(queries.held(*bounds(spans, self._zone)))
        lectures = [(Held(lecture, Kind(kind), at), title) for lecture, title, kind, at in rows if at is not None]
        ids = [held.lecture_id for held, _ in lectures]
        stamps = await self._results.stamps(ids)
        made = (await session.execute(queries.marks_made(ids))).all()
        homes = (await session.execute(queries.homes(ids))).all()
        assessed = await session.scalar(assessments_queries.number(*days(spans)))
        directory = [tuple((await session.execute(one)).one()) for one in queries.directory_stamp()]
        stamp = (
            self._today(),
            tuple(sorted(spans.items(), key=lambda item: item[0])),
            tuple(lectures),
            tuple(sorted(stamps.items())),
            tuple(sorted(tuple(row) for row in made)),
            tuple(sorted(tuple(row) for row in homes)),
            assessed,
            tuple(directory),
        )
        return Frame(spans, regions, lectures, stamp)

    async def _count(self, code: str, frame: Frame, until: datetime | None = None) -> CountedTerm:
        as_of, held = until or self._now(), {one.lecture_id: one for one, _ in frame.lectures}
        today = self._today() if until is None else until.astimezone(self._zone).date()
        results = await self._results.decisions(list(held), EVERYTHING, until)
        minutes = {
            one.lecture_id: await self._results.minutes(one.lecture_id, until)
            for one in held.values()
            if one.kind is Kind.TEACHERS
        }
        async with self._db.reading() as session:
            rows = await _rows(session, list(held), self.rules.enabled, until, frame)
        found = Found(results, minutes, rows)
        counted = await asyncio.to_thread(make, code, frame, as_of, self.rules, found, today, self._zone)
        return replace(counted, until=until)


async def _rows(
    session: AsyncSession,
    lecture_ids: Sequence[str],
    enabled: Mapping[Kind, bool],
    until: datetime | None,
    frame: Frame,
) -> Rows:
    classes = (await session.execute(queries.classes())).all()
    without = [row[0] for row in classes if not row[3]]
    sizes: dict[str, int] = {}
    for start in range(0, len(without), CHUNK):
        known = await session.execute(queries.known_sizes(without[start : start + CHUNK]))
        sizes.update((class_id, pupils) for class_id, _, pupils in known)
    return Rows(
        (await session.execute(queries.schools())).all(),
        classes,
        sizes,
        (await session.execute(queries.staff())).all() if enabled[Kind.TEACHERS] else (),
        {one: (await session.execute(queries.marks(one, until=until))).all() for one in lecture_ids},
        {(lecture, made): number for lecture, made, number in await session.execute(queries.homes(lecture_ids, until))},
        await _entries(session, frame, until) if enabled[Kind.ASSESSMENT] else (),
    )


async def _entries(session: AsyncSession, frame: Frame, until: datetime | None) -> Sequence[Any]:
    """Return the numbers of assessments, tens of thousands: read by and by, so that nothing else waits for all of them."""
    found = await session.stream(assessments_queries.entries(*days(frame.spans), until))
    return [row async for some in found.partitions(CHUNK) for row in some]
