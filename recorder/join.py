"""Makes the finished MP4: one reel becomes it in place, several are copied behind one another.

**Media is never coded again and never moves within its reel**: a `moov` is added that says where the samples lie.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

from recorder.boxes import LARGE_HEADER, find
from recorder.errors import BoxError
from recorder.manifest import Piece
from recorder.moov import TrackTable, build_moov
from recorder.segment import ReelReader, flip
from recorder.store import Folder, sync_folder

ENTRY: Final = 16  # bytes of an `stsd` in front of its first entry
COPY_BYTES: Final = 1 << 20
HANDLERS: Final = ("vide", "soun")


def make_file(folder: Folder, shown: Sequence[Piece]) -> tuple[Path, str]:
    """Make the finished file of these reels, at least one; return its path and its SHA-256. Raise `OSError`."""
    if len(shown) > 1:
        return _join(folder, shown)
    reader = shown[0].reader
    flip(reader.path, reader, build_moov(_tables(shown, [0])))
    with reader.path.open("rb") as file:
        return reader.path, hashlib.file_digest(file, "sha256").hexdigest()


def _tables(shown: Sequence[Piece], shifts: Sequence[int]) -> list[TrackTable]:
    """Return the sample tables; `shifts` says by how many bytes the media of each reel moves."""
    tables: dict[str, TrackTable] = {}
    for piece, shift in zip(shown, shifts, strict=True):
        for handler in HANDLERS:
            track = piece.reader.track(handler)
            if track is None or not piece.runs[track.track_id]:
                continue
            table = tables.setdefault(handler, TrackTable(track))
            entry = table.description(track.sample_description[ENTRY:])
            begin = max(round(piece.start * track.timescale), table.end)
            for run in piece.runs[track.track_id]:
                table.add(run._replace(time=begin + run.time, offset=shift + run.offset), entry)
    return [tables[handler] for handler in HANDLERS if handler in tables]


def _join(folder: Folder, shown: Sequence[Piece]) -> tuple[Path, str]:
    """Copy the media of several reels behind one another into one file, and hash what is written."""
    init = shown[0].reader.init
    head = init[: find(init, "ftyp").end]
    offset = len(head) + LARGE_HEADER.size
    shifts: list[int] = []
    for piece in shown:
        shifts.append(offset - piece.reader.head)
        offset += piece.reader.media_end - piece.reader.head
    beside = folder.joined.with_name(folder.joined.name + ".new")
    with beside.open("wb", buffering=0) as out:
        sink = _Hashing(out)
        sink.write(head + LARGE_HEADER.pack(1, b"mdat", offset - len(head)))
        for piece in shown:
            _copy(piece.reader, sink)
        sink.write(build_moov(_tables(shown, shifts)))
        os.fsync(out.fileno())
    beside.replace(folder.joined)
    sync_folder(folder.path)
    return folder.joined, sink.digest.hexdigest()


class _Hashing:
    """Writes bytes and hashes them on their way: the file needs not be read again."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self.digest = hashlib.sha256()

    def write(self, data: bytes | memoryview) -> None:
        self.digest.update(data)
        while data:
            data = memoryview(data)[self._out.write(data) :]


def _copy(reader: ReelReader, out: _Hashing) -> None:
    room = memoryview(bytearray(COPY_BYTES))
    with reader.path.open("rb", buffering=0) as source:
        source.seek(reader.head)
        left = reader.media_end - reader.head
        while left:
            count = source.readinto(room[: min(left, COPY_BYTES)])
            if not count:
                raise BoxError(f"{reader.path.name} is shorter than its index says")
            out.write(room[:count])
            left -= count
