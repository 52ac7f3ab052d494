"""Writes a table as XLSX or CSV.

1. **A cell is never a formula**: strings are written as strings in XLSX; in CSV a text that a spreadsheet would take for one gets a `'`.
2. **Codes are text**: ten digits stay ten digits. Percentages are numbers with a % format.
3. The check sum covers header and rows only: the same figures have the same sum, whoever exports them, whenever, in either format.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import xlsxwriter

from signaling.attendance.tables import Cell, Kind, Table

DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
XLSX_OPTIONS: Final = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_FORMATS: Final = {Kind.COUNT: "0", Kind.DECIMAL: "0.0", Kind.PERCENT: "0.00%"}


@dataclass(frozen=True, slots=True)
class Note:
    """The sheet beside the data: (name, value) in order, the check sum excluded."""

    lines: Sequence[tuple[str, str]]


def checksum(table: Table) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of header and rows."""
    digest = hashlib.sha256()
    for row in ([column.header for column in table.columns], *table.rows):
        digest.update(json.dumps(list(row), ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()[:16]


def to_csv(table: Table) -> bytes:
    """Return UTF-8 with BOM and CRLF; text is quoted, numbers are not, so that readers can tell them apart."""
    kinds = [column.kind for column in table.columns]
    lines = [",".join(quoted(column.header) for column in table.columns)]
    lines += [",".join(map(_csv_cell, kinds, row)) for row in table.rows]
    return ("\r\n".join(lines) + "\r\n").encode("utf-8-sig")


def _csv_cell(kind: Kind, cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return quoted(cell)
    return f"{cell:.2%}" if kind is Kind.PERCENT else str(cell)


def quoted(text: str) -> str:
    """Return the text as a cell of CSV that no spreadsheet takes for a formula."""
    return '"' + neutral(text).replace('"', '""') + '"'


def neutral(text: str) -> str:
    """Return the text so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(DANGEROUS) else text


def to_xlsx(table: Table, note: Note) -> bytes:
    """Return a workbook: one flat sheet of data without merged cells, then the sheet 说明."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, XLSX_OPTIONS)
    _data_sheet(book, table)
    _note_sheet(book, note, checksum(table))
    book.close()
    return out.getvalue()


def _data_sheet(book: Any, table: Table) -> None:
    sheet = book.add_worksheet(table.title)
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "vcenter", "border": 1, "bg_color": "#E8EEF4"})
    text = book.add_format({"num_format": "@"})
    formats = {kind: book.add_format({"num_format": code}) for kind, code in _FORMATS.items()}
    for number, column in enumerate(table.columns):
        sheet.set_column(number, number, column.width, formats.get(column.kind, text))
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(1, len(table.rows)), len(table.columns) - 1)
    for number, column in enumerate(table.columns):
        sheet.write_string(0, number, column.header, head)
    plan = [formats.get(column.kind, text) for column in table.columns]
    for line, row in enumerate(table.rows, 1):
        for number, (cell, cell_format) in enumerate(zip(row, plan, strict=True)):
            if isinstance(cell, str):
                sheet.write_string(line, number, cell, text)
            elif cell is not None:
                sheet.write_number(line, number, cell, cell_format)


def _note_sheet(book: Any, note: Note, digest: str) -> None:
    sheet = book.add_worksheet("说明")
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, 1, 90)
    wrap = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
    for line, (name, value) in enumerate((*note.lines, ("校验码", digest))):
        sheet.write_string(line, 0, name)
        sheet.write_string(line, 1, value, wrap)
