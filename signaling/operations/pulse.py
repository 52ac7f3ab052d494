"""A timer: calls a step again and again until it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)


class Pulse:
    """Calls `step` every so many seconds, the first time at once. One that raises is logged and followed by the next; a slow one
    delays the next.
    """

    def __init__(self, name: str, step: Callable[[], Awaitable[object]], seconds: float) -> None:
        self._name = name
        self._step = step
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Begin; a second call changes nothing."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self, grace: float = 1.0) -> None:
        """End after the step that is under way, which gets so many seconds."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=grace)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._step()
            except Exception:
                log.exception("x a round failed", part=self._name)
            try:
                async with asyncio.timeout(self._seconds):
                    await self._stopping.wait()
            except TimeoutError:
                continue
