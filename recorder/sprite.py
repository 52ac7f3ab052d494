"""The preview of a recording: at most a hundred small pictures in one JPEG, and the WebVTT that says which is for when.

1. **Only IDR pictures are decoded**, at most one a tile: an hour costs half a second.
2. A tile shows the newest IDR picture at the middle of its time, or the first one of all.
3. A picture that cannot be decoded is replaced by the one before it; without any there is no sprite.
"""

from __future__ import annotations

import math
import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import Final

from recorder.boxes import boxes
from recorder.errors import BoxError
from recorder.fragments import Run, Track
from recorder.manifest import Piece
from recorder.thumbnail import KeyDecoder, Picture, grid, jpeg, shrink

TILES: Final = 100
COLUMNS: Final = 10
TILE_WIDTH: Final = 160
SHORTEST_SECONDS: Final = 5.0  # between two tiles
STILL_WIDTH: Final = 480
STILL_SHARE: Final = 0.1  # of the way into the recording, at most `STILL_LATEST` seconds
STILL_LATEST: Final = 60.0
ENTRY_BODY: Final = 16 + 8 + 78  # of an `stsd`, up to the boxes inside its first VisualSampleEntry


@dataclass(frozen=True, slots=True)
class Key:
    """An IDR picture: when it is shown in the recording, and where it lies."""

    at: Fraction
    piece: Piece
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What can be shown of a recording: JPEGs, and the WebVTT of the sprite."""

    still: bytes
    sprite: bytes
    thumbs: bytes


def keys_of(shown: Sequence[Piece]) -> list[Key]:
    """Return every IDR picture of the reels on the time line, in order."""
    return [key for piece in shown for key in _keys(piece)]


def _keys(piece: Piece) -> Iterator[Key]:
    track = piece.reader.track("vide")
    for run in piece.runs[track.track_id] if track else ():
        if run.syncs:
            times, offsets = _starts(run)
            for place in run.syncs:
                at = piece.start + Fraction(times[place], track.timescale)  # type: ignore[union-attr]  # runs of a track
                yield Key(at, piece, offsets[place], run.sizes[place])


def _starts(run: Run) -> tuple[list[int], list[int]]:
    return [*accumulate(run.durations, initial=run.time)], [*accumulate(run.sizes, initial=run.offset)]


def preview(keys: Sequence[Key], duration: float, sprite_name: str) -> Preview:
    """Return the pictures of a recording of `duration` seconds; raise `BoxError` when none can be decoded."""
    if not keys:
        raise BoxError("there is no IDR picture")
    decoder = _Decoder()
    times = [float(key.at) for key in keys]
    still = decoder.first(keys, _newest(times, min(STILL_LATEST, duration * STILL_SHARE)), STILL_WIDTH)
    step = interval(duration)
    count = max(1, min(TILES, math.ceil(duration / step)))
    tiles = [decoder.tile(keys, _newest(times, (number + 0.5) * step)) for number in range(count)]
    width, height = tiles[0].width, tiles[0].height
    sprite = jpeg(grid(tiles, min(COLUMNS, count)))
    return Preview(jpeg(still), sprite, thumbs_vtt(duration, step, count, (width, height), sprite_name))


def interval(duration: float) -> float:
    """Return the seconds between two tiles: whole ones, so that `thumbs.vtt` is easy to read."""
    return max(SHORTEST_SECONDS, float(math.ceil(duration / TILES)))


def _newest(times: Sequence[float], at: float) -> int:
    return max(0, bisect_right(times, at) - 1)


def thumbs_vtt(duration: float, step: float, count: int, size: tuple[int, int], sprite_name: str) -> bytes:
    """Return the WebVTT whose cues name rectangles of the sprite (Media Fragments URI 1.0 section 4.2.2)."""
    width, height = size
    lines = ["WEBVTT", ""]
    for number in range(count):
        row, column = divmod(number, COLUMNS)
        end = duration if number == count - 1 else (number + 1) * step
        lines += [
            f"{clock(number * step)} --> {clock(max(end, number * step + 0.001))}",
            f"{sprite_name}#xywh={column * width},{row * height},{width},{height}",
            "",
        ]
    return "\n".join(lines).encode()


def clock(seconds: float) -> str:
    """Return seconds as a WebVTT timestamp."""
    whole = round(seconds * 1000)
    return f"{whole // 3_600_000:02}:{whole // 60_000 % 60:02}:{whole // 1000 % 60:02}.{whole % 1000:03}"


class _Decoder:
    """Decodes the pictures that are asked for, with one decoder a reel; the newest tile is kept for the next one."""

    def __init__(self) -> None:
        self._decoders: dict[str, KeyDecoder] = {}
        self._size: tuple[int, int] | None = None
        self._last: tuple[int, Picture] | None = None

    def first(self, keys: Sequence[Key], place: int, width: int) -> Picture:
        """Return the picture at `place`, or the nearest one that can be decoded."""
        order = [*range(place, len(keys)), *reversed(range(place))]
        for one in order[:TILES]:
            try:
                frame = self._decode(keys[one])
            except BoxError:
                continue
            wide = min(width, frame.width) & ~1
            self._size = self._size or _fit(TILE_WIDTH, frame.width, frame.height)
            return shrink(frame, *_fit(wide, frame.width, frame.height))
        raise BoxError("no picture can be decoded")

    def tile(self, keys: Sequence[Key], place: int) -> Picture:
        """Return the tile for the picture at `place`; all tiles have the size of the first."""
        if self._last is None or self._last[0] != place:
            try:
                self._last = place, shrink(self._decode(keys[place]), *(self._size or (TILE_WIDTH, 90)))
            except BoxError:
                before = self._last[1] if self._last else self.first(keys, place, TILE_WIDTH)
                self._last = place, shrink(before, *(self._size or (TILE_WIDTH, 90)))
        return self._last[1]

    def _decode(self, key: Key) -> Picture:
        path = key.piece.reader.path
        if path.name not in self._decoders:
            track = key.piece.reader.track("vide")
            if track is None:
                raise BoxError(f"{path.name} has no picture")
            self._decoders[path.name] = KeyDecoder(configuration_of(track))
        with path.open("rb") as file:
            return self._decoders[path.name].decode(os.pread(file.fileno(), key.size, key.offset))


def _fit(width: int, of_width: int, of_height: int) -> tuple[int, int]:
    return width, max(2, round(of_height * width / of_width) & ~1)


def configuration_of(track: Track) -> bytes:
    """Return the body of the `avcC` box of a track; raise `BoxError` when it has none."""
    entry = track.sample_description
    for inner in boxes(entry, ENTRY_BODY, 16 + int.from_bytes(entry[16:20], "big")):
        if inner.kind == "avcC":
            return entry[inner.body : inner.end]
    raise BoxError("the picture's sample description has no avcC")
