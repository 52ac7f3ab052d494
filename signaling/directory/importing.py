"""What the rows of an import mean: schools, classes and teachers, or the reason why not. Pure.

**Every bad row is told with its line, its column and a reason**, and one bad row is enough that nothing of the file is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from signaling.directory import class_names, codes
from signaling.directory.class_names import ClassKey, ClassNameError
from signaling.directory.tabular import Row, Table, TableError, read_table

CODE, NAME, COUNTY, KIND, PLACE = "学校标识码", "学校名称", "县（市、区）", "办学类型", "城乡类型"
CLASS, PUPILS = "班级名称", "班级人数"
STAFF_NO, PERSON, SUBJECT = "工号", "姓名", "任教学科"
STAFF_NO_LENGTH: Final = 32
NAME_LENGTH: Final = 64
MOST_PUPILS: Final = 500  # of one class; more is a number of something else

REASONS: Final = {
    "undecodable": "这一行不是有效的文字编码，请另存为 UTF-8 或 XLSX",
    "missing": "必填，不能为空",
    "too_long": f"超过 {NAME_LENGTH} 个字",
    "bad_school_code": "学校标识码应为 10 位数字（单元格请设为文本），或 T 加 9 位数字的临时码",
    "unknown_county": "不是本州的县（市、区）名称或代码",
    "unknown_kind": "办学类型不在代码表中",
    "kind_differs": "与学校标识码前两位不一致",
    "unknown_place": "城乡类型不在代码表中",
    "duplicate": "与第 {other} 行重复",
    "unknown_school": "没有这所学校，请先导入学校",
    "class_name_unknown": "看不懂这个班级名称，请写成如 七年级（3）班 或 2024级3班",
    "class_name_ambiguous": "这个班级名称有两种读法，请写成如 七年级（3）班 或 2024级3班",
    "class_stage_missing": "看不出是哪个学段，请写成如 小2024级3班 或 初2024级3班",
    "class_not_at_school": "按本学年推算，这个班不在校，请核对年级或入学年份",
    "bad_staff_no": f"工号应为 1 到 {STAFF_NO_LENGTH} 位字母、数字或短横线；请勿填写身份证号或手机号",
    "bad_number": "应为 0 到 {most} 的整数",
}
"""Code -> what is wrong and what to do, for the person who made the file."""


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a row cannot be taken."""

    line: int
    column: str
    code: str
    value: str = ""
    other: int = 0

    @property
    def reason(self) -> str:
        """The reason in Chinese."""
        return REASONS[self.code].format(other=self.other, most=MOST_PUPILS)


@dataclass(frozen=True, slots=True)
class SchoolRow:
    """A school as a file names it; `urban_rural` is None where the file does not say."""

    line: int
    code: str
    name: str
    region_code: str
    kind: str
    urban_rural: str | None

    @property
    def key(self) -> str:
        """What must not be in a file twice."""
        return self.code


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class as a file names it; `name` is this school year's spelling."""

    line: int
    school_code: str
    cohort: ClassKey
    name: str
    pupils: int

    @property
    def key(self) -> tuple[str, ClassKey]:
        """What must not be in a file twice."""
        return self.school_code, self.cohort


@dataclass(frozen=True, slots=True)
class TeacherRow:
    """A member of a school's staff as a file names it."""

    line: int
    school_code: str
    staff_no: str
    name: str
    subject: str

    @property
    def key(self) -> tuple[str, str]:
        """What must not be in a file twice."""
        return self.school_code, self.staff_no


Item = TypeVar("Item", SchoolRow, ClassRow, TeacherRow)


@dataclass(slots=True)
class Reading(Generic[Item]):
    """What a file holds: where it came from, the good rows, and what is wrong with the others."""

    source: str
    items: list[Item] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)


class _BadRow(Exception):
    def __init__(self, column: str, code: str) -> None:
        super().__init__(code)
        self.column = column
        self.code = code


SCHOOL_COLUMNS: Final = (CODE, NAME, COUNTY, KIND, PLACE)
CLASS_COLUMNS: Final = (CODE, CLASS, PUPILS)
TEACHER_COLUMNS: Final = (CODE, STAFF_NO, PERSON, SUBJECT)
_SCHOOL_ALIASES = {"学校代码": CODE, "标识码": CODE, "学校": NAME, "县市区": COUNTY, "县(市、区)": COUNTY, "县": COUNTY}
_SCHOOL_ALIASES |= {"行政区划代码": COUNTY, "学校类型": KIND, "城乡分类": PLACE, "城乡分类代码": PLACE}
_CLASS_ALIASES = {"学校代码": CODE, "标识码": CODE, "班级": CLASS, "人数": PUPILS, "学生数": PUPILS}
_TEACHER_ALIASES = {"学校代码": CODE, "标识码": CODE, "教职工号": STAFF_NO, "教师姓名": PERSON, "学科": SUBJECT}
_STAFF_NO: Final = re.compile(rf"[0-9A-Za-z-]{{1,{STAFF_NO_LENGTH}}}")
# A number of identity or of a mobile telephone is no staff number: it must not come into the system by the wrong column.
_PERSONAL: Final = re.compile(r"[1-9][0-9]{16}[0-9Xx]|1[3-9][0-9]{9}")


def read_schools(data: bytes, regions: Mapping[str, str]) -> Reading[SchoolRow]:
    """Read a file of schools. `regions` maps every name and code of a county unit to its code; raises `TableError`."""
    table = read_table(data, SCHOOL_COLUMNS, _SCHOOL_ALIASES, (CODE, NAME, COUNTY))
    return _read(table, lambda row: _school(row, regions))


def read_classes(data: bytes, kinds: Mapping[str, str], school_year: int) -> Reading[ClassRow]:
    """Read a file of classes. `kinds` maps the code of every school to its kind; raises `TableError`."""
    table = read_table(data, CLASS_COLUMNS, _CLASS_ALIASES, (CODE, CLASS, PUPILS))
    return _read(table, lambda row: _class(row, kinds, school_year))


def read_teachers(data: bytes, kinds: Mapping[str, str]) -> Reading[TeacherRow]:
    """Read a file of teachers. `kinds` has the codes of all schools; raises `TableError`."""
    table = read_table(data, TEACHER_COLUMNS, _TEACHER_ALIASES, (CODE, STAFF_NO, PERSON))
    return _read(table, lambda row: _teacher(row, kinds))


def _read(table: Table, take: Callable[[Row], Item]) -> Reading[Item]:
    if not table.rows:
        raise TableError("file_empty")
    reading: Reading[Item] = Reading(table.source)
    first: dict[object, int] = {}
    for row in table.rows:
        try:
            if not row.decoded:
                raise _BadRow("", "undecodable")
            item = take(row)
        except _BadRow as bad:
            reading.errors.append(RowError(row.line, bad.column, bad.code, row[bad.column]))
            continue
        if (other := first.setdefault(item.key, row.line)) != row.line:
            reading.errors.append(RowError(row.line, _key_column(table.columns), "duplicate", "", other))
        else:
            reading.items.append(item)
    return reading


def _key_column(columns: Iterable[str]) -> str:
    return next(column for column in (CLASS, STAFF_NO, CODE) if column in columns)


def _required(row: Row, column: str) -> str:
    text = row[column]
    if not text:
        raise _BadRow(column, "missing")
    if len(text) > NAME_LENGTH:
        raise _BadRow(column, "too_long")
    return text


def _school_code(row: Row) -> str:
    code = _required(row, CODE).upper()
    if not codes.is_school_code(code):
        raise _BadRow(CODE, "bad_school_code")
    return code


def _school(row: Row, regions: Mapping[str, str]) -> SchoolRow:
    code, name = _school_code(row), _required(row, NAME)
    region = regions.get(_required(row, COUNTY))
    if region is None:
        raise _BadRow(COUNTY, "unknown_county")
    place = codes.urban_rural_named(row[PLACE]) if row[PLACE] else None
    if row[PLACE] and place is None:
        raise _BadRow(PLACE, "unknown_place")
    return SchoolRow(row.line, code, name, region, _kind(row, code), place)


def _kind(row: Row, code: str) -> str:
    told = codes.kind_of(code)
    if not row[KIND]:
        if told is None:
            raise _BadRow(KIND, "missing")
        return told
    kind = codes.kind_named(row[KIND])
    if kind is None:
        raise _BadRow(KIND, "unknown_kind")
    if told not in {None, kind}:
        raise _BadRow(KIND, "kind_differs")
    return kind


def _class(row: Row, kinds: Mapping[str, str], school_year: int) -> ClassRow:
    code = _school_code(row)
    if code not in kinds:
        raise _BadRow(CODE, "unknown_school")
    try:
        cohort = class_names.parse(_required(row, CLASS), kinds[code], school_year)
    except ClassNameError as error:
        raise _BadRow(CLASS, error.code) from None
    return ClassRow(row.line, code, cohort, cohort.name_in(school_year), _pupils(row))


def _teacher(row: Row, kinds: Mapping[str, str]) -> TeacherRow:
    code = _school_code(row)
    if code not in kinds:
        raise _BadRow(CODE, "unknown_school")
    number = _required(row, STAFF_NO)
    if not _STAFF_NO.fullmatch(number) or _PERSONAL.fullmatch(number):
        raise _BadRow(STAFF_NO, "bad_staff_no")
    if len(row[SUBJECT]) > STAFF_NO_LENGTH:
        raise _BadRow(SUBJECT, "too_long")
    return TeacherRow(row.line, code, number, _required(row, PERSON), row[SUBJECT])


def _pupils(row: Row) -> int:
    text = _required(row, PUPILS).removesuffix("人")
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text) <= MOST_PUPILS):
        raise _BadRow(PUPILS, "bad_number")
    return int(text)
