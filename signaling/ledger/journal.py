"""The file that takes facts while the database does not.

1. **What `append` returned from is on the disk**: it is written and fsynced.
2. **Lines begin with a line feed**, so that a line torn by a crash cannot spoil the next one.
3. **Nothing readable is thrown away**: `clear` follows a commit, and unreadable lines move to a file beside it.
4. Bounded by bytes: when full, `append` raises `JournalFull` and the caller keeps what it has.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from signaling.ledger.events import Draft
from signaling.ledger.lines import from_line, to_line

PART_DRAFTS: Final = 200
PART_BYTES: Final = 1_000_000
"""A prefecture's window is a tenth of it, and takes some tens of milliseconds to store."""


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

    def append(self, drafts: Iterable[Draft]) -> None:
        """Write drafts durably; raise OSError when the disk, or `JournalFull` when the limit, refuses."""
        data = b"".join(b"\n" + to_line(draft) for draft in drafts) + b"\n"
        if self.size + len(data) > self._max_bytes:
            raise JournalFull(f"{self.size} + {len(data)} bytes exceed the journal's limit of {self._max_bytes}")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = not self.path.exists()
        _write_durably(self.path, data)
        if new:
            _sync_folder(self.path.parent)

    def read(self) -> tuple[list[Draft], list[bytes]]:
        """Return the drafts, and the lines that are none: torn by a crash, hence never acknowledged."""
        drafts: list[Draft] = []
        unreadable: list[bytes] = []
        for some, none in self.parts(PART_DRAFTS):
            drafts += some
            unreadable += none
        return drafts, unreadable

    def parts(self, most: int) -> Iterator[tuple[list[Draft], list[bytes]]]:
        """Yield the same by and by: at most so many drafts, or about `PART_BYTES` of lines, so that a part fits into a transaction in time."""
        drafts: list[Draft] = []
        unreadable: list[bytes] = []
        size = 0
        for line in self._lines():
            size += len(line)
            try:
                drafts.append(from_line(line))
            except ValueError:
                unreadable.append(line)
            if len(drafts) >= most or size >= PART_BYTES:
                yield drafts, unreadable
                drafts, unreadable, size = [], [], 0
        if drafts or unreadable:
            yield drafts, unreadable

    def _lines(self) -> Iterator[bytes]:
        if self.path.exists():
            with self.path.open("rb") as file:
                yield from filter(None, (line.rstrip(b"\n") for line in file))

    def clear(self, unreadable: Iterable[bytes] = ()) -> None:
        """Empty the journal after its drafts were committed; `unreadable` lines are kept in `<name>.unreadable`."""
        lines = list(unreadable)
        if lines:
            _write_durably(self.path.with_name(self.path.name + ".unreadable"), b"\n".join(lines) + b"\n")
        self.path.unlink(missing_ok=True)
        _sync_folder(self.path.parent)


def _write_durably(path: Path, data: bytes) -> None:
    """Append; what a full disk cut short is taken away again, so that trying again and again does not fill what is left."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        before = os.fstat(descriptor).st_size
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, before)
            raise
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
