"""The statements behind the inventory of screens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, not_, or_, select, true

from signaling.directory.models import Region, School, SchoolClass, Screen
from signaling.directory.queries import Scope, of_schools, paired

SEEN: Final = timedelta(minutes=5)
"""A screen that was there within this time counts as there."""


@dataclass(frozen=True, slots=True)
class ScreenFilter:
    """What narrows the inventory; `state` is paired, there, idle, never, revoked or all; `key` is held or none.

    `line` is good, limited, bad, trouble (either of them) or untested.
    """

    county: str = ""
    school: str = ""
    id: str = ""
    text: str = ""
    state: str = "paired"
    key: str = ""
    tier: str = ""
    line: str = ""


@dataclass(frozen=True, slots=True)
class ScreenRow:
    """A screen and where it hangs."""

    screen: Screen
    school_class: SchoolClass
    school: School
    county: Region


def screens(
    scope: Scope, wanted: ScreenFilter, now: datetime, tested: timedelta = timedelta(days=30)
) -> Select[Screen, SchoolClass, School, Region]:
    """Screens with their places, in the order of reports."""
    return (
        select(Screen, SchoolClass, School, Region)
        .join(SchoolClass, SchoolClass.id == Screen.class_id)
        .join(School, School.code == SchoolClass.school_code)
        .join(Region, Region.code == School.region_code)
        .where(*_wanted(scope, wanted, now, tested))
        .order_by(Region.sort, School.code, SchoolClass.code, Screen.terminal_no)
    )


def numbers(scope: Scope, wanted: ScreenFilter, now: datetime, tested: timedelta) -> Select[str, int]:
    """School, and how many of its screens a filter leaves."""
    counted = select(SchoolClass.school_code, func.count().label("number"))
    joined = counted.join(Screen, Screen.class_id == SchoolClass.id)
    return joined.where(*_wanted(scope, wanted, now, tested)).group_by(SchoolClass.school_code)


def _wanted(scope: Scope, wanted: ScreenFilter, now: datetime, tested: timedelta) -> Iterator[ColumnElement[bool]]:
    yield from of_schools(SchoolClass.school_code, scope, wanted.county, wanted.school)
    yield _in_state(wanted.state, now)
    yield from (column == value for column, value in ((Screen.id, wanted.id), (Screen.tier, wanted.tier)) if value)
    if wanted.key:
        yield (Screen.key_thumbprint.is_not(None)) == (wanted.key == "held")
    if wanted.line:
        yield _on_line(wanted.line, now - tested)
    for word in wanted.text.split():
        at_school = SchoolClass.school_code.in_(select(School.code).where(School.name.contains(word, autoescape=True)))
        columns: tuple[Any, ...] = (SchoolClass.name, Screen.agent)
        yield or_(at_school, *(column.contains(word, autoescape=True) for column in columns))


def _on_line(line: str, since: datetime) -> ColumnElement[bool]:
    fresh = and_(Screen.line_tested_at.is_not(None), Screen.line_tested_at >= since)
    if line == "untested":
        return not_(fresh)
    return and_(fresh, Screen.line_verdict.in_(("limited", "bad") if line == "trouble" else (line,)))


def _in_state(state: str, now: datetime) -> ColumnElement[bool]:
    fresh = Screen.last_seen_at > now - SEEN
    conditions: dict[str, ColumnElement[bool]] = {
        "all": true(),
        "paired": paired(),
        "there": and_(paired(), fresh),
        "idle": and_(paired(), Screen.last_seen_at.is_not(None), ~fresh),
        "never": and_(paired(), Screen.last_seen_at.is_(None)),
        "revoked": Screen.revoked_at.is_not(None),
    }
    return conditions[state]
