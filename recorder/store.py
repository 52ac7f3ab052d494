"""Names and places of recordings. **Paths are made of checked ids and numbers only**; no text of a person gets into one.

<root>/<recording id>/   journal.jsonl     what happened, one line each
                         eNNN.mp4          a reel: initialisation and parts, append-only
                         eNNN.init.mp4     its initialisation alone
                         eNNN.idx          one line for each part
                         video.mp4         the finished file of several reels (one reel is its own finished file)
                         vod.m3u8          byte ranges of the reels
                         thumb.jpg  sprite.jpg  thumbs.vtt  chapters.vtt
                         manifest.json     written last
                         stored.json       what of this is in the object store
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recorder.errors import RecorderError, UnknownRecording

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
REEL = re.compile(r"e([0-9]{3,6})\.mp4")
MANIFEST = "manifest.json"


class Store:
    """All recordings below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, recording_id: str) -> Folder:
        """Return the place of a recording, there or not; raise `UnknownRecording` for what is not an id."""
        if not ID.fullmatch(recording_id):
            raise UnknownRecording(f"{recording_id[:64]!r} is not the id of a recording")
        return Folder(recording_id, self.root / recording_id)

    def folders(self) -> Iterator[Folder]:
        """Yield the places of all recordings, oldest id first."""
        if not self.root.is_dir():
            return
        for entry in sorted(self.root.iterdir()):
            if entry.is_dir() and ID.fullmatch(entry.name):
                yield Folder(entry.name, entry)


class Folder:
    """The files of one recording."""

    def __init__(self, recording_id: str, path: Path) -> None:
        self.recording_id = recording_id
        self.path = path
        self.journal = path / "journal.jsonl"
        self.manifest = path / MANIFEST
        self.thumbnail = path / "thumb.jpg"
        self.joined = path / "video.mp4"
        self.sprite = path / "sprite.jpg"
        self.thumbs = path / "thumbs.vtt"
        self.chapters = path / "chapters.vtt"
        self.playlist = path / "vod.m3u8"
        self.stored = path / "stored.json"

    def reel(self, number: int) -> Path:
        """Return where reel `number` (from 1) is."""
        return self.path / f"e{number:03d}.mp4"

    def reels(self) -> list[Path]:
        """Return the reels that exist, in the order in which they were recorded."""
        if not self.path.is_dir():
            return []
        found = [(int(match[1]), entry) for entry in self.path.iterdir() if (match := REEL.fullmatch(entry.name))]
        return [entry for _, entry in sorted(found)]

    def next_reel(self) -> int:
        """Return the number of the reel to come."""
        reels = self.reels()
        return int(REEL.fullmatch(reels[-1].name)[1]) + 1 if reels else 1  # type: ignore[index]  # it matched above

    def read_manifest(self) -> dict[str, Any] | None:
        """Return the manifest, or None while the recording is not finished."""
        try:
            manifest: dict[str, Any] = json.loads(self.manifest.read_bytes())
        except FileNotFoundError:
            return None
        return manifest

    def file(self, name: str) -> Path:
        """Return the path of a file that the manifest names; raise when the name leaves the folder."""
        if name != os.path.basename(name) or name.startswith("."):
            raise RecorderError(f"manifest of {self.recording_id} names {name!r}, which is not in its folder")
        return self.path / name


def read_stored(folder: Folder) -> dict[str, Any]:
    """Return what `stored.json` says: `{files: {name: {bytes, sha256, etag}}, manifest, local_removed}`, or nothing."""
    try:
        found = json.loads(folder.stored.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` by `data` so that a crash leaves the old or the new file, whole."""
    beside = path.with_name(path.name + ".new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)
