"""The table of imports: who brought which file, and how far it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, func, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from signaling.api.etags import changed_meanwhile
from signaling.api.problems import Problem
from signaling.auth.models import AuditEntry, User
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.models import ImportJob, Region, School
from signaling.directory.queries import Scope, part

CHECKING, CHECKED, REFUSED, COMMITTING, DONE, FAILED = "checking", "checked", "refused", "committing", "done", "failed"
STATES: Final = (CHECKING, CHECKED, REFUSED, COMMITTING, DONE, FAILED)
MAY: Final[Mapping[str, frozenset[str]]] = {
    "check": frozenset({CHECKED, REFUSED, FAILED}),
    "commit": frozenset({CHECKED}),
    "discard": frozenset({CHECKING, CHECKED, REFUSED, FAILED}),
}
"""Order -> the states in which it may be given; anything else is 409 `illegal_import` and changes nothing."""


@dataclass(frozen=True, slots=True)
class ListedJob:
    """An import, the name of who brought it, and the name of the node that they acted for."""

    job: ImportJob
    actor: str
    node: str


@dataclass(frozen=True, slots=True)
class JobFilter:
    """What narrows the list of imports."""

    kind: str = ""
    state: str = ""


class ImportJobsService:
    """The door to the table of imports."""

    def __init__(self, db: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self.clock = clock

    @property
    def address(self) -> dict[str, Any]:
        """Where the database is, with its password, for the process that reads files: in parts, since a host may be a folder."""
        url = self._db.engine.url
        names = ("drivername", "username", "host", "port", "database")
        password = None if url.password is None else str(url.password)
        return {name: getattr(url, name) for name in names} | {"password": password, "query": dict(url.query)}

    async def add(self, job: ImportJob) -> ImportJob:
        """Write down an import that begins."""
        job.created_at = self.clock()
        async with self._db.writing() as session:
            session.add(job)
            self._audit(session, job, "import.begun", job.actor)
        return job

    async def jobs(self, scope: Scope, wanted: JobFilter, limit: int, offset: int) -> tuple[list[ListedJob], int]:
        """Return a page of the imports for nodes that a scope covers, the latest first, and how many there are."""
        statement = select(ImportJob).where(_covered(scope))
        for column, value in ((ImportJob.kind, wanted.kind), (ImportJob.state, wanted.state)):
            statement = statement.where(column == value) if value else statement
        statement = statement.order_by(ImportJob.created_at.desc(), ImportJob.id.desc())
        async with self._db.reading() as session:
            total = await session.scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0
            rows = list(await session.scalars(part(statement, ImportJob.id, limit, offset)))
            return await _named(session, rows), total

    async def job(self, scope: Scope, job_id: str) -> ListedJob | None:
        """Return an import; None when there is none, or the scope does not cover whom it is for."""
        async with self._db.reading() as session:
            row = await session.scalar(select(ImportJob).where(ImportJob.id == job_id, _covered(scope)))
            return None if row is None else (await _named(session, [row]))[0]

    async def order(self, job_id: str, version: int, order: str, actor: str) -> ImportJob:
        """Begin to check or to commit an import of this version; raise 412 or 409 `illegal_import`."""
        async with self._db.writing() as session:
            job = await _at(session, job_id, version, order)
            job.state, job.failure, job.detail = CHECKING if order == "check" else COMMITTING, "", ""
            job.version += 1
            if order == "check":
                self._audit(session, job, "import.rechecked", actor)
            else:
                self._audit(session, job, "import.ordered", actor)
        return job

    async def discard(self, job_id: str, version: int, actor: str) -> None:
        """Forget an import of this version that is not being committed; raise 412 or 409 `illegal_import`."""
        async with self._db.writing() as session:
            job = await _at(session, job_id, version, "discard")
            self._audit(session, job, "import.discarded", actor)
            await session.delete(job)

    async def ended(self, job_id: str, state: str, values: Mapping[str, Any]) -> None:
        """Write down how a check or a commit ended; one that is not under way any more stays as it is."""
        under_way = ImportJob.state.in_([CHECKING, COMMITTING])
        changed = {"state": state, "version": ImportJob.version + 1, **values}
        async with self._db.writing() as session:
            await session.execute(update(ImportJob).where(ImportJob.id == job_id, under_way).values(changed))

    async def interrupted(self, server: str) -> None:
        """Call failed what was under way on a server when it stopped; the transaction of a commit has come to nothing."""
        under_way = ImportJob.server == server, ImportJob.state.in_([CHECKING, COMMITTING])
        values = {"state": FAILED, "failure": "interrupted", "version": ImportJob.version + 1}
        async with self._db.writing() as session:
            await session.execute(update(ImportJob).where(*under_way).values(values))

    async def forget(self, server: str, before: datetime, kept: int) -> list[str]:
        """Forget imports of a server that are older or more than are kept; return the ids of those that it still has."""
        latest = select(ImportJob.id).where(ImportJob.server == server)
        latest = latest.order_by(ImportJob.created_at.desc(), ImportJob.id.desc())
        under_way = ImportJob.state.in_([CHECKING, COMMITTING])
        old = or_(ImportJob.created_at < before, ImportJob.id.in_(latest.offset(kept).limit(kept)))
        async with self._db.writing() as session:
            ids = list(await session.scalars(select(ImportJob.id).where(ImportJob.server == server, old, ~under_way)))
            await session.execute(delete(ImportJob).where(ImportJob.id.in_(ids)))
            return list(await session.scalars(latest))

    def _audit(self, session: AsyncSession, job: ImportJob, action: str, actor: str) -> None:
        detail = {"kind": job.kind, "file": job.file_name, "node": job.node, "state": job.state}
        text = json.dumps(detail, ensure_ascii=False, sort_keys=True)
        session.add(AuditEntry(at=self.clock(), actor=actor, action=action, subject=job.id or "", detail=text))


async def _at(session: AsyncSession, job_id: str, version: int, order: str) -> ImportJob:
    job = await session.get(ImportJob, job_id, with_for_update=True)
    if job is None or job.version != version:
        raise changed_meanwhile(None if job is None else job.version)
    if job.state not in MAY[order]:
        raise Problem(
            409, "illegal_import", f"an import that is {job.state} cannot be given this order", state=job.state
        )
    return job


async def _named(session: AsyncSession, rows: Iterable[ImportJob]) -> list[ListedJob]:
    jobs = list(rows)
    people = select(User.id, User.name).where(User.id.in_({job.actor for job in jobs}))
    nodes = {job.node for job in jobs}
    regions = select(Region.code, Region.name).where(Region.code.in_(nodes))
    schools = select(School.code, School.name).where(School.code.in_(nodes))
    names = {code: name for query in (people, regions, schools) for code, name in await session.execute(query)}
    return [ListedJob(job, names.get(job.actor, ""), names.get(job.node, job.node)) for job in jobs]


def _covered(scope: Scope) -> ColumnElement[bool]:
    if scope.school is not None:
        return ImportJob.node == scope.school
    if scope.regions is None:
        return true()
    schools = select(School.code).where(School.region_code.in_(scope.regions))
    return or_(ImportJob.node.in_(scope.regions), ImportJob.node.in_(schools))
