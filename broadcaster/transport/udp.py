"""The UDP port of all media: sockets, demultiplexing, timers (RFC 7983, RFC 8445).

A datagram goes by its first byte, then by the peer's address, then by STUN user name:

    STUN   -> user name -> Transport.check      answered only when authenticated
    DTLS   -> address   -> Transport.record     bounded queue of the session
    (S)RTP -> address   -> Transport.media      decrypted here and now, no task in between

1. **From an unknown address nothing but authenticated STUN is taken**; empty datagrams never are.
2. One non-blocking socket for every local address: a wildcard socket would answer from the wrong one.
3. A full send buffer drops the datagram (`would_block`); nothing ever waits for the network.
4. One timer for all sessions, once a second; idle sessions cost a comparison.
5. Who reads the sockets stands in `receivers.py`: natively it is a thread in C, which keeps the media of connected sessions to
   itself; STUN, DTLS and everything unusual still comes through `receive`.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import Final

import structlog
from pylibsrtp import Session

from broadcaster.drops import DropReason, Drops
from broadcaster.errors import Busy
from broadcaster.forward.native import Native
from broadcaster.transport.addresses import LocalSocket, candidates_of, local_addresses, open_sockets
from broadcaster.transport.certificate import Identity
from broadcaster.transport.ice import Address, Link, StunError, Unauthenticated, UnexpectedStun, local_ufrag
from broadcaster.transport.parameters import Candidate, Credentials, RemoteParameters
from broadcaster.transport.receivers import EngineReader, Reader, SocketReader
from broadcaster.transport.srtp import SrtpTable
from broadcaster.transport.transport import Transport
from config.settings import ForwardSettings, MediaSettings

__all__ = ["LocalSocket", "MediaPort"]

log = structlog.get_logger(__name__)

TICK_SECONDS: Final = 1.0


class MediaPort:
    """All sessions of a process on one UDP port."""

    def __init__(
        self,
        settings: MediaSettings,
        drops: Drops,
        clock: Callable[[], float] = time.monotonic,
        *,
        native: Native | None = None,
        forward: ForwardSettings | None = None,
        woken: Callable[[], None] = lambda: None,
    ) -> None:
        """`native` with its settings `forward` lets threads in C do the work; `woken` is called when they have news."""
        self.settings = settings
        self.drops = drops
        self.clock = clock
        self.identity = Identity()
        self.srtp = SrtpTable()
        self.port = 0
        self.handshakes = 0
        self.reader: Reader = SocketReader(self)
        if native is not None and forward is not None:
            self.reader = EngineReader(self, native, forward, woken)
        self._sockets: list[LocalSocket] = []
        self._candidates: list[Candidate] = []
        self._transports: dict[str, Transport] = {}
        self._by_ufrag: dict[str, Transport] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._transports)

    async def start(self) -> None:
        """Bind every address and begin to read. Raises `OSError` when an address that the settings name cannot be bound."""
        addresses = local_addresses(self.settings.hosts, loopback=self.settings.loopback)
        self._sockets = open_sockets(
            addresses, self.settings.port, self.settings.socket_buffer_bytes, named=bool(self.settings.hosts)
        )
        self.port = self._sockets[0].port
        self._candidates = candidates_of(self.settings.advertised or [s.host for s in self._sockets], self.port)
        loop = asyncio.get_running_loop()
        for index, local in enumerate(self._sockets):
            local.index = index
        self.reader.start(self._sockets)
        self._timer = loop.call_later(TICK_SECONDS, self._on_timer)
        log.info(
            "- media port",
            port=self.port,
            addresses=[s.host for s in self._sockets],
            offered=[c.address for c in self._candidates],
        )

    async def stop(self) -> None:
        """Close every session with reason `shutdown`, then the sockets. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for transport in list(self._transports.values()):
            transport.close("shutdown")
        self.reader.stop()
        for local in self._sockets:
            local.socket.close()
        self._sockets.clear()
        await asyncio.sleep(0)  # cancelled handshakes end before the loop does

    def candidates(self) -> list[Candidate]:
        """What answers offer: the bound addresses, or those that the settings advertise (1:1 NAT)."""
        return list(self._candidates)

    def open(self, remote: RemoteParameters, *, label: str, receives_media: bool = False) -> Transport:
        """Begin a session; its 10 s watchdog runs from now. Raises `Busy` at the limits of sessions and handshakes."""
        if len(self._transports) >= self.settings.sessions:
            raise Busy(f"{self.settings.sessions} sessions are open, which is the limit", retry_after=5.0)
        if self.handshakes >= self.settings.handshakes:
            raise Busy(f"{self.settings.handshakes} handshakes are under way, which is the limit", retry_after=1.0)
        identifier = secrets.token_hex(4)
        while identifier in self._transports:
            identifier = secrets.token_hex(4)
        transport = Transport(
            self, remote, self.new_credentials(), identifier=identifier, label=label, receives_media=receives_media
        )
        self._transports[identifier] = transport
        self.reader.opened(transport)
        self.handshakes += 1
        self.rename(transport, None)
        log.debug("- opened", transport=identifier, label=label, role=remote.role)
        return transport

    def send(self, link: Link, datagram: bytes) -> bool:
        """Send a datagram; False, and counted, when the kernel does not take it."""
        assert isinstance(link.local, LocalSocket)
        try:
            link.local.socket.sendto(datagram, link.address)
        except BlockingIOError:
            self.drops(DropReason.WOULD_BLOCK)
            return False
        except OSError:
            self.drops(DropReason.SEND_ERROR)
            return False
        return True

    def tick(self, now: float) -> None:
        """Let every session whose deadline has passed look at its watchdog or its consent."""
        for transport in [t for t in self._transports.values() if t.deadline <= now]:
            transport.tick(now)

    # -- datagrams --------------------------------------------------------------------------------------------

    def receive(self, local: LocalSocket, data: bytes, address: Address, now: float) -> None:
        """Take one datagram that came to `local` from `address`: the demultiplexer of RFC 7983."""
        if not data:
            return self.drops(DropReason.EMPTY)
        first = data[0]
        if first <= 3:
            return self._check(local, data, address, now)
        if not (20 <= first <= 63 or 128 <= first <= 191):
            return self.drops(DropReason.NOT_RFC7983)
        known = local.peers.get(address)
        if known is None:
            return self.drops(DropReason.UNKNOWN_SOURCE)
        transport, link = known
        if first >= 128:
            transport.media(link, data, now)
        else:
            transport.record(data)

    def _check(self, local: LocalSocket, data: bytes, address: Address, now: float) -> None:
        try:
            transport = self._by_ufrag.get(local_ufrag(data))
        except UnexpectedStun:
            return self.drops(DropReason.UNEXPECTED_STUN)
        except Unauthenticated:
            return self.drops(DropReason.UNAUTHENTICATED_STUN)
        except StunError:
            return self.drops(DropReason.MALFORMED_STUN)
        if transport is None:
            return self.drops(DropReason.UNAUTHENTICATED_STUN)
        transport.check(local, data, address, now)

    def _on_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._on_timer)
        self.tick(self.clock())

    # -- what transports report -------------------------------------------------------------------------------

    def new_credentials(self) -> Credentials:
        """Credentials with 48 and 192 bits of randomness (RFC 8445 section 5.3 asks for 24 and 128)."""
        while (ufrag := secrets.token_hex(6)) in self._by_ufrag:
            continue
        return Credentials(ufrag, secrets.token_hex(24))

    def rename(self, transport: Transport, retired: str | None) -> None:
        """Find `transport` by its present user names, and no more by the one that is retired."""
        if retired is not None:
            self._by_ufrag.pop(retired, None)
        for ufrag in transport.ufrags:
            self._by_ufrag[ufrag] = transport

    def may_claim(self, transport: Transport, local: LocalSocket, address: Address, now: float) -> bool:
        """Whether an authenticated check of `transport` may come from `address`: see rule 4 of `transport.py`."""
        known = local.peers.get(address)
        if known is None or known[0] is transport:
            return True
        self.reader.listen(known[1])
        return now - known[1].heard >= self.settings.path_silence_seconds

    def claim(self, transport: Transport, link: Link, forgotten: Link | None, retired: str | None) -> None:
        """Find `transport` by an address that passed a check; forget what the agent forgot."""
        if forgotten is not None:
            self._release(transport, forgotten)
        if retired is not None:
            self._by_ufrag.pop(retired, None)
        assert isinstance(link.local, LocalSocket)
        known = link.local.peers.get(link.address)
        link.local.peers[link.address] = (transport, link)
        if known is None or known[0] is not transport:
            self.reader.claimed(transport, link)

    def connected(self, transport: Transport, outbound: Session, inbound: Session) -> int:
        """Take the contexts of a session whose handshake is done; return the handle of the outbound one."""
        self.handshakes -= 1
        self.reader.connected(transport, inbound)
        return self.srtp.add(outbound)

    def left(self, transport: Transport) -> None:
        """Forget a session that closed."""
        del self._transports[transport.id]
        if transport.srtp_handle:
            self.srtp.remove(transport.srtp_handle)
        else:
            self.handshakes -= 1
        for ufrag in transport.ufrags:
            self._by_ufrag.pop(ufrag, None)
        for link in transport.links:
            self._release(transport, link)
        self.reader.left(transport)

    def _release(self, transport: Transport, link: Link) -> None:
        assert isinstance(link.local, LocalSocket)
        known = link.local.peers.get(link.address)
        if known is not None and known[0] is transport:
            del link.local.peers[link.address]
            self.reader.released(link)
