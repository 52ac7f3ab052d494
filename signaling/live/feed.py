"""Delivers facts to listeners: each has its own queue and task, so that a slow database never delays a cut on the screens.

1. **Every listener gets every fact, in order.** A listener that raises is logged and gets the next one.
2. **Facts are not dropped.** The queues are bounded from the other side: `backlog` closes the door to new viewers, and what is
   inside produces a bounded number of further facts.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import structlog

from signaling.live.events import Listener, LiveEvent

log = structlog.get_logger(__name__)


class Feed:
    """The fan-out of facts. `listeners` may grow until `start`."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = listeners
        self._queues: list[asyncio.Queue[LiveEvent]] = []
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to deliver."""
        for listener in self._listeners:
            queue: asyncio.Queue[LiveEvent] = asyncio.Queue()
            self._queues.append(queue)
            self._tasks.append(asyncio.create_task(_deliver(listener, queue)))

    def publish(self, event: LiveEvent) -> None:
        """Queue a fact for every listener."""
        for queue in self._queues:
            queue.put_nowait(event)

    def backlog(self) -> int:
        """Return how many facts the slowest listener has not seen yet."""
        return max((queue.qsize() for queue in self._queues), default=0)

    async def settled(self) -> None:
        """Return when every fact published so far was handled."""
        await asyncio.gather(*(queue.join() for queue in self._queues))

    async def stop(self, patience: float = 1.0) -> None:
        """Deliver what is waiting for at most `patience` seconds, then end."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.settled(), patience)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._queues.clear()


async def _deliver(listener: Listener, queue: asyncio.Queue[LiveEvent]) -> None:
    while True:
        event = await queue.get()
        try:
            await listener(event)
        except Exception:
            log.exception("a listener failed", event_type=type(event).__name__, lecture=event.lecture_id)
        finally:
            queue.task_done()
