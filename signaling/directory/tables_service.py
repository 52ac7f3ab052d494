"""Reads whole tables of the directory for export, part by part, so that the loop is held for one part at most."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from sqlalchemy import Select

from signaling.db.engine import Database
from signaling.directory import queries, teachers
from signaling.directory.models import Region, School
from signaling.directory.queries import ClassFilter, SchoolFilter, Scope
from signaling.directory.tables import Line
from signaling.directory.teachers import TeacherFilter

PART: Final = 250
Lines = AsyncIterator[Sequence[Line]]


class TablesService:
    """The door for exports. **A table is read in one transaction**: it is the directory of one moment."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def node_name(self, node: str) -> str:
        """Return what a node is called; its code when nothing is."""
        async with self._db.reading() as session:
            region = await session.get(Region, node)
            school = None if region is not None else await session.get(School, node)
        return region.name if region is not None else school.name if school is not None else node

    async def schools(self, scope: Scope, wanted: SchoolFilter) -> Lines:
        """Yield schools with the numbers of their classes, pupils and screens."""
        async for rows in self._parts(queries.schools(scope, wanted)):
            codes = [school.code for school, _ in rows]
            classes = {
                code: (number, pupils) for code, number, pupils in await self._all(queries.classes_by_school(codes))
            }
            screens = dict(await self._all(queries.screens_by_school(codes)))
            yield [
                Line(school, county, counts=_counts(*classes.get(school.code, (0, 0)), screens.get(school.code, 0)))
                for school, county in rows
            ]

    async def classes(self, scope: Scope, wanted: ClassFilter) -> Lines:
        """Yield classes with the number of their screens."""
        async for rows in self._parts(queries.classes(scope, wanted)):
            screens = dict(await self._all(queries.screens_by_class([row[0].id for row in rows])))
            yield [
                Line(school, county, made, counts={"screens": screens.get(made.id, 0)}) for made, school, county in rows
            ]

    async def teachers(self, scope: Scope, wanted: TeacherFilter) -> Lines:
        """Yield teachers."""
        async for rows in self._parts(teachers.teachers(scope, wanted)):
            yield [Line(school, county, row=teacher) for teacher, school, county in rows]

    async def screens(self, statement: Select[Any, Any, Any, Any]) -> Lines:
        """Yield the screens of a statement of `signaling.screens.queries`."""
        async for rows in self._parts(statement):
            yield [Line(school, county, made, screen) for screen, made, school, county in rows]

    async def _parts(self, statement: Select[*tuple[Any, ...]]) -> AsyncIterator[Sequence[Any]]:
        async with self._db.reading() as session:
            stream = await session.stream(statement.execution_options(yield_per=PART))
            async for rows in stream.partitions(PART):
                yield rows

    async def _all(self, statement: Select[*tuple[Any, ...]]) -> Sequence[Any]:
        async with self._db.reading() as session:
            return (await session.execute(statement)).all()


def _counts(classes: int, pupils: int, screens: int) -> dict[str, int]:
    return {"classes": classes, "pupils": pupils, "screens": screens}
