"""Recordings as their worker leaves them, made without packets: reels packed from clips, and a journal that tells of them."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from recorder.boxes import box, boxes, find
from recorder.grid import Cut
from recorder.init import PictureFormat
from recorder.packager import Packager
from recorder.segment import PLACEHOLDER, Part, ReelReader, ReelWriter, beside
from recorder.store import Folder, Store
from signaling.db.base import uuid7
from tests.support.media import Clip, clip

BEGIN_NS = 1_767_225_600_000_000_000
SECOND_NS = 1_000_000_000


class Shelf:
    """One recording folder that grows by reels; `at` is the wall clock in seconds after its beginning."""

    def __init__(self, root: Path, recording_id: str | None = None) -> None:
        self.folder: Folder = Store(root).folder(recording_id or uuid7())
        self.folder.path.mkdir(parents=True)
        self._segments = 0
        about = {"recording_id": self.folder.recording_id, "lecture_id": "l", "broadcast_id": "b", "title": "课"}
        self.note("opened", wall_ns=BEGIN_NS, **about)
        self.note("begun")

    def note(self, event: str, **fields: Any) -> None:
        """Write a line of the journal."""
        with self.folder.journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"event": event, **fields}, ensure_ascii=False) + "\n")

    def reel(self, at: float, source: Clip, *, hidden: bool = False, minutes: float = 0.0, bits: int = 0) -> Path:
        """Write a reel of this clip, repeated to `minutes` and padded to `bits` a second when these are given."""
        path = self.folder.reel(self.folder.next_reel())
        wall_ns = BEGIN_NS + round(at * SECOND_NS)
        self.note("reel", name=path.name, hidden=hidden, wall_ns=wall_ns, first_segment=self._segments)
        write_reel(path, source, wall_ns)
        if minutes:
            prolong(path, source, minutes * 60, bits)
        self._segments += sum(part.segment_start for part in ReelReader(path).parts)
        return path


def lecture(root: Path, *clips: Clip, pause: float = 10.0) -> Folder:
    """Return a recording of these clips, one reel each, with a pause of so many seconds between them."""
    shelf, at = Shelf(root), 0.0
    for number, source in enumerate(clips or (clip(6.0),)):
        if number:
            shelf.note("mark", mark="pause", at="2026-01-01T00:00:10+00:00")
            shelf.note("mark", mark="resume", at="2026-01-01T00:00:20+00:00")
        shelf.reel(at, source)
        at += source.seconds + pause
    shelf.note("stopped", final=True, drops={})
    return shelf.folder


def write_reel(path: Path, source: Clip, wall_ns: int) -> None:
    """Write a reel of this clip."""
    first = source.pictures[0].nals
    sps, pps = (next(nal for nal in first if nal[0] & 0x1F == kind) for kind in (7, 8))
    packager = Packager(PictureFormat.of(sps, pps), Cut(), aac_bitrate=96_000)
    times = [picture.timestamp for picture in source.pictures] + [round(source.seconds * 90_000)]
    for sound in source.sounds:
        packager.sound.add(sound.payload, sound.timestamp, 1920)
    for picture, time, after in zip(source.pictures, times, times[1:], strict=False):
        packager.add_picture(picture.nals, time, after - time, picture.key)
    writer = ReelWriter(path, packager.init)
    for cutting in packager.close():
        end = wall_ns + cutting.span.end * SECOND_NS // 90_000
        writer.append(cutting.data, cutting.span, cutting.key, end)
    writer.close()


def prolong(path: Path, source: Clip, seconds: float, bits: int) -> None:
    """Repeat the parts of a reel until it is `seconds` long; each part is filled up to `bits` a second."""
    reader = ReelReader(path)
    data = path.read_bytes()
    once = [(part, data[part.offset : part.offset + part.length]) for part in reader.parts]
    length = round(source.seconds * 90_000)
    lines: list[Part] = []
    with path.open("wb") as out:
        init, ftyp = reader.init, find(reader.init, "ftyp")
        out.write(init[: ftyp.end] + PLACEHOLDER + init[ftyp.end :])
        for turn in range(round(seconds / source.seconds)):
            for part, blob in once:
                moved = _padded(_moved(blob, turn * source.seconds), bits * part.duration // 90_000 // 8)
                shifted = replace(part, seq=len(lines), offset=out.tell(), length=len(moved), crc32=zlib.crc32(moved))
                lines.append(replace(shifted, start=part.start + turn * length))
                out.write(moved)
    text = "".join(json.dumps(asdict(line), separators=(",", ":")) + "\n" for line in lines)
    beside(path, ".idx").write_text(text)


def _moved(part: bytes, seconds: float) -> bytes:
    """Return the part with later decoding times: 90 kHz for the first track, 48 kHz for the second."""
    data = bytearray(part)
    moof = find(part, "moof")
    for traf in (one for one in boxes(part, moof.body, moof.end) if one.kind == "traf"):
        tfhd, tfdt = (find(part, kind, start=traf.body, end=traf.end) for kind in ("tfhd", "tfdt"))
        rate = {1: 90_000, 2: 48_000}[struct.unpack_from(">I", part, tfhd.body + 4)[0]]
        time = struct.unpack_from(">Q", part, tfdt.body + 4)[0]
        struct.pack_into(">Q", data, tfdt.body + 4, time + round(seconds * rate))
    return bytes(data)


def _padded(part: bytes, size: int) -> bytes:
    """Return the part with bytes behind its samples that nothing refers to."""
    mdat = find(part, "mdat")
    return part[: mdat.start] + box("mdat", part[mdat.body : mdat.end], bytes(max(0, size - len(part))))


def files(folder: Folder) -> dict[str, bytes]:
    """Return every file of a recording by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.path.iterdir())}


def names(paths: Sequence[Path]) -> list[str]:
    """Return the names of paths."""
    return [path.name for path in paths]
