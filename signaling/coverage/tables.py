"""The columns of exports 05, 06 and 07. A cell of what is not counted yet says 未启用: empty would claim that nobody has said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from fractions import Fraction
from typing import Final

from signaling.attendance.tables import Cell, Column, Kind, Table, local
from signaling.coverage.counting import SchoolCoverage
from signaling.coverage.obligations import Kind as Obligation
from signaling.coverage.obligations import Obligations
from signaling.coverage.sums import ASSESSMENT, Totals, add, cells_of
from signaling.coverage.sums import Cell as Covered
from signaling.coverage.term import CountedTerm
from signaling.coverage.training import Credit, Outcome
from signaling.directory.queries import Scope

NOT_COUNTED: Final = "未启用"
NOTES: Final = {"opened": "学期内开办", "closed": "学期内撤销", "merged": "学期内并入他校"}
OUTCOMES: Final[Mapping[Outcome, str]] = {
    Outcome.CREDITED: "合格",
    Outcome.PENDING: "待结果",
    Outcome.VENUE: "会场未达标",
    Outcome.INCOMPLETE: "签到签退不全",
    Outcome.SHORT: "在场时间不足",
    Outcome.NONE: "未参加",
}


def _text(header: str, width: int = 14) -> Column:
    return Column(header, Kind.TEXT, width)


def _three(name: str) -> tuple[Column, ...]:
    return Column(f"{name}应完成", width=12), Column(f"{name}已完成", width=12), Column(f"{name}比例", Kind.PERCENT, 12)


def _off(name: str) -> tuple[Column, ...]:
    return _text(f"{name}应完成", 12), _text(f"{name}已完成", 12), _text(f"{name}比例", 12)


def matrix_columns(rules: Obligations) -> tuple[Column, ...]:
    """Return the columns of 05; what is not counted is text."""
    return (
        Column("序号", width=6),
        _text("单位代码"),
        _text("单位名称", 26),
        _text("层级", 8),
        *_three("学校课程"),
        *_three("教师培训"),
        *_three("学生课程"),
        *(_three if rules.enabled[Obligation.ASSESSMENT] else _off)("学生考核"),
        *_three("家长培训"),
        *_off("家长调查"),
        _text("四个全覆盖", 12),
        Column("未报班额班级数", width=14),
        _text("备注", 24),
    )


TEACHER_COLUMNS: Final = (
    _text("学校标识码"),
    _text("学校名称", 26),
    _text("姓名"),
    _text("工号"),
    _text("场次", 26),
    _text("会场"),
    _text("签到", 17),
    _text("签退", 17),
    Column("有效分钟"),
    Column("学时", Kind.DECIMAL),
    _text("测验成绩"),
    _text("结果", 14),
)
PARENT_COLUMNS: Final = (
    _text("学校标识码"),
    _text("学校名称", 26),
    _text("班级", 16),
    _text("场次", 26),
    _text("方式", 10),
    Column("到会户数"),
    Column("学生数"),
    Column("覆盖率", Kind.PERCENT, 11),
)
REMARK: Final = _text("备注", 30)


@dataclass(frozen=True, slots=True)
class Staffed:
    """A teacher of the term, with one training of theirs; no title without one."""

    school_code: str
    school_name: str
    name: str
    staff_no: str
    title: str
    room: str
    credit: Credit


@dataclass(frozen=True, slots=True)
class Met:
    """Households of a class that a parents' lecture reached, at the meeting or at home."""

    school_code: str
    school_name: str
    class_name: str
    title: str
    way: str
    households: int
    pupils: int
    note: str = ""


def matrix_table(counted: CountedTerm, scope: Scope, level: str, whole: tuple[str, str, str]) -> Table:
    """Return 05 by county units or schools; `whole` is code, name and level (in Chinese) of the sum row."""
    rules, schools = counted.rules, counted.seen(scope)
    rows: list[tuple[str, str, str, Mapping[str, Covered], Totals, str]]
    if level == "county":
        rows = [
            (region.display_code, region.name, "县级", cells_of(rules, totals), totals, "")
            for region, totals in counted.counties(scope)
        ]
    else:
        rows = [_school_row(one) for one in schools]
    cells = [
        (number, code, name, told, *_matrix_cells(covered, totals), note or None)
        for number, (code, name, told, covered, totals, note) in enumerate(rows, 1)
    ]
    total = add(one.totals for one in schools)
    code, name, told = whole
    last = (None, code, f"合计（{name}）", told, *_matrix_cells(cells_of(rules, total), total), None)
    return Table("05", "学期四个全覆盖汇总表", matrix_columns(rules), [*cells, last])


def _school_row(one: SchoolCoverage) -> tuple[str, str, str, Mapping[str, Covered], Totals, str]:
    note = "；".join(NOTES[note] for note in one.place.notes)
    return one.place.code, one.place.name, "学校", one.cells, one.totals, note


def _matrix_cells(cells: Mapping[str, Covered], totals: Totals) -> tuple[Cell, ...]:
    off = (NOT_COUNTED,) * 3
    done = totals.done_four
    four = ("是" if done else "否") if totals.schools == 1 else f"{done}/{totals.schools}"
    lessons, teachers, pupils, parents = (
        _covered(cells[name]) for name in ("lessons", "teachers", "pupils", "parents")
    )
    assessment = _covered(cells[ASSESSMENT]) if ASSESSMENT in cells else off
    return (*lessons, *teachers, *pupils, *assessment, *parents, *off, four, totals.classes_unrolled)


def _covered(cell: Covered) -> tuple[Cell, ...]:
    return cell.of, cell.done, share(cell.ratio)


def share(ratio: Fraction | None) -> float | None:
    """Return a share with four decimals, rounded down: what is short of the whole never reads as 100 %."""
    return None if ratio is None else int(ratio * 10_000) / 10_000


def teacher_table(rules: Obligations, rows: Sequence[Staffed], zone: tzinfo) -> Table:
    """Return 06."""
    return Table("06", "教师培训学时表", TEACHER_COLUMNS, [_teacher_cells(rules, row, zone) for row in rows])


def _teacher_cells(rules: Obligations, row: Staffed, zone: tzinfo) -> tuple[Cell, ...]:
    credit = row.credit
    came, went = local(credit.signed_in, zone), local(credit.signed_out, zone)
    if credit.ticked and came is None:
        came = went = "名册勾选"
    return (
        row.school_code,
        row.school_name,
        row.name,
        row.staff_no,
        row.title or None,
        row.room or None,
        came,
        went,
        credit.minutes,
        int(credit.lessons(rules) * 10) / 10,
        NOT_COUNTED,
        OUTCOMES[credit.outcome],
    )


def parent_table(rules: Obligations, rows: Sequence[Met]) -> Table:
    """Return 07; versions that know households at home have a column for what is to be said of them."""
    remarks = rules.home_ratio is not None
    cells = [
        (
            row.school_code,
            row.school_name,
            row.class_name,
            row.title,
            row.way,
            row.households,
            row.pupils,
            share(Fraction(row.households, row.pupils)) if row.pupils else None,
            *((row.note or None,) if remarks else ()),
        )
        for row in rows
    ]
    return Table("07", "家长培训统计表", (*PARENT_COLUMNS, *((REMARK,) if remarks else ())), cells)


NUMBERS: Final = frozenset({"05", "06", "07"})
