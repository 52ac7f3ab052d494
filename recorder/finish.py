"""From reels to the finished recording: one plain MP4, its checksum, pictures, chapters, playlist, the manifest.

1. **Idempotent**: finishing again, after a crash at any point of it too, gives the same bytes of every file.
2. One reel becomes the finished file in place: a `moov` is appended and 16 bytes are turned; no media is copied. An hour of
   720p lecture takes the time of reading its part headers, its checksum and at most a hundred pictures.
3. Several reels are copied behind one another on one time line; time between them is left out and named in the manifest.
4. The manifest is written last, by an atomic rename: **what has a manifest is finished**.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import structlog

from recorder.chapters import boundaries, chapters_in, chapters_of, chapters_vtt, gaps_of
from recorder.errors import BoxError
from recorder.join import make_file
from recorder.journal import read_lines
from recorder.manifest import Piece, hidden_ranges, marks_of, problems_of, reel_entry, utc
from recorder.playlist import vod_playlist
from recorder.recover import recover
from recorder.segment import ReelReader, beside
from recorder.sprite import keys_of, preview
from recorder.store import Folder, read_stored, write_atomically
from recorder.timeline import read_timeline

log = structlog.get_logger("recorder")


@dataclass(frozen=True, slots=True)
class FinishedRecording:
    """A finished recording; without any media `path_mp4` is None and `problems` says `no_media`.

    `chapters` are `{start_s, kind}`, `gaps` are `{at_s, seconds, reason}` (`recorder.chapters`).
    """

    id: str
    path_mp4: Path | None
    thumbnail: Path | None
    duration_s: float
    bytes: int
    sha256: str | None
    started_at: datetime | None
    problems: list[str] = field(default_factory=list)
    width: int | None = None
    height: int | None = None
    chapters: list[dict[str, Any]] = field(default_factory=list)
    gaps: list[dict[str, Any]] = field(default_factory=list)
    sprite: Path | None = None
    thumbs: Path | None = None


def finish(folder: Folder) -> FinishedRecording:
    """Finish a recording whose worker has ended. Raise `OSError` when the disk does not take the result."""
    lines = read_lines(folder.journal)
    manifest = folder.read_manifest()
    if manifest is not None and read_stored(folder).get("local_removed"):
        return finished(folder, manifest)  # its media is in the object store alone
    pieces, problems = _pieces(folder, lines)
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
        width=manifest["width"],
        height=manifest["height"],
        chapters=chapters_in(manifest),
        gaps=list(manifest.get("gaps", ())),
        sprite=folder.sprite if manifest.get("sprite") else None,
        thumbs=folder.thumbs if manifest.get("thumbs") else None,
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
            runs=reader.runs(),
            start=start,
        )
        piece.end = start if piece.hidden else start + _length(piece)
        start = piece.end
        pieces.append(piece)
    return pieces, sorted(problems)


def _length(piece: Piece) -> Fraction:
    ends = [Fraction(runs[-1].end, piece.reader.tracks[track].timescale) for track, runs in piece.runs.items() if runs]
    return max(ends, default=Fraction(0))


def _is_current(folder: Folder, manifest: dict[str, Any], pieces: list[Piece]) -> bool:
    """Whether nothing was recorded since the manifest was written, and its file is there."""
    known = [(reel["name"], reel["parts"]) for reel in manifest["reels"]]
    there = [(piece.reader.path.name, len(piece.reader.parts)) for piece in pieces]
    name = manifest["file"]
    return known == there and (name is None or folder.file(name).stat().st_size == manifest["bytes"])


def _produce(folder: Folder, lines: list[dict[str, Any]], pieces: list[Piece], problems: list[str]) -> dict[str, Any]:
    shown = [piece for piece in pieces if not piece.hidden]
    path, sha256 = make_file(folder, shown) if shown else (None, None)
    duration = round(float(shown[-1].end), 3) if shown else 0.0
    pictures = _pictures(folder, shown, duration) if shown else {}
    between = boundaries(lines, shown)
    chapters = chapters_of(shown, between)
    if shown:
        _inits(shown)
        write_atomically(folder.chapters, chapters_vtt(chapters, duration))
        write_atomically(folder.playlist, vod_playlist(read_timeline(folder)).encode())
    video = next((track for track in (piece.reader.track("vide") for piece in shown) if track is not None), None)
    marks = marks_of(lines, pieces)
    missing = [] if path and pictures.get("thumbnail") else ["no_picture" if path else "no_media"]
    return {
        "version": 2,
        "recording_id": folder.recording_id,
        **_about(lines),
        "state": "ready" if path else "failed",
        "started_at": utc(shown[0].wall_ns) if shown else None,
        "ended_at": utc(shown[-1].reader.parts[-1].wall_ns) if shown else None,
        "duration_s": duration,
        "file": path.name if path else None,
        "bytes": path.stat().st_size if path else 0,
        "sha256": sha256,
        "thumbnail": pictures.get("thumbnail"),
        "sprite": pictures.get("sprite"),
        "thumbs": pictures.get("thumbs"),
        "width": video.width if video else None,
        "height": video.height if video else None,
        "reels": [reel_entry(piece) for piece in pieces],
        "chapters": chapters,
        "gaps": gaps_of(between),
        "marks": marks,
        "hidden": hidden_ranges(marks),
        "problems": sorted({*problems, *missing}),
    }


def _about(lines: list[dict[str, Any]]) -> dict[str, Any]:
    opened = next((line for line in lines if line.get("event") == "opened"), {})
    return {key: opened.get(key) for key in ("lecture_id", "broadcast_id", "title")}


def _pictures(folder: Folder, shown: list[Piece], duration: float) -> dict[str, str | None]:
    """Write the still picture and the preview and return their names; a recording without them is still a recording."""
    try:
        found = preview(keys_of(shown), duration, folder.sprite.name)
    except BoxError as error:
        log.info("- no still picture", recording=folder.recording_id, error=str(error))
        return dict.fromkeys(("thumbnail", "sprite", "thumbs"))
    write_atomically(folder.thumbnail, found.still)
    write_atomically(folder.sprite, found.sprite)
    write_atomically(folder.thumbs, found.thumbs)
    return {"thumbnail": folder.thumbnail.name, "sprite": folder.sprite.name, "thumbs": folder.thumbs.name}


def _inits(shown: list[Piece]) -> None:
    """Write the initialisation of every reel that is shown: HLS asks for it by itself."""
    for piece in shown:
        path = beside(piece.reader.path, ".init.mp4")
        if not path.exists() or path.read_bytes() != piece.reader.init:
            write_atomically(path, piece.reader.init)
