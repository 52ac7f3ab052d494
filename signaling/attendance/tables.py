"""The columns of exports 01, 02 and 03, as the office hands them up.

A cell that needs a head-count, a check or a correction stays empty: empty means not measured, 0 would claim none.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import Enum
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Final

from signaling.attendance.report import ClassRow, CountyRow, Report, SchoolRow, Tally

LABELS_FILE: Final = Path(__file__).with_name("labels.toml")

Cell = str | int | float | None


class Kind(Enum):
    """How a column is written."""

    TEXT = "text"
    COUNT = "count"
    DECIMAL = "decimal"
    PERCENT = "percent"


@dataclass(frozen=True, slots=True)
class Column:
    """A header, the kind of its cells and the width in characters."""

    header: str
    kind: Kind = Kind.COUNT
    width: int = 10


@dataclass(frozen=True, slots=True)
class Table:
    """One flat export."""

    number: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


def _text(header: str, width: int = 12) -> Column:
    return Column(header, Kind.TEXT, width)


def _percent(header: str) -> Column:
    return Column(header, Kind.PERCENT, 11)


COUNTY_COLUMNS: Final = (
    Column("序号", width=6),
    _text("行政区划代码"),
    _text("县（市、区）", 14),
    Column("应参加学校数"),
    Column("实接入学校数"),
    _percent("学校接入率"),
    Column("达标学校数"),
    _percent("学校达标率"),
    Column("应播班级数"),
    Column("达标班级数"),
    Column("补看达标班级数"),
    Column("免计班级数"),
    _percent("班级覆盖率"),
    Column("应到学生数"),
    Column("实到学生数"),
    _percent("学生覆盖率"),
    _text("备注", 20),
)
SCHOOL_COLUMNS: Final = (
    _text("学校标识码"),
    _text("学校名称", 26),
    _text("办学类型"),
    _text("城乡类型"),
    Column("应播班级数"),
    Column("达标"),
    Column("部分"),
    Column("未达标"),
    Column("补看"),
    Column("免计"),
    Column("未接入"),
    _percent("班级覆盖率"),
    Column("应到"),
    Column("实到"),
    _percent("学生覆盖率"),
    _text("首次接入时间", 17),
    Column("累计中断(分钟)", Kind.DECIMAL, 13),
    Column("待核数"),
)
CLASS_COLUMNS: Final = (
    _text("学校标识码"),
    _text("班级代码", 14),
    _text("班级名称", 16),
    _text("终端编号"),
    _text("接入时间", 17),
    _text("离开时间", 17),
    Column("有效收看分钟", Kind.DECIMAL),
    Column("直播分钟", Kind.DECIMAL),
    _percent("收看比例"),
    _text("证据等级"),
    _text("在岗核验(次/通过)", 16),
    Column("应到"),
    Column("实到"),
    _text("确认人"),
    _text("确认时间", 17),
    _text("结果", 14),
    _text("更正标记"),
    Column("送达秒数"),
)


def county_table(report: Report, whole: tuple[str, str], zone: tzinfo) -> Table:
    """Return 01; `whole` is (code, name) of the sum row's unit."""
    rows = [
        (number, row.region.display_code, row.region.name, *_county_cells(row.tally), _remark(row))
        for number, row in enumerate(report.counties, 1)
    ]
    total = (None, whole[0], "合计", *_county_cells(report.total), None)
    return Table("01", "单场次分县统计表", COUNTY_COLUMNS, [*rows, total])


def _county_cells(tally: Tally) -> tuple[Cell, ...]:
    return (
        tally.schools,
        tally.schools_connected,
        _rounded(tally.school_connection),
        tally.schools_qualified,
        _rounded(tally.school_qualification),
        tally.classes,
        tally.qualified,
        tally.make_up,
        tally.excused,
        _rounded(tally.coverage),
        tally.pupils,
        None,
        None,
    )


def _remark(row: CountyRow) -> Cell:
    return None if row.tally.classes else "本场未安排"


def school_table(report: Report, whole: tuple[str, str], zone: tzinfo) -> Table:
    """Return 02."""
    return Table("02", "单场次学校明细表", SCHOOL_COLUMNS, [_school_cells(row, zone) for row in report.schools])


def _school_cells(row: SchoolRow, zone: tzinfo) -> tuple[Cell, ...]:
    target, tally = row.target, row.tally
    return (
        target.school_code,
        target.school_name,
        _label("school_kinds", target.school_kind),
        _label("urban_rural", target.urban_rural),
        tally.classes,
        tally.qualified,
        tally.partial,
        tally.failed,
        tally.make_up,
        tally.excused,
        tally.absent,
        _rounded(tally.coverage),
        tally.pupils,
        None,
        None,
        local(row.first_joined_at, zone),
        _minutes(tally.interrupted_ms),
        None,
    )


def class_table(report: Report, whole: tuple[str, str], zone: tzinfo) -> Table:
    """Return 03."""
    on_air = _minutes(report.on_air_ms)
    rows = [_class_cells(row, on_air, zone) for row in report.classes]
    return Table("03", "班级明细表", CLASS_COLUMNS, rows)


def _class_cells(row: ClassRow, on_air: float, zone: tzinfo) -> tuple[Cell, ...]:
    target, decision = row.target, row.decision
    return (
        target.school_code,
        target.code,
        target.name,
        "、".join(map(str, row.presence.terminals)),
        local(row.presence.joined_at, zone),
        local(row.presence.left_at, zone),
        _minutes(row.delivery.credited_ms),
        on_air,
        None if decision.ratio is None else int(decision.ratio * 10_000) / 10_000,
        row.evidence,
        None,
        target.pupils,
        None,
        None,
        None,
        decision.label,
        None,
        row.delivery.delivered_ms // 1000,
    )


TABLES: Final[dict[str, Callable[[Report, tuple[str, str], tzinfo], Table]]] = {
    "01": county_table,
    "02": school_table,
    "03": class_table,
}
PLANNED: Final = frozenset(f"{number:02}" for number in range(4, 13))
"""Numbers of exports that are named but not offered yet."""


def local(at: datetime | None, zone: tzinfo) -> str | None:
    """Return `YYYY-MM-DD HH:MM` in local time."""
    return None if at is None else at.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def _minutes(milliseconds: int) -> float:
    return milliseconds // 6000 / 10


def _rounded(ratio: Fraction | None) -> float | None:
    return None if ratio is None else float(round(ratio, 4))


@cache
def _labels() -> dict[str, dict[str, str]]:
    return tomllib.loads(LABELS_FILE.read_text(encoding="utf-8"))


def _label(group: str, code: str | None) -> Cell:
    return None if code is None else _labels()[group].get(code, code)
