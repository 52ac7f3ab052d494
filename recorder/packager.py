"""Packs one reel in memory: pictures and sound in, the initialisation and parts out.

1. **Access units are kept as they came**, all their NAL units, parameter sets too; only start codes become lengths.
2. A part leaves as soon as the grid of `recorder.grid` can cut it: all that begins in it is there.
3. A picture is taken together with its duration, so the caller holds the newest one back and says when it begins.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from broadcaster.media import AUDIO_CLOCK_RATE, VIDEO_CLOCK_RATE
from recorder.grid import Cut, Grid, Picture, Span
from recorder.init import PictureFormat, build_init
from recorder.moof import PictureSample, SoundSample, build_part
from recorder.mux import SoundTrack

_Sample = TypeVar("_Sample", PictureSample, SoundSample)


@dataclass(frozen=True, slots=True)
class Cutting:
    """One part: what it covers, whether decoding can begin with it, its bytes."""

    span: Span
    key: bool
    data: bytes


class Packager:
    """One reel in the making. `picture` is None for a reel of sound alone."""

    def __init__(self, picture: PictureFormat | None, cut: Cut, *, aac_bitrate: int) -> None:
        self.sound = SoundTrack(aac_bitrate)
        self.init = build_init(picture, self.sound.format, cut)
        self._has_picture = picture is not None
        self._grid = Grid(cut, has_picture=self._has_picture)
        self._pictures: deque[PictureSample] = deque()
        self._sounds: deque[SoundSample] = deque()
        self._sound_known = 0  # samples
        self._number = 0

    @property
    def wants_key(self) -> int:
        """From which time of the reel (90 kHz) on an IDR picture would begin the next segment."""
        return self._grid.wants_key

    def add_picture(self, nals: Sequence[bytes], time: int, duration: int, key: bool) -> None:
        """Take one access unit shown from `time` (90 kHz, growing) for `duration`."""
        data = b"".join(struct.pack(">I", len(nal)) + nal for nal in nals)
        self._pictures.append(PictureSample(time, duration, key, data))

    def take(self, held: Picture | None) -> list[Cutting]:
        """Return the parts that are complete; `held` is the newest picture, which was not added yet."""
        self._collect(self.sound.take())
        cuttings: list[Cutting] = []
        while (span := self._next(held)) is not None:
            cuttings.append(self._cut(span))
        return cuttings

    def close(self) -> list[Cutting]:
        """Return the parts that are left; the reel ends with its last picture, or with its sound when it has none."""
        self._collect(self.sound.close())
        end = ticks_after(self._sound_known)
        if self._pictures:
            end = self._pictures[-1].time + self._pictures[-1].duration
            self._sounds = deque(one for one in self._sounds if sound_ticks(one.time) < end)
        cuttings: list[Cutting] = []
        while (span := self._grid.last(self._begins(None), self._first_sound(), end)) is not None:
            cuttings.append(self._cut(span))
        return cuttings

    def _collect(self, frames: list[SoundSample]) -> None:
        self._sounds += frames
        if frames:
            self._sound_known = frames[-1].time + frames[-1].duration

    def _next(self, held: Picture | None) -> Span | None:
        return self._grid.next(
            self._begins(held),
            self._first_sound(),
            video_known=held.time if held else 0,
            sound_known=sound_ticks(self._sound_known),
        )

    def _begins(self, held: Picture | None) -> list[Picture]:
        known = [Picture(one.time, one.key) for one in self._pictures]
        return [*known, held] if held else known

    def _first_sound(self) -> int | None:
        return sound_ticks(self._sounds[0].time) if self._sounds else None

    def _cut(self, span: Span) -> Cutting:
        pictures = _pop(self._pictures, sum(one.time < span.end for one in self._pictures))
        sounds = _pop(self._sounds, sum(sound_ticks(one.time) < span.end for one in self._sounds))
        self._number += 1
        return Cutting(
            span, not self._has_picture or begins_with_key(pictures), build_part(self._number, pictures, sounds)
        )


def begins_with_key(pictures: Sequence[PictureSample]) -> bool:
    """Whether the first picture of a part is an IDR picture."""
    return bool(pictures) and pictures[0].key


def sound_ticks(samples: int) -> int:
    """Return samples at 48 kHz as whole 90 kHz ticks, rounded down: what begins before a tick stays before it."""
    return samples * VIDEO_CLOCK_RATE // AUDIO_CLOCK_RATE


def ticks_after(samples: int) -> int:
    """Return the first 90 kHz tick at which so many samples at 48 kHz are over."""
    return -(-samples * VIDEO_CLOCK_RATE // AUDIO_CLOCK_RATE)


def _pop(queue: deque[_Sample], count: int) -> list[_Sample]:
    taken = list(islice(queue, count))
    for _ in taken:
        queue.popleft()
    return taken
