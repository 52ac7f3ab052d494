"""The timer of the ledger: one task that ticks at the boundaries of UTC windows until it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from signaling.attendance.windows import next_boundary, sample_time

log = structlog.get_logger(__name__)


class Metronome:
    """Calls `tick(time)` at each boundary. One that raises is logged and followed by the next: a lecture must not go uncounted
    for one bad row. A slow one delays the next, which then covers more.
    """

    def __init__(
        self, tick: Callable[[datetime], Awaitable[None]], clock: Callable[[], datetime], window_seconds: int
    ) -> None:
        self._tick = tick
        self._clock = clock
        self._seconds = window_seconds
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; a second call changes nothing."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="attendance-metronome")

    async def stop(self) -> None:
        """End after the tick that is under way."""
        self._stopping.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while True:
            now = self._clock()
            boundary = next_boundary(now, self._seconds)
            if await self._stopped_within((boundary - now).total_seconds()):
                return
            try:
                await self._tick(sample_time(boundary, self._clock(), self._seconds))
            except Exception:
                log.exception("attendance.tick_failed")

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True
