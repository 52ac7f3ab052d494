"""One end of DTLS-SRTP over memory: records in, datagrams out (RFC 6347, RFC 5764). No task, no socket, no timer.

1. **No keys without the announced certificate** (RFC 8122): every fingerprint that was offered must be that of the peer's certificate.
2. Whoever calls anything here sends what it returns, at once and in order, and comes back when `timeout` has passed.
3. A record that does not decrypt changes nothing once keys are agreed.

aiortc does the same with a task for each session, a future for each record and a timer's task for each flight: half a millisecond
of every join, and twenty kilobytes of every idle terminal.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from typing import Final, Literal

from aiortc.rtcdtlstransport import SRTPProtectionProfile
from OpenSSL import SSL
from OpenSSL.crypto import FILETYPE_ASN1, dump_certificate
from pylibsrtp import Policy, Session

from broadcaster.transport.aiortc_private import PROFILES, SharedCertificate
from broadcaster.transport.parameters import Fingerprint, Role

State = Literal["new", "connecting", "connected", "ended", "failed"]

# The largest flight of a handshake is about 900 bytes; 1,500 is what aiortc reads at once.
_FLIGHT_BYTES: Final = 1500
_FLIGHTS: Final = 4
_EXPORTER: Final = b"EXTRACTOR-dtls_srtp"  # RFC 5764 section 4.2
_REPLAY_WINDOW: Final = 1024  # packets; retransmissions of up to two seconds of video
_DIGESTS: Final = {"sha-256": "sha256", "sha-384": "sha384", "sha-512": "sha512"}


class DtlsEngine:
    """A handshake and what follows it. `inbound` and `outbound` are there once `connected`."""

    __slots__ = ("_announced", "_certificate", "_connection", "_role", "inbound", "outbound", "profile", "state")

    inbound: Session
    outbound: Session

    def __init__(self, certificate: SharedCertificate, role: Role, announced: Sequence[Fingerprint]) -> None:
        self.state: State = "new"
        self.profile = ""
        self._role = role
        self._announced = announced
        self._certificate = certificate
        self._connection: SSL.Connection | None = None

    @property
    def connected(self) -> bool:
        """Whether keys are agreed and the peer's certificate is the announced one."""
        return self.state == "connected"

    @property
    def ended(self) -> bool:
        """Whether the handshake failed or the peer said goodbye."""
        return self.state in ("ended", "failed")

    def start(self) -> list[bytes]:
        """Begin; a client's first flight is returned."""
        self.state = "connecting"
        self._connection = connection = SSL.Connection(self._certificate.context())
        if self._role == "server":
            connection.set_accept_state()
        else:
            connection.set_connect_state()
        return self._shake(connection)

    def receive(self, record: bytes) -> list[bytes]:
        """Take a datagram of records; returns what to send."""
        connection = self._connection
        if connection is None or self.ended:
            return []
        connection.bio_write(record)
        return self._shake(connection) if self.state == "connecting" else self._read(connection)

    def timeout(self) -> float | None:
        """Seconds until `handle_timer` should be called, because a flight may be lost; None when nothing is waited for."""
        return None if self._connection is None or self.ended else self._connection.DTLSv1_get_timeout()

    def handle_timer(self) -> list[bytes]:
        """Return the flight that has to be sent once more."""
        if self._connection is None or self.ended:
            return []
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error:  # too many times without an answer
            self.state = "failed"
        return _pending(self._connection)

    def shutdown(self) -> list[bytes]:
        """End at once and return the datagrams of close_notify (or of a fatal alert) to send, possibly none."""
        if self._connection is None:
            return []
        with contextlib.suppress(SSL.Error):  # in the middle of a handshake there is nothing to shut down
            self._connection.shutdown()
        return _pending(self._connection)

    def _shake(self, connection: SSL.Connection) -> list[bytes]:
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            return _pending(connection)
        except SSL.Error:
            self.state = "failed"
            return _pending(connection)
        profile = _negotiated(connection)
        if profile is None or not self._is_announced(connection):
            self.state = "failed"
        else:
            self._take_keys(connection, profile)
            self.state = "connected"
        return _pending(connection)

    def _read(self, connection: SSL.Connection) -> list[bytes]:
        try:
            connection.recv(_FLIGHT_BYTES)  # data is for nobody: there are no channels
        except SSL.ZeroReturnError:
            self.state = "ended"
        except SSL.Error:
            pass
        return _pending(connection)

    def _is_announced(self, connection: SSL.Connection) -> bool:
        certificate = connection.get_peer_certificate()
        if certificate is None or not self._announced:
            return False
        encoded = dump_certificate(FILETYPE_ASN1, certificate)
        return all(_digest(encoded, each.algorithm) == each.value.upper() for each in self._announced)

    def _take_keys(self, connection: SSL.Connection, profile: SRTPProtectionProfile) -> None:
        """RFC 5764 section 4.2: the client's key and salt are the first of each pair."""
        view = connection.export_keying_material(_EXPORTER, 2 * (profile.key_length + profile.salt_length))
        ours, theirs = (1, 0) if self._role == "server" else (0, 1)
        self.inbound = _session(profile, profile.get_key_and_salt(view, theirs), Policy.SSRC_ANY_INBOUND)
        self.outbound = _session(profile, profile.get_key_and_salt(view, ours), Policy.SSRC_ANY_OUTBOUND)
        self.profile = profile.openssl_profile.decode()


def _digest(encoded: bytes, algorithm: str) -> str:
    return hashlib.new(_DIGESTS[algorithm], encoded).digest().hex(":").upper()


def _negotiated(connection: SSL.Connection) -> SRTPProtectionProfile | None:
    name = connection.get_selected_srtp_profile()
    return next((profile for profile in PROFILES if profile.openssl_profile == name), None)


def _session(profile: SRTPProtectionProfile, key: bytes, sources: int) -> Session:
    policy = Policy(key=key, ssrc_type=sources, srtp_profile=profile.libsrtp_profile)
    policy.allow_repeat_tx = True
    policy.window_size = _REPLAY_WINDOW
    return Session(policy)


def _pending(connection: SSL.Connection) -> list[bytes]:
    flights: list[bytes] = []
    with contextlib.suppress(SSL.Error):
        while len(flights) < _FLIGHTS:
            flights.append(connection.bio_read(_FLIGHT_BYTES))
            if len(flights[-1]) < _FLIGHT_BYTES:
                break
    return flights
