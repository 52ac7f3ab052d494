"""The door to exports of terms that were made: an export freezes its table, and the same `as_of` gives the same table again, for ever.

1. **The directory changes in place**: sizes of classes, staff and titles of lectures have no history. So what an export told is kept, not made
   again from what stands there now.
2. Both tables are append-only. The same content is kept once, whoever exported it and as of whenever.
3. **Bounded**: a node keeps at most `per_day` exports in 24 hours; then `TooMany` is raised and nothing is exported.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from signaling.attendance.exports import checksum
from signaling.attendance.tables import Table
from signaling.auth.models import User
from signaling.coverage.frozen import Frozen, Key, digest, pack, unpack
from signaling.coverage.models import CoverageExport, CoverageTable
from signaling.db.base import utc_now
from signaling.db.engine import Database

DAY: Final = timedelta(days=1)


class TooMany(Exception):
    """The node has kept as many exports as it may within a day."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An export that was made: which table, as of when, by whom."""

    number: str
    level: str
    as_of: datetime
    directory_at: datetime
    at: datetime
    rules_version: int
    checksum: str
    by: str


class FrozenService:
    """Keeps exports and finds them again."""

    def __init__(self, db: Database, per_day: int, clock: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._per_day = per_day
        self.now = clock

    async def find(self, key: Key, as_of: datetime) -> Frozen | None:
        """Return what was exported as of exactly this time."""
        async with self._db.reading() as session:
            row = (await session.execute(_one(key, as_of))).one_or_none()
        if row is None:
            return None
        made, packed = row
        table = await asyncio.to_thread(unpack, bytes(packed))
        note = [(name, value) for name, value in json.loads(made.note)]
        return Frozen(made.as_of, made.directory_at, made.rules_version, made.checksum, note, table)

    async def keep(
        self, key: Key, table: Table, note: Sequence[tuple[str, str]], rules_version: int, as_of: datetime, by: str
    ) -> Frozen:
        """Keep an export and return it; the one that is kept already when somebody else was faster. Raise `TooMany`."""
        packed = await asyncio.to_thread(pack, table)
        now, told = self.now(), checksum(table)
        row = CoverageExport(
            term=key.term,
            node=key.node,
            number=key.number,
            level=key.level,
            as_of=as_of,
            directory_at=now,
            at=now,
            rules_version=rules_version,
            checksum=told,
            digest=digest(packed),
            note=json.dumps(list(note), ensure_ascii=False),
            by=by,
        )
        try:
            async with self._db.writing() as session:
                await self._check(session, key.node, now)
                if await session.get(CoverageTable, row.digest) is None:
                    session.add(CoverageTable(digest=row.digest, packed=packed))
                session.add(row)
        except IntegrityError:
            found = await self.find(key, as_of)
            if found is None:
                raise
            return found
        return Frozen(as_of, now, rules_version, told, note, table)

    async def listing(
        self, term: str, node: str, numbers: Collection[str], limit: int, offset: int
    ) -> tuple[list[Listed], int]:
        """Return a page of what was exported of a node, the newest first, and how much there is."""
        mine = (CoverageExport.term == term, CoverageExport.node == node, CoverageExport.number.in_(numbers))
        async with self._db.reading() as session:
            total = await session.scalar(select(func.count()).select_from(CoverageExport).where(*mine)) or 0
            rows = await session.execute(_listed().where(*mine).limit(limit).offset(offset))
            return [Listed(*row) for row in rows], total

    async def _check(self, session: AsyncSession, node: str, now: datetime) -> None:
        today = (CoverageExport.node == node, CoverageExport.at > now - DAY)
        kept = await session.scalar(select(func.count()).select_from(CoverageExport).where(*today)) or 0
        if kept >= self._per_day:
            raise TooMany(f"{node} has kept {kept} exports within a day")


def _one(key: Key, as_of: datetime) -> Select[CoverageExport, bytes]:
    row = CoverageExport
    return (
        select(row, CoverageTable.packed)
        .join(CoverageTable, CoverageTable.digest == row.digest)
        .where(row.term == key.term, row.node == key.node, row.number == key.number, row.level == key.level)
        .where(row.as_of == as_of)
    )


def _listed() -> Select[*tuple[Any, ...]]:
    row = CoverageExport
    columns = (row.number, row.level, row.as_of, row.directory_at, row.at, row.rules_version, row.checksum)
    named = func.coalesce(User.name, row.by)
    return select(*columns, named).outerjoin(User, User.id == row.by).order_by(row.at.desc(), row.id.desc())
