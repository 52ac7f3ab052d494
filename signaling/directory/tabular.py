"""Tables as schools send them: XLSX, and CSV in whatever encoding the office program chose. Pure.

1. **Every cell is text**, trimmed; a number of a workbook is written without `.0`, so that a code stays a code.
2. **What was read is named** (`Table.source`), and a line that cannot be decoded is a line of its own with its number, not the end.
3. The `'` that our own CSV files put before what a spreadsheet would take for a formula is taken away again.
4. **A file is bounded before it is read**: bytes, parts, unpacked bytes of a workbook, what cells say that share a string, and the
   rectangle that they span, because the reader takes memory for all of it: a workbook of 5 kB with one cell in the last corner spans 17
   thousand million.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import python_calamine

MOST_BYTES: Final = 32 << 20
MOST_UNPACKED_BYTES: Final = 128 << 20  # 40,000 rows of a workbook are 30 MB
MOST_MEMBERS: Final = 2_000  # parts of a workbook; an office writes a dozen and one for each sheet
MOST_ROWS: Final = 200_000
MOST_CELLS: Final = 10_000_000  # of the rectangle: every row that is taken, with fifty columns
MOST_COLUMNS: Final = 200
HEADING_ROWS: Final = 10
"""Rows in which the names of the columns are looked for: a title and a remark may stand above them."""

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_WORKBOOK, _SHARED = "xl/workbook.xml", "xl/sharedStrings.xml"
_ENTRY = b"PK\x01\x02"  # of the central directory
_PROTECTED = "EncryptedPackage".encode("utf-16-le")  # MS-OFFCRYPTO: a workbook with a password is in an OLE file
_DECLARED = re.compile(rb"<!(?!--|\[CDATA\[)")
_STRING = re.compile(rb"<(?:\w+:)?si[\s/>]")
_SHARING = re.compile(rb"""\st\s*=\s*["']s["']""")
_SHARED_PLACE = re.compile(rb"""\st\s*=\s*["']s["'][^>]*>\s*<(?:\w+:)?v>([0-9]{1,9})<""")
_PLACE = re.compile(rb"""<(?:\w+:)?(c|row)\s(?:[^>]*?\s)?r\s*=\s*["']([A-Za-z]{0,3})([0-9]{1,7})["']""")
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_SOURCES = {"utf-8-sig": "UTF-8 (BOM)", "utf-16": "UTF-16", "utf-8": "UTF-8", "gb18030": "GB18030"}
_DELIMITERS = (",", "\t", ";")
_GUARDED = re.compile(r"'(?=[=+\-@＝＋－＠])")


class TableError(ValueError):
    """The file as a whole cannot be used; `code` is stable: `file_empty`, `file_too_large`, `file_unreadable`,
    `file_encrypted`, `file_has_macros`, `columns_missing`.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line in the file, its cells by column, whether its bytes made sense."""

    line: int
    cells: dict[str, str]
    decoded: bool = True

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


@dataclass(frozen=True, slots=True)
class Table:
    """What was read: the format or encoding in words, the columns that are there, the rows that are not empty."""

    source: str
    columns: tuple[str, ...]
    rows: list[Row]


_Line = tuple[int, list[str], bool]


def read_table(data: bytes, columns: Sequence[str], aliases: dict[str, str], required: Sequence[str]) -> Table:
    """Return the table in a file. `aliases` are other names of `columns`; raises `TableError`, also when one of `required` is missing."""
    if not data.strip():
        raise TableError("file_empty")
    if len(data) > MOST_BYTES:
        raise TableError("file_too_large", f"{MOST_BYTES >> 20} MiB")
    source, lines = _workbook(data) if data.startswith((_ZIP, _OLE)) else _text(data)
    names = {name: name for name in columns} | aliases
    iterator = iter(lines)
    found = _heading(iterator, names)
    missing = [name for name in required if name not in found.values()]
    if missing:
        raise TableError("columns_missing", "、".join(missing))
    rows = [
        Row(line, {name: cells[place] for place, name in found.items() if place < len(cells)}, decoded)
        for line, cells, decoded in iterator
        if any(cells)
    ]
    if len(rows) > MOST_ROWS:
        raise TableError("file_too_large", f"{MOST_ROWS} 行")
    return Table(source, tuple(found.values()), rows)


def _heading(lines: Iterator[_Line], names: dict[str, str]) -> dict[int, str]:
    """Return place and name of each known column; the first row that names two of them is the heading, or one if there is no more."""
    best: dict[int, str] = {}
    for _, (_, cells, _) in zip(range(HEADING_ROWS), lines, strict=False):
        found: dict[int, str] = {}
        for place, cell in enumerate(cells[:MOST_COLUMNS]):
            name = names.get("".join(cell.split()).rstrip("*"))
            if name is not None and name not in found.values():
                found[place] = name
        if len(found) > 1:
            return found
        best = best or found
    return best


def _workbook(data: bytes) -> tuple[str, Iterable[_Line]]:
    if data.startswith(_OLE):
        raise TableError("file_encrypted") if _PROTECTED in data else TableError("file_unreadable", "XLS")
    _check_size(data)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, IndexError, ValueError, OSError) as error:
        raise TableError("file_unreadable", str(error)) from None
    return "XLSX", ((number, [_cell(value) for value in row], True) for number, row in enumerate(rows, 1))


def _check_size(data: bytes) -> None:
    if data.count(_ENTRY) > MOST_MEMBERS:  # before anything makes objects of them
        raise TableError("file_too_large", f"{MOST_MEMBERS} 个部件")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check_members(members)
            _check_parts(archive, [one.filename for one in members if one.filename.endswith((".xml", ".rels"))])
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError) as error:
        raise TableError("file_unreadable", str(error)) from None


def _check_members(members: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse what the list of a workbook's parts tells already. Nothing is ever unpacked to a path; a name that climbs is no office's."""
    names = [member.filename for member in members]
    if sum(member.file_size for member in members) > MOST_UNPACKED_BYTES:
        raise TableError("file_too_large", f"{MOST_UNPACKED_BYTES >> 20} MiB")
    if any(member.flag_bits & 1 for member in members):
        raise TableError("file_encrypted")
    if any(name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) for name in names):
        raise TableError("file_unreadable", "..")
    if any(name.endswith("vbaProject.bin") for name in names):
        raise TableError("file_has_macros")
    if _WORKBOOK not in names:  # another kind of office file, or none
        raise TableError("file_unreadable", _WORKBOOK)


def _check_parts(archive: zipfile.ZipFile, names: Iterable[str]) -> None:
    """Refuse parts with declarations of their own, and sheets that span or say too much; every part is read whole, so its CRC counts."""
    parts = [*names]
    lengths = _lengths(archive.read(_SHARED)) if _SHARED in parts else []
    for name in parts:
        text = archive.read(name)
        if _DECLARED.search(text) or b"\0" in text:  # a NUL: of an encoding in which nothing here would be seen
            raise TableError("file_unreadable", "DOCTYPE")
        if _spanned(text) > MOST_CELLS:
            raise TableError("file_too_large", f"{MOST_CELLS} 格")
        if _said(text, lengths) > MOST_UNPACKED_BYTES:
            raise TableError("file_too_large", f"{MOST_UNPACKED_BYTES >> 20} MiB")


def _lengths(shared: bytes) -> list[int]:
    """Return the bytes of each string that cells share."""
    starts = [found.start() for found in _STRING.finditer(shared)]
    return [end - start for start, end in itertools.pairwise([*starts, len(shared)])]


def _said(sheet: bytes, lengths: Sequence[int]) -> int:
    """Return at most how many bytes the cells of a sheet say: a megabyte that a million cells share is a million of them."""
    longest, cells = max(lengths, default=0), len(_SHARING.findall(sheet))
    if longest * cells <= MOST_UNPACKED_BYTES:
        return longest * cells
    places = [int(place) for place in _SHARED_PLACE.findall(sheet)]
    known = sum(lengths[place] for place in places if place < len(lengths))
    return known + longest * (cells - len(places))


def _spanned(sheet: bytes) -> int:
    """Return how many cells the rectangle around the cells of a sheet has, from the first one on."""
    columns = rows = 1
    for place in _PLACE.finditer(sheet):
        kind, letters, digits = place.groups()
        rows = max(rows, int(digits))
        if kind == b"c":
            number = sum((byte - 64) * 26**power for power, byte in enumerate(reversed(letters.upper())))
            columns = max(columns, number)
    return columns * rows


def _cell(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip()


def _text(data: bytes) -> tuple[str, Iterable[_Line]]:
    encoding = _encoding(data)
    try:
        text, bad = data.decode(encoding), frozenset[int]()
    except UnicodeDecodeError:
        text, bad = _line_by_line(data, encoding)
    if "\0" in text:
        raise TableError("file_unreadable", "NUL")
    return _SOURCES[encoding], _split(text, bad)


def _encoding(data: bytes) -> str:
    for mark, name in _BOMS:
        if data.startswith(mark):
            return name
    failures = {name: len(_failing(data, name)) for name in ("utf-8", "gb18030")}
    return min(failures, key=failures.__getitem__)


def _failing(data: bytes, encoding: str) -> list[int]:
    """Return the lines that are not of this encoding."""
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return [number for number, line in enumerate(data.split(b"\n"), 1) if not _decodes(line, encoding)]
    return []


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _line_by_line(data: bytes, encoding: str) -> tuple[str, frozenset[int]]:
    if encoding == "utf-16":
        raise TableError("file_unreadable", _SOURCES[encoding])
    return data.decode(encoding, "replace"), frozenset(_failing(data, encoding))


def _split(text: str, bad: frozenset[int]) -> Iterator[_Line]:
    head = "\n".join(text.split("\n", HEADING_ROWS)[:HEADING_ROWS])
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    before = 0
    try:
        for cells in reader:
            lines = range(before + 1, reader.line_num + 1)
            yield (
                lines[0] if lines else before,
                [_GUARDED.sub("", cell.strip(), 1) if cell.startswith("'") else cell.strip() for cell in cells],
                bad.isdisjoint(lines),
            )
            before = reader.line_num
    except csv.Error as error:
        raise TableError("file_unreadable", f"第 {reader.line_num} 行: {error}") from None
