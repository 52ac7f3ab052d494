"""From reels to the finished recording: one plain MP4, its checksum, a still picture, the manifest.

1. **Idempotent**: finishing again, after a crash at any point of it too, gives the same bytes.
2. One reel becomes the finished file in place: a `moov` is appended and 16 bytes are turned; no media is copied. An hour of
   720p lecture takes the time of reading its part headers and its checksum.
3. Several reels are copied behind one another on one time line; time between them is left out and named in the manifest.
4. The manifest is written last, by an atomic rename: **what has a manifest is finished**.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Final

import structlog

from recorder.boxes import LARGE_HEADER, find
from recorder.errors import BoxError
from recorder.journal import read_lines
from recorder.manifest import Piece, hidden_ranges, marks_of, problems_of, reel_entry, utc
from recorder.moov import Placed, TrackTable, build_moov
from recorder.segment import ReelReader, flip, recover
from recorder.store import Folder, sync_folder, write_atomically
from recorder.thumbnail import thumbnail

log = structlog.get_logger("recorder")

ENTRY: Final = 16  # bytes of an `stsd` in front of its first entry
COPY_BYTES: Final = 1 << 24
HANDLERS: Final = ("vide", "soun")


@dataclass(frozen=True, slots=True)
class FinishedRecording:
    """A finished recording; without any media `path_mp4` is None and `problems` says `no_media`."""

    id: str
    path_mp4: Path | None
    thumbnail: Path | None
    duration_s: float
    bytes: int
    sha256: str | None
    started_at: datetime | None
    problems: list[str] = field(default_factory=list)


def finish(folder: Folder) -> FinishedRecording:
    """Finish a recording whose worker has ended. Raise `OSError` when the disk does not take the result."""
    lines = read_lines(folder.journal)
    pieces, problems = _pieces(folder, lines)
    manifest = folder.read_manifest()
    if manifest is None or not _is_current(folder, manifest, pieces):
        manifest = _produce(folder, lines, pieces, problems)
        data = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
        write_atomically(folder.manifest, data)
    return finished(folder, manifest)


def finished(folder: Folder, manifest: dict[str, Any]) -> FinishedRecording:
    """Return what a manifest says."""
    return FinishedRecording(
        id=folder.recording_id,
        path_mp4=folder.file(manifest["file"]) if manifest["file"] else None,
        thumbnail=folder.file(manifest["thumbnail"]) if manifest["thumbnail"] else None,
        duration_s=manifest["duration_s"],
        bytes=manifest["bytes"],
        sha256=manifest["sha256"],
        started_at=datetime.fromisoformat(manifest["started_at"]) if manifest["started_at"] else None,
        problems=list(manifest["problems"]),
    )


def recover_reels(folder: Folder) -> list[str]:
    """Cut the torn end of every reel off; return the problems found. Idempotent."""
    problems = set()
    for path in folder.reels():
        try:
            if recover(path):
                problems.add("torn_end")
        except (BoxError, FileNotFoundError, ValueError) as error:
            log.warning("x reel", recording=folder.recording_id, reel=path.name, error=str(error))
            problems.add("reel_unreadable")
    return sorted(problems)


def _pieces(folder: Folder, lines: list[dict[str, Any]]) -> tuple[list[Piece], list[str]]:
    """Return the readable reels that hold media, with where each begins, and the problems of the recording."""
    problems = set(recover_reels(folder)) | problems_of(lines)
    noted = {line["name"]: line for line in lines if line.get("event") == "reel"}
    pieces: list[Piece] = []
    start = Fraction(0)
    for path in folder.reels():
        try:
            reader = ReelReader(path)
        except (BoxError, OSError):
            continue
        if not reader.parts:
            continue
        note = noted.get(path.name, {})
        piece = Piece(
            reader,
            wall_ns=int(note.get("wall_ns", reader.parts[0].wall_ns)),
            hidden=bool(note.get("hidden", False)),
            samples=reader.samples(),
            start=start,
        )
        piece.end = start if piece.hidden else start + _length(piece)
        start = piece.end
        pieces.append(piece)
    return pieces, sorted(problems)


def _length(piece: Piece) -> Fraction:
    ends = [
        Fraction(found[-1].time + found[-1].duration, piece.reader.tracks[track].timescale)
        for track, found in piece.samples.items()
        if found
    ]
    return max(ends, default=Fraction(0))


def _is_current(folder: Folder, manifest: dict[str, Any], pieces: list[Piece]) -> bool:
    """Whether nothing was recorded since the manifest was written, and its file is there."""
    known = [(reel["name"], reel["parts"]) for reel in manifest["reels"]]
    there = [(piece.reader.path.name, len(piece.reader.parts)) for piece in pieces]
    name = manifest["file"]
    return known == there and (name is None or folder.file(name).stat().st_size == manifest["bytes"])


def _produce(folder: Folder, lines: list[dict[str, Any]], pieces: list[Piece], problems: list[str]) -> dict[str, Any]:
    shown = [piece for piece in pieces if not piece.hidden]
    path = _media(folder, shown)
    duration = float(shown[-1].end) if shown else 0.0
    picture, more = _picture(folder, path, duration)
    about = next((line for line in lines if line.get("event") == "opened"), {})
    tracks = [piece.reader.track("vide") for piece in shown]
    video = next((track for track in tracks if track is not None), None)
    marks = marks_of(lines, pieces)
    return {
        "version": 1,
        "recording_id": folder.recording_id,
        "lecture_id": about.get("lecture_id"),
        "broadcast_id": about.get("broadcast_id"),
        "title": about.get("title"),
        "state": "ready" if path else "failed",
        "started_at": utc(shown[0].wall_ns) if shown else None,
        "ended_at": utc(shown[-1].reader.parts[-1].wall_ns) if shown else None,
        "duration_s": round(duration, 3),
        "file": path.name if path else None,
        "bytes": path.stat().st_size if path else 0,
        "sha256": _sha256(path) if path else None,
        "thumbnail": picture,
        "width": video.width if video else None,
        "height": video.height if video else None,
        "reels": [reel_entry(piece) for piece in pieces],
        "chapters": marks,
        "hidden": hidden_ranges(marks),
        "problems": sorted({*problems, *more, *(() if path else ("no_media",))}),
    }


def _media(folder: Folder, shown: list[Piece]) -> Path | None:
    """Make the finished file and return its path, or None when there is nothing to show."""
    if not shown:
        return None
    if len(shown) == 1:
        reader = shown[0].reader
        flip(reader.path, reader, build_moov(_tables(shown, [0])))
        return reader.path
    return _join(folder, shown)


def _tables(shown: list[Piece], shifts: list[int]) -> list[TrackTable]:
    """Return the sample tables; `shifts` says by how many bytes the media of each reel moves."""
    tables: dict[str, TrackTable] = {}
    for piece, shift in zip(shown, shifts, strict=True):
        for handler in HANDLERS:
            track = piece.reader.track(handler)
            if track is None or not piece.samples[track.track_id]:
                continue
            table = tables.setdefault(handler, TrackTable(track))
            entry = table.description(track.sample_description[ENTRY:])
            begin = max(round(piece.start * track.timescale), table.end)
            table.samples += [
                Placed(begin + one.time, one.duration, shift + one.offset, one.size, one.sync, entry)
                for one in piece.samples[track.track_id]
            ]
    return [tables[handler] for handler in HANDLERS if handler in tables]


def _join(folder: Folder, shown: list[Piece]) -> Path:
    """Copy the media of several reels behind one another into one file."""
    init = shown[0].reader.init
    head = init[: find(init, "ftyp").end]
    offset = len(head) + LARGE_HEADER.size
    shifts: list[int] = []
    for piece in shown:
        shifts.append(offset - piece.reader.head)
        offset += piece.reader.media_end - piece.reader.head
    beside = folder.joined.with_name(folder.joined.name + ".new")
    with beside.open("wb") as out:
        out.write(head + LARGE_HEADER.pack(1, b"mdat", offset - len(head)))
        for piece in shown:
            _copy(piece.reader, out)
        out.write(build_moov(_tables(shown, shifts)))
        out.flush()
        os.fsync(out.fileno())
    beside.replace(folder.joined)
    sync_folder(folder.path)
    return folder.joined


def _copy(reader: ReelReader, out: BinaryIO) -> None:
    with reader.path.open("rb") as source:
        source.seek(reader.head)
        left = reader.media_end - reader.head
        while left:
            data = source.read(min(left, COPY_BYTES))
            if not data:
                raise BoxError(f"{reader.path.name} is shorter than its index says")
            out.write(data)
            left -= len(data)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _picture(folder: Folder, path: Path | None, duration: float) -> tuple[str | None, list[str]]:
    """Write the still picture; a recording without one is still a recording."""
    if path is None:
        return None, []
    try:
        write_atomically(folder.thumbnail, thumbnail(path, duration))
    except BoxError as error:
        log.info("- no still picture", recording=folder.recording_id, error=str(error))
        return None, ["no_picture"]
    return folder.thumbnail.name, []
