"""The statements behind the lists of the directory: schools that a scope covers, counted and in pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, case, false, func, or_, select, true

from signaling.directory.models import Region, School, SchoolClass, Screen


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


@dataclass(frozen=True, slots=True)
class SchoolFilter:
    """What narrows a list of schools: a county unit, a kind, words of the name or beginnings of the code, or one whole code."""

    county: str = ""
    kind: str = ""
    text: str = ""
    code: str = ""


def schools(scope: Scope, wanted: SchoolFilter) -> Select[School, Region]:
    """Schools with their county units, in the order of reports."""
    statement = select(School, Region).join(Region, Region.code == School.region_code).where(_covered(scope))
    if wanted.county:
        statement = statement.where(School.region_code == wanted.county)
    if wanted.kind:
        statement = statement.where(School.kind == wanted.kind)
    if wanted.code:
        statement = statement.where(School.code == wanted.code)
    for word in wanted.text.split():
        named = School.name.contains(word, autoescape=True)
        statement = statement.where(or_(named, School.code.startswith(word, autoescape=True)))
    return statement.order_by(Region.sort, School.code)


def number_of(statement: Select[Any, Any]) -> Select[int]:
    """How many rows a statement has."""
    return select(func.count()).select_from(statement.order_by(None).subquery())


def classes_by_school(codes: list[str]) -> Select[str, int, int]:
    """School, number of classes, sum of pupils."""
    return (
        select(SchoolClass.school_code, func.count(), func.coalesce(func.sum(SchoolClass.pupils), 0))
        .where(SchoolClass.school_code.in_(codes))
        .group_by(SchoolClass.school_code)
    )


def screens_by_school(codes: list[str]) -> Select[str, int]:
    """School, number of paired screens."""
    return (
        select(SchoolClass.school_code, func.count())
        .join(Screen, Screen.class_id == SchoolClass.id)
        .where(SchoolClass.school_code.in_(codes), _paired())
        .group_by(SchoolClass.school_code)
    )


def classes(school_code: str) -> Select[SchoolClass, int]:
    """Classes of a school with their paired screens, the youngest first."""
    paired = func.coalesce(func.sum(case((_paired(), 1), else_=0)), 0)
    return (
        select(SchoolClass, paired)
        .outerjoin(Screen, Screen.class_id == SchoolClass.id)
        .where(SchoolClass.school_code == school_code)
        .group_by(SchoolClass.id)
        .order_by(SchoolClass.stage, SchoolClass.entry_year.desc(), SchoolClass.number)
    )


def counties(scope: Scope) -> Select[Region, int]:
    """County units that hold a covered school, or are covered themselves, with the number of their covered schools."""
    covered = select(School.code, School.region_code).join(Region).where(_covered(scope)).subquery()
    own = Region.code.in_(scope.regions) if scope.regions else false()
    shown = Region.level == "county" if scope.regions is None else or_(own, covered.c.code.is_not(None))
    return (
        select(Region, func.count(covered.c.code))
        .outerjoin(covered, covered.c.region_code == Region.code)
        .where(Region.level == "county", shown)
        .group_by(Region.code)
        .order_by(Region.sort)
    )


def _paired() -> ColumnElement[bool]:
    return Screen.paired_at.is_not(None) & Screen.revoked_at.is_(None)


def _covered(scope: Scope) -> ColumnElement[bool]:
    if scope.school is not None:
        return School.code == scope.school
    if scope.regions is None:
        return true()
    return School.region_code.in_(scope.regions)
