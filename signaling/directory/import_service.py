"""Takes imported rows into the directory, whole files in one transaction.

What a transaction compares it compares inside the write lock, so that an import that was checked before is committed only when the
directory is still the one that it was checked against (`stamp`).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Final, cast

from sqlalchemy import Select, and_, bindparam, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from signaling.auth.models import AuditEntry
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.class_names import YEARS, ClassKey
from signaling.directory.import_changes import FORMS, Comparison, Values, compare, in_parts
from signaling.directory.importing import ClassRow, Ground, Progress, SchoolRow, TeacherRow, no_progress
from signaling.directory.listed import Changes
from signaling.directory.models import ImportJob, Region, RegionAlias, School, SchoolAlias, SchoolClass, Teacher
from signaling.directory.queries import Scope, covered, is_open

PART: Final = 1000  # rows of one statement
_MODELS: Final[Mapping[str, Any]] = {"schools": School, "classes": SchoolClass, "teachers": Teacher}
_KEYS: Final[Mapping[str, Any]] = {"schools": School.code, "classes": SchoolClass.id, "teachers": Teacher.id}


class DirectoryChanged(Exception):
    """The directory is not the one that the import was checked against."""


class ImportService:
    """The door through which files reach the directory's tables."""

    def __init__(self, db: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._clock = clock

    async def kinds(self) -> dict[str, str]:
        """Return the kind of every school by its code."""
        async with self._db.reading() as session:
            return dict((await session.execute(select(School.code, School.kind))).all())

    async def counties(self) -> dict[str, str]:
        """Return the name of each county unit by its code, in the order of reports."""
        statement = select(Region.code, Region.name).where(Region.level == "county").order_by(Region.sort)
        async with self._db.reading() as session:
            return dict((await session.execute(statement)).all())

    async def ground(self, what: str, scope: Scope, year: int, today: date) -> Ground:
        """Return what the rows of a file are judged by, for an importer of this scope."""
        owned = select(School.code, School.kind).where(covered(scope), is_open(School.closed_on, today))
        former = select(SchoolAlias.code)
        if what != "schools":
            former = former.join(School, School.code == SchoolAlias.school_code).where(covered(scope))
        async with self._db.reading() as session:
            regions = await _county_names(session)
            aliases = frozenset(await session.scalars(former))
            kinds = {code: kind for code, kind in await session.execute(owned) if code not in aliases}
            placed = await session.execute(select(School.code, School.region_code))
            places = dict(placed.all()) if what == "schools" else {}
            past = await _past(session, scope, year) if what == "classes" else {}
        return Ground(regions, kinds, year, scope.regions, places, aliases, past)

    async def stamp(self, what: str, scope: Scope) -> str:
        """Return what changes when anything that an import of this kind depends on changes within a scope."""
        async with self._db.reading() as session:
            return await _stamp(session, what, scope)

    async def compared(self, what: str, items: Sequence[Any], scope: Scope) -> tuple[Comparison, str]:
        """Return what rows would change, and the stamp of the directory that they were compared with."""
        async with self._db.reading() as session:
            stamp = await _stamp(session, what, scope)
            return compare(what, items, await _known(session, what)), stamp

    async def take_schools(self, rows: Sequence[SchoolRow], actor: str, progress: Progress = no_progress) -> Changes:
        """Write imported schools in one transaction; the same rows again change nothing. Schools not named stay as they are."""
        return await self.take("schools", rows, actor, progress)

    async def take_classes(self, rows: Sequence[ClassRow], actor: str, progress: Progress = no_progress) -> Changes:
        """Write imported classes in one transaction; the same rows again change nothing. Classes not named stay as they are."""
        return await self.take("classes", rows, actor, progress)

    async def take_teachers(self, rows: Sequence[TeacherRow], actor: str, progress: Progress = no_progress) -> Changes:
        """Write imported teachers in one transaction; the same rows again change nothing. Teachers not named stay as they are."""
        return await self.take("teachers", rows, actor, progress)

    async def take(self, what: str, rows: Sequence[Any], actor: str, progress: Progress = no_progress) -> Changes:
        """Write imported rows in one transaction."""
        async with self._db.writing() as session:
            changes = await _write(session, what, rows, progress)
            self._audit(session, what, changes, actor, {})
        return changes

    async def commit(
        self, job_id: str, rows: Sequence[Any], scope: Scope, actor: str, progress: Progress = no_progress
    ) -> Changes:
        """Write the rows of a checked job and that it is done, in one transaction; raise `DirectoryChanged`.

        A job that is not being committed any more, because its server was started anew, is not committed by who comes late.
        """
        async with self._db.writing() as session:
            job = await session.get(ImportJob, job_id)
            if job is None or job.state != "committing":
                raise DirectoryChanged("the job is not being committed")
            if await _stamp(session, job.kind, scope) != job.stamp:
                raise DirectoryChanged(job.kind)
            changes = await _write(session, job.kind, rows, progress)
            job.state, job.version, job.finished_at = "done", job.version + 1, self._clock()
            job.added, job.changed, job.same = changes.added, changes.changed, changes.same
            self._audit(session, job.kind, changes, actor, {"file": job.file_name, "job": job.id, "node": job.node})
        return changes

    def _audit(self, session: AsyncSession, what: str, changes: Changes, actor: str, more: Mapping[str, Any]) -> None:
        detail = json.dumps({**asdict(changes), **more}, ensure_ascii=False, sort_keys=True)
        entry = AuditEntry(actor=actor, action="directory.imported", subject=what, detail=detail)
        entry.at = self._clock()
        session.add(entry)


async def _past(session: AsyncSession, scope: Scope, year: int) -> dict[str, frozenset[ClassKey]]:
    """Return the classes of a scope that are there although they are not at school in a school year: an export names them, too."""
    made = SchoolClass
    at_school = or_(
        *(and_(made.stage == stage, made.entry_year.between(year - years + 1, year)) for stage, years in YEARS.items())
    )
    rows = select(made.school_code, made.entry_year, made.stage, made.number)
    rows = rows.join(School, School.code == made.school_code).join(Region, Region.code == School.region_code)
    found: dict[str, set[ClassKey]] = defaultdict(set)
    for school, entry_year, stage, number in await session.execute(rows.where(covered(scope), ~at_school)):
        found[school].add(ClassKey(entry_year, stage, number))
    return {school: frozenset(keys) for school, keys in found.items()}


async def _county_names(session: AsyncSession) -> dict[str, str]:
    """Return the code of each county unit by everything that a file may call it: name, code, national and former codes."""
    units = (
        await session.execute(select(Region.code, Region.name, Region.gb2260).where(Region.level == "county"))
    ).all()
    former = (await session.execute(select(RegionAlias.code, RegionAlias.region_code))).all()
    names = {code: region for code, region in former if region in {unit[0] for unit in units}}
    return names | {name: unit[0] for unit in units for name in unit if name is not None}


async def _known(session: AsyncSession, what: str) -> dict[tuple[Any, ...], Values]:
    """Return the rows that are there by their keys; `row_id` is what the table knows them by."""
    form, model = FORMS[what], _MODELS[what]
    columns = [getattr(model, name) for name in dict.fromkeys((*form.key, *form.compared))]
    rows = (await session.execute(select(_KEYS[what].label("row_id"), *columns))).mappings()
    return {tuple(row[name] for name in form.key): cast(Values, row) for row in rows}


async def _write(session: AsyncSession, what: str, rows: Sequence[Any], progress: Progress) -> Changes:
    model, found = _MODELS[what], compare(what, rows, await _known(session, what))
    done, of = 0, len(found.added) + len(found.changed)
    for part in in_parts(found.added, PART):
        defaults = {"urban_rural": None} if what == "schools" else {}
        await session.execute(insert(model), [{**defaults, **values} for _, values in part])
        progress(done := done + len(part), of)
    for part in in_parts(found.changed, PART):
        await _change(session, what, part)
        progress(done := done + len(part), of)
    return found.counts


async def _change(session: AsyncSession, what: str, part: Sequence[tuple[int, Values, dict[str, Any]]]) -> None:
    """Change rows; all columns are written, since one statement serves them all."""
    model, compared = _MODELS[what].__table__, FORMS[what].compared
    statement = (
        update(model)
        .where(model.c[_KEYS[what].key] == bindparam("row_id"))
        .values({name: bindparam(f"new_{name}") for name in compared} | {"version": model.c.version + 1})
    )
    values = [
        {"row_id": before["row_id"]} | {f"new_{name}": after.get(name, before[name]) for name in compared}
        for _, before, after in part
    ]
    connection = await session.connection()
    await connection.execute(statement, values)


async def _stamp(session: AsyncSession, what: str, scope: Scope) -> str:
    counted = func.count(), func.coalesce(func.sum(School.version), 0)
    statements: list[Select[int, int]] = [select(*counted).where(covered(scope))]
    if what != "schools":
        model = _MODELS[what]
        rows = select(func.count(), func.coalesce(func.sum(model.version), 0)).select_from(model)
        if scope.regions is not None or scope.school is not None:
            rows = rows.join(School, School.code == model.school_code).where(covered(scope))
        statements.append(rows)
    told = [(await session.execute(statement)).one() for statement in statements]
    return "-".join(str(number) for row in told for number in row)
