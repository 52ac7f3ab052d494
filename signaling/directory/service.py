"""Reads and fills the directory: regions, schools, classes, screens."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from hmac import compare_digest
from typing import Any

from sqlalchemy import Row, Select, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from config.regions import Region as RegionData
from signaling.auth import opaque
from signaling.auth.models import AuditEntry
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory import queries
from signaling.directory.importing import ClassRow, SchoolRow
from signaling.directory.models import Region, School, SchoolClass, Screen
from signaling.directory.queries import SchoolFilter, Scope


@dataclass(frozen=True, slots=True)
class ScreenInfo:
    """A paired screen and where it hangs."""

    id: str
    terminal_no: int
    class_id: str
    class_code: str
    class_name: str
    school_code: str
    school_name: str
    county_code: str
    county_name: str


@dataclass(frozen=True, slots=True)
class ListedSchool:
    """A school in a list, with what it has."""

    school: School
    county: Region
    classes: int
    pupils: int
    screens: int


@dataclass(frozen=True, slots=True)
class ListedClass:
    """A class in a list, with the number of its paired screens."""

    school_class: SchoolClass
    screens: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What an import did: rows that were new, rows that differed from what was there, rows that were there already."""

    added: int
    changed: int
    same: int


class DirectoryService:
    """The door to the directory's tables."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def load_regions(self, regions: Sequence[RegionData]) -> None:
        """Write the regions of the region file: new ones are added, names and order follow the file, none is deleted."""
        async with self._db.writing() as session:
            for sort, data in enumerate(regions):
                row = await session.get(Region, data.code)
                if row is None:
                    row = Region(code=data.code)
                    session.add(row)
                row.name, row.gb2260, row.level, row.sort = data.name, data.gb2260, data.level, sort
                row.parent_code, row.valid_from, row.valid_to = data.parent, data.valid_from, data.valid_to
                await session.flush()  # a parent must be there before its children

    async def add_schools(self, schools: Sequence[School], classes: Sequence[SchoolClass]) -> None:
        """Add schools and their classes in one transaction."""
        async with self._db.writing() as session:
            session.add_all(schools)
            await session.flush()
            session.add_all(classes)

    async def schools(
        self, scope: Scope, wanted: SchoolFilter, limit: int, offset: int = 0
    ) -> tuple[list[ListedSchool], int]:
        """Return a page of the schools that the scope covers and the filter leaves, and how many there are in all."""
        statement = queries.schools(scope, wanted)
        async with self._db.reading() as session:
            total = await session.scalar(queries.number_of(statement)) or 0
            rows = (await session.execute(statement.limit(limit).offset(offset))).all()
            codes = [school.code for school, _ in rows]
            classes = {
                code: (number, pupils)
                for code, number, pupils in await session.execute(queries.classes_by_school(codes))
            }
            screens = dict((await session.execute(queries.screens_by_school(codes))).all())
        return [
            ListedSchool(school, county, *classes.get(school.code, (0, 0)), screens.get(school.code, 0))
            for school, county in rows
        ], total

    async def school(self, scope: Scope, code: str) -> tuple[ListedSchool, list[ListedClass]] | None:
        """Return a school with its classes; None when there is none, or the scope does not cover it."""
        found, _ = await self.schools(scope, SchoolFilter(code=code), 1)
        if not found:
            return None
        async with self._db.reading() as session:
            return found[0], [ListedClass(*row) for row in await session.execute(queries.classes(code))]

    async def counties(self, scope: Scope) -> list[tuple[Region, int]]:
        """Return the county units that concern a scope, with the number of their schools in it."""
        async with self._db.reading() as session:
            return [(region, number) for region, number in await session.execute(queries.counties(scope))]

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

    async def add_screen(self, class_id: str, terminal_no: int, device_token: str) -> str:
        """Pair a screen with a class: return its id."""
        screen = Screen(
            class_id=class_id,
            terminal_no=terminal_no,
            device_token_hash=opaque.digest(device_token),
            paired_at=utc_now(),
        )
        async with self._db.writing() as session:
            session.add(screen)
        return screen.id

    async def revoke_screen(self, screen_id: str) -> None:
        """Make the device token of a screen worthless."""
        async with self._db.writing() as session:
            screen = await session.get(Screen, screen_id)
            if screen is not None and screen.revoked_at is None:
                screen.revoked_at = utc_now()

    async def regions(self) -> list[Region]:
        """Return all regions in the order of the region file."""
        async with self._db.reading() as session:
            return list(await session.scalars(select(Region).order_by(Region.sort)))

    async def scope(self, node: str) -> Scope:
        """Return what the node of a role covers; an unknown node covers nothing."""
        async with self._db.reading() as session:
            region = await session.get(Region, node)
            if region is None:
                school = await session.get(School, node)
                return Scope(frozenset(), school.code if school else None)
            return Scope(None if region.level == "prefecture" else frozenset({region.code}))

    async def screen(self, screen_id: str) -> ScreenInfo | None:
        """Return a screen that is paired and not revoked."""
        row = await self._screen_row(screen_id)
        return None if row is None else _screen_info(row)

    async def screen_by_device(self, screen_id: str, device_token: str) -> ScreenInfo | None:
        """Return the screen if the device token is its own."""
        row = await self._screen_row(screen_id)
        stored = "" if row is None else row.Screen.device_token_hash or ""
        right = compare_digest(stored, opaque.digest(device_token))
        return _screen_info(row) if row is not None and right else None

    async def _screen_row(self, screen_id: str) -> Row[Screen, SchoolClass, School, Region] | None:
        statement = _screens().where(Screen.id == screen_id, Screen.revoked_at.is_(None), Screen.paired_at.is_not(None))
        async with self._db.reading() as session:
            return (await session.execute(statement)).one_or_none()


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
    model: type[School] | type[SchoolClass],
    pairs: Iterable[tuple[School | SchoolClass | None, dict[str, Any]]],
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


def _screens() -> Select[Screen, SchoolClass, School, Region]:
    return (
        select(Screen, SchoolClass, School, Region)
        .join(SchoolClass, SchoolClass.id == Screen.class_id)
        .join(School, School.code == SchoolClass.school_code)
        .join(Region, Region.code == School.region_code)
    )


def _screen_info(row: Row[Screen, SchoolClass, School, Region]) -> ScreenInfo:
    screen, school_class, school, region = row
    return ScreenInfo(
        screen.id,
        screen.terminal_no,
        school_class.id,
        school_class.code,
        school_class.name,
        school.code,
        school.name,
        region.code,
        region.name,
    )
