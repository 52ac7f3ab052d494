"""One-packet attacks before, during and after the handshake: no session is lost, and each packet is counted.

Every attack comes from a foreign socket; those that a forged source address makes worse come from the peer's own as well.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate
from OpenSSL import SSL

from broadcaster.drops import DropReason
from broadcaster.transport.aiortc_private import PROFILES
from tests.support.desk import Desk
from tests.support.lecture import rtp_packet
from tests.support.peer import Peer


def _record(kind: int, body: bytes, epoch: int = 0) -> bytes:
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
    Attack("bogus-dtls-record", lambda _: _record(22, b"\x01" * 40), DropReason.UNKNOWN_SOURCE),
    Attack("short-dtls-record", lambda _: b"\x16", DropReason.UNKNOWN_SOURCE),
    Attack("plaintext-alert", lambda _: _record(21, b"\x02\x28"), DropReason.UNKNOWN_SOURCE, DropReason.PLAINTEXT_ALERT),
    Attack("close-notify", lambda _: _record(21, b"\x01\x00"), DropReason.UNKNOWN_SOURCE, DropReason.PLAINTEXT_ALERT),
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


class Stranger:
    """A socket that nobody knows."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)

    def send(self, datagram: bytes) -> None:
        assert self._peer.remote is not None
        self._socket.sendto(datagram, self._peer.remote)

    def heard_nothing(self) -> bool:
        try:
            self._socket.recvfrom(2048)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        self._socket.close()


async def _still_works(desk: Desk, peer: Peer) -> None:
    """Media goes from the peer to the desk, and RTCP back."""
    before = len(desk.rtp), len(peer.rtcp)
    peer.send_sound()
    await desk.wait_for(lambda: len(desk.rtp) == before[0] + 1)
    assert desk.transport.send_rtcp(struct.pack("!BBHI", 0x80, 201, 1, 1))
    await peer.wait_for(lambda: len(peer.rtcp) == before[1] + 1)
    assert (desk.transport.state, desk.closed) == ("connected", [])


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
async def test_no_attack_from_a_stranger_ends_a_session(attack: Attack) -> None:
    async with Desk() as desk, Peer("publish") as peer:
        peer.take_answer(await desk.exchange("publish")(peer.offer))
        stranger = Stranger(peer)

        async def strike(times: int) -> None:
            expected = desk.drops[attack.foreign] + times
            for _ in range(times):
                stranger.send(attack.make(peer))
            await desk.wait_for(lambda: desk.drops[attack.foreign] >= expected)

        await strike(3)  # before the first check
        assert desk.transport.state == "new"
        peer.start_checks()
        await peer.wait_for(lambda: bool(peer.responses))
        await strike(3)  # the path is known, DTLS has begun
        assert desk.transport.state == "connecting"
        shaking = asyncio.create_task(peer.handshake())
        await strike(3)  # in the middle of the handshake
        await shaking
        await desk.connected()
        await strike(3)  # established
        await _still_works(desk, peer)
        assert stranger.heard_nothing()
        assert desk.drops.total() == desk.drops[attack.foreign] == 12
        stranger.close()


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if attack.own], ids=str)
async def test_no_attack_from_a_forged_address_ends_a_connected_session(attack: Attack) -> None:
    async with Desk() as desk, Peer("publish") as peer:
        await peer.connect(desk.exchange("publish"))
        await desk.connected()
        assert attack.own is not None
        for _ in range(3):
            peer.send_raw(attack.make(peer))
        await desk.wait_for(lambda: desk.drops[attack.own] == 3)
        await _still_works(desk, peer)


@pytest.mark.parametrize(
    "name", ["empty", "garbage", "plaintext-alert", "close-notify", "spoofed-rtp", "stun-wrong-password"]
)
async def test_no_attack_from_a_forged_address_ends_a_handshake(name: str) -> None:
    attack = next(attack for attack in ATTACKS if attack.name == name)
    async with Desk() as desk, Peer("publish") as peer:
        peer.take_answer(await desk.exchange("publish")(peer.offer))
        peer.start_checks()
        await peer.wait_for(lambda: bool(peer.responses))
        shaking = asyncio.create_task(peer.handshake())
        for _ in range(10):
            peer.send_raw(attack.make(peer))
            await asyncio.sleep(0)
        await shaking
        await desk.connected()
        await desk.wait_for(lambda: desk.drops.total() == 10)
        await _still_works(desk, peer)


@pytest.mark.parametrize("kind", [20, 21, 22, 23, 25, 63])
async def test_records_with_garbage_from_a_forged_address_do_not_end_a_connected_session(kind: int) -> None:
    async with Desk() as desk, Peer("publish") as peer:
        await peer.connect(desk.exchange("publish"))
        await desk.connected()
        for body in (b"", b"\x01\x00", bytes(60), b"\xff" * 300):
            for epoch in (0, 1, 2):
                peer.send_raw(_record(kind, body, epoch))
        peer.send_raw(bytes([kind]))
        await _still_works(desk, peer)


async def test_a_flood_of_records_is_dropped_at_the_queue() -> None:
    async with Desk(dtls_queue=4) as desk, Peer("publish") as peer:
        await peer.connect(desk.exchange("publish"))
        transport = await desk.connected()
        for _ in range(50):
            transport.record(_record(23, bytes(30), 1))
        assert desk.drops[DropReason.QUEUE_FULL] == 46
        await _still_works(desk, peer)


async def test_inventing_sources_is_limited() -> None:
    async with Desk() as desk, Peer("publish") as peer:
        await peer.connect(desk.exchange("publish"))
        await desk.connected()
        for ssrc in range(1, 101):
            peer.send_rtp(rtp_packet(b"x" * 20, payload_type=111, sequence=1, timestamp=1, ssrc=ssrc))
        await desk.wait_for(lambda: desk.drops[DropReason.TOO_MANY_SSRCS] == 68)
        assert len(desk.rtp) == 32


async def test_a_replayed_packet_is_refused() -> None:
    async with Desk() as desk, Peer("publish") as peer:
        await peer.connect(desk.exchange("publish"))
        await desk.connected()
        datagram = peer.protect(peer.lecture.next_sound())
        for _ in range(3):
            peer.send_raw(datagram)
        await desk.wait_for(lambda: desk.drops[DropReason.SRTP_AUTH] == 2)
        assert len(desk.rtp) == 1
