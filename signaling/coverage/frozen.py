"""Tables of a term as they were exported: packed whole, with columns and note, so that a later version of the program gives them again. Pure."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from signaling.attendance.tables import Column, Kind, Table


@dataclass(frozen=True, slots=True)
class Key:
    """Which table of which node in which term; `level` is what 05 lists, empty for the others."""

    term: str
    node: str
    number: str
    level: str


@dataclass(frozen=True, slots=True)
class Frozen:
    """An export as it was made: `as_of` its facts, `directory_at` when the directory was read for it.

    `note` are name and value of the lines beside it, without the check sum.
    """

    as_of: datetime
    directory_at: datetime
    rules_version: int
    checksum: str
    note: Sequence[tuple[str, str]]
    table: Table


def pack(table: Table) -> bytes:
    """Return a table as compressed JSON."""
    columns = [[one.header, one.kind.value, one.width] for one in table.columns]
    told = {"number": table.number, "title": table.title, "columns": columns, "rows": [list(row) for row in table.rows]}
    return zlib.compress(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode(), 6)


def unpack(packed: bytes) -> Table:
    """Return the table that was packed."""
    told = json.loads(zlib.decompress(packed))
    columns = [Column(header, Kind(kind), width) for header, kind, width in told["columns"]]
    return Table(told["number"], told["title"], columns, told["rows"])


def digest(packed: bytes) -> str:
    """Return the SHA-256 of a packed table: what is the same is kept once."""
    return hashlib.sha256(packed).hexdigest()
