"""Roots as CSV, to be printed, signed or kept elsewhere, and read back to compare with. UTF-8 with BOM and CRLF. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Final

from signaling.attendance.exports import quoted
from signaling.ledger.chain import Root
from signaling.ledger.roots_service import Noted

HEADER: Final = ("日期", "节点", "条数", "末条序号", "根（SHA-256）")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def written(roots: Iterable[Root]) -> bytes:
    """Return the file."""
    lines = [",".join(map(quoted, HEADER)), *map(_line, roots)]
    return ("\r\n".join(lines) + "\r\n").encode("utf-8-sig")


def _line(one: Root) -> str:
    cells = (quoted(one.day.isoformat()), quoted(one.node), str(one.entries), str(one.number), quoted(one.root.hex()))
    return ",".join(cells)


def read(data: bytes) -> list[Noted]:
    """Return the roots of a file that `written` made; raise ValueError with the line that is none."""
    lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    found = []
    for place, line in enumerate(lines[1:], 2):
        if len(line) != len(HEADER) or not line[3].isdecimal() or not _DIGEST.fullmatch(line[4]):
            raise ValueError(f"line {place} is no root: {','.join(line)[:80]}")
        found.append(Noted(line[1].removeprefix("'"), line[0], int(line[3]), line[4]))
    return found
