"""The Socket.IO server under `/socket.io`: set-up, announcement of a restart, a fast end.

Long polling works where WebSocket is blocked: nothing here depends on the transport.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Final

import socketio
import structlog
from aiohttp import web

from config.settings import Settings
from signaling.live.service import LiveService
from signaling.realtime import origins
from signaling.realtime.gate import Gate
from signaling.realtime.namespace import Identify, LiveNamespace, MayRead
from signaling.realtime.peers import NAMESPACE, Peers
from signaling.realtime.pushes import Document, Pushes

log = structlog.get_logger(__name__)
FLUSH_SECONDS: Final = 0.5
"""How long the announcement of a restart may take to leave; a client that does not read has to find out by itself."""


class Realtime:
    """The namespace `/live`. Build it before `LiveService.start`, so that it hears every fact."""

    def __init__(
        self,
        settings: Settings,
        live: LiveService,
        *,
        identify: Identify,
        may_read: MayRead,
        document: Document,
        origin: Callable[[web.Request], str],
    ) -> None:
        self._settings = settings
        self._origin = origin
        self._names = (socket.gethostname(),)
        self._announced = self._stopped = False
        realtime = settings.realtime
        self.server: Any = socketio.AsyncServer(
            async_mode="aiohttp",
            async_handlers=False,  # one message of a connection after the other
            cors_allowed_origins=self._allows,
            cors_credentials=False,
            max_http_buffer_size=realtime.max_message_bytes,
            ping_interval=realtime.ping_seconds,
            ping_timeout=realtime.ping_seconds,
            logger=False,
            engineio_logger=False,
        )
        self.peers = Peers()
        self.gate = Gate(
            self.server.eio,
            rate=realtime.messages_per_second,
            connect_seconds=realtime.connect_seconds,
            clock=live.clock,
        )
        self.pushes = Pushes(self.server, live, self.peers, document, realtime)
        namespace = LiveNamespace(
            live, self.peers, self.pushes, self.gate, identify=identify, may_read=may_read, document=document
        )
        self.server.register_namespace(namespace)
        live.listeners.append(self.pushes.take)
        live.rehearsal_listeners.append(self.pushes.take)
        self._tasks: list[asyncio.Task[None]] = []

    def attach(self, app: web.Application) -> None:
        """Add the route `/socket.io/`."""
        self.server.attach(app)

    def _allows(self, origin: str | None, environ: dict[str, Any]) -> bool:
        """Judge an origin. Without one (a browser's own long polling) there is none to allow by a header."""
        if origin is None:
            return False
        own = self._origin(environ["aiohttp.request"])
        if origins.allowed(origin, own, self._settings.http.public_url, self._names):
            return True
        log.warning("x socket", reason="origin", origin=origin[:200], hint="is http.public_url right?")
        return False

    async def start(self) -> None:
        """Begin to push counts and board rows."""
        self._tasks = [asyncio.create_task(run()) for run in (self.pushes.run_counts, self.pushes.run_board)]

    async def announce_restart(self, seconds: float) -> None:
        """Tell everybody over how many seconds to spread their return."""
        self._announced = True
        await self.server.emit("restarting", {"window_seconds": seconds}, namespace=NAMESPACE)

    async def drop_person(self, user_id: str) -> None:
        """Disconnect the pages of somebody whose logins have ended; they are asked who they are when they come back."""
        for sid in self.peers.of_person(user_id):
            await self.server.disconnect(sid, namespace=NAMESPACE)

    async def stop(self) -> None:
        """Announce the restart unless that is done, disconnect everybody and end the library's tasks: < 1 s, idempotent."""
        if self._stopped:
            return
        self._stopped = True
        if not self._announced:
            await self.announce_restart(self._settings.server.restart_window_seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._flush()
        for connection in list(self.server.eio.sockets):
            await self.gate.drop(connection)
        await self.server.shutdown()

    async def _flush(self) -> None:
        deadline = asyncio.get_running_loop().time() + FLUSH_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
            if all(connection.queue.empty() for connection in self.server.eio.sockets.values()):
                return
