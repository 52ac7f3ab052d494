"""How much can still be recorded: asked before a lecture starts, shown to operators, read by `/metrics`.

1. **A lecture may start when it and those that run have room for `recorder.admission_hours` each**; with less somebody must say that
   they accept it. What starts by itself is not held up: a lecture without a recording is better than none.
2. The reserve `recorder.min_free_bytes` counts as used: recordings pause before they touch it.
3. A disk that cannot be asked counts as full.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from recorder.capacity import Capacity


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


class Space:
    """Measures when it is asked; keeps nothing. `hours_wanted` is `recorder.admission_hours`."""

    def __init__(
        self,
        hours_wanted: float,
        capacity: Callable[[], Capacity],
        running: Callable[[], Running],
        uploads: Callable[[], Uploads] = lambda: Uploads(0, 0),
    ) -> None:
        self._hours_wanted = hours_wanted
        self._capacity = capacity
        self._running = running
        self.uploads = uploads

    def for_another(self) -> RecordingSpace:
        """Return whether one more lecture has room beside those that run."""
        disk = self._measured()
        hours = disk.hours_left / (self._running().open + 1)
        return RecordingSpace(hours >= self._hours_wanted, disk.free_bytes, round(hours, 2), self._hours_wanted)

    def report(self) -> dict[str, Any]:
        """Return the document of `GET /api/v1/recorder`."""
        disk, running, uploads = self._measured(), self._running(), self.uploads()
        return {
            "state": disk.state,
            "free_bytes": disk.free_bytes,
            "total_bytes": disk.total_bytes,
            "hours_left": round(disk.hours_left, 2),
            "open": running.open,
            "degraded": running.degraded,
            "uploads_waiting": uploads.waiting,
            "uploads_failed": uploads.failed,
        }

    def _measured(self) -> Capacity:
        try:
            return self._capacity()
        except OSError:
            return Capacity(0, 0, 0.0, "full")
