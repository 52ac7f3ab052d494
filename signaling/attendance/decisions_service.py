"""The door to settled decisions: the newest of each school for whoever counts terms, and the place where new revisions are written.

1. **A decision that says the same again is not written again**: a revision differs from the one before.
2. A round of settling is one transaction; when another server settled the same lecture meanwhile, `Overtaken` is raised and nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, and_, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from signaling.attendance import queries
from signaling.attendance.models import AttendanceDecision, AttendanceFrame, AttendanceSettling
from signaling.attendance.report import Tally
from signaling.attendance.settled import SettledSchool
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.queries import Scope

CHUNK: Final = 500
EVERYTHING: Final = Scope(None)
_COUNTS: Final = tuple(field.name for field in fields(Tally))


class Overtaken(Exception):
    """Another server has settled the lecture."""


@dataclass(frozen=True, slots=True)
class Settling:
    """A round that was: `number` counts those of its lecture."""

    lecture_id: str
    number: int
    cause: str
    stamp: str
    as_of: datetime
    changed: int


class DecisionsService:
    """Reads and writes settled decisions; `clock` stamps them."""

    def __init__(self, db: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._clock = clock

    async def decisions(
        self, lecture_ids: Sequence[str], scope: Scope = EVERYTHING, until: datetime | None = None
    ) -> list[SettledSchool]:
        """Return the newest decision of every school of the lectures that `scope` covers, in the order of lectures and schools.

        `until` leaves out what was settled later.
        """
        async with self._db.reading() as session:
            found = [one for start in _chunks(lecture_ids) for one in await _newest(session, start, scope, until)]
        return found

    async def stamps(self, lecture_ids: Sequence[str]) -> dict[str, str]:
        """Return for each settled lecture what differs as soon as one of its decisions does."""
        row = AttendanceDecision
        counted = select(row.lecture_id, func.count()).where(row.lecture_id.in_(lecture_ids)).group_by(row.lecture_id)
        async with self._db.reading() as session:
            return {lecture: str(revisions) for lecture, revisions in await session.execute(counted)}

    async def minutes(self, lecture_id: str, until: datetime | None = None) -> Mapping[str, Sequence[int]]:
        """Return for each class the UTC minutes of a lecture that counted."""
        schools = await self.decisions([lecture_id], until=until)
        return {one.class_id: one.minutes for school in schools for one in school.classes}

    async def last(self, lecture_id: str) -> Settling | None:
        """Return the last round of a lecture."""
        row = AttendanceSettling
        statement = select(row).where(row.lecture_id == lecture_id).order_by(row.number.desc()).limit(1)
        async with self._db.reading() as session:
            found = (await session.execute(statement)).scalar_one_or_none()
        if found is None:
            return None
        return Settling(lecture_id, found.number, found.cause, found.stamp, found.as_of, found.changed)

    async def policy_version(self, lecture_id: str) -> int | None:
        """Return the version by which a lecture was settled last, None before it was."""
        row = AttendanceSettling
        statement = select(row.policy_version).where(row.lecture_id == lecture_id).order_by(row.number.desc()).limit(1)
        async with self._db.reading() as session:
            return await session.scalar(statement)

    async def session(self, lecture_id: str) -> tuple[str, bool, float] | None:
        """Return the audience of a lecture that was held, whether it is marked 计入覆盖, and the seconds that it was live."""
        async with self._db.reading() as session:
            found = (await session.execute(queries.session(lecture_id))).one_or_none()
        return None if found is None else (found[0], found[1], found[2])

    async def recent(self, since: datetime) -> list[tuple[str, datetime | None, datetime]]:
        """Return the lectures that ended after a time, with their begin and end."""
        async with self._db.reading() as session:
            rows = await session.execute(queries.recent(since))
            return [(lecture, begin, end) for lecture, begin, end in rows if end is not None]

    async def write(
        self,
        lecture_id: str,
        schools: Iterable[SettledSchool],
        *,
        policy_version: int,
        cause: str,
        stamp: str,
        as_of: datetime,
        frame: bytes,
    ) -> int:
        """Write what changed and the round itself; return how many schools have another decision. Raises `Overtaken`."""
        last, now = await self.last(lecture_id), self._clock()
        about = {"cause": cause, "as_of": as_of, "settled_at": now}
        every = list(schools)
        try:
            async with self._db.writing() as session:
                known = {one.school_code: one for one in await _newest(session, [lecture_id], EVERYTHING)}
                rows = [_row(one, known.get(one.school_code)) | about for one in every if _differs(one, known)]
                for start in range(0, len(rows), CHUNK):
                    await session.execute(insert(AttendanceDecision), rows[start : start + CHUNK])
                number = 1 if last is None else last.number + 1
                counts = {"schools": len(every), "changed": len(rows), "policy_version": policy_version}
                round_row = {"lecture_id": lecture_id, "number": number, "stamp": stamp} | counts | about
                await session.execute(insert(AttendanceSettling), [round_row])
                if await session.get(AttendanceFrame, lecture_id) is None:
                    frozen = {"lecture_id": lecture_id, "frozen_at": now, "packed": frame}
                    await session.execute(insert(AttendanceFrame), [frozen])
        except IntegrityError as error:
            raise Overtaken(f"another server has settled lecture {lecture_id}") from error
        return len(rows)


def _differs(one: SettledSchool, known: Mapping[str, SettledSchool]) -> bool:
    before = known.get(one.school_code)
    return before is None or not one.says_the_same(before)


def _row(one: SettledSchool, before: SettledSchool | None) -> dict[str, Any]:
    return asdict(one.tally) | {
        "lecture_id": one.lecture_id,
        "school_code": one.school_code,
        "region_code": one.region_code,
        "policy_version": one.policy_version,
        "revision": 1 if before is None else before.revision + 1,
        "supersedes": None if before is None else before.revision,
        "packed": one.packed,
    }


async def _newest(
    session: AsyncSession, lecture_ids: Sequence[str], scope: Scope, until: datetime | None = None
) -> list[SettledSchool]:
    rows = (await session.execute(_statement(lecture_ids, until))).all()
    found = []
    for lecture_id, school, region, version, packed, revision, *counts in rows:
        if scope.includes(region, school):
            tally = Tally(*counts)
            found.append(SettledSchool(lecture_id, school, region, version, tally, bytes(packed), revision))
    return found


def _statement(lecture_ids: Sequence[str], until: datetime | None) -> Select[Any]:
    row = AttendanceDecision
    then = [] if until is None else [row.settled_at <= until]
    newest = (
        select(row.lecture_id, row.school_code, func.max(row.revision).label("revision"))
        .where(row.lecture_id.in_(lecture_ids), *then)
        .group_by(row.lecture_id, row.school_code)
        .subquery()
    )
    same = and_(
        row.lecture_id == newest.c.lecture_id,
        row.school_code == newest.c.school_code,
        row.revision == newest.c.revision,
    )
    columns = (row.lecture_id, row.school_code, row.region_code, row.policy_version, row.packed, row.revision)
    counts = [getattr(row, name) for name in _COUNTS]
    return select(*columns, *counts).join(newest, same).order_by(row.lecture_id, row.school_code)


def _chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))
