"""One-packet attacks before, during and after the handshake: no session is lost, and each packet is counted.

Every attack comes from a foreign socket; those that a forged source address makes worse come from the peer's own as well.
"""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from broadcaster.drops import DropReason
from tests.support.attacks import ATTACKS, Attack, record
from tests.support.desk import Desk
from tests.support.lecture import rtp_packet
from tests.support.peer import Peer


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
                peer.send_raw(record(kind, body, epoch))
        peer.send_raw(bytes([kind]))
        await _still_works(desk, peer)


async def test_a_flood_of_records_is_dropped_at_the_queue() -> None:
    async with Desk(dtls_queue=4) as desk, Peer("publish") as peer:
        await peer.connect(desk.exchange("publish"))
        transport = await desk.connected()
        for _ in range(50):
            transport.record(record(23, bytes(30), 1))
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
