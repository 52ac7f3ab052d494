"""One reel on the disk: an append-only file of parts and an index line for each.

    eNNN.mp4 = ftyp, free (16 bytes), moov of the initialisation, (moof mdat)*

1. **A part is durable when `append` returns** (`fdatasync`); its index line follows and can always be rebuilt.
2. **The bytes of a part never move.** Finishing turns the 16-byte `free` into the header of a large `mdat` around all parts.
3. After a crash `recorder.recover` cuts the file behind the last whole part; a failed write does the same at once.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

from recorder.boxes import LARGE_HEADER, box, box_at, find
from recorder.errors import BoxError
from recorder.fragments import Run, Sample, Track, moof_of, read_init, read_runs
from recorder.grid import Span
from recorder.journal import Lines, read_lines, write_all
from recorder.store import sync_folder

PLACEHOLDER = box("free", bytes(8))
HEAD_BYTES = 65536  # more than any initialisation of two tracks
MOOF_BYTES = 4096  # more than the `moof` of an ordinary part


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

    @property
    def end(self) -> int:
        """Where the next part lies."""
        return self.offset + self.length


FIELDS = tuple(one.name for one in fields(Part))
FLAGS = ("key", "segment_start")


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

    def append(self, data: bytes, span: Span, key: bool, wall_ns: int) -> Part:
        """Write one part durably; raise `OSError` with the file cut back to the part before."""
        offset = os.lseek(self._file, 0, os.SEEK_CUR)
        part = part_of(self._parts, offset, data, span, key, wall_ns)
        try:
            write_all(self._file, data)
            os.fdatasync(self._file)
            self._index.append(asdict(part))
        except OSError:
            os.ftruncate(self._file, offset)
            os.lseek(self._file, offset, os.SEEK_SET)
            raise
        self._parts += 1
        return part

    def close(self) -> None:
        """Close both files, whatever the disk says; may raise `OSError` then."""
        try:
            os.close(self._file)
        finally:
            self._index.close()


def part_of(seq: int, offset: int, data: bytes, span: Span, key: bool, wall_ns: int) -> Part:
    """Return the index line of a part."""
    return Part(seq, offset, len(data), span.start, span.duration, key, span.segment_start, wall_ns, zlib.crc32(data))


def read_index(path: Path) -> list[Part]:
    """Return the parts that the index of a reel names, in order, up to the first line that is not whole."""
    parts: list[Part] = []
    for line in read_lines(beside(path, ".idx")):
        part = _part(line)
        if part is None or part.seq != len(parts):
            break
        parts.append(part)
    return parts


def _part(line: dict[str, Any]) -> Part | None:
    """Return what an index line says; None when a field is missing, unknown fields are passed over."""
    found = {name: line.get(name) for name in FIELDS}
    if any(type(value) is not (bool if name in FLAGS else int) for name, value in found.items()):
        return None
    return Part(**found)  # type: ignore[arg-type]  # checked above


class ReelReader:
    """Reads a reel, finished or not. The file must be whole: call `recorder.recover` after a crash."""

    def __init__(self, path: Path) -> None:
        """Raise `BoxError` when the initialisation is not whole, `OSError` when a file is missing."""
        self.path = path
        self.init = read_head(path)
        self.tracks, self.defaults = read_init(self.init)
        self.parts = read_index(path)

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
