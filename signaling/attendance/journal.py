"""The file that takes facts while the database does not.

1. **What `append` returned from is on the disk**: it is written and fsynced.
2. **Lines begin with a line feed**, so that a line torn by a crash cannot spoil the next one.
3. **Nothing readable is thrown away**: `clear` follows a commit, and unreadable lines move to a file beside it.
4. Bounded by bytes: when full, `append` raises `JournalFull` and the caller keeps what it has.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from signaling.attendance.events import Entry, from_line, to_line


class JournalFull(OSError):
    """The journal would exceed its limit."""


class Journal:
    """Blocking file operations; call them off the loop."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        self._max_bytes = max_bytes

    @property
    def size(self) -> int:
        """Bytes that wait for the database."""
        return self.path.stat().st_size if self.path.exists() else 0

    def append(self, entries: Iterable[Entry]) -> None:
        """Write entries durably; raise OSError when the disk, or `JournalFull` when the limit, refuses."""
        data = b"".join(b"\n" + to_line(entry) for entry in entries) + b"\n"
        if self.size + len(data) > self._max_bytes:
            raise JournalFull(f"{self.size} + {len(data)} bytes exceed the journal's limit of {self._max_bytes}")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = not self.path.exists()
        _write_durably(self.path, data)
        if new:
            _sync_folder(self.path.parent)

    def read(self) -> tuple[list[Entry], list[bytes]]:
        """Return the entries, and the lines that are none: torn by a crash, hence never acknowledged."""
        entries: list[Entry] = []
        unreadable: list[bytes] = []
        lines = self.path.read_bytes().split(b"\n") if self.path.exists() else []
        for line in filter(None, lines):
            try:
                entries.append(from_line(line))
            except ValueError:
                unreadable.append(line)
        return entries, unreadable

    def clear(self, unreadable: Iterable[bytes] = ()) -> None:
        """Empty the journal after its entries were committed; `unreadable` lines are kept in `<name>.unreadable`."""
        lines = list(unreadable)
        if lines:
            _write_durably(self.path.with_name(self.path.name + ".unreadable"), b"\n".join(lines) + b"\n")
        self.path.unlink(missing_ok=True)
        _sync_folder(self.path.parent)


def _write_durably(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
