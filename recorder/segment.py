"""One reel on the disk: an append-only file of parts and an index line for each.

    eNNN.mp4 = ftyp, free (16 bytes), moov of the initialisation, (moof mdat)*

1. **A part is durable when `append` returns** (`fdatasync`); its index line follows and can always be rebuilt.
2. **The bytes of a part never move.** Finishing turns the 16-byte `free` into the header of a large `mdat` around all parts.
3. After a crash `recover` cuts the file behind the last whole part; a failed write does the same at once.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from recorder.boxes import HEADER, LARGE_HEADER, Box, box, box_at, find
from recorder.errors import BoxError
from recorder.fragments import Defaults, Run, Sample, Track, moof_of, read_init, read_part, read_runs
from recorder.journal import Lines, read_lines, write_all
from recorder.store import sync_folder

PLACEHOLDER = box("free", bytes(8))
HEAD_BYTES = 65536  # more than any initialisation of two tracks
MOOF_BYTES = 4096  # more than the `moof` of an ordinary part
CHECKED_PARTS = 4  # the newest parts whose checksum recovery compares: older ones were synced long before the crash


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a reel: where it lies, what it holds, when it was written (Unix nanoseconds).

    `start` and `duration` are 90 kHz ticks of the reel's time: a part covers exactly [start, start + duration). `key` is whether
    it begins with an IDR picture (or has no picture at all in a reel of sound), `segment_start` whether a segment begins with it.
    """

    seq: int
    offset: int
    length: int
    start: int
    duration: int
    key: bool
    segment_start: bool
    wall_ns: int
    crc32: int


def beside(reel: Path, suffix: str) -> Path:
    """Return the file that belongs to a reel: `.idx`."""
    return reel.with_name(reel.stem + suffix)


def read_head(path: Path) -> bytes:
    """Return the initialisation of a reel, finished or not, without what was put between its boxes.

    Raise `BoxError` when it is not whole.
    """
    with path.open("rb") as file:
        data = file.read(HEAD_BYTES)
    ftyp = box_at(data, 0, len(data))
    moov = box_at(data, ftyp.end + len(PLACEHOLDER), len(data))
    if (ftyp.kind, moov.kind) != ("ftyp", "moov"):
        raise BoxError(f"{path.name} begins with {ftyp.kind} and {moov.kind}, not with ftyp and moov")
    return data[: ftyp.end] + data[moov.start : moov.end]


class ReelWriter:
    """Writes a new reel."""

    def __init__(self, path: Path, init: bytes) -> None:
        """Create the files; raise `OSError` when the disk does not take them."""
        self.path = path
        self._parts = 0
        self._defaults = read_init(init)[1]
        ftyp = find(init, "ftyp")
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        try:  # a reel that cannot begin is tried again every few seconds: it must not keep a descriptor each time
            write_all(self._file, init[: ftyp.end] + PLACEHOLDER + init[ftyp.end :])
            os.fdatasync(self._file)
            sync_folder(path.parent)
            self._index = Lines(beside(path, ".idx"), durable=False)
        except OSError:
            os.close(self._file)
            raise

    def append(self, data: bytes, wall_ns: int) -> Part:
        """Write one part durably; raise `OSError` with the file cut back to the part before."""
        part = describe(self._parts, os.lseek(self._file, 0, os.SEEK_CUR), data, self._defaults, wall_ns)
        write_all(self._file, data)
        os.fdatasync(self._file)
        self._index.append(asdict(part))
        self._parts += 1
        return part

    def close(self) -> None:
        """Close both files, whatever the disk says; may raise `OSError` then."""
        try:
            os.close(self._file)
        finally:
            self._index.close()


def describe(seq: int, offset: int, data: bytes, defaults: dict[int, Defaults], wall_ns: int) -> Part:
    """Return the index line of a part; `key` is whether every track of it begins with a sync sample."""
    samples = [track for track in read_part(data, defaults).values() if track]
    key = all(track[0].sync for track in samples)
    return Part(seq, offset, len(data), 0, 0, key, key, wall_ns, zlib.crc32(data))


class ReelReader:
    """Reads a reel, finished or not. The file must be whole: call `recover` after a crash."""

    def __init__(self, path: Path) -> None:
        """Raise `BoxError` when the initialisation is not whole, `OSError` when a file is missing."""
        self.path = path
        self.init = read_head(path)
        self.tracks, self.defaults = read_init(self.init)
        self.parts = [Part(**line) for line in read_lines(beside(path, ".idx"))]

    @property
    def head(self) -> int:
        """How many bytes lie in front of the first part."""
        return len(self.init) + len(PLACEHOLDER)

    @property
    def media_end(self) -> int:
        """Where the last part ends."""
        return self.parts[-1].offset + self.parts[-1].length if self.parts else self.head

    def track(self, handler: str) -> Track | None:
        """Return the track with this handler (`vide` or `soun`)."""
        return next((track for track in self.tracks.values() if track.handler == handler), None)

    def runs(self) -> dict[int, list[Run]]:
        """Return all runs by track id, in order; offsets are those of this file. Raise `BoxError` for a part that is none."""
        found: dict[int, list[Run]] = {track: [] for track in self.tracks}
        with self.path.open("rb") as file:
            for part in self.parts:
                start = os.pread(file.fileno(), min(part.length, MOOF_BYTES), part.offset)
                for track, run in read_runs(_through_moof(start, file, part), self.defaults):
                    if run.sizes:
                        found[track].append(run._replace(offset=part.offset + run.offset))
        return found

    def samples(self) -> dict[int, list[Sample]]:
        """Return all samples by track id; offsets are those of this file."""
        return {track: [sample for run in runs for sample in run.samples()] for track, runs in self.runs().items()}


def _through_moof(start: bytes, file: BinaryIO, part: Part) -> bytes:
    """Return the beginning of a part with its whole `moof`: mostly that is within what was read first."""
    try:
        moof_of(start)
    except BoxError:
        return os.pread(file.fileno(), part.length, part.offset)
    return start


def recover(path: Path) -> int:
    """Cut a reel behind its last whole part and rebuild its index; return the bytes cut off.

    Idempotent, also on a finished reel. Raise `BoxError` when not even the initialisation is whole.
    """
    init = read_head(path)
    _, defaults = read_init(init)
    known = {line["offset"]: Part(**line) for line in read_lines(beside(path, ".idx"))}
    with path.open("r+b") as file:
        if is_finished(file.fileno(), init):
            return 0
        size = os.fstat(file.fileno()).st_size
        spans = _drop_torn(file.fileno(), _spans(file.fileno(), len(init) + len(PLACEHOLDER), size), known)
        parts = _described(file.fileno(), spans, known, defaults, int(os.fstat(file.fileno()).st_mtime_ns))
        end = spans[-1][1] if spans else len(init) + len(PLACEHOLDER)
        if end > size:
            raise BoxError(f"{path.name} ends inside its initialisation")
        os.ftruncate(file.fileno(), end)
        os.fdatasync(file.fileno())
    if [known.get(part.offset) for part in parts] != list(parts) or len(known) != len(parts):
        _rewrite_index(beside(path, ".idx"), parts)
    return size - end


def _spans(descriptor: int, offset: int, size: int) -> list[tuple[int, int]]:
    """Return start and end of every whole part behind `offset`."""
    spans: list[tuple[int, int]] = []
    start = offset
    while (box := _box(descriptor, offset, size)) is not None and box.kind in ("styp", "moof", "mdat"):
        offset = box.end
        if box.kind == "mdat":
            spans.append((start, offset))
            start = offset
    return spans


def _box(descriptor: int, offset: int, size: int) -> Box | None:
    """Return the box at `offset` if it ends within the file."""
    header = os.pread(descriptor, LARGE_HEADER.size, offset)
    if len(header) < HEADER.size:
        return None
    length, kind = HEADER.unpack_from(header)
    if length < HEADER.size or offset + length > size:
        return None
    return Box(kind.decode("latin-1"), offset, offset + HEADER.size, offset + length)


def _drop_torn(descriptor: int, spans: list[tuple[int, int]], known: dict[int, Part]) -> list[tuple[int, int]]:
    """Drop what follows the first of the newest parts whose checksum is wrong (blocks that never reached the disk)."""
    for place in range(max(0, len(spans) - CHECKED_PARTS), len(spans)):
        start, end = spans[place]
        part = known.get(start)
        if part is not None and zlib.crc32(os.pread(descriptor, end - start, start)) != part.crc32:
            return spans[:place]
    return spans


def _described(
    descriptor: int, spans: list[tuple[int, int]], known: dict[int, Part], defaults: dict[int, Defaults], wall_ns: int
) -> list[Part]:
    parts: list[Part] = []
    for seq, (start, end) in enumerate(spans):
        part = known.get(start)
        if part is None or part.length != end - start:
            part = describe(seq, start, os.pread(descriptor, end - start, start), defaults, wall_ns)
        parts.append(part)
    return parts


def _rewrite_index(path: Path, parts: list[Part]) -> None:
    path.unlink(missing_ok=True)
    lines = Lines(path, durable=False)
    for part in parts:
        lines.append(asdict(part))
    lines.close()


def is_finished(descriptor: int, init: bytes) -> bool:
    """Whether the placeholder has become the header of the large `mdat`."""
    header = os.pread(descriptor, LARGE_HEADER.size, find(init, "ftyp").end)
    return len(header) == LARGE_HEADER.size and header[4:8] == b"mdat"


def flip(path: Path, reader: ReelReader, moov: bytes) -> None:
    """Turn a reel into a plain MP4 without moving its media: append `moov`, then make the placeholder an `mdat`.

    The two steps are durable in this order, so that a crash between them leaves a reel that `recover` cuts back.
    """
    start = find(reader.init, "ftyp").end
    with path.open("r+b") as file:
        os.ftruncate(file.fileno(), reader.media_end)
        os.lseek(file.fileno(), reader.media_end, os.SEEK_SET)
        write_all(file.fileno(), moov)
        os.fdatasync(file.fileno())
        header = struct.pack(">I4sQ", 1, b"mdat", reader.media_end - start)
        os.pwrite(file.fileno(), header, start)
        os.fdatasync(file.fileno())
