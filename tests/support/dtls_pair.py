"""A client of the load generator that shook hands in memory, and the server's end of its keys."""

from __future__ import annotations

import contextlib
import os
import struct
from dataclasses import dataclass

from OpenSSL import SSL
from pylibsrtp import Policy, Session

from broadcaster.transport.client import ClientIdentity, Handshake, Keys

EXPORTER = b"EXTRACTOR-dtls_srtp"
KEY_BYTES, SALT_BYTES = 16, 12  # AES-128-GCM, which both prefer
SERVER = ClientIdentity()
CLIENT = ClientIdentity()


@dataclass
class Pair:
    """`server` seals what the client opens, `server_inbound` opens what the client seals."""

    handshake: Handshake
    connection: SSL.Connection
    server: Session
    server_inbound: Session

    @property
    def keys(self) -> Keys:
        assert self.handshake.keys is not None
        return self.handshake.keys

    def seal(
        self, sequence: int, *, ssrc: int = 1, payload_type: int = 96, payload: bytes = b"x", marker: bool = False
    ) -> bytes:
        """A packet of the server."""
        header = struct.pack("!BBHII", 0x80, marker << 7 | payload_type, sequence & 0xFFFF, 3000, ssrc)
        return self.server.protect(header + payload)


def pending(connection: SSL.Connection) -> list[bytes]:
    """The datagrams that OpenSSL wants to send."""
    found = []
    while True:
        try:
            found.append(connection.bio_read(1500))
        except SSL.Error:
            return found


def accept(connection: SSL.Connection, datagrams: list[bytes]) -> list[bytes]:
    """Take datagrams at the server's end of a handshake; return the answer."""
    for datagram in datagrams:
        connection.bio_write(datagram)
    with contextlib.suppress(SSL.WantReadError):
        connection.do_handshake()
    return pending(connection)


def shake(handshake: Handshake | None = None) -> Pair:
    """Shake hands to the end. Raises `HandshakeError`."""
    handshake = handshake or Handshake(CLIENT, SERVER.fingerprint)
    connection = SSL.Connection(SERVER.context, None)
    connection.set_accept_state()
    datagrams = handshake.start()
    while handshake.keys is None:
        answer = accept(connection, datagrams)
        assert answer, "the handshake is stuck"
        datagrams = [datagram for record in answer for datagram in handshake.receive(record)]
    material = connection.export_keying_material(EXPORTER, 2 * (KEY_BYTES + SALT_BYTES))
    return Pair(
        handshake,
        connection,
        _session(material, 1, Policy.SSRC_ANY_OUTBOUND),
        _session(material, 0, Policy.SSRC_ANY_INBOUND),
    )


def _session(material: bytes, side: int, kind: int) -> Session:
    salts = 2 * KEY_BYTES
    key = material[side * KEY_BYTES :][:KEY_BYTES] + material[salts + side * SALT_BYTES :][:SALT_BYTES]
    policy = Policy(key=key, ssrc_type=kind, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_128_GCM)
    policy.allow_repeat_tx = True
    return Session(policy)


def transaction() -> bytes:
    """A STUN transaction."""
    return os.urandom(12)
