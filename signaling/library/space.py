"""How much can still be recorded: asked before a lecture starts, shown to operators, read by `/metrics`.

1. **A lecture may start when it and those that run have room for `recorder.admission_hours` each**; with less somebody must say that
   they accept it. What starts by itself is not held up: a lecture without a recording is better than none.
2. The reserve `recorder.min_free_bytes` counts as used: recordings pause before they touch it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from config.settings import RecorderSettings

HOUR: Final = 3600
BITS: Final = 8


class Disk(NamedTuple):
    """The disk of the recordings; `free_bytes` is what this user may write."""

    free_bytes: int
    total_bytes: int


class Running(NamedTuple):
    """Recordings that are open, and how many of these are paused because the disk is full."""

    open: int
    degraded: int


class Uploads(NamedTuple):
    """Finished recordings on their way to the object store, and those whose last try failed."""

    waiting: int
    failed: int


@dataclass(frozen=True, slots=True)
class RecordingSpace:
    """Whether there is room for one more lecture, in hours of each."""

    enough: bool
    free_bytes: int
    hours_left: float
    hours_wanted: float

    def document(self) -> dict[str, Any]:
        """Return the members of the document and of the problem `recording_space`."""
        return asdict(self)


def disk_of(folder: Path) -> Disk:
    """Measure the disk below a folder that exists."""
    status = os.statvfs(folder)
    return Disk(status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize)


class Space:
    """Measures when it is asked; keeps nothing."""

    def __init__(
        self,
        settings: RecorderSettings,
        disk: Callable[[], Disk],
        running: Callable[[], Running],
        uploads: Callable[[], Uploads] = lambda: Uploads(0, 0),
    ) -> None:
        self._settings = settings
        self._disk = disk
        self._running = running
        self.uploads = uploads

    def for_another(self) -> RecordingSpace:
        """Return whether one more lecture has room beside those that run."""
        disk = self._disk()
        hours = self._hours(disk, self._running().open + 1)
        wanted = self._settings.admission_hours
        return RecordingSpace(hours >= wanted, disk.free_bytes, round(hours, 2), wanted)

    def report(self) -> dict[str, Any]:
        """Return the document of `GET /api/v1/recorder`."""
        disk, running, uploads = self._disk(), self._running(), self.uploads()
        hours = self._hours(disk, 1)
        return {
            "state": self._state(disk, running, hours),
            "free_bytes": disk.free_bytes,
            "total_bytes": disk.total_bytes,
            "hours_left": round(hours, 2),
            "open": running.open,
            "degraded": running.degraded,
            "uploads_waiting": uploads.waiting,
            "uploads_failed": uploads.failed,
        }

    def _hours(self, disk: Disk, lectures: int) -> float:
        usable = max(0, disk.free_bytes - self._settings.min_free_bytes)
        return usable * BITS / self._settings.admission_bits / HOUR / lectures

    def _state(self, disk: Disk, running: Running, hours: float) -> str:
        if running.degraded or disk.free_bytes < self._settings.min_free_bytes:
            return "full"
        short = disk.free_bytes < disk.total_bytes * self._settings.warn_free_share
        return "low" if short or hours < self._settings.admission_hours else "ok"
