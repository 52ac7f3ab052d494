"""Silence, moves, restarts, full buffers and limits; time is handed in."""

from __future__ import annotations

import asyncio
import errno
import os
import socket

import pytest

from broadcaster.drops import DropReason
from broadcaster.errors import Busy
from broadcaster.transport.addresses import candidates_of, local_addresses, open_sockets
from broadcaster.transport.sdp import parse_fragment, parse_offer
from broadcaster.transport.transport import Transport
from tests.support.desk import Desk
from tests.support.offers import OfferWords, write_offer
from tests.support.peer import Peer


async def test_a_handshake_that_never_begins_is_ended() -> None:
    async with Desk() as desk:
        await desk.exchange("publish")(write_offer(OfferWords()))
        desk.skip(9.5)
        assert desk.closed == []
        desk.skip(1.0)
        assert desk.closed == ["handshake_timeout"]
        assert len(desk.port) == 0


async def test_a_handshake_that_stops_half_way_is_ended() -> None:
    async with Desk() as desk, Peer("publish") as peer:
        peer.take_answer(await desk.exchange("publish")(peer.offer))
        peer.start_checks()
        await desk.wait_for(lambda: desk.transport.state == "connecting")
        desk.skip(10.5)
        assert desk.closed == ["handshake_timeout"]
        assert desk.port.handshakes == 0


async def test_consent_lost_for_thirty_seconds_ends_a_session() -> None:
    async with Desk() as desk, Peer("watch") as peer:
        await peer.connect(desk.exchange("watch"))
        await desk.connected()
        peer.stop_checks()
        desk.skip(29.0)
        assert desk.closed == []
        peer.send_receiver_report()  # media is no consent (RFC 7675 section 5.1)
        await desk.wait_for(lambda: len(desk.rtcp) == 1)
        desk.skip(2.0)
        assert desk.closed == ["consent_lost"]


async def test_a_check_renews_consent() -> None:
    async with Desk() as desk, Peer("watch") as peer:
        await peer.connect(desk.exchange("watch"))
        await desk.connected()
        for _ in range(4):
            desk.skip(20.0)
            answered = len(peer.responses)
            peer.send_raw(peer.check())
            await peer.wait_for(lambda answered=answered: len(peer.responses) > answered)
        assert desk.closed == []


async def test_the_path_follows_a_nomination_from_a_new_port() -> None:
    async with Desk() as desk, Peer("publish") as peer:
        await peer.connect(desk.exchange("publish"))
        transport = await desk.connected()
        before = transport.path
        peer.rebind()
        peer.send_sound()
        await desk.wait_for(lambda: desk.drops[DropReason.UNKNOWN_SOURCE] == 1)
        peer.send_raw(peer.check(nominate=True))
        await desk.wait_for(lambda: desk.moves == 2)
        assert transport.path is not before
        peer.send_sound()
        await desk.wait_for(lambda: len(desk.rtp) == 1)
        transport.send_rtcp(b"\x80\xc9\0\1\0\0\0\1")
        await peer.wait_for(lambda: bool(peer.rtcp))


async def test_the_path_follows_media_from_a_checked_address_when_the_old_one_is_silent() -> None:
    async with Desk() as desk, Peer("publish") as peer:
        await peer.connect(desk.exchange("publish"))
        transport = await desk.connected()
        before = transport.path
        peer.stop_checks()
        peer.rebind()
        answered = len(peer.responses)
        peer.send_raw(peer.check(nominate=False))
        await peer.wait_for(lambda: len(peer.responses) > answered)
        peer.send_sound()
        await desk.wait_for(lambda: len(desk.rtp) == 1)
        assert transport.path is before, "the old path was heard less than five seconds ago"
        desk.skip(5.5)
        peer.send_sound()
        await desk.wait_for(lambda: len(desk.rtp) == 2)
        assert transport.path is not before


async def test_a_copied_check_from_elsewhere_does_not_divert_the_media() -> None:
    async with Desk() as desk, Peer("publish") as peer:
        await peer.connect(desk.exchange("publish"))
        transport = await desk.connected()
        request = peer.check(nominate=True)
        answered = len(peer.responses)
        peer.send_raw(request)
        await peer.wait_for(lambda: len(peer.responses) > answered)
        path = transport.path
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as copier:
            copier.bind(("127.0.0.1", 0))
            assert peer.remote is not None
            copier.sendto(request, peer.remote)
            await desk.wait_for(lambda: desk.drops[DropReason.REPLAYED_STUN] == 1)
        assert transport.path is path
        assert transport.links == (path,)


async def test_a_restart_keeps_the_session_and_retires_the_old_credentials() -> None:
    async with Desk() as desk, Peer("publish") as peer:
        await peer.connect(desk.exchange("publish"))
        transport = await desk.connected()
        old = transport.local.credentials
        fragment = peer.restart()
        answer = desk.restart(fragment)
        old_check = peer.check()
        answered = len(peer.responses)
        peer.send_raw(old_check)  # the old ones hold until the first check with the new
        await peer.wait_for(lambda: len(peer.responses) > answered)
        peer.rebind()
        peer.take_fragment(answer)
        answered = len(peer.responses)
        peer.send_raw(peer.check())
        await peer.wait_for(lambda: len(peer.responses) > answered)
        assert transport.local.credentials != old
        assert transport.ufrags == (transport.local.credentials.ufrag,)
        peer.send_raw(old_check)
        await desk.wait_for(lambda: desk.drops[DropReason.UNAUTHENTICATED_STUN] == 1)
        peer.send_sound()
        await desk.wait_for(lambda: len(desk.rtp) == 1)


async def test_a_restart_replaces_one_that_was_never_used() -> None:
    async with Desk() as desk, Peer("publish") as peer:
        await peer.connect(desk.exchange("publish"))
        transport = await desk.connected()
        desk.restart(peer.restart())
        abandoned = transport.ufrags[1]
        peer.take_fragment(desk.restart(peer.restart()))
        assert abandoned not in transport.ufrags
        credentials = parse_fragment(peer.restart(), desk.settings.sdp).credentials
        assert credentials is not None
        assert not transport.is_remote(credentials)
        transport.close("closed")
        peer.send_raw(peer.check())
        await desk.wait_for(lambda: desk.drops[DropReason.UNAUTHENTICATED_STUN] >= 1)


async def test_an_address_of_a_living_session_is_not_taken() -> None:
    async with Desk() as desk, Peer("publish") as peer, Peer("publish") as thief:
        await peer.connect(desk.exchange("publish"))
        victim = await desk.connected()
        thief.take_answer(await desk.exchange("publish")(thief.offer))
        peer.send_raw(thief.check())  # as if the thief could forge the victim's address
        await desk.wait_for(lambda: desk.drops[DropReason.ADDRESS_TAKEN] == 1)
        assert desk.transport.path is None
        peer.send_sound()
        await desk.wait_for(lambda: len(desk.rtp) == 1)
        desk.clock.skipped += 5.5
        peer.stop_checks()
        peer.send_raw(thief.check())
        await desk.wait_for(lambda: desk.transport.path is not None)
        assert victim.state == "connected"


async def test_a_full_send_buffer_drops_and_counts() -> None:
    class FullSocket:
        def sendto(self, datagram: bytes, address: object) -> int:
            raise BlockingIOError(errno.EAGAIN, "full")

    async with Desk() as desk, Peer("watch") as peer:
        await peer.connect(desk.exchange("watch"))
        transport = await desk.connected()
        assert transport.path is not None
        local = transport.path.local
        real = local.socket  # type: ignore[attr-defined]
        local.socket = FullSocket()  # type: ignore[attr-defined]
        try:
            assert not transport.send(b"x")
            assert desk.drops[DropReason.WOULD_BLOCK] == 1
        finally:
            local.socket = real  # type: ignore[attr-defined]
        assert not transport.send(bytes(70_000))
        assert desk.drops[DropReason.SEND_ERROR] == 1
        assert transport.send_rtcp(b"\x80\xc9\0\1\0\0\0\1")
        await peer.wait_for(lambda: bool(peer.rtcp))


async def test_nothing_is_sent_before_somebody_is_heard() -> None:
    async with Desk() as desk:
        await desk.exchange("watch")(write_offer(OfferWords(kind="watch")))
        assert not desk.transport.send(b"x")
        assert not desk.transport.send_rtcp(b"\x80\xc9\0\1\0\0\0\1")
        assert (desk.drops[DropReason.NO_PATH], desk.drops[DropReason.NOT_CONNECTED]) == (1, 1)


async def test_too_many_handshakes_and_sessions_are_busy() -> None:
    offer = write_offer(OfferWords())
    async with Desk(handshakes=2, sessions=3) as desk:
        remote = parse_offer(offer, desk.settings.sdp, "publish").remote
        for _ in range(2):
            desk.port.open(remote, label="x")
        with pytest.raises(Busy, match="2 handshakes are under way") as refused:
            desk.port.open(remote, label="x")
        assert refused.value.retry_after > 0
    async with Desk(sessions=1) as desk:
        first = desk.port.open(remote, label="x")
        with pytest.raises(Busy, match="1 sessions are open"):
            desk.port.open(remote, label="x")
        first.close("deleted")
        assert isinstance(desk.port.open(remote, label="x"), Transport)


async def test_an_advertised_address_stands_in_for_the_bound_ones() -> None:
    async with Desk(hosts=["127.0.0.1"], advertised=["203.0.113.7"]) as desk:
        answer = await desk.exchange("publish")(write_offer(OfferWords()))
        assert f"a=candidate:1 1 udp 2130706431 203.0.113.7 {desk.port.port} typ host" in answer
        assert "c=IN IP4 203.0.113.7" in answer
        assert "127.0.0.1" not in answer


async def test_every_address_is_bound_on_one_port() -> None:
    async with Desk() as desk:
        assert [(c.address, c.port) for c in desk.port.candidates()] == [
            ("127.0.0.1", desk.port.port),
            ("::1", desk.port.port),
        ]
        with pytest.raises(OSError, match="in use"):
            open_sockets(["127.0.0.1"], desk.port.port, 65536, named=True)


def test_the_addresses_of_this_machine_leave_out_link_local_ones() -> None:
    every, routable = local_addresses([], loopback=True), local_addresses(["192.0.2.1"], loopback=False)
    assert routable == ["192.0.2.1"]
    assert "127.0.0.1" in every
    assert not any(address.startswith(("fe80", "169.254")) for address in every)
    with pytest.raises(ValueError, match="not-an-address"):
        local_addresses(["not-an-address"], loopback=True)
    with pytest.raises(ValueError, match="leave the list empty to take all"):
        local_addresses(["0.0.0.0"], loopback=True)


def test_an_address_that_cannot_be_bound_is_an_error_only_when_it_is_named() -> None:
    foreign = "203.0.113.9"
    with pytest.raises(OSError, match=r"."):
        open_sockets(["127.0.0.1", foreign], 0, 65536, named=True)
    opened = open_sockets(["127.0.0.1", foreign], 0, 65536, named=False)
    assert [local.host for local in opened] == ["127.0.0.1"]
    opened[0].socket.close()
    with pytest.raises(OSError, match="none of the addresses"):
        open_sockets([foreign], 0, 65536, named=False)


def test_the_buffers_are_as_large_as_asked() -> None:
    for local in open_sockets(["127.0.0.1", "::1"], 0, 200_000, named=True):
        with local.socket as bound:
            assert bound.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2 >= 200_000
            assert bound.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 2 >= 200_000


def test_candidates_are_ranked_in_their_order() -> None:
    first, second = candidates_of(["192.0.2.1", "2001:db8::1"], 8189)
    assert str(first) == "1 1 udp 2130706431 192.0.2.1 8189 typ host"
    assert str(second) == "2 1 udp 2130706175 2001:db8::1 8189 typ host"


async def test_joins_and_leaves_leave_nothing_behind() -> None:
    async with Desk() as desk:
        tasks, descriptors = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))
        for number in range(30):
            peer = Peer("watch")
            await peer.connect(desk.exchange("watch"))
            await desk.connected()
            if number % 2:
                peer.close()
                await desk.wait_for(lambda number=number: len(desk.closed) == number + 1)
            else:
                desk.transport.close("deleted")
                await peer.closed.wait()
                peer.vanish()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)
        assert (len(desk.port), len(desk.port.srtp), desk.port.handshakes) == (0, 0, 0)
        assert [local.peers for local in desk.port._sockets] == [{}, {}]
        assert desk.port._by_ufrag == {}
        assert (len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))) == (tasks, descriptors)
