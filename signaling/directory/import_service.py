"""Takes imported rows into the directory, whole files in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from signaling.auth.models import AuditEntry
from signaling.db.engine import Database
from signaling.directory.importing import ClassRow, SchoolRow, TeacherRow
from signaling.directory.listed import Changes
from signaling.directory.models import School, SchoolClass, Teacher


class ImportService:
    """The door through which files reach the directory's tables."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def kinds(self) -> dict[str, str]:
        """Return the kind of every school by its code."""
        async with self._db.reading() as session:
            return dict((await session.execute(select(School.code, School.kind))).all())

    async def take_schools(self, rows: Sequence[SchoolRow], actor: str) -> Changes:
        """Write imported schools in one transaction; the same rows again change nothing. Schools not named stay as they are."""
        async with self._db.writing() as session:
            known = {school.code: school for school in await session.scalars(select(School))}
            return await _take(session, School, [(known.get(row.code), _school_values(row)) for row in rows], actor)

    async def take_classes(self, rows: Sequence[ClassRow], actor: str) -> Changes:
        """Write imported classes in one transaction; the same rows again change nothing. Classes not named stay as they are."""
        async with self._db.writing() as session:
            known = {(made.school_code, made.code): made for made in await session.scalars(select(SchoolClass))}
            pairs = [(known.get((row.school_code, row.cohort.code)), _class_values(row)) for row in rows]
            return await _take(session, SchoolClass, pairs, actor)

    async def take_teachers(self, rows: Sequence[TeacherRow], actor: str) -> Changes:
        """Write imported teachers in one transaction; the same rows again change nothing. Teachers not named stay as they are."""
        async with self._db.writing() as session:
            known = {(one.school_code, one.staff_no): one for one in await session.scalars(select(Teacher))}
            pairs = [(known.get(row.key), _teacher_values(row)) for row in rows]
            return await _take(session, Teacher, pairs, actor)


def _teacher_values(row: TeacherRow) -> dict[str, Any]:
    return {"school_code": row.school_code, "staff_no": row.staff_no, "name": row.name, "subject": row.subject}


def _school_values(row: SchoolRow) -> dict[str, Any]:
    values = asdict(row)
    del values["line"]
    if row.urban_rural is None:
        del values["urban_rural"]  # a file that does not say it does not take it away
    return values


def _class_values(row: ClassRow) -> dict[str, Any]:
    return {"code": row.cohort.code, "school_code": row.school_code, "name": row.name, "pupils": row.pupils} | {
        "entry_year": row.cohort.entry_year,
        "stage": row.cohort.stage,
        "number": row.cohort.number,
    }


async def _take(
    session: AsyncSession,
    model: type[School] | type[SchoolClass] | type[Teacher],
    pairs: Iterable[tuple[School | SchoolClass | Teacher | None, dict[str, Any]]],
    actor: str,
) -> Changes:
    added: list[dict[str, Any]] = []
    changed = same = 0
    for found, values in pairs:
        if found is None:
            added.append({"urban_rural": None, **values} if model is School else values)
        elif different := {name: value for name, value in values.items() if getattr(found, name) != value}:
            changed += 1
            for name, value in different.items():
                setattr(found, name, value)
        else:
            same += 1
    if added:
        await session.execute(insert(model), added)
    changes = Changes(len(added), changed, same)
    detail = json.dumps(asdict(changes), sort_keys=True)
    session.add(AuditEntry(actor=actor, action="directory.imported", subject=model.__tablename__, detail=detail))
    return changes
