"""One reel being recorded: places pictures and sound on the reel's own time, muxes them, writes the parts.

1. **A reel begins at 0 with its first IDR picture**, or with its first sound when there is no picture, and both its
   streams run without holes from there to its end.
2. **A picture is muxed when the next one has come**, so that its duration is known. With a guess that reaches beyond the
   next picture FFmpeg's muxer aborts the whole process ("Packet duration is out of range", then an assertion) as soon
   as a part ends between the two: seen with a studio that stuttered.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from broadcaster.media import AUDIO_CLOCK_RATE, VIDEO_CLOCK_RATE
from recorder.assemble import AccessUnit, SoundFrame
from recorder.clock import LipSync, SoundPlacer, jumped
from recorder.mux import ReelMuxer, picture_size
from recorder.segment import ReelWriter

FIRST_DURATION = VIDEO_CLOCK_RATE // 25  # until the second picture tells


class Reel:
    """A reel that grows. Methods raise `OSError` or `DiskFull` when the disk does not take a part."""

    def __init__(
        self,
        path: Path,
        first: AccessUnit | None,
        sync: LipSync,
        *,
        aac_bitrate: int,
        part_seconds: float,
        wall_ns: Callable[[], int],
        check_disk: Callable[[], None],
    ) -> None:
        self.path = path
        self.parts = 0
        self.sps = first.sps if first else None
        size = picture_size(first.annex_b()) if first else None
        self._muxer = ReelMuxer(size, aac_bitrate=aac_bitrate, part_seconds=part_seconds)
        self._sync = sync
        self._placer = SoundPlacer()
        self._origin = first.timestamp if first else None
        self._sound_origin: int | None = None
        self._picture = -1  # time of the newest picture
        self._held: AccessUnit | None = None  # the newest picture, until its duration is known
        self._duration = FIRST_DURATION
        self._writer: ReelWriter | None = None
        self._wall_ns = wall_ns
        self._check_disk = check_disk

    @property
    def has_picture(self) -> bool:
        """Whether this reel has a video track."""
        return self._origin is not None

    def fits(self, unit: AccessUnit) -> bool:
        """Whether an access unit continues this reel: same parameter set, no jump of the clock."""
        if self._origin is None:
            return False
        if unit.sps is not None and unit.sps != self.sps:
            return False
        return self._picture < 0 or not jumped(self._origin + self._picture, unit.timestamp, VIDEO_CLOCK_RATE)

    def picture(self, unit: AccessUnit) -> bool:
        """Take an access unit that fits; return whether it was later than the one before it."""
        time = unit.timestamp - (self._origin or 0)
        if time <= self._picture:
            return False
        if self._picture >= 0:
            self._duration = time - self._picture
        self._mux_held()
        self._picture, self._held = time, unit
        self._write(self._muxer.take())
        return True

    def _mux_held(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._muxer.add_picture(held.annex_b(), self._picture, self._duration, held.key)

    def sound(self, frame: SoundFrame) -> None:
        """Take a sound frame; what lies before the reel's beginning is cut off."""
        wanted = self._wanted(frame)
        if wanted is None:
            return
        position = self._placer.place(frame.timestamp, wanted)
        self._muxer.add_sound(frame.payload, position, frame.duration)
        self._write(self._muxer.take())

    def sound_jumped(self) -> None:
        """Place the next sound frame anew: its timestamps have nothing to do with the ones before."""
        self._placer = SoundPlacer()
        self._sound_origin = None

    def fill_sound(self, lag: float) -> None:
        """Put silence where no sound came, up to `lag` seconds before the newest picture."""
        if self._picture >= 0:
            newest = self._picture * AUDIO_CLOCK_RATE // VIDEO_CLOCK_RATE
            self._muxer.fill_sound(newest - round(lag * AUDIO_CLOCK_RATE))
            self._write(self._muxer.take())

    def close(self) -> None:
        """Fill the sound up to the end of the last picture, write what is left, close the files."""
        try:
            self._mux_held()
            if self._picture >= 0:
                end = (self._picture + self._duration) * AUDIO_CLOCK_RATE // VIDEO_CLOCK_RATE
                self._muxer.fill_sound(end)
            self._write(self._muxer.close())
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close the files without writing more."""
        writer, self._writer = self._writer, None  # first: a descriptor that was closed may be another file's by now
        if writer is not None:
            writer.close()

    def _wanted(self, frame: SoundFrame) -> float | None:
        """Return the sample at which the frame belongs by the clocks; None while nothing tells."""
        if self._origin is None:
            if self._sound_origin is None:
                self._sound_origin = frame.timestamp - self._muxer.sound_end
            return float(frame.timestamp - self._sound_origin)
        time = self._sync.video_time(frame.timestamp)
        return None if time is None else (time - self._origin) * AUDIO_CLOCK_RATE / VIDEO_CLOCK_RATE

    def _write(self, blobs: list[bytes]) -> None:
        for blob in blobs:
            self._check_disk()
            if self._writer is None:
                self._writer = ReelWriter(self.path, blob)
            else:
                self._writer.append(blob, self._wall_ns())
                self.parts += 1
