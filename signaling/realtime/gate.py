"""Stands before every handler: how many messages one connection may send, and what happens to one that overdoes it.

1. **A message is counted before anything parses it**; the library would otherwise start a task for each.
2. Who sends too much, or what is no Socket.IO packet, is disconnected at once, whatever the transport.
3. Who connects without joining the namespace is disconnected after some seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from signaling.live.limits import Bucket

log = structlog.get_logger(__name__)
BURST = 4
Message = Callable[[str, Any], Awaitable[None]]


class Gate:
    """Wraps the message handler of an Engine.IO server (`engine`, typed loosely: the library has no types)."""

    def __init__(self, engine: Any, *, rate: float, connect_seconds: float, clock: Callable[[], float]) -> None:
        self._engine = engine
        self._rate = rate
        self._connect_seconds = connect_seconds
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        self._drops: set[asyncio.Task[None]] = set()
        self._connected: Message = engine.handlers["connect"]
        self._message: Message = engine.handlers["message"]
        self._disconnected: Message = engine.handlers["disconnect"]
        engine.handlers |= {"connect": self._arrive, "message": self._pass, "disconnect": self._leave}
        self.refused = 0

    def __len__(self) -> int:
        return len(self._buckets)

    def joined(self, connection: str) -> None:
        """Stop waiting for this connection to join."""
        timer = self._waiting.pop(connection, None)
        if timer is not None:
            timer.cancel()

    async def drop(self, connection: str) -> None:
        """Close a connection without waiting for its other end."""
        socket = self._engine.sockets.get(connection)
        if socket is None:
            return
        await socket.close(wait=False)
        await socket.queue.put(None)  # ends the writer, which closes the WebSocket, and a waiting poll
        self._engine.sockets.pop(connection, None)

    async def _arrive(self, connection: str, environ: Any) -> Any:
        self._buckets[connection] = Bucket(self._rate, self._rate * BURST, self._clock())
        timer = asyncio.get_running_loop().call_later(self._connect_seconds, self._give_up, connection)
        self._waiting[connection] = timer
        return await self._connected(connection, environ)

    async def _pass(self, connection: str, data: Any) -> None:
        bucket = self._buckets.get(connection)
        if bucket is None:
            return  # already dropped; what is still in its pipe goes nowhere
        if bucket.take(self._clock()) > 0:
            await self._refuse(connection, "flood")
            return
        try:
            await self._message(connection, data)
        except Exception as error:
            await self._refuse(connection, "malformed", error=f"{type(error).__name__}: {error}"[:200])

    async def _leave(self, connection: str, reason: Any) -> Any:
        self._forget(connection)
        return await self._disconnected(connection, reason)

    async def _refuse(self, connection: str, reason: str, **details: str) -> None:
        self.refused += 1
        log.warning("x socket", connection=connection[:8], reason=reason, **details)
        self._forget(connection)
        await self.drop(connection)

    def _forget(self, connection: str) -> None:
        self._buckets.pop(connection, None)
        self.joined(connection)

    def _give_up(self, connection: str) -> None:
        self._waiting.pop(connection, None)
        task = asyncio.get_running_loop().create_task(self._refuse(connection, "never_joined"))
        self._drops.add(task)
        task.add_done_callback(self._drops.discard)
