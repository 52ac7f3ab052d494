"""Work that goes on beside whoever began it: finishing a recording, writing its state down."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger("library")


class Tasks:
    """Running work. What fails is logged; nothing of it raises into whoever began it."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin some work."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)

    async def settle(self) -> None:
        """Wait until nothing runs any more."""
        while self._running:
            await asyncio.wait(self._running)

    async def stop(self, patience: float) -> None:
        """Wait at most `patience` seconds, then leave what still runs to the next start."""
        try:
            async with asyncio.timeout(patience):
                await self.settle()
        except TimeoutError:
            left = list(self._running)
            log.warning("x library leaves work to the next start", tasks=len(left))
            for task in left:
                task.cancel()
            await asyncio.wait(left)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("x library", error=str(error), exc_info=error)
