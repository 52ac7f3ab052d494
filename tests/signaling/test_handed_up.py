"""Every table that is handed up, opened by LibreOffice: cell by cell what the other format says, one flat sheet, nothing that runs.

**What differs between the formats is written here and nothing else**: in CSV a text that a spreadsheet would run has a `'` before it, and a
text that is empty may be quoted; LibreOffice shows the rest to the letter, decimals and quotes about text included.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import pytest

from signaling.attendance.exports import DANGEROUS
from tests.support.handing_up import FORMULA, LONG, PLUS, handed_up
from tests.support.libreoffice import READING_CSV, converted
from tests.support.righting import TERM, Office
from tests.support.roll import LECTURE, ZONE

pytestmark = pytest.mark.server

LECTURES: Final = {number: f"/lectures/{LECTURE}/exports/{number}" for number in ("01", "02", "03", "04", "10", "11")}
TERMS: Final = {number: f"/coverage/exports/{number}" for number in ("05", "06", "07")}
PATHS: Final = {
    **{name: (path, "") for name, path in LECTURES.items()},
    **{n: (p, f"?term={TERM}") for n, p in TERMS.items()},
} | {"05s": (TERMS["05"], f"?term={TERM}&level=school")}
"""Path and query by name; 05 by county units, and by schools as 05s."""
AS_SHOWN: Final = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,true,false,true,false,false,-1"
"""Commas, UTF-8, quotes about text alone, cells as they are shown, every sheet in a file of its own."""
CSV: Final = "csv:Text - txt - csv (StarCalc):44,34,76,1"
MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
Rows = list[list[str]]


@dataclass(frozen=True)
class Export:
    """One table as the server gives it."""

    csv: bytes
    xlsx: bytes
    headers: Mapping[str, str]

    @property
    def rows(self) -> Rows:
        """The rows of the CSV, the header first."""
        return parsed(self.csv)


def parsed(body: bytes) -> Rows:
    return list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")))


@pytest.fixture
async def exports(tmp_path: Path) -> AsyncIterator[dict[str, Export]]:
    async with handed_up(tmp_path) as made:
        yield {name: await _export(made, *place) for name, place in PATHS.items()}


async def _export(made: Office, path: str, query: str) -> Export:
    found = {}
    for kind in ("csv", "xlsx"):
        status, body, headers = await made.ask("prefecture", "GET", f"{path}.{kind}{query}")
        assert status == 200, body
        found[kind] = body, headers
    (text, headers), (book, again) = found["csv"], found["xlsx"]
    names = ("X-Report-Checksum", "X-Report-Policy")
    assert [headers[name] for name in names] == [again[name] for name in names]
    return Export(text, book, again)


def sheets(folder: Path, name: str) -> tuple[list[str], dict[str, str]]:
    """Return what LibreOffice shows of a workbook: the lines of the table, and the sheet 说明."""
    (note,) = folder.glob(f"{name}-说明.csv")
    (table,) = (one for one in folder.glob(f"{name}-*.csv") if one != note)
    return table.read_text("utf-8").splitlines(), {row[0]: row[1] for row in parsed(note.read_bytes())}


def as_text(body: bytes) -> list[str]:
    """Return the lines of a CSV without what is written in this format alone: `'` before a text that would run, quotes about nothing."""
    text = re.sub(f"\"'(?=[{re.escape(''.join(DANGEROUS))}])", '"', body.decode("utf-8-sig"))
    return [re.sub(r'(^|(?<=,))""(?=,|$)', "", line) for line in text.splitlines()]


async def test_a_workbook_shows_in_libreoffice_what_the_csv_says(exports: dict[str, Export], tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.xlsx" for name in exports]
    for file in files:
        file.write_bytes(exports[file.stem].xlsx)
    made = await converted(tmp_path, AS_SHOWN, *files)
    for name, export in exports.items():
        shown, note = sheets(made, name)
        assert shown == as_text(export.csv), name
        assert note["校验码"] == export.headers["X-Report-Checksum"]
        assert note["口径版本"].split("（")[0] == export.headers["X-Report-Policy"]
        as_of = datetime.fromisoformat(export.headers["X-Report-As-Of"]).astimezone(ZONE)
        assert note["数据版本(as-of)"] == as_of.strftime("%Y-%m-%d %H:%M:%S")
        assert note["表名"].startswith(name[:2])
        assert (note["制表人"], note["审核人"]) == ("Prefecture", "")


async def test_the_csv_opens_in_libreoffice_with_codes_as_text_and_figures_as_numbers(
    exports: dict[str, Export], tmp_path: Path
) -> None:
    files = [tmp_path / f"{name}.csv" for name in exports]
    for file in files:
        file.write_bytes(exports[file.stem].csv)
    made = await converted(tmp_path, CSV, *files, reading=READING_CSV)
    for name, export in exports.items():
        found = parsed((made / f"{name}.csv").read_bytes())
        assert [[plain(cell) for cell in row] for row in found] == [
            [plain(cell) for cell in row] for row in export.rows
        ]


def plain(cell: str) -> str | float:
    """Return a figure as a number: LibreOffice leaves out what a CSV says of its decimals."""
    return float(cell) if re.fullmatch(r"(0|[1-9]\d{0,8})(\.\d+)?", cell) else cell


async def test_a_workbook_is_one_flat_sheet_that_can_be_read_filtered_and_changed(exports: dict[str, Export]) -> None:
    for name, export in exports.items():
        archive = zipfile.ZipFile(io.BytesIO(export.xlsx))
        for part in (part for part in archive.namelist() if part.startswith("xl/worksheets/")):
            tags = {one.tag.removeprefix(MAIN) for one in ElementTree.fromstring(archive.read(part)).iter()}
            assert not tags & {"f", "mergeCell", "hyperlink", "sheetProtection"}, (name, part)
        assert b"workbookProtection" not in archive.read("xl/workbook.xml")
        sheet = ElementTree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
        pane = sheet.find(f".//{MAIN}pane")
        assert pane is not None
        assert (pane.get("state"), pane.get("ySplit"), pane.get("topLeftCell")) == ("frozen", "1", "A2")
        assert sheet.find(f"{MAIN}autoFilter") is not None
        header, *rows = export.rows
        assert len(set(header)) == len(header)
        assert {len(row) for row in rows} == {len(header)}
        widths = [float(one.get("width", "0")) for one in sheet.iter(f"{MAIN}col") for _ in span(one)]
        assert len(widths) == len(header)
        assert all(5 < width < 70 for width in widths), widths


def span(column: ElementTree.Element) -> range:
    return range(int(column.get("min", "1")), int(column.get("max", "1")) + 1)


async def test_the_tables_have_what_bites_and_what_is_empty(exports: dict[str, Export]) -> None:
    """The data that the tests above compare is worth comparing: nothing of this may get lost from it."""
    rows = {name: export.rows for name, export in exports.items()}
    assert {name for name, found in rows.items() if len(found) < 3} == set()
    cells = {name: {cell for row in found[1:] for cell in row} for name, found in rows.items()}
    for name in ("02", "04", "11", "05s"):
        assert {"'=SUM(A1:A9)学校", '\'+民族"希望"小学, 分校'} <= cells[name], name
        assert {FORMULA, PLUS} <= cells[name], name
    assert {"'+张老师", "'=赵", "0007", "0012"} <= cells["06"]
    assert {"合格", "签到签退不全", "未参加", "名册勾选", "0.2"} <= cells["06"]
    assert {"家长会", "线上", "84.44%"} <= cells["07"]
    assert {f"'{LONG[:200]}", "'+教务〔2026〕007号", "更正"} <= cells["10"]
    assert {"Windows 7", "Chromium 86", "UDP", "HLS", "0.00%"} <= cells["11"]
    assert {"未接入", "免计", "已更正"} <= cells["03"]
    assert {name for name, found in cells.items() if "" not in found} == set()
    assert rows["01"][-1][2] == "合计"
    assert rows["05"][-1][2] == "合计（黔西南州）"
    dangerous = [cell for found in cells.values() for cell in found if cell.startswith(DANGEROUS)]
    assert dangerous == []
