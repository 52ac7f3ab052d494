"""Who reads the sockets of the media port: this loop, or a thread in C.

    SocketReader   Python twin    every datagram goes through `MediaPort.receive`
    EngineReader   native twin    media of connected sessions stays in C; STUN, DTLS and the unusual comes up

Both are told who claims which address, so that the port need not know which of them it has.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import structlog
from pylibsrtp import Session

from broadcaster.forward.native import Native
from broadcaster.transport.addresses import LocalSocket
from broadcaster.transport.aiortc_private import session_address
from broadcaster.transport.engine import HEARD, RTCP, Engine, Peer, Upward
from broadcaster.transport.ice import Link
from config.settings import ForwardSettings

if TYPE_CHECKING:
    from broadcaster.transport.transport import Transport
    from broadcaster.transport.udp import MediaPort

log = structlog.get_logger(__name__)

_BATCH: Final = 64  # datagrams read from one socket before the loop may do something else
_LARGEST: Final = 2048


class Reader:
    """What the port tells whoever reads its sockets; who does not care does nothing."""

    engine: Engine | None

    def start(self, sockets: list[LocalSocket]) -> None:
        """Begin to read."""

    def stop(self) -> None:
        """End; the sockets are still open."""

    def opened(self, transport: Transport) -> None:
        """A session begins."""

    def claimed(self, transport: Transport, link: Link) -> None:
        """An address belongs to a session."""

    def released(self, link: Link) -> None:
        """An address belongs to nobody."""

    def moved(self, transport: Transport, link: Link) -> None:
        """A session is sent to this address from now on."""

    def connected(self, transport: Transport, inbound: Session) -> None:
        """The keys of a session are agreed."""

    def listen(self, link: Link) -> None:
        """Bring up to date when an address proved itself by valid media."""

    def left(self, transport: Transport) -> None:
        """A session is over; when this returns, its inbound context is not used any more."""

    def drain(self) -> None:
        """Look at what may wait."""

    def collect(self) -> None:
        """Count what was discarded since the last time."""


class SocketReader(Reader):
    """Reads in the loop, when a socket is readable. What else it is told means nothing to it."""

    engine: Engine | None = None

    def __init__(self, port: MediaPort) -> None:
        self._port = port
        self._sockets: list[LocalSocket] = []

    def start(self, sockets: list[LocalSocket]) -> None:
        """Begin to read."""
        self._sockets = sockets
        for local in sockets:
            asyncio.get_running_loop().add_reader(local.socket, self._read, local)

    def stop(self) -> None:
        """End; the sockets are still open."""
        for local in self._sockets:
            asyncio.get_running_loop().remove_reader(local.socket)
        self._sockets = []

    def _read(self, local: LocalSocket) -> None:
        now = self._port.clock()
        for _ in range(_BATCH):
            try:
                data, address = local.socket.recvfrom(_LARGEST)
            except BlockingIOError:
                return
            except OSError as error:  # an ICMP error of an earlier send: the socket goes on
                log.debug("x socket", host=local.host, error=str(error))
                return
            self._port.receive(local, data, address, now)


class EngineReader(Reader):
    """Lets the engine read, and looks at what it hands up."""

    def __init__(self, port: MediaPort, native: Native, settings: ForwardSettings, woken: Callable[[], None]) -> None:
        self._port = port
        self._native = native
        self._settings = settings
        self._woken = woken
        self._sockets: list[LocalSocket] = []
        self._peers: dict[Transport, tuple[int, Peer]] = {}
        self._by_tag: dict[int, Transport] = {}
        self._tags = itertools.count(1)
        self.engine: Engine | None = None

    def start(self, sockets: list[LocalSocket]) -> None:
        """Begin to read. Raises `OSError` when threads cannot be started."""
        self._sockets = sockets
        bound = [local.socket for local in sockets]
        self.engine = Engine(self._native, bound, self._settings, take=self._take, woken=self._woken)
        self.engine.start()

    def stop(self) -> None:
        """End the threads. The sockets are still open."""
        if self.engine is not None:
            self.collect()
            self.engine.stop()
            self.engine = None

    def _take(self, upward: Upward) -> None:
        local = self._sockets[upward.socket]
        if upward.what not in (RTCP, HEARD):
            return self._port.receive(local, upward.data, upward.address, upward.now)
        transport = self._by_tag.get(upward.tag)
        if transport is None:
            return
        if upward.what == RTCP:
            transport.on_rtcp(upward.data, upward.now)
        else:
            transport.heard(local, upward.address, upward.now)

    def peer(self, transport: Transport) -> Peer:
        """Return a session's peer."""
        return self._peers[transport][1]

    def opened(self, transport: Transport) -> None:
        """Make a peer of a session."""
        assert self.engine is not None
        tag = next(self._tags)
        self._peers[transport] = (tag, self.engine.open(tag))
        self._by_tag[tag] = transport

    def claimed(self, transport: Transport, link: Link) -> None:
        """Let an address belong to a session."""
        assert self.engine is not None
        self.engine.claim(self.peer(transport), _index(link), link.address)

    def released(self, link: Link) -> None:
        """Let an address belong to nobody."""
        if self.engine is not None:
            self.engine.forget(_index(link), link.address)

    def moved(self, transport: Transport, link: Link) -> None:
        """Note from where media is no news."""
        assert self.engine is not None
        self.engine.path(self.peer(transport), _index(link), link.address)

    def connected(self, transport: Transport, inbound: Session) -> None:
        """Let the engine decrypt. Nobody else may use `inbound` from now on."""
        intake = transport.intake or self._native.ffi.NULL
        self.peer(transport).connect(session_address(inbound), intake, self._port.settings.ssrcs)

    def listen(self, link: Link) -> None:
        """Ask the engine, which alone hears media."""
        if self.engine is not None:
            link.heard = max(link.heard, self.engine.heard(_index(link), link.address))

    def left(self, transport: Transport) -> None:
        """Forget the peer of a session."""
        tag, peer = self._peers.pop(transport)
        del self._by_tag[tag]
        peer.close()

    def drain(self) -> None:
        """Answer the checks of consent that came."""
        if self.engine is not None:
            self.engine.drain()

    def collect(self) -> None:
        """Count what the engine discarded since the last time, and say what the kernel does not do."""
        if self.engine is not None:
            for missing in self.engine.take_missing():
                log.warning("- kernel", without=missing, hint="each screen costs more; a newer kernel does it")
            for reason, count in self.engine.take_drops().items():
                self._port.drops(reason, count)


def _index(link: Link) -> int:
    assert isinstance(link.local, LocalSocket)
    return link.local.index
