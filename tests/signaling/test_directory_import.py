"""Files of schools and classes as clerks send them: read, refused with reasons, written once."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from config.regions import DEFAULT_REGIONS, load_regions
from signaling.db.engine import Database
from signaling.db.migrate import upgrade
from signaling.directory import tabular
from signaling.directory.import_reasons import REASONS, RowError
from signaling.directory.import_service import ImportService
from signaling.directory.importing import SCHOOL_COLUMNS, read_classes, read_schools
from signaling.directory.listed import Changes
from signaling.directory.service import DirectoryService
from signaling.directory.tabular import TableError, read_table

REGIONS = {"兴义市": "522301", "522301": "522301", "兴仁市": "522302", "522322": "522302"}
KINDS = {"2152900001": "21", "3152900002": "31"}
YEAR = 2026
SCHOOLS = """学校标识码,学校名称,县（市、区）,办学类型,城乡类型
2152900001,云岭小学,兴义市,小学,村庄
3152900002,桐林中学,522322,,
T000000001,新月小学,兴仁市,21,111
"""
CLASSES = """学校标识码,班级名称,班级人数
2152900001,五（2）班,43
3152900002,初一3班,51人
"""


def workbook(rows: Sequence[Sequence[object]]) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return file.getvalue()


def zipped(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, "<a/>")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "source"),
    [
        (SCHOOLS.encode(), "UTF-8"),
        (SCHOOLS.encode("utf-8-sig"), "UTF-8 (BOM)"),
        (SCHOOLS.encode("gb18030"), "GB18030"),
        (SCHOOLS.replace(",", "\t").encode("utf-16"), "UTF-16"),
        (SCHOOLS.replace("\n", "\r\n").encode("gb18030"), "GB18030"),
        (workbook([line.split(",") for line in SCHOOLS.splitlines()]), "XLSX"),
    ],
)
def test_schools_are_read_from_whatever_the_office_program_wrote(data: bytes, source: str) -> None:
    reading = read_schools(data, REGIONS)
    assert (reading.source, reading.errors) == (source, [])
    assert [(row.line, row.code, row.region_code, row.kind, row.urban_rural) for row in reading.items] == [
        (2, "2152900001", "522301", "21", "220"),
        (3, "3152900002", "522302", "31", None),
        (4, "T000000001", "522302", "21", "111"),
    ]


def test_a_code_that_a_workbook_holds_as_a_number_stays_a_code() -> None:
    data = workbook([["学校表"], ["学校标识码*", "学校名称 ", "县"], [2152900001, "云岭小学", "兴义市"]])
    assert [(row.line, row.code) for row in read_schools(data, REGIONS).items] == [(3, "2152900001")]


def test_every_bad_row_is_told_with_line_column_and_reason() -> None:
    lines = [
        ",".join(SCHOOL_COLUMNS),
        "2152900001,云岭小学,兴义市,小学,村庄",
        "2.15E+09,云岭小学,兴义市,,",
        "2152900003,,兴义市,,",
        "2152900004,清溪小学,贵阳市,,",
        "2152900005,清溪小学,兴义市,初级中学,",
        "2152900006,清溪小学,兴义市,学堂,",
        "2152900007,清溪小学,兴义市,,海上",
        "2152900001,云岭小学,兴义市,,",
        "",
        "T000000009,清溪小学,兴义市,,",
        f"2152900008,{'长' * 65},兴义市,,",
    ]
    reading = read_schools("\n".join(lines).encode(), REGIONS)
    assert [(error.line, error.code) for error in reading.errors] == [
        (3, "bad_school_code"),
        (4, "missing"),
        (5, "unknown_county"),
        (6, "kind_differs"),
        (7, "unknown_kind"),
        (8, "unknown_place"),
        (9, "duplicate"),
        (11, "missing"),
        (12, "too_long"),
    ]
    assert reading.errors[6].reason == "与第 2 行重复"
    assert [row.code for row in reading.items] == ["2152900001"]


def test_a_line_that_is_no_text_is_one_bad_line() -> None:
    lines = SCHOOLS.encode("gb18030").split(b"\n")
    lines[2] = b"3152900002,\xff\xff\xff,522322,,"
    reading = read_schools(b"\n".join(lines), REGIONS)
    assert [(error.line, error.code) for error in reading.errors] == [(3, "undecodable")]
    assert [row.line for row in reading.items] == [2, 4]


def test_classes_are_read_by_their_school() -> None:
    reading = read_classes(CLASSES.encode(), KINDS, YEAR)
    assert [(row.school_code, row.cohort.code, row.name, row.pupils) for row in reading.items] == [
        ("2152900001", "2022-21-02", "五年级（2）班", 43),
        ("3152900002", "2026-31-03", "七年级（3）班", 51),
    ]


def test_bad_classes_are_told() -> None:
    lines = [
        "学校标识码,班级,人数",
        "2152900001,五（2）班,四十",
        "2152900001,五年级2班,43",
        "2152900001,2022级2班,43",
        "2152900009,五（3）班,43",
        "3152900002,73班,43",
        "3152900002,2027届3班,43",
        "3152900002,2020级3班,43",
        "3152900002,火箭班,43",
        "3152900002,七（1）班,501",
    ]
    errors = read_classes("\n".join(lines).encode(), KINDS, YEAR).errors
    assert [(error.line, error.code) for error in errors] == [
        (2, "bad_number"),
        (4, "duplicate"),
        (5, "unknown_school"),
        (6, "class_name_ambiguous"),
        (7, "class_name_ambiguous"),
        (8, "class_not_at_school"),
        (9, "class_name_unknown"),
        (10, "bad_number"),
    ]


def test_every_reason_is_a_whole_sentence() -> None:
    for code in REASONS:
        assert "{" not in RowError(1, "", code, other=2).reason


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "file_empty"),
        (b" \n ", "file_empty"),
        (SCHOOLS.partition("\n")[0].encode(), "file_empty"),
        ("学校名称,县\n云岭小学,兴义市\n".encode(), "columns_missing"),
        (b"PK\x03\x04 not a workbook", "file_unreadable"),
        (zipped("content.xml"), "file_unreadable"),
        (workbook([["学校标识码"]])[:-30], "file_unreadable"),
        (b"\xd0\xcf\x11\xe0 not a workbook", "file_unreadable"),
        (b"a,b\0\n", "file_unreadable"),
        ("学校标识码,学校名称,县\n".encode("utf-16")[:-1], "file_unreadable"),
    ],
)
def test_a_file_that_is_no_table_is_refused_as_a_whole(data: bytes, code: str) -> None:
    with pytest.raises(TableError) as caught:
        read_schools(data, REGIONS)
    assert caught.value.code == code


def test_a_workbook_that_unpacks_to_too_much_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabular, "MOST_UNPACKED_BYTES", 1000)
    with pytest.raises(TableError) as caught:
        read_schools(workbook([["学校标识码"] * 50] * 50), REGIONS)
    assert caught.value.code == "file_too_large"


@pytest.mark.parametrize("corner", [(1_048_575, 16_383), (1_048_575, 20), (700, 16_383)])
def test_one_cell_in_a_far_corner_takes_no_memory(corner: tuple[int, int]) -> None:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["学校标识码", "学校名称", "县"])
        sheet.write_string(*corner, "x")
    assert len(file.getvalue()) < 20_000
    with pytest.raises(TableError) as caught:
        read_schools(file.getvalue(), REGIONS)
    assert caught.value.code == "file_too_large"


@pytest.mark.parametrize(("old", "new"), [(b'r="XFD', b"r='XFD"), (b'<c r="XFD', b'<c s="0" r = "xfd')])
def test_the_place_of_a_cell_is_seen_however_it_is_written(old: bytes, new: bytes) -> None:
    file, again = io.BytesIO(), io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        book.add_worksheet().write_string(1_048_575, 16_383, "x")
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(again, "w") as changed:
        for name in archive.namelist():
            sheet = archive.read(name)
            mended = sheet.replace(old, new).replace(b'1048576" t', b"1048576' t" if b"'" in new else b'1048576" t')
            changed.writestr(name, mended if name == "xl/worksheets/sheet1.xml" else sheet)
            assert name != "xl/worksheets/sheet1.xml" or (old in sheet and new in mended)
    with pytest.raises(TableError) as caught:
        read_schools(again.getvalue(), REGIONS)
    assert caught.value.code == "file_too_large"


def test_a_title_above_a_table_with_tabs_does_not_hide_it() -> None:
    data = ("学校表，2026 年, 秋季\n" + SCHOOLS.replace(",", "\t")).encode()
    assert [row.line for row in read_schools(data, REGIONS).items] == [3, 4, 5]


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda line: ("学校标识码,学校名称\n" + line).encode()))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    try:
        table = read_table(data, ("学校标识码", "学校名称"), {}, ("学校标识码",))
    except TableError:
        return
    assert all(row.line > 1 for row in table.rows)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database.sqlite(tmp_path / "jiangtang.db")
    await upgrade(made)
    await DirectoryService(made).load_regions(load_regions(DEFAULT_REGIONS))
    yield made
    await made.close()


async def test_the_same_file_twice_changes_nothing_the_second_time(db: Database) -> None:
    directory = ImportService(db)
    schools = read_schools(SCHOOLS.encode(), REGIONS).items
    assert await directory.take_schools(schools, "system") == Changes(3, 0, 0)
    assert await directory.take_schools(schools, "system") == Changes(0, 0, 3)
    classes = read_classes(CLASSES.encode(), await directory.kinds(), YEAR).items
    assert await directory.take_classes(classes, "system") == Changes(2, 0, 0)
    grown = read_classes(CLASSES.replace("43", "44").encode(), await directory.kinds(), YEAR).items
    assert await directory.take_classes(grown, "system") == Changes(0, 1, 1)
    async with db.reading() as session:
        told = (await session.execute(text("SELECT subject, detail FROM audit_log ORDER BY id"))).all()
    assert len(told) == 4
    assert told[-1] == ("classes", '{"added": 0, "changed": 1, "same": 1}')


async def test_a_file_without_the_kind_of_place_does_not_take_it_away(db: Database) -> None:
    directory = ImportService(db)
    await directory.take_schools(read_schools(SCHOOLS.encode(), REGIONS).items, "system")
    plain = read_schools("学校标识码,学校名称,县\n2152900001,云岭小学,兴义市\n".encode(), REGIONS).items
    assert await directory.take_schools(plain, "system") == Changes(0, 0, 1)
