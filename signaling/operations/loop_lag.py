"""How late the event loop is: the difference between when a timer should have run and when it did."""

from __future__ import annotations

import asyncio
from collections import deque

INTERVAL = 0.25
KEPT = 240  # one minute


class LoopLag:
    """Measures on the running loop from `start` to `stop`; keeps the last minute."""

    def __init__(self) -> None:
        self._samples: deque[float] = deque(maxlen=KEPT)
        self._timer: asyncio.TimerHandle | None = None

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
        self._samples.append(max(0.0, loop.time() - due))
        self._arm(loop)

    def worst(self) -> float:
        """Return the greatest lag of the last minute in seconds."""
        return max(self._samples, default=0.0)

    def last(self) -> float:
        """Return the latest lag in seconds."""
        return self._samples[-1] if self._samples else 0.0
