"""How late the event loop is: the difference between when a timer should have run and when it did."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import deque

INTERVAL = 0.05
KEPT = 1200  # one minute
BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, float("inf"))  # seconds


class LoopLag:
    """Measures on the running loop from `start` to `stop`; keeps the last minute, and `counts` how often it was up to each of `BOUNDS`."""

    def __init__(self) -> None:
        self._samples: deque[float] = deque(maxlen=KEPT)
        self._timer: asyncio.TimerHandle | None = None
        self.counts = [0] * len(BOUNDS)

    def start(self) -> None:
        """Begin to measure."""
        self._arm(asyncio.get_running_loop())

    def stop(self) -> None:
        """End; may be called twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + INTERVAL
        self._timer = loop.call_at(due, self._fired, loop, due)

    def _fired(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        late = max(0.0, loop.time() - due)
        self._samples.append(late)
        self.counts[bisect_left(BOUNDS, late)] += 1
        self._arm(loop)

    def worst(self) -> float:
        """Return the greatest lag of the last minute in seconds."""
        return max(self._samples, default=0.0)

    def last(self) -> float:
        """Return the latest lag in seconds."""
        return self._samples[-1] if self._samples else 0.0
