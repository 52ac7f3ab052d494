"""Where parts and segments end: pure arithmetic on the times of samples, the same for the writer and for recovery.

Times are ticks of 90 kHz from the beginning of the reel.

1. **Parts follow one another without holes**: each begins where the one before it ended, the first at 0.
2. A part ends on its segment's grid, `part` ticks after it began; only the last part of a segment is shorter, it ends where the
   IDR picture of the next segment begins.
3. A sample belongs to the part in which it begins. **No part is empty**: where nothing begins between a line of the grid and the
   IDR picture after it, the segment begins on the line.
4. A segment ends at the first IDR picture that comes `segment` ticks or more after its beginning, and at the latest on the first
   line of the grid `LONGEST` or more after it; without pictures at the first line after `segment`.
5. **A part is cut when all that begins in it is known**, never on a guess.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from broadcaster.media import VIDEO_CLOCK_RATE
from recorder.boxes import box, boxes, find
from recorder.errors import BoxError

LONGEST: Final = 15 * VIDEO_CLOCK_RATE // 2  # a target duration of 8 s is never reached
LATEST: Final = 1 << 62  # later than anything
MARK: Final = "free"  # the box in the initialisation that keeps the cut: players skip it
_CUT: Final = struct.Struct(">4sII")


@dataclass(frozen=True, slots=True)
class Cut:
    """How a reel is cut: the length of a part and the least length of a segment, in ticks."""

    part: int = VIDEO_CLOCK_RATE // 2
    segment: int = 4 * VIDEO_CLOCK_RATE

    @classmethod
    def of(cls, part_seconds: float, segment_seconds: float) -> Cut:
        """Return the cut that the settings ask for."""
        return cls(round(part_seconds * VIDEO_CLOCK_RATE), round(segment_seconds * VIDEO_CLOCK_RATE))

    def mark(self) -> bytes:
        """Return the box that tells it to a later reader of the reel."""
        return box(MARK, _CUT.pack(b"grid", self.part, self.segment))


def read_cut(init: bytes) -> Cut:
    """Return the cut of a reel from its initialisation, the default one where it says nothing; raise `BoxError`."""
    moov = find(init, "moov")
    for one in boxes(init, moov.body, moov.end):
        if one.kind == MARK and one.end - one.body == _CUT.size:
            word, part, segment = _CUT.unpack_from(init, one.body)
            if word != b"grid" or not part:
                raise BoxError("an initialisation whose grid cannot be read")
            return Cut(part, segment)
    return Cut()


class Picture(NamedTuple):
    """When a picture begins, and whether it is an IDR picture."""

    time: int
    key: bool


class Span(NamedTuple):
    """What a part covers, `start` to `start + duration`; `segment_start` is whether a segment begins with it."""

    start: int
    duration: int
    segment_start: bool

    @property
    def end(self) -> int:
        """Where the next part begins."""
        return self.start + self.duration


class Grid:
    """Cuts one reel. `has_picture` is false for a reel of sound alone."""

    def __init__(self, cut: Cut, *, has_picture: bool, start: int = 0, segment: int | None = None) -> None:
        """Begin at the reel's beginning, or go on at `start` in the segment that began at `segment`."""
        self.cut = cut
        self.has_picture = has_picture
        self.start = start
        self.segment = segment  # None until the first part is cut

    @property
    def wants_key(self) -> int:
        """From when on an IDR picture would begin the next segment."""
        return (self.segment or 0) + self.cut.segment

    def next(
        self, pictures: Sequence[Picture], sound: int | None, *, video_known: int, sound_known: int
    ) -> Span | None:
        """Cut the next part, or return None while something that may begin in it is not known.

        `pictures` are those from `start` on, in order; `sound` is when the first sound sample from `start` on begins (None: there
        is none yet). Every picture before `video_known` and every sound sample before `sound_known` is among them.
        """
        known = min(video_known, sound_known) if self.has_picture else sound_known
        begins = self._begins_segment(pictures, sound)
        segment = self.start if begins else self.segment
        end = self._end(pictures, segment or 0)
        if end > known:
            return None
        span = Span(self.start, end - self.start, begins)
        self.start, self.segment = end, segment
        return span

    def last(self, pictures: Sequence[Picture], sound: int | None, end: int) -> Span | None:
        """Cut one of the parts that are left when the reel ends at `end`; None when nothing is left."""
        if not pictures and sound is None:
            return None
        span = self.next(pictures, sound, video_known=LATEST, sound_known=LATEST)
        if span is None or span.end <= end or span.start >= end:
            return span
        self.start = end
        return span._replace(duration=end - span.start)

    def _begins_segment(self, pictures: Sequence[Picture], sound: int | None) -> bool:
        if self.segment is None:
            return True
        length = self.start - self.segment
        if length >= (LONGEST if self.has_picture else self.cut.segment):
            return True
        if not pictures or not pictures[0].key or pictures[0].time < self.wants_key:
            return False
        return pictures[0].time < self.start + self.cut.part and (sound is None or pictures[0].time <= sound)

    def _end(self, pictures: Sequence[Picture], segment: int) -> int:
        line = self.start + self.cut.part
        due = segment + self.cut.segment
        return next(
            (one.time for one in pictures if one.key and self.start < one.time < line and one.time >= due), line
        )
