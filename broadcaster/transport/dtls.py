"""DTLS of one session: aiortc's engine fed from a bounded queue (RFC 6347, RFC 5764).

1. Only DTLS records from known addresses come here; media never does.
2. **The queue is bounded: when it is full the newest record is dropped** (DTLS retransmits), counted as `queue_full`.
3. `shutdown` is synchronous: close_notify is on the wire when it returns.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import structlog
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters

from broadcaster.transport.aiortc_private import DtlsEngine
from broadcaster.transport.certificate import Identity
from broadcaster.transport.parameters import RemoteParameters

log = structlog.get_logger(__name__)


class RecordQueue:
    """What aiortc takes for its ICE transport: records in, records out."""

    __slots__ = ("_limit", "_records", "_send_record", "_waiter", "role")

    def __init__(self, send: Callable[[bytes], bool], limit: int) -> None:
        self.role = "controlled"
        self._send_record = send
        self._limit = limit
        self._records: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None

    def put(self, record: bytes) -> bool:
        """Queue a record; False when the queue is full."""
        if len(self._records) >= self._limit:
            return False
        self._records.append(record)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        return True

    async def _recv(self) -> bytes:
        while not self._records:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._records.popleft()

    async def _send(self, record: bytes) -> None:
        self._send_record(record)


class Dtls:
    """The handshake and the end of one session's DTLS. `on_end` comes at most once, and never after `shutdown`."""

    __slots__ = ("_closed", "_name", "_on_connected", "_on_end", "_parameters", "_queue", "_send", "_task", "engine")

    def __init__(
        self,
        identity: Identity,
        remote: RemoteParameters,
        *,
        name: str,
        send: Callable[[bytes], bool],
        queue: int,
        on_connected: Callable[[], None],
        on_end: Callable[[str], None],
    ) -> None:
        self._queue = RecordQueue(send, queue)
        self._name = name
        self._send = send
        self._on_connected = on_connected
        self._on_end = on_end
        self._parameters = RTCDtlsParameters(
            [RTCDtlsFingerprint(f.algorithm, f.value) for f in remote.fingerprints], remote.role
        )
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.engine = DtlsEngine(self._queue, identity.certificate, remote.role)

    @property
    def started(self) -> bool:
        """Whether the handshake was begun."""
        return self._task is not None

    def start(self) -> None:
        """Begin the handshake; does nothing when it was begun before."""
        if self._task is None and not self._closed:
            self._task = asyncio.get_running_loop().create_task(self._handshake())

    def receive(self, record: bytes) -> bool:
        """Take a record that came in; False when the queue is full."""
        return self._queue.put(record)

    def shutdown(self) -> None:
        """Say goodbye and stop; idempotent."""
        if self._closed:
            return
        self._closed = True
        for flight in self.engine.shutdown():
            self._send(flight)
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    async def _handshake(self) -> None:
        try:
            await self.engine.start(self._parameters)
        except (
            Exception
        ) as error:  # OpenSSL and the peer's certificate may raise anything: the session ends, not the server
            log.warning("x dtls handshake raised", transport=self._name, error=repr(error))
            self._end("dtls_failed")
            return
        if self._closed:
            self.engine.shutdown()
        elif self.engine.connected:
            self.engine.on("statechange", self._watch)
            self._on_connected()
        else:
            self._end("dtls_failed")

    def _watch(self) -> None:
        if self.engine.ended:
            self._end("closed_by_peer")

    def _end(self, reason: str) -> None:
        if not self._closed:
            self._on_end(reason)
