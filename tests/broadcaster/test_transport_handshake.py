"""From offer to media and to the end, over loopback, with peers like Chromium, OBS and FFmpeg."""

from __future__ import annotations

import asyncio

import pytest

from broadcaster.drops import DropReason
from broadcaster.transport.srtp import NO_HANDLE, SealError, UnknownHandle
from tests.support.desk import STREAMS, Desk
from tests.support.lecture import rtp_packet
from tests.support.offers import Style
from tests.support.peer import Peer

HOSTS = ["127.0.0.1", "::1"]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("style", ["chromium", "obs", "ffmpeg"])
async def test_a_publisher_is_heard(style: Style, host: str) -> None:
    async with Desk() as desk, Peer("publish", style=style, host=host) as peer:
        await peer.connect(desk.exchange("publish"))
        transport = await desk.connected()
        sent = [*peer.send_frame(), peer.send_sound()]
        await desk.wait_for(lambda: len(desk.rtp) == len(sent))
        assert desk.rtp == sent
        assert transport.local.setup == ("active" if style == "ffmpeg" else "passive")
        assert repr(transport.path).startswith(host)
        peer.send_sender_reports(3.9e9)
        await desk.wait_for(lambda: len(desk.rtcp) == 2)


@pytest.mark.parametrize("host", HOSTS)
async def test_a_viewer_is_served_and_may_not_send(host: str) -> None:
    async with Desk() as desk, Peer("watch", host=host) as peer:
        await peer.connect(desk.exchange("watch"))
        transport = await desk.connected()
        packets = [
            rtp_packet(b"\x41" + bytes(800), payload_type=108, sequence=number, timestamp=0, ssrc=STREAMS.video_ssrc)
            for number in range(20)
        ]
        for packet in packets:
            assert transport.send(transport.protect(packet))
        await peer.wait_for(lambda: len(peer.rtp) == 20)
        assert peer.rtp == packets
        assert peer.answered_ssrcs() == [STREAMS.audio_ssrc, STREAMS.video_ssrc, STREAMS.rtx_ssrc]
        peer.send_sound()
        peer.send_receiver_report()
        await desk.wait_for(lambda: bool(desk.rtcp))
        assert desk.rtp == []
        assert desk.drops[DropReason.VIEWER_SENT_MEDIA] == 1


async def test_rtcp_goes_both_ways() -> None:
    async with Desk() as desk, Peer("publish") as peer:
        await peer.connect(desk.exchange("publish"))
        transport = await desk.connected()
        peer.send_receiver_report()
        await desk.wait_for(lambda: bool(desk.rtcp))
        assert transport.send_rtcp(desk.rtcp[0])
        await peer.wait_for(lambda: bool(peer.rtcp))
        assert peer.rtcp == desk.rtcp


@pytest.mark.parametrize("reason", ["cut", "taken_over"])
async def test_close_says_goodbye_at_once_and_once(reason: str) -> None:
    async with Desk() as desk, Peer("watch") as peer:
        await peer.connect(desk.exchange("watch"))
        transport = await desk.connected()
        handle = transport.srtp_handle
        transport.close(reason)
        transport.close("again")
        assert (transport.state, transport.srtp_handle, desk.closed) == ("closed", NO_HANDLE, [reason])
        async with asyncio.timeout(5):
            await peer.closed.wait()
        with pytest.raises(UnknownHandle):
            desk.port.srtp.seal(handle, bytes(12))
        assert not transport.send_rtcp(b"\x80\xc9\0\1\0\0\0\1")
        assert (len(desk.port), desk.port.handshakes, len(desk.port.srtp)) == (0, 0, 0)


async def test_a_goodbye_of_the_peer_closes() -> None:
    async with Desk() as desk, Peer("publish") as peer:
        await peer.connect(desk.exchange("publish"))
        await desk.connected()
        peer.close()
        await desk.wait_for(lambda: desk.closed == ["closed_by_peer"])


async def test_a_certificate_other_than_the_announced_one_fails() -> None:
    async with Desk() as desk, Peer("publish") as peer:
        words = peer.words.fingerprint
        peer.words = type(peer.words)(
            **{**vars(peer.words), "fingerprint": words[:-2] + ("00" if words[-2:] != "00" else "01")}
        )
        connecting = asyncio.create_task(peer.connect(desk.exchange("publish")))
        await desk.wait_for(lambda: desk.closed == ["dtls_failed"])
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
        assert desk.rtp == []


async def test_stop_closes_every_session_and_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    async with Desk() as desk:
        peers = [Peer("watch") for _ in range(5)]
        for peer in peers:
            await peer.connect(desk.exchange("watch"))
            await desk.connected()
        await desk.port.stop()
        assert desk.closed == ["shutdown"] * 5
        for peer in peers:
            async with asyncio.timeout(5):
                await peer.closed.wait()
            peer.vanish()
    while len(asyncio.all_tasks() - before) > 0:
        await asyncio.gather(*(asyncio.all_tasks() - before), return_exceptions=True)
    assert len(desk.port) == 0


async def test_packets_that_libsrtp_refuses_are_reported() -> None:
    async with Desk() as desk, Peer("watch") as peer:
        await peer.connect(desk.exchange("watch"))
        transport = await desk.connected()
        with pytest.raises(SealError, match="libsrtp refuses the packet"):
            transport.protect(b"\x80")
        with pytest.raises(SealError, match="too long"):
            transport.protect(bytes(2000))
        assert desk.port.srtp.address(transport.srtp_handle) > 4096


@pytest.mark.parametrize(("setup", "answered"), [("actpass", "passive"), ("active", "passive"), ("passive", "active")])
async def test_the_dtls_role_is_what_the_offer_leaves(setup: str, answered: str) -> None:
    async with Desk() as desk, Peer("watch", setup=setup) as peer:
        await peer.connect(desk.exchange("watch"))
        await desk.connected()
        assert peer.word("setup") == answered
        peer.send_receiver_report()
        await desk.wait_for(lambda: bool(desk.rtcp))


async def test_a_session_may_be_closed_while_it_connects_and_when_it_has() -> None:
    before = asyncio.all_tasks()
    async with Desk() as desk, Peer("watch") as early, Peer("watch") as late:
        early.take_answer(await desk.exchange("watch")(early.offer))
        early.start_checks()
        await desk.wait_for(lambda: desk.transport.state == "connecting")
        desk.transport.close("room_closed")
        late.take_answer(await desk.exchange("watch")(late.offer))
        late.start_checks()
        transport = desk.transport
        transport.on_connected = lambda: transport.close("replaced")
        await late.wait_for(lambda: bool(late.responses))
        await late.handshake()
        await desk.wait_for(lambda: desk.closed == ["room_closed", "replaced"])
        async with asyncio.timeout(5):
            await late.closed.wait()
    await asyncio.gather(*(asyncio.all_tasks() - before), return_exceptions=True)
    assert asyncio.all_tasks() == before


async def test_what_comes_after_the_end_is_from_an_unknown_source() -> None:
    async with Desk() as desk, Peer("publish") as peer:
        await peer.connect(desk.exchange("publish"))
        transport = await desk.connected()
        transport.close("deleted")
        peer.send_sound()
        peer.send_raw(peer.check())
        await desk.wait_for(lambda: desk.drops[DropReason.UNAUTHENTICATED_STUN] >= 1)
        assert desk.drops[DropReason.UNKNOWN_SOURCE] == 1
        assert (desk.rtp, transport.send(b"x"), desk.closed) == ([], False, ["deleted"])
