"""What the rows of an import mean: schools, classes and teachers, or the reason why not. Pure.

**Every bad row is told with its line, its column and a reason**, and one bad row is enough that nothing of the file is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from signaling.directory import class_names, codes
from signaling.directory.class_names import ClassKey, ClassNameError
from signaling.directory.import_reasons import MOST_PUPILS, NAME_LENGTH, STAFF_NO_LENGTH, RowError
from signaling.directory.personal import is_personal
from signaling.directory.tabular import Row, Table, TableError, read_table

CODE, NAME, COUNTY, KIND, PLACE = "学校标识码", "学校名称", "县（市、区）", "办学类型", "城乡类型"
CLASS, PUPILS = "班级名称", "班级人数"
STAFF_NO, PERSON, SUBJECT = "工号", "姓名", "任教学科"
LINE, REASON = "行号", "原因"


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


@dataclass(frozen=True, slots=True)
class Ground:
    """What rows are judged by.

    `regions` maps every name and code of a county unit to its code, `kinds` the code of every open school that the file may name to its
    kind. `within` are the county units that the importer may fill, all when None; `places` the county units of schools that are there,
    `former` the codes that schools had before. `past` are classes that are there although they are not at school this year, by school.
    """

    regions: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    school_year: int = 0
    within: frozenset[str] | None = None
    places: Mapping[str, str] = field(default_factory=dict)
    former: frozenset[str] = frozenset()
    past: Mapping[str, frozenset[ClassKey]] = field(default_factory=dict)


Progress = Callable[[int, int], None]
"""Told the rows that were done and how many there are, now and then."""


def no_progress(done: int, of: int) -> None:
    """Tell nobody."""


@dataclass(slots=True)
class Reading(Generic[Item]):
    """What a file holds: where it came from, the good rows, what is wrong with the others, and the good ones as they were written."""

    source: str
    items: list[Item] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


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
STEP: Final = 1000
"""Rows between two words of progress."""


def read_schools(data: bytes, regions: Mapping[str, str]) -> Reading[SchoolRow]:
    """Read a file of schools. `regions` maps every name and code of a county unit to its code; raises `TableError`."""
    return read("schools", data, Ground(regions=regions))


def read_classes(data: bytes, kinds: Mapping[str, str], school_year: int) -> Reading[ClassRow]:
    """Read a file of classes. `kinds` maps the code of every school to its kind; raises `TableError`."""
    return read("classes", data, Ground(kinds=kinds, school_year=school_year))


def read_teachers(data: bytes, kinds: Mapping[str, str]) -> Reading[TeacherRow]:
    """Read a file of teachers. `kinds` has the codes of all schools; raises `TableError`."""
    return read("teachers", data, Ground(kinds=kinds))


def read(
    what: str, data: bytes, ground: Ground, progress: Progress = no_progress, rest: Sequence[Row] = ()
) -> Reading[Any]:
    """Read a file of `schools`, `classes` or `teachers`; raises `TableError`.

    `rest` are good rows of a file that this one corrects: they are judged first, and a row with a number in the column 行号 is told
    by that line.
    """
    columns, aliases, required, take = _FORMS[what]
    table = read_table(data, (*columns, LINE), aliases, required)
    rows = [*rest, *(_as_in_the_first_file(row) for row in table.rows)] if rest else table.rows
    if not rows:
        raise TableError("file_empty")
    return _read(table, rows, lambda row: take(row, ground), progress)


def _as_in_the_first_file(row: Row) -> Row:
    told = row[LINE]
    return Row(int(told), row.cells, row.decoded) if told.isascii() and told.isdigit() and len(told) < 8 else row


def _read(table: Table, rows: Sequence[Row], take: Callable[[Row], Item], progress: Progress) -> Reading[Item]:
    reading: Reading[Item] = Reading(table.source)
    first: dict[object, int] = {}
    for number, row in enumerate(rows):
        if number % STEP == 0:
            progress(number, len(rows))
        try:
            if not row.decoded:
                raise _BadRow("", "undecodable")
            item = take(row)
        except _BadRow as bad:
            reading.errors.append(RowError(row.line, bad.column, bad.code, row[bad.column], 0, row.cells))
            continue
        if item.key in first:
            column = _key_column(table.columns)
            reading.errors.append(RowError(row.line, column, "duplicate", "", first[item.key], row.cells))
            continue
        first[item.key] = row.line
        reading.items.append(item)
        reading.rows.append(row)
    progress(len(rows), len(rows))
    return reading


def _key_column(columns: Iterable[str]) -> str:
    return next(column for column in (CLASS, STAFF_NO, CODE) if column in columns)


def _required(row: Row, column: str) -> str:
    text = row[column]
    if not text:
        raise _BadRow(column, "missing")
    if len(text) > NAME_LENGTH:
        raise _BadRow(column, "too_long")
    if not text.isprintable():
        raise _BadRow(column, "unprintable")
    return text


def _school_code(row: Row) -> str:
    code = _required(row, CODE).upper()
    if not codes.is_school_code(code):
        raise _BadRow(CODE, "bad_school_code")
    return code


def _school(row: Row, ground: Ground) -> SchoolRow:
    code, name = _school_code(row), _required(row, NAME)
    region = ground.regions.get(_required(row, COUNTY))
    if region is None:
        raise _BadRow(COUNTY, "unknown_county")
    if ground.within is not None and region not in ground.within:
        raise _BadRow(COUNTY, "foreign_county")
    if code in ground.former:
        raise _BadRow(CODE, "former_code" if ground.within is None else "code_not_yours")
    if ground.places.get(code, region) != region:
        raise _BadRow(CODE, "code_not_yours")
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


def _open_school(row: Row, ground: Ground) -> str:
    code = _school_code(row)
    if code not in ground.kinds:
        raise _BadRow(CODE, "former_code" if code in ground.former else "unknown_school")
    return code


def _class(row: Row, ground: Ground) -> ClassRow:
    code = _open_school(row, ground)
    try:
        cohort = class_names.parse(
            _required(row, CLASS), ground.kinds[code], ground.school_year, ground.past.get(code, frozenset())
        )
    except ClassNameError as error:
        raise _BadRow(CLASS, error.code) from None
    return ClassRow(row.line, code, cohort, cohort.name_in(ground.school_year), _pupils(row))


def _teacher(row: Row, ground: Ground) -> TeacherRow:
    code = _open_school(row, ground)
    number = _required(row, STAFF_NO)
    if not is_staff_no(number):
        raise _BadRow(STAFF_NO, "bad_staff_no")
    name, subject = _required(row, PERSON), row[SUBJECT]
    if len(subject) > STAFF_NO_LENGTH:
        raise _BadRow(SUBJECT, "too_long")
    for column, text in ((PERSON, name), (SUBJECT, subject)):
        if is_personal(text):
            raise _BadRow(column, "personal_number")
    if not subject.isprintable():
        raise _BadRow(SUBJECT, "unprintable")
    return TeacherRow(row.line, code, number, name, subject)


def is_staff_no(text: str) -> bool:
    """Whether a text is a number that a school gave: a number of identity or of a telephone is none."""
    return _STAFF_NO.fullmatch(text) is not None and not is_personal(text)


def _pupils(row: Row) -> int:
    text = _required(row, PUPILS).removesuffix("人")
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text) <= MOST_PUPILS):
        raise _BadRow(PUPILS, "bad_number")
    return int(text)


_FORMS: Final[Mapping[str, tuple[Sequence[str], dict[str, str], Sequence[str], Callable[[Row, Ground], Any]]]] = {
    "schools": (SCHOOL_COLUMNS, _SCHOOL_ALIASES, (CODE, NAME, COUNTY), _school),
    "classes": (CLASS_COLUMNS, _CLASS_ALIASES, (CODE, CLASS, PUPILS), _class),
    "teachers": (TEACHER_COLUMNS, _TEACHER_ALIASES, (CODE, STAFF_NO, PERSON), _teacher),
}
