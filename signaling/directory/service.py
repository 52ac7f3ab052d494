"""Reads the directory: regions, schools, classes, screens. `schools_service` changes it, `import_service` fills it from files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from hmac import compare_digest
from typing import Any

from sqlalchemy import Row, Select, or_, select

from config.regions import Region as RegionData
from signaling.auth import opaque
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory import queries
from signaling.directory.listed import (
    ListedClass,
    ListedCounty,
    ListedSchool,
    NamedNode,
    ScreenInfo,
    TreeNode,
    county_node,
    school_node,
)
from signaling.directory.models import Region, RegionAlias, School, SchoolAlias, SchoolClass, Screen
from signaling.directory.pages_service import page_by_key, page_by_school
from signaling.directory.queries import ClassFilter, SchoolFilter, Scope

IN_ONE = 1000
"""Values of one IN list."""


class DirectoryService:
    """The door to the directory's tables."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._direct: frozenset[str] = frozenset()

    async def load_regions(self, regions: Sequence[RegionData]) -> None:
        """Write the regions of the region file: new ones are added, names and order follow the file, none is deleted.

        Units for the prefecture's own schools are listed only while there are such schools.
        """
        self._direct = frozenset(region.code for region in regions if region.direct)
        async with self._db.writing() as session:
            for sort, data in enumerate(regions):
                row = await session.get(Region, data.code)
                if row is None:
                    row = Region(code=data.code)
                    session.add(row)
                row.name, row.gb2260, row.level, row.sort = data.name, data.gb2260, data.level, sort
                row.parent_code, row.valid_from, row.valid_to = data.parent, data.valid_from, data.valid_to
                row.successor_code = data.successor
                await session.flush()  # a parent must be there before its children
                for code in data.former_codes:
                    await session.merge(RegionAlias(code=code, region_code=data.code))

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
            classes = _by_first(await session.execute(queries.classes_by_school(codes)))
            screens = _by_first(await session.execute(queries.screens_by_school(codes)))
        return [
            ListedSchool(school, county, *classes.get(school.code, (0, 0)), *screens.get(school.code, (0,)))
            for school, county in rows
        ], total

    async def school(self, scope: Scope, code: str) -> ListedSchool | None:
        """Return a school by its code or an older one; None when there is none, or the scope does not cover it."""
        found, _ = await self.schools(scope, SchoolFilter(code=await self.school_code(code)), 1)
        return found[0] if found else None

    async def school_code(self, code: str) -> str:
        """Return the code that a school has today; one that was never another's stays as it is."""
        async with self._db.reading() as session:
            alias = await session.get(SchoolAlias, code)
        return alias.school_code if alias else code

    async def aliases(self, code: str) -> list[str]:
        """Return the older codes of a school."""
        statement = select(SchoolAlias.code).where(SchoolAlias.school_code == code).order_by(SchoolAlias.code)
        async with self._db.reading() as session:
            return list(await session.scalars(statement))

    async def classes(
        self, scope: Scope, wanted: ClassFilter, limit: int, offset: int = 0
    ) -> tuple[list[ListedClass], int]:
        """Return a page of the classes that the scope covers and the filter leaves, and how many there are in all."""
        statement = queries.classes(scope, wanted)
        async with self._db.reading() as session:
            if wanted.sort:
                keys = queries.class_keys(scope, wanted)
                rows, total = await page_by_key(session, keys, statement, SchoolClass.id, limit, offset)
            else:
                numbers = queries.class_numbers(scope, wanted)
                rows, total = await page_by_school(session, numbers, statement, limit, offset)
            screens = _by_first(await session.execute(queries.screens_by_class([made.id for made, _, _ in rows])))
        return [ListedClass(*row, *screens.get(row[0].id, (0,))) for row in rows], total

    async def school_class(self, scope: Scope, class_id: str) -> tuple[ListedClass, list[Screen]] | None:
        """Return a class with its terminals; None when there is none, or the scope does not cover it."""
        of_class = select(Screen).where(Screen.class_id == class_id).order_by(Screen.terminal_no)
        async with self._db.reading() as session:
            row = (await session.execute(queries.class_of(class_id))).one_or_none()
            if row is None or not scope.includes(row[2].code, row[1].code):
                return None
            screens = list(await session.scalars(of_class))
        paired = sum(screen.paired_at is not None and screen.revoked_at is None for screen in screens)
        return ListedClass(*row, paired), screens

    async def counties(self, scope: Scope, today: date, direct: bool = False) -> list[ListedCounty]:
        """Return the county units that concern a scope, with what their schools in it have; `direct` as of `load_regions`, without schools too."""
        unlisted = frozenset() if direct else self._direct
        async with self._db.reading() as session:
            rows = (await session.execute(queries.counties(scope, today, unlisted))).all()
            classes = _by_first(await session.execute(queries.classes_by_county(scope, today)))
            screens = _by_first(await session.execute(queries.screens_by_county(scope)))
            former = defaultdict(list)
            for alias in await session.scalars(select(RegionAlias).order_by(RegionAlias.code)):
                former[alias.region_code].append(alias.code)
        return [
            ListedCounty(
                region,
                tuple(former[region.code]),
                number,
                *classes.get(region.code, (0, 0)),
                *screens.get(region.code, (0,)),
            )
            for region, number in rows
        ]

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

    async def units(self) -> list[Region]:
        """Return the county units, without those for the prefecture's own schools."""
        return [row for row in await self.regions() if row.level == "county" and row.code not in self._direct]

    async def county_nodes(self, scope: Scope, today: date) -> list[TreeNode]:
        """Return the county units that concern a scope as nodes of the tree."""
        statement = queries.counties(scope, today, self._direct)
        async with self._db.reading() as session:
            return [county_node(row, number) for row, number in await session.execute(statement)]

    async def tree(self, scope: Scope, parent: str | None, today: date) -> list[TreeNode] | None:
        """Return the children of a node, or the caller's tops without one; None when it is not the caller's."""
        counties = await self.county_nodes(scope, today)
        async with self._db.reading() as session:
            top = await session.scalar(select(Region).where(Region.level == "prefecture"))
            if parent is None and scope.school is not None:
                school = await session.get(School, scope.school)
                return [] if school is None else [school_node(school, today)]
            if parent is None and top is not None and scope.regions is None:
                return [TreeNode(top.code, top.name, "prefecture", None, sum(one.schools for one in counties))]
            if parent is None or (top is not None and parent == top.code and scope.regions is None):
                return counties
            if not scope.includes_region(parent) or await session.get(Region, parent) is None:
                return None
            within = queries.schools(scope, SchoolFilter(county=parent, state="open", today=today))
            return [school_node(school, today) for school, _ in await session.execute(within)]

    async def search(self, scope: Scope, text: str, today: date, limit: int) -> list[tuple[TreeNode, NamedNode]]:
        """Return county units and schools by parts of their names or beginnings of their codes, county units first."""
        words = text.split()
        if not words:
            return []
        found = [
            (one, NamedNode(one.code, one.name))
            for one in await self.county_nodes(scope, today)
            if all(word in one.name or one.code.startswith(word) for word in words)
        ]
        statement = queries.schools(scope, SchoolFilter(text=text, state="open", today=today)).limit(limit)
        async with self._db.reading() as session:
            found += [
                (school_node(school, today), NamedNode(county.code, county.name))
                for school, county in await session.execute(statement)
            ]
        return found[:limit]

    async def region_code(self, code: str, level: str | None = None) -> str | None:
        """Return the code of the region that `code` names today: its own, its national one, or an older one."""
        named = select(Region.code).where(or_(Region.code == code, Region.gb2260 == code))
        if level is not None:
            named = named.where(Region.level == level)
        former = select(RegionAlias.region_code).where(RegionAlias.code == code)
        async with self._db.reading() as session:
            return await session.scalar(named) or await session.scalar(former)

    async def scope(self, node: str) -> Scope:
        """Return what the node of a role covers; an unknown node covers nothing."""
        async with self._db.reading() as session:
            region = await session.get(Region, node)
            if region is None:
                school = await session.get(School, node)
                return Scope(frozenset(), school.code if school else None)
            return Scope(None if region.level == "prefecture" else frozenset({region.code}))

    async def covered_screens(self, scope: Scope, screen_ids: Sequence[str]) -> frozenset[str]:
        """Return those of some screens that a scope covers."""
        statement = select(Screen.id, School.code, School.region_code).join(
            SchoolClass, SchoolClass.id == Screen.class_id
        )
        statement = statement.join(School, School.code == SchoolClass.school_code)
        found: set[str] = set()
        async with self._db.reading() as session:
            for start in range(0, len(screen_ids), IN_ONE):
                rows = await session.execute(statement.where(Screen.id.in_(screen_ids[start : start + IN_ONE])))
                found.update(one for one, school, region in rows if scope.includes(region, school))
        return frozenset(found)

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


def _by_first(rows: Iterable[Row[Any]]) -> dict[str, tuple[Any, ...]]:
    """Return what comes after the first column of each row, by that column."""
    return {row[0]: tuple(row[1:]) for row in rows}


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
        screen.key_thumbprint,
    )
