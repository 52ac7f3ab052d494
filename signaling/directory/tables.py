"""The columns of the directory's tables as they are exported: by the names that the lists of the console have for them. Pure.

**What an import reads is written as it reads it**: the same headings, kinds and classes of place by name, classes by this year's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any, Final

from signaling.api.problems import Problem
from signaling.directory.class_names import ClassKey, school_year
from signaling.directory.codes import KINDS, URBAN_RURAL
from signaling.directory.importing import (
    CLASS,
    CODE,
    COUNTY,
    KIND,
    NAME,
    PERSON,
    PLACE,
    PUPILS,
    STAFF_NO,
    SUBJECT,
)
from signaling.directory.sheets import Cell


@dataclass(frozen=True, slots=True)
class Sight:
    """From when and where a table is looked at."""

    today: date
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Line:
    """A row with what belongs to it: school and county unit always; class, teacher or screen and counts as the table has them."""

    school: Any
    county: Any
    made: Any = None
    row: Any = None
    counts: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and what stands under it."""

    header: str
    cell: Callable[[Line, Sight], Cell]


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its title and its columns by their names; all of them when nobody chooses."""

    title: str
    columns: Mapping[str, Column]

    def chosen(self, names: str | None) -> Sequence[Column]:
        """Return the columns of a list of names with commas between; raise 400 `bad_query`."""
        if names is None:
            return list(self.columns.values())
        wanted = list(dict.fromkeys(names.split(",")))
        unknown = [name for name in wanted if name not in self.columns]
        if unknown:
            wrong = [{"field": "columns", "reason": "unknown_column"}]
            raise Problem(
                400, "bad_query", "the query has wrong parameters", f"columns: {', '.join(unknown)}", errors=wrong
            )
        return [self.columns[name] for name in wanted]


def _day(value: date | None) -> Cell:
    return None if value is None else value.isoformat()


def _time(value: datetime | None, sight: Sight) -> Cell:
    return None if value is None else value.astimezone(sight.zone).strftime("%Y-%m-%d %H:%M")


def _state(ended: date | None, sight: Sight, words: tuple[str, str]) -> Cell:
    return words[ended is not None and ended <= sight.today]


def _count(name: str) -> Callable[[Line, Sight], Cell]:
    return lambda line, sight: (line.counts or {}).get(name, 0)


def _key(made: Any) -> ClassKey:
    return ClassKey(made.entry_year, made.stage, made.number)


def _class_name(line: Line, sight: Sight) -> Cell:
    return _key(line.made).name_in(school_year(sight.today))


def _screen_state(line: Line, sight: Sight) -> Cell:
    screen = line.row
    if screen.revoked_at is not None:
        return "已停用"
    return "未连接" if screen.paired_at is None else "已连接"


_COUNTY: Final = Column(COUNTY, lambda line, sight: line.county.name)
_SCHOOL_CODE: Final = Column(CODE, lambda line, sight: line.school.code)
_SCHOOL: Final = Column(NAME, lambda line, sight: line.school.name)
_SCREENS: Final = Column("屏幕数", _count("screens"))

SCHOOLS: Final = Table(
    "学校名录",
    {
        "code": _SCHOOL_CODE,
        "name": _SCHOOL,
        "county": _COUNTY,
        "kind": Column(KIND, lambda line, sight: KINDS.get(line.school.kind, line.school.kind)),
        "urban_rural": Column(PLACE, lambda line, sight: URBAN_RURAL.get(line.school.urban_rural or "")),
        "classes": Column("班级数", _count("classes")),
        "pupils": Column("学生数", _count("pupils")),
        "screens": _SCREENS,
        "state": Column("状态", lambda line, sight: _state(line.school.closed_on, sight, ("开办", "已关闭"))),
        "opened_on": Column("开办日期", lambda line, sight: _day(line.school.opened_on)),
        "closed_on": Column("关闭日期", lambda line, sight: _day(line.school.closed_on)),
        "successor": Column("接收学校标识码", lambda line, sight: line.school.successor_code),
        "temporary": Column("临时代码", lambda line, sight: "是" if line.school.code.startswith("T") else ""),
    },
)
CLASSES: Final = Table(
    "班级名录",
    {
        "school_code": _SCHOOL_CODE,
        "school": _SCHOOL,
        "county": _COUNTY,
        "name": Column(CLASS, _class_name),
        "pupils": Column(PUPILS, lambda line, sight: line.made.pupils),
        "code": Column("班级代码", lambda line, sight: line.made.code),
        "stage": Column("学段", lambda line, sight: KINDS.get(line.made.stage, line.made.stage)),
        "grade": Column("年级", lambda line, sight: _key(line.made).grade_at_school(school_year(sight.today))),
        "entry_year": Column("入学年份", lambda line, sight: str(line.made.entry_year)),
        "number": Column("班号", lambda line, sight: line.made.number),
        "screens": _SCREENS,
        "state": Column("状态", lambda line, sight: _state(line.made.closed_on, sight, ("在读", "已撤销"))),
        "closed_on": Column("撤销日期", lambda line, sight: _day(line.made.closed_on)),
    },
)
TEACHERS: Final = Table(
    "教师名录",
    {
        "school_code": _SCHOOL_CODE,
        "school": _SCHOOL,
        "county": _COUNTY,
        "staff_no": Column(STAFF_NO, lambda line, sight: line.row.staff_no),
        "name": Column(PERSON, lambda line, sight: line.row.name),
        "subject": Column(SUBJECT, lambda line, sight: line.row.subject),
        "state": Column("状态", lambda line, sight: _state(line.row.left_on, sight, ("在校", "已离校"))),
        "joined_on": Column("到校日期", lambda line, sight: _day(line.row.joined_on)),
        "left_on": Column("离校日期", lambda line, sight: _day(line.row.left_on)),
    },
)
SCREENS: Final = Table(
    "班级屏幕",
    {
        "school_code": _SCHOOL_CODE,
        "school": _SCHOOL,
        "county": _COUNTY,
        "class": Column(CLASS, _class_name),
        "terminal_no": Column("屏幕序号", lambda line, sight: line.row.terminal_no),
        "state": Column("状态", _screen_state),
        "agent": Column("浏览器", lambda line, sight: line.row.agent),
        "last_seen_at": Column("最近在线", lambda line, sight: _time(line.row.last_seen_at, sight)),
        "paired_at": Column("连接时间", lambda line, sight: _time(line.row.paired_at, sight)),
        "repaired_at": Column("重新连接时间", lambda line, sight: _time(line.row.repaired_at, sight)),
        "revoked_at": Column("停用时间", lambda line, sight: _time(line.row.revoked_at, sight)),
    },
)
