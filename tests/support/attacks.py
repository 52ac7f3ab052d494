"""One-packet attacks: what a stranger, or somebody with a forged source address, may send to a media port."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate
from OpenSSL import SSL

from broadcaster.drops import DropReason
from broadcaster.transport.aiortc_private import PROFILES
from tests.support.lecture import rtp_packet
from tests.support.peer import Peer


def record(kind: int, body: bytes, epoch: int = 0) -> bytes:
    """A DTLS 1.2 record (RFC 6347 section 4.1) without encryption."""
    return struct.pack("!BHHHIH", kind, 0xFEFD, epoch, 0, 1, len(body)) + body


def _client_hello(_: Peer) -> bytes:
    context = RTCCertificate.generateCertificate()._create_ssl_context(PROFILES)
    connection = SSL.Connection(context)
    connection.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    return connection.bio_read(1500)


def _stun(username: str | None, pwd: str | None, kind: stun.Class = stun.Class.REQUEST) -> bytes:
    message = stun.Message(stun.Method.BINDING, kind)
    if username is not None:
        message.attributes["USERNAME"] = username
    message.attributes["USE-CANDIDATE"] = None
    if pwd is not None:
        message.add_message_integrity(pwd.encode())
    return bytes(message)


def _forged_rtp(peer: Peer) -> bytes:
    return rtp_packet(bytes(100), payload_type=108, sequence=1_000, timestamp=90_000, ssrc=peer.words.video_ssrc)


@dataclass(frozen=True)
class Attack:
    """A datagram, and how it is counted from a foreign address and from the peer's own."""

    name: str
    make: Callable[[Peer], bytes]
    foreign: DropReason
    own: DropReason | None = None

    def __str__(self) -> str:
        return self.name


UNAUTHENTICATED = DropReason.UNAUTHENTICATED_STUN
ATTACKS = [
    Attack("empty", lambda _: b"", DropReason.EMPTY, DropReason.EMPTY),
    Attack("garbage", lambda _: b"\xff" * 64, DropReason.NOT_RFC7983, DropReason.NOT_RFC7983),
    Attack("one-byte", lambda _: b"\x00", DropReason.MALFORMED_STUN, DropReason.MALFORMED_STUN),
    Attack("bogus-dtls-record", lambda _: record(22, b"\x01" * 40), DropReason.UNKNOWN_SOURCE),
    Attack("short-dtls-record", lambda _: b"\x16", DropReason.UNKNOWN_SOURCE),
    Attack("plaintext-alert", lambda _: record(21, b"\x02\x28"), DropReason.UNKNOWN_SOURCE, DropReason.PLAINTEXT_ALERT),
    Attack("close-notify", lambda _: record(21, b"\x01\x00"), DropReason.UNKNOWN_SOURCE, DropReason.PLAINTEXT_ALERT),
    Attack("client-hello-race", _client_hello, DropReason.UNKNOWN_SOURCE),
    Attack("spoofed-rtp", _forged_rtp, DropReason.UNKNOWN_SOURCE, DropReason.SRTP_AUTH),
    Attack("spoofed-rtcp", lambda p: b"\x80\xc8\0\6" + bytes(24), DropReason.UNKNOWN_SOURCE, DropReason.SRTP_AUTH),
    Attack("short-rtp", lambda _: b"\x80\x00", DropReason.UNKNOWN_SOURCE, DropReason.RTP_MALFORMED),
    Attack("stun-unknown-user", lambda _: _stun("nobody:x", "p" * 24), UNAUTHENTICATED, UNAUTHENTICATED),
    Attack("stun-wrong-password", lambda p: p.check(pwd="p" * 24), UNAUTHENTICATED, UNAUTHENTICATED),
    Attack("stun-no-integrity", lambda p: _stun(f"{p.remote_ufrag}:{p.words.ufrag}", None), UNAUTHENTICATED, UNAUTHENTICATED),
    Attack("stun-no-user", lambda _: _stun(None, None), UNAUTHENTICATED, UNAUTHENTICATED),
    Attack("stun-wrong-remote", lambda p: _stun(f"{p.remote_ufrag}:other", p.remote_pwd), UNAUTHENTICATED, UNAUTHENTICATED),
    Attack("stun-malformed", lambda p: p.check()[:-2], DropReason.MALFORMED_STUN, DropReason.MALFORMED_STUN),
    Attack(
        "stun-response", lambda p: _stun(None, p.remote_pwd, stun.Class.RESPONSE), DropReason.UNEXPECTED_STUN,
        DropReason.UNEXPECTED_STUN,
    ),
    Attack("turn-channel", lambda _: b"\x40\x00\x00\x04abcd", DropReason.NOT_RFC7983, DropReason.NOT_RFC7983),
]  # fmt: skip


class Postman:
    """Sends datagrams from an address that the server does not know; `prefix` runs it on another machine."""

    PROGRAM = """
import socket, sys
source = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
source.bind((sys.argv[1], 0))
for line in sys.stdin:
    host, port, datagram = line.split(",")
    source.sendto(bytes.fromhex(datagram), (host, int(port)))
"""

    def __init__(self, address: str, prefix: Sequence[str] = ()) -> None:
        command = [*prefix, sys.executable, "-c", self.PROGRAM, address]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)

    def send(self, datagram: bytes, target: tuple[str, int]) -> None:
        """Send one datagram."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{target[0]},{target[1]},{datagram.hex()}\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """End the process once it has sent everything."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(10) == 0
