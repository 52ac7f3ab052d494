"""One remote peer: its path, its keys, its end.

1. **Media of a viewer is dropped before it is decrypted** (`receives_media` is false); its RTCP is taken.
2. DTLS begins with the first authenticated check, never before.
3. The four callbacks are set by the owner before the first packet; `on_closed` comes exactly once, whatever the cause.
4. An address belongs to one session. Another authenticated session gets it only when its owner was silent there for
   `path_silence_seconds`, so that nobody with valid credentials of his own can divert a neighbour.

Who closes whom:

| What happens                                     | reason              | close_notify | then                         |
|--------------------------------------------------|---------------------|--------------|------------------------------|
| owner calls `close(reason)`                      | the owner's word    | sent         | `on_closed(reason)`          |
| the port stops                                   | `shutdown`          | sent         | `on_closed("shutdown")`      |
| peer sends close_notify                          | `closed_by_peer`    | answered     | `on_closed("closed_by_peer")`|
| no handshake within `handshake_seconds`          | `handshake_timeout` | sent if begun| `on_closed(...)`             |
| wrong certificate, no common cipher or profile   | `dtls_failed`       | alert sent   | `on_closed(...)`             |
| no authenticated check for `consent_seconds`     | `consent_lost`      | sent         | `on_closed(...)`             |
| `close` once more, or a packet after the end     | unchanged           | no           | nothing                      |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal

import structlog
from pylibsrtp import Error as SrtpError
from pylibsrtp import Session

from broadcaster.drops import DropReason
from broadcaster.transport.addresses import LocalSocket
from broadcaster.transport.dtls import Dtls
from broadcaster.transport.ice import Address, IceLite, Link, Replayed, StunError, Unauthenticated, response
from broadcaster.transport.parameters import Credentials, LocalParameters, RemoteParameters
from broadcaster.transport.srtp import NO_HANDLE, SealError, UnknownHandle

if TYPE_CHECKING:
    from broadcaster.transport.engine import Engine
    from broadcaster.transport.udp import MediaPort

log = structlog.get_logger(__name__)

State = Literal["new", "connecting", "connected", "closed"]

_SMALLEST_PACKET: Final = 12
_ALERT: Final = 21  # RFC 5246 section 6.2.1


def _ignore(*_: object) -> None:
    """The callback until the owner sets one."""


class Transport:
    """A session on the media port; made by `MediaPort.open`."""

    __slots__ = (
        "_drops", "_dtls", "_ice", "_inbound", "_port", "_remote", "_ssrcs", "deadline", "id", "intake", "label",
        "on_closed", "on_connected", "on_moved", "on_rtcp", "on_rtp", "opened", "receives_media", "srtp_handle", "state",
    )  # fmt: skip

    def __init__(
        self,
        port: MediaPort,
        remote: RemoteParameters,
        local: Credentials,
        *,
        identifier: str,
        label: str,
        receives_media: bool,
    ) -> None:
        settings = port.settings
        self.id = identifier
        self.label = label
        self.receives_media = receives_media
        self.state: State = "new"
        self.srtp_handle = NO_HANDLE
        self.intake: Any = None  # a publisher's, when the native twin receives for it
        self.opened = port.clock()
        self.deadline = self.opened + settings.handshake_seconds
        self.on_rtp: Callable[[bytes, float], None] = _ignore
        self.on_rtcp: Callable[[bytes, float], None] = _ignore
        self.on_connected: Callable[[], None] = _ignore
        self.on_moved: Callable[[], None] = _ignore
        self.on_closed: Callable[[str], None] = _ignore
        self._port = port
        self._drops = port.drops
        self._remote = remote
        self._inbound: Session | None = None
        self._ssrcs: set[bytes] = set()
        self._ice = IceLite(
            local, remote.credentials, path_silence=settings.path_silence_seconds, max_links=settings.addresses
        )
        self._dtls = Dtls(
            port.identity,
            remote,
            name=identifier,
            send=self._send_record,
            queue=settings.dtls_queue,
            on_connected=self._connected,
            on_end=self.close,
        )

    @property
    def local(self) -> LocalParameters:
        """What the answer says of this end."""
        return LocalParameters(self._ice.local, self._port.identity.fingerprint, self._remote.role)

    @property
    def ufrags(self) -> tuple[str, ...]:
        """Our user names that are valid now."""
        return self._ice.ufrags

    @property
    def links(self) -> tuple[Link, ...]:
        """Every known address of the peer."""
        return self._ice.links

    @property
    def path(self) -> Link | None:
        """Where media goes: a local socket and the peer's address; None until the first authenticated check."""
        return self._ice.path

    # -- what the owner calls ---------------------------------------------------------------------------------

    def send(self, datagram: bytes) -> bool:
        """Send one datagram to the peer; False when closed or when the kernel refuses it, which is counted. Never blocks."""
        if self.state == "closed":
            self._drops(DropReason.NOT_CONNECTED)
            return False
        return self._send_record(datagram)

    def protect(self, plain: bytes) -> bytes:
        """Return the RTP packet protected. Raises `UnknownHandle` when not connected, `SealError` when refused."""
        return self._port.srtp.seal(self.srtp_handle, plain)

    def send_rtcp(self, compound: bytes) -> bool:
        """Protect a compound RTCP packet and send it; False when not connected or refused."""
        try:
            return self.send(self._port.srtp.seal_rtcp(self.srtp_handle, compound))
        except UnknownHandle:
            self._drops(DropReason.NOT_CONNECTED)
        except SealError:
            self._drops(DropReason.RTCP_MALFORMED)
        return False

    def restart_ice(self, remote_ufrag: str, remote_pwd: str) -> LocalParameters:
        """Return new local parameters; the old credentials hold until the first check with the new (RFC 8445 section 9)."""
        fresh = self._port.new_credentials()
        replaced = self._ice.restart(fresh, Credentials(remote_ufrag, remote_pwd))
        self._port.rename(self, replaced)
        log.info("- ice restart", transport=self.id)
        return LocalParameters(fresh, self._port.identity.fingerprint, self._remote.role)

    def is_remote(self, credentials: Credentials) -> bool:
        """Whether a fragment with these credentials belongs to the present ICE session; otherwise it asks for a restart."""
        return self._ice.is_remote(credentials)

    def add_remote_candidate(self, candidate: str) -> None:
        """Accepted and not used: this side is ICE-lite and learns addresses from checks (RFC 8445 section 2.5)."""

    def close(self, reason: str) -> None:
        """End the session for `reason`; see the table above. Idempotent."""
        if self.state == "closed":
            return
        before, self.state = self.state, "closed"
        self._dtls.shutdown()
        self._inbound = None
        self._port.left(self)
        self.srtp_handle = NO_HANDLE
        log.info("- closed", transport=self.id, label=self.label, reason=reason, was=before)
        self.on_rtp = self.on_rtcp = self.on_connected = self.on_moved = _ignore
        on_closed, self.on_closed = self.on_closed, _ignore
        on_closed(reason)

    # -- what the port calls ----------------------------------------------------------------------------------

    def check(self, local: LocalSocket, data: bytes, address: Address, now: float) -> None:
        """Take a binding request that carries one of our user names."""
        try:
            check = self._ice.authenticate(data)
        except Unauthenticated:
            return self._drops(DropReason.UNAUTHENTICATED_STUN)
        except StunError:
            return self._drops(DropReason.MALFORMED_STUN)
        if not self._port.may_claim(self, local, address, now):
            return self._drops(DropReason.ADDRESS_TAKEN)
        if address not in local.peers:
            for link in self._ice.links:  # the one unheard for longest may have to go
                self._port.reader.listen(link)
        try:
            link, accepted = self._ice.accept(check, local, address, now)
        except Replayed:
            return self._drops(DropReason.REPLAYED_STUN)
        self._port.claim(self, link, accepted.forgotten, accepted.retired)
        self._port.send(link, response(check, address))
        if accepted.moved:
            self._moved()
        if not self._dtls.started:
            self.state = "connecting"
            self._dtls.start()

    def record(self, record: bytes) -> None:
        """Take a DTLS record from a known address.

        A plaintext alert (epoch 0) could have been written by anybody who can forge the address, and would end a
        handshake: the watchdog ends those that really failed.
        """
        if record[0] == _ALERT and record[3:5] == b"\0\0":
            self._drops(DropReason.PLAINTEXT_ALERT)
        elif not self._dtls.receive(record):
            self._drops(DropReason.QUEUE_FULL)

    def media(self, link: Link, packet: bytes, now: float) -> None:
        """Take an SRTP or SRTCP packet from a known address; RTCP by its type (RFC 5761 section 4)."""
        if self._port.reader.engine is not None:
            self._hand_down(self._port.reader.engine, link, packet, now)
        elif self._inbound is None:
            self._drops(DropReason.NOT_CONNECTED)
        elif len(packet) < _SMALLEST_PACKET:
            self._drops(DropReason.RTP_MALFORMED)
        elif 192 <= packet[1] <= 223:
            plain = self._unprotect(self._inbound.unprotect_rtcp, packet, packet[4:8])
            if plain is not None:
                self._heard(link, now)
                self.on_rtcp(plain, now)
        elif not self.receives_media:
            self._drops(DropReason.VIEWER_SENT_MEDIA)
        else:
            plain = self._unprotect(self._inbound.unprotect, packet, packet[8:12])
            if plain is not None:
                self._heard(link, now)
                self.on_rtp(plain, now)

    def _hand_down(self, engine: Engine, link: Link, packet: bytes, now: float) -> None:
        """A packet that came up before the engine knew the keys; it alone may use the inbound context."""
        assert isinstance(link.local, LocalSocket)
        if self.state == "connected":
            engine.receive(link.local.index, link.address, packet, now)
        else:
            self._drops(DropReason.NOT_CONNECTED)

    def heard(self, local: LocalSocket, address: Address, now: float) -> None:
        """Take word of the engine that valid media came from a known address that is not the path."""
        known = local.peers.get(address)
        if known is not None and known[0] is self:
            if self._ice.path is not None:
                self._port.reader.listen(self._ice.path)
            self._heard(known[1], now)

    def tick(self, now: float) -> None:
        """Called once `deadline` has passed: end a handshake that takes too long, or a session without consent."""
        if self.state != "connected":
            return self.close("handshake_timeout")
        last = self._ice.last_check
        expires = self.opened if last is None else last + self._port.settings.consent_seconds
        if now >= expires:
            self.close("consent_lost")
        else:
            self.deadline = expires

    # -- inside -----------------------------------------------------------------------------------------------

    def _send_record(self, datagram: bytes) -> bool:
        path = self._ice.path
        if path is None:
            self._drops(DropReason.NO_PATH)
            return False
        return self._port.send(path, datagram)

    def _unprotect(self, unprotect: Callable[[bytes], bytes], packet: bytes, ssrc: bytes) -> bytes | None:
        if ssrc not in self._ssrcs and len(self._ssrcs) >= self._port.settings.ssrcs:
            self._drops(DropReason.TOO_MANY_SSRCS)
            return None
        try:
            plain = unprotect(packet)
        except (SrtpError, ValueError):  # ValueError: longer than libsrtp's buffer
            self._drops(DropReason.SRTP_AUTH)
            return None
        self._ssrcs.add(ssrc)
        return plain

    def _heard(self, link: Link, now: float) -> None:
        if self._ice.heard_media(link, now):
            self._moved()

    def _moved(self) -> None:
        write = (
            log.info if self.state == "connected" else log.debug
        )  # the first path stands in the line of the handshake
        write("- path", transport=self.id, path=repr(self._ice.path))
        if self._ice.path is not None:
            self._port.reader.moved(self, self._ice.path)
        self.on_moved()

    def _connected(self) -> None:
        engine = self._dtls.engine
        self.state = "connected"
        self._inbound = engine.inbound
        self.srtp_handle = self._port.connected(self, engine.outbound, engine.inbound)
        self.deadline = self._port.clock() + self._port.settings.consent_seconds
        log.info("- connected", transport=self.id, label=self.label, profile=engine.profile, path=repr(self._ice.path))
        self.on_connected()
