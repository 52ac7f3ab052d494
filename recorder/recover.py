"""A reel after a crash: its torn end is cut off, its index rebuilt from its parts.

1. **What was durable stays**: the file is cut behind the last whole part, never before.
2. Idempotent, also on a finished reel.
3. The lines of a rebuilt index are those that the writer wrote or would have written: the same grid cuts the same samples.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from recorder.boxes import HEADER, LARGE_HEADER, Box
from recorder.errors import BoxError
from recorder.fragments import Sample, Track, read_init, read_part
from recorder.grid import LATEST, Grid, Picture, Span, read_cut
from recorder.journal import Lines
from recorder.packager import sound_ticks, ticks_after
from recorder.segment import PLACEHOLDER, Part, beside, is_finished, part_of, read_head, read_index
from recorder.store import sync_folder

CHECKED_PARTS: Final = (
    4  # the newest parts whose checksum recovery compares: older ones were synced long before the crash
)


@dataclass(frozen=True, slots=True)
class Content:
    """When the samples of a part begin, and when its last picture and its last sound end, in 90 kHz ticks."""

    pictures: tuple[Picture, ...]
    sound: int | None
    picture_end: int | None
    sound_end: int


def recover(path: Path) -> int:
    """Cut a reel behind its last whole part and rebuild its index; return the bytes cut off.

    Idempotent, also on a finished reel. Raise `BoxError` when not even the initialisation is whole.
    """
    init = read_head(path)
    known = read_index(path)
    with path.open("r+b") as file:
        if is_finished(file.fileno(), init):
            return 0
        status = os.fstat(file.fileno())
        head = len(init) + len(PLACEHOLDER)
        if head > status.st_size:
            raise BoxError(f"{path.name} ends inside its initialisation")
        spans = _drop_torn(file.fileno(), _spans(file.fileno(), head, status.st_size), known)
        parts = _parts(file.fileno(), init, spans, known, status.st_mtime_ns)
        end = spans[-1][1] if spans else head
        os.ftruncate(file.fileno(), end)
        os.fdatasync(file.fileno())
    if parts != known:
        _rewrite_index(beside(path, ".idx"), parts)
    return status.st_size - end


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


def _drop_torn(descriptor: int, spans: list[tuple[int, int]], known: list[Part]) -> list[tuple[int, int]]:
    """Drop what follows the first of the newest parts whose checksum is wrong (blocks that never reached the disk)."""
    for place in range(max(0, len(spans) - CHECKED_PARTS), min(len(spans), len(known))):
        start, end = spans[place]
        part = known[place]
        if part.offset == start and zlib.crc32(os.pread(descriptor, end - start, start)) != part.crc32:
            return spans[:place]
    return spans


def _parts(descriptor: int, init: bytes, spans: list[tuple[int, int]], known: list[Part], wall_ns: int) -> list[Part]:
    """Return the index line of every part: as it was written, or rebuilt from the first one that is missing on."""
    whole = 0
    while whole < min(len(known), len(spans)) and (known[whole].offset, known[whole].end) == spans[whole]:
        whole += 1
    if whole == len(spans):
        return known[:whole]
    tracks, defaults = read_init(init)
    blobs = [os.pread(descriptor, end - start, start) for start, end in spans[whole:]]
    contents = [content_of(read_part(blob, defaults), tracks) for blob in blobs]
    grid = _grid(init, known[:whole], has_picture=any(track.handler == "vide" for track in tracks.values()))
    cuts = replay(grid, contents)
    rebuilt = [
        part_of(whole + place, start, blob, cut, _is_key(content, grid.has_picture), wall_ns)
        for place, ((start, _), blob, content, cut) in enumerate(zip(spans[whole:], blobs, contents, cuts, strict=True))
    ]
    return known[:whole] + rebuilt


def _grid(init: bytes, known: Sequence[Part], *, has_picture: bool) -> Grid:
    """Return the grid as it stood behind the parts that are known."""
    segment = next((part.start for part in reversed(known) if part.segment_start), None)
    start = known[-1].start + known[-1].duration if known else 0
    return Grid(read_cut(init), has_picture=has_picture, start=start, segment=segment)


def content_of(samples: dict[int, list[Sample]], tracks: dict[int, Track]) -> Content:
    """Return the times of a part's samples."""
    of = {tracks[number].handler: found for number, found in samples.items() if number in tracks and found}
    pictures, sounds = of.get("vide", []), of.get("soun", [])
    return Content(
        tuple(Picture(one.time, one.sync) for one in pictures),
        sound_ticks(sounds[0].time) if sounds else None,
        pictures[-1].time + pictures[-1].duration if pictures else None,
        ticks_after(sounds[-1].time + sounds[-1].duration) if sounds else 0,
    )


def replay(grid: Grid, contents: Sequence[Content]) -> list[Span]:
    """Return what each of the last parts of a reel covers, by the rules that cut them."""
    spans: list[Span] = []
    for place, content in enumerate(contents[:-1]):
        after = contents[place + 1]
        pictures = (*content.pictures, *after.pictures)
        spans.append(_certain(grid, grid.next(pictures, content.sound, video_known=LATEST, sound_known=LATEST)))
    if contents:
        ends = [one.picture_end for one in contents if one.picture_end is not None]
        end = ends[-1] if ends and grid.has_picture else contents[-1].sound_end
        spans.append(_certain(grid, grid.last(contents[-1].pictures, contents[-1].sound, max(end, grid.start + 1))))
    return spans


def _certain(grid: Grid, span: Span | None) -> Span:
    if span is None:
        raise BoxError(f"a part without samples at {grid.start}")
    return span


def _is_key(content: Content, has_picture: bool) -> bool:
    return not has_picture or (bool(content.pictures) and content.pictures[0].key)


def _rewrite_index(path: Path, parts: list[Part]) -> None:
    """Replace the index so that a crash leaves the old or the new one: it alone knows when parts were written."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    lines = Lines(beside, durable=False)
    for part in parts:
        lines.append(asdict(part))
    lines.close()
    beside.replace(path)
    sync_folder(path.parent)
