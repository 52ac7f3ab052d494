"""The journal of a recording: what happened, one JSON line each, durable before anything relies on it.

**A torn last line is the crash itself**: reading ends in front of it, and the next writer cuts it off.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


class Lines:
    """An append-only file of JSON lines; `durable` decides whether each line is on the disk when `append` returns."""

    def __init__(self, path: Path, *, durable: bool) -> None:
        self._durable = durable
        whole = whole_bytes(path)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o640)
        os.ftruncate(self._descriptor, whole)
        os.lseek(self._descriptor, whole, os.SEEK_SET)

    def append(self, line: dict[str, Any]) -> None:
        """Write one line; raise `OSError` when the disk does not take it, and leave no half line behind."""
        data = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        write_all(self._descriptor, data)
        if self._durable:
            os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Make all lines durable and close the file, also when the disk refuses: then raise `OSError`."""
        try:
            os.fdatasync(self._descriptor)
        finally:
            os.close(self._descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Append `data` whole or not at all; raise `OSError` when the disk is full."""
    start = os.lseek(descriptor, 0, os.SEEK_CUR)
    written = 0
    try:
        while written < len(data):
            written += os.write(descriptor, data[written:])
    except OSError:
        os.ftruncate(descriptor, start)
        os.lseek(descriptor, start, os.SEEK_SET)
        raise


def whole_bytes(path: Path) -> int:
    """Return how many bytes of the file are whole lines of JSON."""
    return sum(size for _, size in _lines(path))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the whole lines of the file; an absent file has none."""
    return [line for line, _ in _lines(path)]


def _lines(path: Path) -> list[tuple[dict[str, Any], int]]:
    found: list[tuple[dict[str, Any], int]] = []
    data = path.read_bytes() if path.exists() else b""
    for raw in data.splitlines(keepends=True):
        try:
            line = json.loads(raw)
        except ValueError:
            break
        if not raw.endswith(b"\n") or not isinstance(line, dict):
            break
        found.append((line, len(raw)))
    return found
