"""The columns of exports 01, 02 and 03, as the office hands them up.

1. An empty cell means not measured; 0 would claim none.
2. A column belongs to the policies that fill it (`Column.full`): under one that judges delivery alone a table is what it always was.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import Enum
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Final

from signaling.attendance.report import ClassRow, CountyRow, Report, SchoolRow, Tally

LABELS_FILE: Final = Path(__file__).with_name("labels.toml")

ROOM: Final = "room"
"""Who confirms on a class screen."""
NOBODY: Final[Mapping[str, str]] = {}

Cell = str | int | float | None


class Kind(Enum):
    """How a column is written."""

    TEXT = "text"
    COUNT = "count"
    DECIMAL = "decimal"
    PERCENT = "percent"


@dataclass(frozen=True, slots=True)
class Column:
    """A header, the kind of its cells and the width in characters; `full` columns need a policy that judges more than delivery."""

    header: str
    kind: Kind = Kind.COUNT
    width: int = 10
    full: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One flat export."""

    number: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


def _text(header: str, width: int = 12, *, full: bool = False) -> Column:
    return Column(header, Kind.TEXT, width, full)


def _percent(header: str, *, full: bool = False) -> Column:
    return Column(header, Kind.PERCENT, 11, full)


COUNTY_COLUMNS: Final = (
    Column("序号", width=6),
    _text("行政区划代码"),
    _text("县（市、区）", 14),
    Column("应参加学校数"),
    Column("实接入学校数"),
    _percent("学校接入率"),
    Column("达标学校数"),
    _percent("学校达标率"),
    Column("达标学校数(宽口径)", width=12, full=True),
    _percent("学校达标率(宽口径)", full=True),
    Column("应播班级数"),
    Column("达标班级数"),
    Column("达标(未确认)班级数", width=12, full=True),
    Column("待确认班级数", full=True),
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
    Column("达标(未确认)", width=12, full=True),
    Column("待确认", full=True),
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
    _text("备注", 30, full=True),
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
    _text("待核", 24, full=True),
    _text("备注", 60, full=True),
)


def county_table(report: Report, whole: tuple[str, str], zone: tzinfo, names: Mapping[str, str] = NOBODY) -> Table:
    """Return 01; `whole` is (code, name) of the sum row's unit."""
    full = report.policy.credit is not None
    rows = [
        (number, row.region.display_code, row.region.name, *_county_cells(row.tally, full), _county_remark(row, full))
        for number, row in enumerate(report.counties, 1)
    ]
    remark = _remark(report.total) if full else None
    total = (None, whole[0], "合计", *_county_cells(report.total, full), remark)
    return _table("01", "单场次分县统计表", COUNTY_COLUMNS, [*rows, total], full)


def _table(number: str, title: str, columns: Sequence[Column], rows: Sequence[Sequence[Cell]], full: bool) -> Table:
    """Return a table without the columns that the policy does not fill."""
    if full:
        return Table(number, title, columns, rows)
    kept = [place for place, column in enumerate(columns) if not column.full]
    return Table(number, title, [columns[n] for n in kept], [[row[n] for n in kept] for row in rows])


def _county_cells(tally: Tally, full: bool) -> tuple[Cell, ...]:
    return (
        tally.schools,
        tally.schools_connected,
        rounded(tally.school_connection),
        tally.schools_qualified,
        rounded(tally.school_qualification),
        tally.schools_lenient,
        rounded(tally.lenient_qualification),
        tally.classes,
        tally.qualified,
        tally.unconfirmed - tally.pending,
        tally.pending,
        tally.made_up,
        tally.excused,
        rounded(tally.coverage),
        tally.pupils,
        *_heads(tally, full),
    )


def _heads(tally: Tally, full: bool) -> tuple[Cell, Cell]:
    """Return 实到 and 学生覆盖率."""
    return (tally.present, rounded(tally.student_coverage)) if full else (None, None)


def _county_remark(row: CountyRow, full: bool) -> Cell:
    if not row.tally.classes:
        return "本场未安排"
    return _remark(row.tally) if full else None


def _remark(tally: Tally) -> Cell:
    """Return what the denominators leave out and the numerators lack, None when there is nothing to say."""
    said = (
        (tally.excused, f"免计班级{tally.excused}个、应到{tally.excused_pupils}人不计入覆盖率"),
        (tally.schools_excused, f"免计学校{tally.schools_excused}所不计入学校达标率"),
        (tally.pending, f"待确认{tally.pending}个班级暂不计入覆盖率"),
        (tally.flagged, f"待核{tally.flagged}个班级"),
        (tally.corrected, f"更正{tally.corrected}个班级"),
    )
    return "；".join(sentence for count, sentence in said if count) or None


def school_table(report: Report, whole: tuple[str, str], zone: tzinfo, names: Mapping[str, str] = NOBODY) -> Table:
    """Return 02."""
    full = report.policy.credit is not None
    rows = [_school_cells(row, zone, full) for row in report.schools]
    return _table("02", "单场次学校明细表", SCHOOL_COLUMNS, rows, full)


def _school_cells(row: SchoolRow, zone: tzinfo, full: bool) -> tuple[Cell, ...]:
    target, tally = row.target, row.tally
    return (
        target.school_code,
        target.school_name,
        label("school_kinds", target.school_kind),
        label("urban_rural", target.urban_rural),
        tally.classes,
        tally.qualified,
        tally.unconfirmed - tally.pending,
        tally.pending,
        tally.partial,
        tally.failed,
        tally.made_up,
        tally.excused,
        tally.absent,
        rounded(tally.coverage),
        tally.pupils,
        *_heads(tally, full),
        local(row.first_joined_at, zone),
        minutes(tally.interrupted_ms),
        tally.flagged if full else None,
        _remark(tally),
    )


def class_table(report: Report, whole: tuple[str, str], zone: tzinfo, names: Mapping[str, str] = NOBODY) -> Table:
    """Return 03; `names` are those of users who confirmed."""
    full = report.policy.credit is not None
    words = report.policy.flags
    rows = [_class_cells(row, zone, full, names, words) for row in report.classes]
    return _table("03", "班级明细表", CLASS_COLUMNS, rows, full)


def _class_cells(
    row: ClassRow, zone: tzinfo, full: bool, names: Mapping[str, str], words: Mapping[str, str]
) -> tuple[Cell, ...]:
    target, decision = row.target, row.decision
    return (
        target.school_code,
        target.code,
        target.name,
        "、".join(map(str, row.presence.terminals)),
        local(row.presence.joined_at, zone),
        local(row.presence.left_at, zone),
        minutes(decision.watched_ms),
        minutes(decision.on_air_ms),
        None if decision.ratio is None else int(decision.ratio * 10_000) / 10_000,
        row.evidence,
        f"{decision.asked}/{decision.passed}" if full else None,
        decision.expected,
        decision.present,
        _confirmer(decision.confirmed_by, names) if full else None,
        local(decision.confirmed_at, zone),
        decision.label,
        ("已更正" if decision.corrected else "无") if full else None,
        row.delivery.delivered_ms // 1000,
        "、".join(words.get(flag) or str(label("flags", flag)) for flag in decision.flags) or None,
        decision.reason,
    )


def _confirmer(by: str, names: Mapping[str, str]) -> Cell:
    """Return who confirmed: a user by name, who stood before the class screen as such; None when nobody did."""
    return "教室终端" if by == ROOM else names.get(by, by) or None


TABLES: Final[dict[str, Callable[..., Table]]] = {
    "01": county_table,
    "02": school_table,
    "03": class_table,
}
BESIDE: Final = frozenset({"04", "10", "11"})
"""Numbers of exports that need more than the report (`sheets_service.py`)."""
PLANNED: Final = frozenset(f"{number:02}" for number in range(4, 13)) - BESIDE
"""Numbers of exports that are named but not offered yet."""


def local(at: datetime | None, zone: tzinfo) -> str | None:
    """Return `YYYY-MM-DD HH:MM` in local time."""
    return None if at is None else at.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def minutes(milliseconds: int) -> float:
    """Return minutes with one decimal, rounded down."""
    return milliseconds // 6000 / 10


def rounded(ratio: Fraction | None) -> float | None:
    """Return a rate with four decimals, None where there is none."""
    return None if ratio is None else float(round(ratio, 4))


@cache
def _labels() -> dict[str, dict[str, str]]:
    return tomllib.loads(LABELS_FILE.read_text(encoding="utf-8"))


def label(group: str, code: str | None) -> str | None:
    """Return the name of a code in a group of `labels.toml`, the code itself when it has none there."""
    return None if code is None else _labels()[group].get(code, code)
