"""Delivers facts to listeners: each has its own queue and task, so that a slow database never delays a cut on the screens.

1. **Every listener gets every fact, in order.** A listener that raises is logged and gets the next one.
2. **Facts are not dropped.** The queues are bounded from the other side: `backlog` closes the door to new viewers, and what is
   inside produces a bounded number of further facts.
3. **Screens come together**: a listener that is `Grouped` gets all that happened within a moment at once, in order, so that a county's
   joins cost some transactions and not a thousand. Until it returns nobody is told that a fact is recorded.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from signaling.live.events import Listener, LiveEvent, ScreenJoined, ScreenLeft

log = structlog.get_logger(__name__)

MOMENT_SECONDS: Final = 0.05
MOST_TOGETHER: Final = 100


@dataclass(frozen=True, slots=True)
class Grouped:
    """A listener that takes facts in groups: what goes wrong with one of them must not keep it from the others."""

    take: Callable[[Sequence[LiveEvent]], Awaitable[None]]


class Feed:
    """The fan-out of facts. `listeners` may grow until `start`."""

    def __init__(self, listeners: Sequence[Listener | Grouped]) -> None:
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


async def _deliver(listener: Listener | Grouped, queue: asyncio.Queue[LiveEvent]) -> None:
    while True:
        events = [await queue.get()]
        try:
            if isinstance(listener, Grouped):
                await _gather(events, queue)
                await listener.take(events)
            else:
                await listener(events[0])
        except Exception:
            log.exception("a listener failed", event_type=type(events[0]).__name__, lecture=events[0].lecture_id)
        finally:
            for _ in events:
                queue.task_done()


async def _gather(events: list[LiveEvent], queue: asyncio.Queue[LiveEvent]) -> None:
    """Add what happens within a moment of a screen's coming or going; whatever else does not wait."""
    if isinstance(events[0], ScreenJoined | ScreenLeft):
        await asyncio.sleep(MOMENT_SECONDS)
    while len(events) < MOST_TOGETHER and not queue.empty():
        events.append(queue.get_nowait())
