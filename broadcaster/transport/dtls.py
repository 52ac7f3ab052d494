"""DTLS of one session: the engine of `handshake.py` fed from a bounded queue (RFC 6347, RFC 5764).

1. Only DTLS records from known addresses come here; media never does.
2. **The queue is bounded: when it is full the newest record is dropped** (DTLS retransmits), counted as `queue_full`. It is emptied as
   soon as what was read with the record is handed out: a handshake does not hold up the media beside it.
3. `shutdown` is synchronous: close_notify is on the wire when it returns.
4. No task, and no timer but that of a flight which may be lost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

import structlog

from broadcaster.transport.certificate import Identity
from broadcaster.transport.handshake import DtlsEngine
from broadcaster.transport.parameters import RemoteParameters

log = structlog.get_logger(__name__)


class Dtls:
    """The handshake and the end of one session's DTLS. `on_end` comes at most once, and never after `shutdown`."""

    __slots__ = (
        "_closed", "_limit", "_name", "_on_connected", "_on_end", "_records", "_send", "_timer", "_waiting", "engine",
    )  # fmt: skip

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
        self._name = name
        self._send = send
        self._limit = queue
        self._on_connected = on_connected
        self._on_end = on_end
        self._records: deque[bytes] = deque()
        self._waiting = False
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self.engine = DtlsEngine(identity.certificate, remote.role, remote.fingerprints)

    @property
    def started(self) -> bool:
        """Whether the handshake was begun."""
        return self.engine.state != "new"

    def start(self) -> None:
        """Begin the handshake; does nothing when it was begun before."""
        if not self.started and not self._closed:
            self._advance(self.engine.start)

    def receive(self, record: bytes) -> bool:
        """Take a record that came in; False when the queue is full."""
        if len(self._records) >= self._limit:
            return False
        self._records.append(record)
        if not self._waiting:
            self._waiting = True
            asyncio.get_running_loop().call_soon(self._empty)
        return True

    def shutdown(self) -> None:
        """Say goodbye and stop; idempotent."""
        if self._closed:
            return
        self._closed = True
        self._records.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for flight in self.engine.shutdown():
            self._send(flight)

    def _empty(self) -> None:
        self._waiting = False
        while self._records and not self._closed:
            record = self._records.popleft()
            self._advance(partial(self.engine.receive, record))

    def _advance(self, step: Callable[[], list[bytes]]) -> None:
        """Take a step of the engine, send what it wants to send, and tell what has become of it."""
        before = self.engine.state
        try:
            flights = step()
            for flight in flights:
                self._send(flight)
            if self._timer is None and self.engine.state == "connecting":
                self._arm()
        except (
            Exception
        ) as error:  # OpenSSL and the peer's certificate may raise anything: the session ends, not the server
            log.warning("x dtls handshake raised", transport=self._name, error=repr(error))
            return self._end("dtls_failed")
        if self.engine.state != before:
            self._tell()

    def _tell(self) -> None:
        if self.engine.state == "failed":
            self._end("dtls_failed")
        elif self.engine.state == "ended":
            self._end("closed_by_peer")
        elif self.engine.connected and not self._closed:
            self._on_connected()

    def _arm(self) -> None:
        seconds = self.engine.timeout()
        if seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._on_timer)

    def _on_timer(self) -> None:
        """A flight may be lost, or there was another one meanwhile: the timer is not moved with each."""
        self._timer = None
        if self._closed:
            return
        seconds = self.engine.timeout()
        if seconds is not None and seconds <= 0:
            self._advance(self.engine.handle_timer)
        if self._timer is None and not self._closed:
            self._arm()

    def _end(self, reason: str) -> None:
        if not self._closed:
            self._on_end(reason)
