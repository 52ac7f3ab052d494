"""The statements behind the lists of the directory: what a scope covers, counted, sorted and in pages."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeVarTuple

from sqlalchemy import ColumnElement, Integer, Select, and_, cast, false, func, or_, select, true

from signaling.directory.models import Region, School, SchoolAlias, SchoolClass, Screen


@dataclass(frozen=True, slots=True)
class Scope:
    """What a node covers: everything (`regions is None`), some regions, or one school."""

    regions: frozenset[str] | None
    school: str | None = None

    def includes(self, region_code: str, school_code: str) -> bool:
        """Whether a school of a region is covered."""
        if self.school is not None:
            return school_code == self.school
        return self.regions is None or region_code in self.regions

    def includes_region(self, region_code: str) -> bool:
        """Whether all of a region is covered."""
        return self.school is None and (self.regions is None or region_code in self.regions)


@dataclass(frozen=True, slots=True)
class SchoolFilter:
    """What narrows a list of schools; `text` are words of the name or beginnings of the code, `code` is one whole code.

    `state` is open, closed or all as of `today`.
    """

    county: str = ""
    kind: str = ""
    text: str = ""
    code: str = ""
    urban_rural: str = ""
    state: str = "all"
    sort: str = ""
    today: date = date.max


@dataclass(frozen=True, slots=True)
class ClassFilter:
    """What narrows a list of classes; `text` are words of the names of class and school."""

    county: str = ""
    school: str = ""
    stage: str = ""
    text: str = ""
    state: str = "all"
    sort: str = ""
    today: date = date.max


def is_open(closed_on: Any, today: date) -> ColumnElement[bool]:
    """Whether what closes on `closed_on` is open on a day."""
    return or_(closed_on.is_(None), closed_on > today)


def schools(scope: Scope, wanted: SchoolFilter) -> Select[School, Region]:
    """Schools with their county units, in the order of reports or as wanted."""
    former = select(SchoolAlias.code)  # a school that was given another code goes on under that one
    statement = select(School, Region).join(Region, Region.code == School.region_code)
    statement = statement.where(covered(scope), School.code.not_in(former))
    equal = (
        (School.region_code, wanted.county),
        (School.kind, wanted.kind),
        (School.code, wanted.code),
        (School.urban_rural, wanted.urban_rural),
    )
    statement = statement.where(*(column == value for column, value in equal if value))
    statement = statement.where(_in_state(School.closed_on, wanted.state, wanted.today))
    for word in wanted.text.split():
        statement = statement.where(_named(word))
    return statement.order_by(*_school_order(wanted.sort))


def _named(word: str) -> ColumnElement[bool]:
    return or_(School.name.contains(word, autoescape=True), School.code.startswith(word, autoescape=True))


def _school_order(sort: str) -> list[Any]:
    columns = {
        "code": School.code,
        "name": School.name,
        "classes": _of_school(func.count()),
        "pupils": _of_school(func.coalesce(func.sum(SchoolClass.pupils), 0)),
    }
    column = columns.get(sort.removeprefix("-"))
    if column is None:
        return [Region.sort, School.code]
    return [column.desc() if sort.startswith("-") else column, School.code]


def _of_school(counted: Any) -> Any:
    return (
        select(counted)
        .select_from(SchoolClass)
        .where(SchoolClass.school_code == School.code, SchoolClass.closed_on.is_(None))
        .scalar_subquery()
    )


def _in_state(closed_on: Any, state: str, today: date) -> ColumnElement[bool]:
    if state == "all":
        return true()
    return is_open(closed_on, today) if state == "open" else closed_on <= today


Row = TypeVarTuple("Row")


def part(statement: Select[*Row], key: Any, limit: int, offset: int, keys: Select[Any] | None = None) -> Select[*Row]:
    """A page of a statement: only the keys of all rows are sorted, and only the rows of the page are read.

    `keys` selects them in the same order, where that takes less than the statement.
    """
    sorted_ones = statement.with_only_columns(key) if keys is None else keys
    page = sorted_ones.limit(limit).offset(offset).subquery()
    return statement.where(key.in_(select(page.c[0])))


def number_of(statement: Select[*tuple[Any, ...]]) -> Select[int]:
    """How many rows a statement has."""
    return select(func.count()).select_from(statement.order_by(None).subquery())


def _per_school(school_code: Any) -> Select[str, int]:
    return select(school_code, func.count().label("number")).group_by(school_code)


def classes_by_school(codes: list[str]) -> Select[str, int, int]:
    """School, number of its classes that are not closed, sum of their pupils."""
    return (
        select(SchoolClass.school_code, func.count(), func.coalesce(func.sum(SchoolClass.pupils), 0))
        .where(SchoolClass.school_code.in_(codes), SchoolClass.closed_on.is_(None))
        .group_by(SchoolClass.school_code)
    )


def screens_by_school(codes: list[str]) -> Select[str, int]:
    """School, number of paired screens."""
    return (
        select(SchoolClass.school_code, func.count())
        .join(Screen, Screen.class_id == SchoolClass.id)
        .where(SchoolClass.school_code.in_(codes), paired())
        .group_by(SchoolClass.school_code)
    )


def screens_by_class(ids: list[str]) -> Select[str, int]:
    """Class, number of paired screens."""
    return select(Screen.class_id, func.count()).where(Screen.class_id.in_(ids), paired()).group_by(Screen.class_id)


def classes(scope: Scope, wanted: ClassFilter) -> Select[SchoolClass, School, Region]:
    """Classes with their schools and county units: by school, the youngest first, or as wanted."""
    statement = (
        select(SchoolClass, School, Region)
        .join(School, School.code == SchoolClass.school_code)
        .join(Region, Region.code == School.region_code)
        .where(*_wanted(scope, wanted))
    )
    if wanted.sort:
        return statement.order_by(*_class_order(wanted.sort))
    return statement.order_by(Region.sort, School.code, *_YOUNGEST)


def class_numbers(scope: Scope, wanted: ClassFilter) -> Select[str, int]:
    """School, and how many of its classes a filter leaves."""
    return _per_school(SchoolClass.school_code).where(*_wanted(scope, wanted))


def class_keys(scope: Scope, wanted: ClassFilter) -> Select[str]:
    """The ids of the classes that a filter leaves, sorted as wanted without what need not be read for it."""
    keys = select(SchoolClass.id).where(*_wanted(scope, wanted)).order_by(*_class_order(wanted.sort))
    by_name_of_school = wanted.sort.removeprefix("-") == "school"
    return keys.join(School, School.code == SchoolClass.school_code) if by_name_of_school else keys


def _wanted(scope: Scope, wanted: ClassFilter) -> Iterator[ColumnElement[bool]]:
    yield from of_schools(SchoolClass.school_code, scope, wanted.county, wanted.school)
    yield _in_state(SchoolClass.closed_on, wanted.state, wanted.today)
    if wanted.stage:
        yield SchoolClass.stage == wanted.stage
    for word in wanted.text.split():
        named = SchoolClass.school_code.in_(select(School.code).where(_named(word)))
        yield or_(SchoolClass.name.contains(word, autoescape=True), named)


_YOUNGEST: Final = (SchoolClass.stage, SchoolClass.entry_year.desc(), SchoolClass.number)


def _class_order(sort: str) -> list[Any]:
    columns: dict[str, Any] = {"name": SchoolClass.name, "pupils": SchoolClass.pupils, "school": School.name}
    column = columns[sort.removeprefix("-")]
    return [column.desc() if sort.startswith("-") else column, SchoolClass.school_code, *_YOUNGEST]


def class_of(class_id: str) -> Select[SchoolClass, School, Region]:
    """One class."""
    return (
        select(SchoolClass, School, Region)
        .join(School, School.code == SchoolClass.school_code)
        .join(Region, Region.code == School.region_code)
        .where(SchoolClass.id == class_id)
    )


def counties(scope: Scope, today: date, unlisted: Collection[str] = ()) -> Select[Region, int]:
    """County units that hold a covered school, or are covered themselves, with the number of their covered, open schools.

    `unlisted` ones are left out while they hold no school.
    """
    open_ones = is_open(School.closed_on, today)
    within = select(School.code, School.region_code).join(Region).where(covered(scope), open_ones).subquery()
    own = Region.code.in_(scope.regions) if scope.regions else false()
    listed = Region.code.not_in(unlisted) if scope.regions is None else own
    shown = or_(listed, within.c.code.is_not(None))
    return (
        select(Region, func.count(within.c.code))
        .outerjoin(within, within.c.region_code == Region.code)
        .where(Region.level == "county", shown)
        .group_by(Region.code)
        .order_by(Region.sort)
    )


def classes_by_county(scope: Scope, today: date) -> Select[str, int, int]:
    """County unit, number of the classes of its covered, open schools, sum of their pupils."""
    return (
        select(School.region_code, func.count(), func.coalesce(func.sum(SchoolClass.pupils), 0))
        .join(SchoolClass, SchoolClass.school_code == School.code)
        .where(covered(scope), is_open(School.closed_on, today), SchoolClass.closed_on.is_(None))
        .group_by(School.region_code)
    )


def screens_by_county(scope: Scope) -> Select[str, int]:
    """County unit, number of the paired screens of its covered schools: counted by school first, which takes indexes alone."""
    counted = _per_school(SchoolClass.school_code).join(Screen, Screen.class_id == SchoolClass.id)
    schools = counted.where(paired(), *of_schools(SchoolClass.school_code, scope)).subquery()
    return (
        select(School.region_code, cast(func.sum(schools.c.number), Integer))
        .join(schools, schools.c[0] == School.code)
        .group_by(School.region_code)
    )


def paired() -> ColumnElement[bool]:
    """Whether a screen is paired and not revoked."""
    return and_(Screen.paired_at.is_not(None), Screen.revoked_at.is_(None))


def covered(scope: Scope) -> ColumnElement[bool]:
    """Whether a scope covers a school."""
    if scope.school is not None:
        return School.code == scope.school
    if scope.regions is None:
        return true()
    return School.region_code.in_(scope.regions)


def of_schools(school_code: Any, scope: Scope, county: str = "", school: str = "") -> Iterator[ColumnElement[bool]]:
    """Conditions on the column that names a row's school: that a scope covers it, that it is of a county unit, that it is this one.

    **What need not be asked is not**: the whole prefecture is counted without reading its schools.
    """
    if scope.school is not None:
        yield school_code == scope.school
    elif scope.regions is not None:
        yield school_code.in_(select(School.code).where(School.region_code.in_(scope.regions)))
    if county:
        yield school_code.in_(select(School.code).where(School.region_code == county))
    if school:
        yield school_code == school
