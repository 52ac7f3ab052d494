"""The other end of a session: what a simulated terminal needs of ICE, DTLS and SRTP, without a socket or a clock.

The server never uses this; `broadcaster/loadgen` does. Three parts, each used in turn by one client:

* `Checks`: binding requests with credentials, and whether an answer is one (RFC 8445 section 7.2, RFC 8489).
* `Handshake`: DTLS as the client, records in and datagrams out. **One certificate and one OpenSSL context serve all clients of a
  process**: what is measured is the server, and a thousand handshakes have to fit on one core.
* `Keys`: SRTP and SRTCP of a finished handshake.
"""

from __future__ import annotations

import contextlib
import hmac
import struct
from collections.abc import Callable
from typing import Final

from aioice import stun
from aiortc.rtcdtlstransport import SRTPProtectionProfile, certificate_digest, generate_certificate
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from pylibsrtp import Error, Policy, Session

from broadcaster.transport.aiortc_private import PROFILES, Sealer
from broadcaster.transport.parameters import Credentials, Fingerprint

__all__ = ["TRANSACTION_BYTES", "Checks", "ClientIdentity", "Handshake", "HandshakeError", "Keys", "OpenError"]

CHECK_PRIORITY: Final = 1_845_501_695  # a peer-reflexive candidate of a host address (RFC 8445 section 5.1.2.1)
TRANSACTION_BYTES: Final = 12
_CIPHERS: Final = b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA"
_EXPORTER: Final = b"EXTRACTOR-dtls_srtp"  # RFC 5764 section 4.2
_FLIGHT_BYTES: Final = 1500
_HEADER: Final = struct.Struct("!HHI12s")
_ATTRIBUTE: Final = struct.Struct("!HH")
_RESPONSE: Final = 0x0101
_INTEGRITY: Final = 0x0008


class Checks:
    """The binding requests of one client, whose attributes are put together once."""

    __slots__ = ("_key", "_nominating", "_plain")

    def __init__(self, local: Credentials, remote: Credentials, tie_breaker: int) -> None:
        name = f"{remote.ufrag}:{local.ufrag}".encode()
        plain = _attribute(0x0006, name) + _attribute(0x0024, CHECK_PRIORITY.to_bytes(4, "big"))
        self._plain = plain + _attribute(0x802A, tie_breaker.to_bytes(8, "big"))  # ICE-CONTROLLING
        self._nominating = self._plain + _attribute(0x0025, b"")  # USE-CANDIDATE
        self._key = remote.pwd.encode()

    def request(self, transaction: bytes, *, nominate: bool) -> bytes:
        """A binding request; `transaction` is 12 random bytes."""
        body = self._nominating if nominate else self._plain
        size = len(body) + stun.INTEGRITY_LENGTH + stun.FINGERPRINT_LENGTH
        message = _HEADER.pack(stun.Method.BINDING, size, stun.COOKIE, transaction) + body
        message += _attribute(_INTEGRITY, stun.message_integrity(message, self._key))
        return message + _attribute(0x8028, stun.message_fingerprint(message).to_bytes(4, "big"))

    def answered(self, data: bytes) -> bytes | None:
        """The transaction of an authentic success response; None for whatever else."""
        if len(data) < stun.HEADER_LENGTH:
            return None
        kind, _, cookie, transaction = _HEADER.unpack_from(data)
        position = _find_integrity(data)
        if kind != _RESPONSE or cookie != stun.COOKIE or position is None:
            return None
        expected = stun.message_integrity(data[:position], self._key)
        return transaction if hmac.compare_digest(expected, data[position + 4 : position + 24]) else None


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def _find_integrity(data: bytes) -> int | None:
    position = stun.HEADER_LENGTH
    while position + 4 <= len(data):
        kind, size = _ATTRIBUTE.unpack_from(data, position)
        if kind == _INTEGRITY:
            return position
        position += 4 + size + -size % 4
    return None


class ClientIdentity:
    """The certificate and the OpenSSL context of all clients of this process."""

    __slots__ = ("context", "fingerprint")

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = generate_certificate(key)
        self.fingerprint = Fingerprint("sha-256", certificate_digest(certificate, "sha-256"))
        self.context = SSL.Context(SSL.DTLS_METHOD)
        self.context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION)
        self.context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        self.context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        self.context.set_verify(SSL.VERIFY_PEER, lambda *_: True)  # known by its fingerprint, not by an authority
        self.context.use_certificate(certificate)
        self.context.use_privatekey(key)
        self.context.set_cipher_list(_CIPHERS)
        self.context.set_tlsext_use_srtp(b":".join(profile.openssl_profile for profile in PROFILES))


class HandshakeError(ConnectionError):
    """The handshake failed, or the server's certificate is not the one that its answer announced."""


class Handshake:
    """DTLS of one client (RFC 5764). `keys` is there when it is done; `ended` when the server said goodbye."""

    __slots__ = ("_announced", "_connection", "ended", "keys")

    def __init__(self, identity: ClientIdentity, announced: Fingerprint) -> None:
        self.keys: Keys | None = None
        self.ended = False
        self._announced = announced
        self._connection = SSL.Connection(identity.context, None)
        self._connection.set_connect_state()

    def start(self) -> list[bytes]:
        """The first flight."""
        return self._advance()

    def receive(self, record: bytes) -> list[bytes]:
        """Take a datagram of records; return datagrams to send. Raises `HandshakeError`."""
        if self.ended:
            return []
        self._connection.bio_write(record)
        return self._advance() if self.keys is None else self._read()

    def retransmit(self) -> list[bytes]:
        """Send the last flight again if OpenSSL's timer says that it is time (RFC 6347 section 4.2.4)."""
        if self.keys is None and not self.ended:
            with contextlib.suppress(SSL.Error):  # so many times in vain that OpenSSL gives up; whoever joins does, too
                self._connection.DTLSv1_handle_timeout()
        return self._pending()

    def shutdown(self) -> list[bytes]:
        """The datagrams of close_notify, none in the middle of a handshake."""
        if self.keys is None or self.ended:
            return []
        self.ended = True
        try:
            self._connection.shutdown()
        except SSL.Error:
            return []
        return self._pending()

    def _advance(self) -> list[bytes]:
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return self._pending()
        except SSL.Error as error:
            self.ended = True
            raise HandshakeError(f"the DTLS handshake failed: {error}") from error
        self._check_certificate()
        self.keys = Keys(self._connection)
        return self._pending()

    def _read(self) -> list[bytes]:
        try:
            self._connection.recv(_FLIGHT_BYTES)
        except SSL.WantReadError:
            pass
        except SSL.Error:  # close_notify, or an alert
            self.ended = True
        return self._pending()

    def _pending(self) -> list[bytes]:
        flights = []
        while True:
            try:
                flights.append(self._connection.bio_read(_FLIGHT_BYTES))
            except SSL.Error:
                return flights

    def _check_certificate(self) -> None:
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        seen = None if certificate is None else certificate_digest(certificate, self._announced.algorithm)
        if seen != self._announced.value:
            self.ended = True
            raise HandshakeError("the server's certificate is not the one that its answer announced")


class OpenError(ValueError):
    """A packet that libsrtp does not authenticate, or has seen before (`replayed`)."""

    @property
    def replayed(self) -> bool:
        """Whether it came before, or is older than the replay window."""
        return str(self).startswith("replay check failed")


class Keys:
    """Both directions of SRTP of one client. Not for two threads; the buffers are shared by all clients of a process."""

    __slots__ = ("_inbound", "_outbound", "profile")

    _sealer: Final = Sealer()

    def __init__(self, connection: SSL.Connection) -> None:
        self.profile = connection.get_selected_srtp_profile().decode()
        chosen = next(profile for profile in PROFILES if profile.openssl_profile.decode() == self.profile)
        material = connection.export_keying_material(_EXPORTER, 2 * (chosen.key_length + chosen.salt_length))
        self._outbound = Session(_policy(chosen, material, 0, Policy.SSRC_ANY_OUTBOUND))
        self._inbound = Session(_policy(chosen, material, 1, Policy.SSRC_ANY_INBOUND))

    def open_rtp(self, packet: bytes) -> bytes:
        """Return the RTP packet. Raises `OpenError`."""
        return self._open(self._inbound.unprotect, packet)

    def open_rtcp(self, packet: bytes) -> bytes:
        """Return the RTCP compound. Raises `OpenError`."""
        return self._open(self._inbound.unprotect_rtcp, packet)

    def seal_rtp(self, packet: bytes) -> bytes:
        """Return the SRTP packet. Raises `SealError`."""
        return self._sealer.rtp(self._outbound, packet)

    def seal_rtcp(self, compound: bytes) -> bytes:
        """Return the SRTCP packet. Raises `SealError`."""
        return self._sealer.rtcp(self._outbound, compound)

    def _open(self, unprotect: Callable[[bytes], bytes], packet: bytes) -> bytes:
        try:
            return unprotect(packet)
        except (Error, ValueError) as error:
            raise OpenError(str(error)) from None


def _policy(profile: SRTPProtectionProfile, material: bytes, side: int, kind: int) -> Policy:
    """The policy of one direction; `side` is 0 for what the DTLS client sends."""
    policy = Policy(key=profile.get_key_and_salt(material, side), ssrc_type=kind, srtp_profile=profile.libsrtp_profile)
    policy.allow_repeat_tx = True
    policy.window_size = 1024
    return policy
