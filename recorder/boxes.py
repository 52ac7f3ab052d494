"""Boxes of the ISO base media file format (ISO/IEC 14496-12 section 4.2), as bytes in and bytes out.

1. **Nothing here reads a file or a clock**: callers bring the bytes.
2. Every length is checked against the enclosing range before it is believed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from recorder.errors import BoxError

HEADER = struct.Struct(">I4s")
LARGE_HEADER = struct.Struct(">I4sQ")


@dataclass(frozen=True, slots=True)
class Box:
    """One box: `start` and `end` are offsets of the whole box, `body` the offset behind its header."""

    kind: str
    start: int
    body: int
    end: int


def box_at(data: bytes | bytearray | memoryview, offset: int, end: int) -> Box:
    """Return the box that begins at `offset`; raise `BoxError` when it does not fit before `end`."""
    if end - offset < HEADER.size:
        raise BoxError(f"{end - offset} bytes at {offset} are too few for a box header")
    size, kind = HEADER.unpack_from(data, offset)
    body = offset + HEADER.size
    if size == 1:
        if end - offset < LARGE_HEADER.size:
            raise BoxError(f"large box header at {offset} is cut off")
        size = LARGE_HEADER.unpack_from(data, offset)[2]
        body = offset + LARGE_HEADER.size
    if size < body - offset or size > end - offset:
        raise BoxError(f"box {kind!r} at {offset} claims {size} bytes, {end - offset} are left")
    return Box(kind.decode("latin-1"), offset, body, offset + size)


def boxes(data: bytes | memoryview, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """Yield the boxes that lie side by side in `data[start:end]`."""
    limit = len(data) if end is None else end
    while start < limit:
        box = box_at(data, start, limit)
        yield box
        start = box.end


def find(data: bytes | memoryview, *path: str, start: int = 0, end: int | None = None) -> Box:
    """Return the first box at `path` (for instance `"mdia", "minf"`); raise `BoxError` when there is none."""
    found: Box | None = None
    for kind in path:
        found = next((box for box in boxes(data, start, end) if box.kind == kind), None)
        if found is None:
            raise BoxError(f"no box {'/'.join(path)}")
        start, end = found.body, found.end
    if found is None:
        raise BoxError("an empty path names no box")
    return found


def box(kind: str, *parts: bytes) -> bytes:
    """Return a box with the 32-bit header."""
    body = b"".join(parts)
    return HEADER.pack(HEADER.size + len(body), kind.encode("latin-1")) + body


def full_box(kind: str, version: int, flags: int, *parts: bytes) -> bytes:
    """Return a box that carries a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


class PartSplitter:
    """Cuts the byte stream of a fragmenting muxer into its initialisation and its parts.

    The initialisation is everything up to and including `moov`; a part is everything up to and including one `mdat`.
    """

    def __init__(self) -> None:
        self._pending = bytearray()
        self._scanned = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes as the muxer writes them; return what became complete, in order."""
        self._pending += data
        complete: list[bytes] = []
        while (box := self._next_box()) is not None:
            self._scanned = box.end
            if box.kind in ("moov", "mdat"):
                complete.append(bytes(self._pending[: box.end]))
                del self._pending[: box.end]
                self._scanned = 0
        return complete

    def _next_box(self) -> Box | None:
        try:
            return box_at(self._pending, self._scanned, len(self._pending))
        except BoxError:
            return None
