"""Writes rows of text as XLSX or CSV, a part at a time: tables of the directory, bad rows of an import.

1. **A cell is never a formula and never a number**: codes stay codes, and a text that a spreadsheet would take for a formula gets a `'`
   in CSV. Counts are numbers.
2. The sheet of data comes first, flat and without merged cells, so that an import reads it back; a sheet 说明 says what it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import xlsxwriter

from signaling.attendance.exports import XLSX_OPTIONS, neutral

Cell = str | int | None
CONTENT_TYPES: Final = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
}


class Writer(Protocol):
    """Takes rows, part by part."""

    def rows(self, part: Iterable[Sequence[Cell]]) -> None:
        """Write rows."""

    def close(self) -> None:
        """Finish the file."""


class Csv:
    """A CSV file: UTF-8 with byte order mark, or GB18030; CRLF."""

    def __init__(self, path: Path, headers: Sequence[str], encoding: str = "utf-8") -> None:
        self._file = path.open("wb")
        self._encoding = encoding
        if encoding == "utf-8":
            self._file.write(b"\xef\xbb\xbf")
        self.rows([headers])

    def rows(self, part: Iterable[Sequence[Cell]]) -> None:
        """Write rows."""
        lines = (",".join(map(_csv_cell, row)) + "\r\n" for row in part)
        self._file.write("".join(lines).encode(self._encoding, "replace"))

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


class Xlsx:
    """A workbook at a path; rows leave the memory as they are written."""

    def __init__(self, path: Path, title: str, headers: Sequence[str], notes: Sequence[tuple[str, str]] = ()) -> None:
        self._book = xlsxwriter.Workbook(path, XLSX_OPTIONS)
        self._notes = notes
        self._text = self._book.add_format({"num_format": "@"})
        self._number = self._book.add_format({"num_format": "0"})
        head = {"bold": True, "text_wrap": True, "valign": "vcenter", "border": 1, "bg_color": "#E8EEF4"}
        heading = self._book.add_format(head)
        self._sheet = self._book.add_worksheet(title)
        self._columns = len(headers)
        self._line = 0
        for place, name in enumerate(headers):
            self._sheet.set_column(place, place, max(12, 2 * len(name) + 2), self._text)
        self._sheet.freeze_panes(1, 0)
        for place, name in enumerate(headers):
            self._sheet.write_string(0, place, name, heading)

    def rows(self, part: Iterable[Sequence[Cell]]) -> None:
        """Write rows."""
        for row in part:
            self._line += 1
            for place, cell in enumerate(row):
                if isinstance(cell, int):
                    self._sheet.write_number(self._line, place, cell, self._number)
                elif cell is not None:
                    self._sheet.write_string(self._line, place, cell, self._text)

    def close(self) -> None:
        """Finish the file."""
        self._sheet.autofilter(0, 0, max(1, self._line), self._columns - 1)
        if self._notes:
            _note_sheet(self._book, self._notes)
        self._book.close()


def _note_sheet(book: Any, notes: Sequence[tuple[str, str]]) -> None:
    sheet = book.add_worksheet("说明")
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, 1, 90)
    for line, (name, value) in enumerate(notes):
        sheet.write_string(line, 0, name)
        sheet.write_string(line, 1, value)


def _csv_cell(cell: Cell) -> str:
    if cell is None:
        return ""
    return str(cell) if isinstance(cell, int) else '"' + neutral(cell).replace('"', '""') + '"'
