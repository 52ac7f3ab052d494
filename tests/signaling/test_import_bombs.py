"""Workbooks that somebody made to hurt: each gets a clear code with sentences in both languages, within bounded memory and time.

Each is read in a process of its own with less memory than the server gives it; CPU time is measured, so that a busy machine says the same.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import xlsxwriter

from signaling.directory.import_reasons import FILE_REASONS
from signaling.directory.tabular import MOST_MEMBERS

MEMORY: Final = 1 << 30
CPU_SECONDS: Final = 20.0
ROOT: Final = Path(__file__).parents[2]
SHEET, SHARED = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
HEAD = b'<?xml version="1.0" encoding="UTF-8"?>'
CHILD: Final = """
import json, pathlib, resource, sys, time
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), int(sys.argv[2])))
from signaling.directory.tabular import TableError, read_table
data, began = pathlib.Path(sys.argv[1]).read_bytes(), time.process_time()
try:
    read_table(data, ("学校标识码", "学校名称"), {}, ("学校标识码",))
    code, detail = "read", ""
except TableError as error:
    code, detail = error.code, error.detail
print(json.dumps({"code": code, "detail": detail, "seconds": time.process_time() - began}))
"""


def workbook() -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["学校标识码", "学校名称"])
        sheet.write_row(1, 0, ["2152900001", "云岭小学"])
    return file.getvalue()


def changed(parts: Mapping[str, bytes]) -> bytes:
    """Return a good workbook with other parts, or more of them."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook())) as good, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name in good.namelist():
            if name not in parts:
                made.writestr(name, good.read(name))
        for name, text in parts.items():
            made.writestr(name, text)
    return file.getvalue()


def nested() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("inner.xlsx", workbook())
    return file.getvalue()


def lying() -> bytes:
    """Say that a part is small which unpacks to 200 MB, in both places where a size stands."""
    data, size = changed({"xl/_rels/workbook.xml.rels": b" " * (200 << 20)}), (200 << 20).to_bytes(4, "little")
    assert data.count(size) == 2
    return data.replace(size, (2000).to_bytes(4, "little"))


def shared() -> bytes:
    """Have 300,000 cells share a string of a megabyte: 300 GB in a file of a megabyte."""
    cells = b"".join(b'<row r="%d"><c r="A%d" t="s"><v>0</v></c></row>' % (row, row) for row in range(1, 300_001))
    return changed({SHARED: HEAD + b"<sst><si><t>" + b"x" * (1 << 20) + b"</t></si></sst>", SHEET: _sheet(cells)})


def _sheet(rows: bytes) -> bytes:
    return HEAD + b"<worksheet><sheetData>" + rows + b"</sheetData></worksheet>"


def expanding() -> bytes:
    levels = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 12))
    return changed({SHARED: HEAD + b'<!DOCTYPE x [<!ENTITY l0 "ha">' + levels + b"]><sst><si><t>&l11;</t></si></sst>"})


def external() -> bytes:
    entity = b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    return changed({SHARED: HEAD + entity + b"<sst><si><t>&f;</t></si></sst>"})


def broken() -> bytes:
    data = bytearray(changed({}))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        crc = archive.getinfo(SHEET).CRC.to_bytes(4, "little")
    return bytes(data).replace(crc, b"\1\2\3\4")


def locked() -> bytes:
    """Set the flag of encryption in every entry, as a ZIP with a password has it."""
    data = bytearray(workbook())
    for mark, flag in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = data.find(mark)
        while place >= 0:
            data[place + flag] |= 1
            place = data.find(mark, place + 4)
    return bytes(data)


BOMBS: Final[Mapping[str, tuple[Callable[[], bytes], str]]] = {
    "nested": (nested, "file_unreadable"),
    "ratio": (lambda: changed({SHEET: _sheet(b" " * (400 << 20))}), "file_too_large"),
    "lying about its size": (lying, "file_unreadable"),
    "many entries": (lambda: changed({f"x/{n}.xml": b"" for n in range(MOST_MEMBERS + 1)}), "file_too_large"),
    "one string in many cells": (shared, "file_too_large"),
    "far corner": (
        lambda: changed({SHEET: _sheet(b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')}),
        "file_too_large",
    ),
    "entities": (expanding, "file_unreadable"),
    "file of the server": (external, "file_unreadable"),
    "wrong sum": (broken, "file_unreadable"),
    "password of a ZIP": (locked, "file_encrypted"),
    "password of an office": (lambda: b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "file_encrypted"),
    "macros": (lambda: changed({"xl/vbaProject.bin": b"\0" * 100}), "file_has_macros"),
    "cut short": (lambda: workbook()[:-400], "file_unreadable"),
    "climbing name": (lambda: changed({"../../etc/cron.d/x.xml": b"<a/>"}), "file_unreadable"),
}


def read(path: Path) -> Any:
    """Read a file in a process with `MEMORY`; return its last word."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(path), str(MEMORY)], capture_output=True, text=True, cwd=ROOT, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", BOMBS)
def test_a_hostile_workbook_gets_a_clear_word_within_bounds(name: str, tmp_path: Path) -> None:
    make, code = BOMBS[name]
    (tmp_path / "bomb.xlsx").write_bytes(make())
    told = read(tmp_path / "bomb.xlsx")
    assert told["code"] == code, told
    assert told["seconds"] < CPU_SECONDS
    assert "root:" not in told["detail"]
    words = (ROOT / "web/src/shared/i18n/import-problems.ts").read_text("utf-8")
    assert code in FILE_REASONS
    assert words.count(f"'problem.{code}.reason'") == words.count(f"'problem.{code}.next'") == 2, "in both languages"


def test_a_good_workbook_is_read_under_the_same_bounds(tmp_path: Path) -> None:
    (tmp_path / "good.xlsx").write_bytes(changed({}))
    assert read(tmp_path / "good.xlsx")["code"] == "read"
