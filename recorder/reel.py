"""One reel being recorded: places pictures and sound on the reel's own time, packs them, stores and tells the parts.

1. **A reel begins at 0 with its first IDR picture**, or with its first sound when there is no picture, and both its
   streams run without holes from there to its end.
2. **A picture is packed when the next one has come**, so that its duration is known. The last one lasts until the next reel's
   first picture, or as long as there is sound.
3. **No track has a hole**: while the picture stands still its newest IDR picture is repeated, because a player cannot lose the
   video track and get it back. What follows a repeated picture is an IDR picture.
4. **A disk that refuses does not end the reel**: the parts on it stay as they are, those that follow are told with
   `stored = False`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broadcaster.media import AUDIO_CLOCK_RATE, VIDEO_CLOCK_RATE
from broadcaster.rtp import h264
from recorder.assemble import AccessUnit, SoundFrame
from recorder.clock import LipSync, SoundPlacer, jumped
from recorder.errors import BoxError, DiskFull
from recorder.grid import Cut, Picture
from recorder.init import PictureFormat, codecs
from recorder.news import PartMade, ReelBegun, ReelEnded, Tell
from recorder.packager import Cutting, Packager
from recorder.segment import Part, ReelWriter, part_of

FIRST_DURATION: Final = VIDEO_CLOCK_RATE // 25  # until the second picture tells
LONGEST_PICTURE: Final = 10 * VIDEO_CLOCK_RATE
REPEAT: Final = VIDEO_CLOCK_RATE  # between two repeated pictures: what a live player has in its buffer is little more
STILL_LAG: Final = 0.5  # seconds behind the present at which it is repeated: a picture may come after all
USELESS_SAMPLES: Final = AUDIO_CLOCK_RATE // 5  # of sound before the reel that a decoder need not have heard


@dataclass(frozen=True, slots=True)
class Outside:
    """What a reel asks of the world: the wall clock, whether the disk has room (raises `DiskFull`), who hears its news."""

    wall_ns: Callable[[], int]
    check_disk: Callable[[], None]
    tell: Tell
    refused: Callable[[Exception], None]


@dataclass(frozen=True, slots=True)
class Label:
    """What is known of a reel before its first packet; `wall_ns` is the Unix time of its beginning."""

    path: Path
    first_segment: int
    wall_ns: int
    hidden: bool


class Reel:
    """A reel that grows. `store` is false while the disk is full; methods raise `BoxError` for what cannot be packed."""

    def __init__(
        self,
        label: Label,
        first: AccessUnit | None,
        sync: LipSync,
        outside: Outside,
        *,
        cut: Cut,
        aac_bitrate: int,
        store: bool,
    ) -> None:
        self.name = label.path.stem
        self.segments = 0  # begun so far
        self.sps = first.sps if first else None
        self._packager = Packager(picture := _format(first), cut, aac_bitrate=aac_bitrate)
        self._outside = outside
        self._sync = sync
        self._placer = SoundPlacer()
        self._origin = first.timestamp if first else None
        self._sound_origin: int | None = None
        self._picture = -1  # time of the newest picture
        self._held: AccessUnit | None = None  # the newest picture, until its duration is known
        self._still = first  # the newest IDR picture
        self._moved = (0, 0.0)  # time and arrival of the newest picture that was not repeated
        self.frozen = False  # the newest picture is a repeated one
        self._duration = FIRST_DURATION
        self._parts = 0
        self._place = 0  # of the next part in a file that is not written
        self._writer = self._open(label.path) if store else None
        size = (picture.width, picture.height) if picture else (None, None)
        init = self._packager.init
        outside.tell(
            ReelBegun(self.name, init, label.first_segment, label.wall_ns, label.hidden, codecs(picture), *size)
        )

    @property
    def has_picture(self) -> bool:
        """Whether this reel has a video track."""
        return self._origin is not None

    @property
    def needs_key(self) -> bool:
        """Whether the next picture must be an IDR picture: there is none, or the newest one is a repeated one."""
        return not self.has_picture or self.frozen

    @property
    def stored(self) -> bool:
        """Whether its parts reach the disk."""
        return self._writer is not None

    @property
    def wants_key(self) -> bool:
        """Whether the segment is long enough: an IDR picture would begin the next one."""
        return self.has_picture and self._picture >= self._packager.wants_key

    def fits(self, unit: AccessUnit) -> bool:
        """Whether an access unit continues this reel: same parameter set, no jump of the clock."""
        if self._origin is None:
            return False
        if unit.sps is not None and unit.sps != self.sps:
            return False
        if self.frozen and unit.timestamp - self._origin <= self._picture:
            return False  # the sender's clock stood still as well
        return self._picture < 0 or not self._jumped(unit)

    def picture(self, unit: AccessUnit) -> bool:
        """Take an access unit that fits; return whether it was later than the one before it."""
        time = unit.timestamp - (self._origin or 0)
        if time <= self._picture:
            return False
        if unit.key:
            self._still = unit
        self._moved, self.frozen = (time, unit.arrival), False
        self._hold(unit, time)
        return True

    def stand_still(self, now: float) -> bool:
        """Repeat the newest IDR picture if it is time to; return whether it was repeated."""
        time = self._moved[0] + round((now - self._moved[1] - STILL_LAG) * VIDEO_CLOCK_RATE)
        if self._still is None or time < self._picture + REPEAT:
            return False
        self.frozen = True
        self._hold(self._still, time)
        return True

    def sound(self, frame: SoundFrame) -> None:
        """Take a sound frame; what lies before the reel's beginning is cut off."""
        wanted = self._wanted(frame)
        if wanted is None:
            return
        position = self._placer.place(frame.timestamp, wanted)
        if position + frame.duration > -USELESS_SAMPLES:
            self._packager.sound.add(frame.payload, position, frame.duration)
            self._advance()

    def sound_jumped(self) -> None:
        """Place the next sound frame anew: its timestamps have nothing to do with the ones before."""
        self._placer = SoundPlacer()
        self._sound_origin = None

    def fill_sound(self, lag: float) -> None:
        """Put silence where no sound came, up to `lag` seconds before the newest picture."""
        if self._picture >= 0:
            newest = self._picture * AUDIO_CLOCK_RATE // VIDEO_CLOCK_RATE
            self._packager.sound.fill(newest - round(lag * AUDIO_CLOCK_RATE))
            self._advance()

    def close(self, after: AccessUnit | None = None) -> None:
        """Fill the sound up to the end of the last picture, store what is left; `after` is the picture that follows it."""
        try:
            if self._picture >= 0:
                self._duration = self._last_duration(after)
                self._pack_held()
                self._packager.sound.fill((self._picture + self._duration) * AUDIO_CLOCK_RATE // VIDEO_CLOCK_RATE)
            for one in self._packager.close():
                self._store(one)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close the files without writing more, and say that the reel has ended."""
        self._shut()
        self._outside.tell(ReelEnded(self.name))

    def _last_duration(self, after: AccessUnit | None) -> int:
        if after is not None and not self._jumped(after) and after.timestamp > (self._origin or 0) + self._picture:
            return after.timestamp - (self._origin or 0) - self._picture
        heard = self._packager.sound.end * VIDEO_CLOCK_RATE // AUDIO_CLOCK_RATE - self._picture
        return min(max(self._duration, heard), LONGEST_PICTURE)

    def _jumped(self, unit: AccessUnit) -> bool:
        return jumped((self._origin or 0) + self._picture, unit.timestamp, VIDEO_CLOCK_RATE)

    def _hold(self, unit: AccessUnit, time: int) -> None:
        """Pack the picture before, whose duration is known now, and keep this one back."""
        if self._picture >= 0:
            self._duration = time - self._picture
        self._pack_held()
        self._picture, self._held = time, unit
        self._advance()

    def _pack_held(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._packager.add_picture(held.nals, self._picture, self._duration, held.key)

    def _wanted(self, frame: SoundFrame) -> float | None:
        """Return the sample at which the frame belongs by the clocks; None while nothing tells."""
        if self._origin is None:
            if self._sound_origin is None:
                self._sound_origin = frame.timestamp - self._packager.sound.end
            return float(frame.timestamp - self._sound_origin)
        time = self._sync.video_time(frame.timestamp)
        return None if time is None else (time - self._origin) * AUDIO_CLOCK_RATE / VIDEO_CLOCK_RATE

    def _advance(self) -> None:
        held = None if self._held is None else Picture(self._picture, self._held.key)
        for one in self._packager.take(held):
            self._store(one)

    # -- the disk

    def _open(self, path: Path) -> ReelWriter | None:
        try:
            self._outside.check_disk()
            return ReelWriter(path, self._packager.init)
        except (DiskFull, OSError) as error:
            self._outside.refused(error)
            return None

    def _store(self, one: Cutting) -> None:
        part = self._write(one)
        stored = part is not None
        if part is None:
            part = part_of(self._parts, self._place, one.data, one.span, one.key, self._outside.wall_ns())
        self._parts += 1
        self._place = part.end
        self.segments += one.span.segment_start
        self._outside.tell(PartMade(self.name, part, one.data, stored))

    def _write(self, one: Cutting) -> Part | None:
        if self._writer is None:
            return None
        try:
            self._outside.check_disk()
            return self._writer.append(one.data, one.span, one.key, self._outside.wall_ns())
        except (DiskFull, OSError) as error:
            self._shut()
            self._outside.refused(error)
            return None

    def _shut(self) -> None:
        writer, self._writer = self._writer, None  # first: a descriptor that was closed may be another file's by now
        if writer is not None:
            with contextlib.suppress(OSError):  # a disk that refused a part refuses this too; the worker must live on
                writer.close()


def _format(first: AccessUnit | None) -> PictureFormat | None:
    if first is None:
        return None
    pps = next((nal for nal in first.nals if nal[0] & 0x1F == h264.PPS), None)
    if first.sps is None or pps is None:
        raise BoxError("the first picture of a reel has no parameter sets")
    return PictureFormat.of(first.sps, pps)
