"""The threads in C: what they do with datagrams, and that they let go of what is taken from them."""

from __future__ import annotations

import asyncio
import gc
import os
import struct

import pytest

from broadcaster.drops import DropReason
from broadcaster.transport.engine import DATAGRAM, HEARD, RTCP, address_of, sockaddr_of, worker_count
from tests.support.engines import IDR, Hall, Watcher, bound, hall

PICTURE = [IDR + bytes(900), b"\x61" + bytes(900), b"\x61" + bytes(400)]
RECEIVER_REPORT = struct.pack("!BBHI", 0x80, 201, 1, 7)


def discarded(at: Hall) -> dict[DropReason, int]:
    found = at.engine.take_drops()
    for feed in at.feeds:
        for reason, count in feed.take_drops().items():
            found[reason] = found.get(reason, 0) + count
    return found


@pytest.mark.parametrize("threads", [1, 3])
async def test_a_picture_reaches_everybody_whatever_thread_sends_to_them(threads: int) -> None:
    async with hall(threads) as at:
        watchers = [Watcher(at) for _ in range(7)]
        at.send(PICTURE)
        for watcher in watchers:
            got: list[bytes] = []
            await at.until(lambda watcher=watcher, got=got: got.extend(watcher.received()) or len(got) == 3)
            assert got[2][12:] == PICTURE[2]


async def test_packets_of_a_picture_leave_as_one_train() -> None:
    async with hall() as at:
        watcher, got = Watcher(at), []
        for _ in range(5):
            at.send(PICTURE)
        await at.until(lambda: got.extend(watcher.received()) or len(got) == 15)
        lengths = at.feeds[0].counted().lengths
        assert lengths[3] >= 4
        assert at.feeds[0].counted().sends < 15


async def test_the_rest_of_a_picture_is_not_waited_for_for_long() -> None:
    async with hall() as at:
        watcher, got = Watcher(at), []
        at.send(PICTURE[:2], ends=False)
        await at.until(lambda: got.extend(watcher.received()) or len(got) == 2)


async def test_sound_and_picture_both_go_out() -> None:
    async with hall() as at:
        watcher, got = Watcher(at), []
        at.send(PICTURE)
        at.send([b"\xf8" * 100], kind=111)
        await at.until(lambda: got.extend(watcher.received()) or len(got) == 4)
        assert sorted(packet[1] & 0x7F for packet in got) == [96, 96, 96, 111]


async def test_what_is_stored_is_told() -> None:
    async with hall() as at:
        at.send(PICTURE)
        await at.until(lambda: at.woken > 0 and at.ring.next_index == 3)
        stored = at.ring.read(0)
        assert stored is not None
        assert stored.packet.starts_keyframe
        assert [at.ring.read(n).packet.marker for n in range(3)] == [False, False, True]


async def test_what_is_neither_stun_dtls_nor_media_is_counted() -> None:
    async with hall() as at:
        stranger = bound(at.stack)
        for data in (b"", b"\x05junk", b"\xff" * 30, b"\x80" + bytes(20), b"\x16" + bytes(20)):
            stranger.sendto(data, at.address)
        wanted = {DropReason.EMPTY: 1, DropReason.NOT_RFC7983: 2, DropReason.UNKNOWN_SOURCE: 2}
        found: dict[DropReason, int] = {}

        def counted() -> bool:
            for reason, count in discarded(at).items():
                found[reason] = found.get(reason, 0) + count
            return found == wanted

        await at.until(counted)
        assert at.up == []


async def test_stun_comes_up_from_anybody_and_dtls_from_those_who_are_known() -> None:
    async with hall() as at:
        watcher, stranger = Watcher(at), bound(at.stack)
        stranger.sendto(b"\x00\x01" + bytes(18), at.address)
        watcher.socket.sendto(b"\x17" + bytes(30), at.address)
        await at.until(lambda: len(at.up) == 2)
        assert {entry.what for entry in at.up} == {DATAGRAM}
        assert {entry.address for entry in at.up} == {stranger.getsockname(), watcher.socket.getsockname()}
        assert at.up[0].data == b"\x00\x01" + bytes(18)


async def test_a_flood_of_checks_is_bounded_and_counted() -> None:
    async with hall() as at:
        stranger = bound(at.stack)
        for _ in range(3000):  # more than the queue and this loop together take in one go
            stranger.sendto(b"\x00\x01" + bytes(18), at.address)
        found = 0

        def all_accounted_for() -> bool:
            nonlocal found
            found += discarded(at).get(DropReason.QUEUE_FULL, 0)
            return found > 0 and len(at.up) >= 256

        await at.until(all_accounted_for)
        at.up.clear()
        stranger.sendto(b"\x00\x01after" + bytes(13), at.address)
        await at.until(lambda: any(b"after" in entry.data for entry in at.up))


async def test_strangers_do_not_crowd_out_who_is_known() -> None:
    async with hall() as at:
        watcher, stranger = Watcher(at), bound(at.stack)
        for sender, count in ((stranger, 400), (watcher.socket, 100)):
            for _ in range(count):  # nobody looks meanwhile: this loop does not turn
                at.engine.receive(0, sender.getsockname(), b"\x00\x01" + bytes(18), 1.0)
        await at.until(lambda: len(at.up) == 356)
        assert sum(entry.address == watcher.socket.getsockname() for entry in at.up) == 100
        assert discarded(at)[DropReason.QUEUE_FULL] == 144


async def test_a_lecturers_reports_come_up_and_a_viewers_do_not() -> None:
    async with hall() as at:
        watcher = Watcher(at)
        watcher.report(RECEIVER_REPORT)
        at.lecturer.sendto(
            at._protects.protect_rtcp(struct.pack("!BBHIQIII", 0x80, 200, 6, 96, 1, 2, 3, 4)), at.address
        )
        await at.until(lambda: bool(at.up))
        assert [(entry.what, entry.tag) for entry in at.up] == [(RTCP, 9)]


async def test_valid_media_from_another_known_address_is_told_now_and_then() -> None:
    async with hall() as at:
        watcher, other = Watcher(at), bound(at.stack)
        at.engine.claim(watcher.peer, 0, other.getsockname())
        for _ in range(20):
            watcher.report(RECEIVER_REPORT)
            watcher.report(RECEIVER_REPORT, other)
        await at.until(lambda: bool(at.up) and at.engine.heard(0, watcher.socket.getsockname()) > 0)
        assert {(entry.what, entry.address) for entry in at.up} == {(HEARD, other.getsockname())}
        assert len(at.up) < 5


async def test_an_address_belongs_to_one_session() -> None:
    async with hall() as at:
        first, second = Watcher(at), Watcher(at)
        address = first.socket.getsockname()
        at.engine.claim(second.peer, 0, address)
        first.report(RECEIVER_REPORT)  # sealed with the keys of the first: the second cannot open it
        found: dict[DropReason, int] = {}
        await at.until(lambda: found.update(discarded(at)) or DropReason.SRTP_AUTH in found)
        at.engine.forget(0, address)
        assert at.engine.heard(0, address) == -1


async def test_viewers_media_and_too_many_sources_are_dropped() -> None:
    async with hall() as at:
        watcher = Watcher(at)
        watcher.socket.sendto(b"\x80\x60" + bytes(40), at.address)
        for ssrc in range(6):
            watcher.report(struct.pack("!BBHI", 0x80, 201, 1, ssrc))
        found: dict[DropReason, int] = {}
        await at.until(lambda: found.update(discarded(at)) or len(found) == 2)
        assert set(found) == {DropReason.VIEWER_SENT_MEDIA, DropReason.TOO_MANY_SSRCS}


@pytest.mark.parametrize("threads", [1, 2])
async def test_who_leaves_in_the_middle_of_a_sweep_is_never_used_again(threads: int) -> None:
    """The keys are collected as soon as `leave` returns: whoever used them still would crash."""
    async with hall(threads) as at:
        staying, got = Watcher(at), []
        for number in range(150):
            passing = [Watcher(at) for _ in range(3)]
            at.send([IDR + os.urandom(900), b"\x61" + os.urandom(900)])
            if number % 3 == 0:
                await asyncio.sleep(0)
            for watcher in passing:
                watcher.leave()
                watcher.socket.close()
            del passing
            if number % 50 == 0:
                gc.collect()
            got.extend(staying.received())
        await at.until(lambda: got.extend(staying.received()) or len(got) >= 300)
        numbers = [struct.unpack_from("!H", packet, 2)[0] for packet in got]
        assert numbers == list(range(numbers[0], numbers[0] + 300))
        assert all(len(feed) <= 1 for feed in at.feeds)


async def test_off_is_off_when_the_call_returns() -> None:
    async with hall() as at:
        watcher, got = Watcher(at), []
        at.send(PICTURE)
        await at.until(lambda: got.extend(watcher.received()) or len(got) == 3)
        for feed in at.feeds:
            feed.set_forwarding(False)
        sent = at.feeds[0].counted().packets_out
        at.send(PICTURE)
        await at.until(lambda: at.ring.next_index == 6)
        assert at.feeds[0].counted().packets_out == sent
        assert watcher.received() == []


async def test_another_source_begins_with_what_is_stored_already() -> None:
    async with hall() as at:
        watcher, got = Watcher(at), []
        for feed in at.feeds:
            feed.follow(None, 0)
        at.send(PICTURE)
        await at.until(lambda: at.ring.next_index == 3)
        assert watcher.received() == []
        for feed in at.feeds:
            feed.follow(at.intake.pointer, 0)
        await at.until(lambda: got.extend(watcher.received()) or len(got) == 3)


async def test_what_terminals_ask_for_again_comes_from_the_ring() -> None:
    async with hall() as at:
        watcher, got = Watcher(at), []
        at.send(PICTURE)
        await at.until(lambda: got.extend(watcher.received()) or len(got) == 3)
        watcher.report(RECEIVER_REPORT + struct.pack("!BBHIIHH", 0x81, 205, 3, 7, 2, 8, 0))
        await at.until(lambda: got.extend(watcher.received()) or len(got) == 4)
        assert (got[3][1] & 0x7F, struct.unpack_from("!I", got[3], 8)[0]) == (97, 3)
        assert got[3][14:] == PICTURE[1]


async def test_a_viewers_wish_for_a_keyframe_is_passed_on_once() -> None:
    async with hall() as at:
        watcher, got = Watcher(at), []
        at.send(PICTURE)
        await at.until(lambda: got.extend(watcher.received()) or len(got) == 3)
        at.feeds[0].take_wish()
        for _ in range(5):
            watcher.report(RECEIVER_REPORT + struct.pack("!BBHII", 0x81, 206, 2, 7, 2))
        await at.until(lambda: at.feeds[0].take_wish() == "viewer")
        watcher.report(RECEIVER_REPORT)
        await at.until(lambda: at.engine.heard(0, watcher.socket.getsockname()) > 0)
        assert at.feeds[0].take_wish() == ""


async def test_this_kernel_takes_trains() -> None:
    async with hall() as at:
        assert at.engine.take_missing() == []


@pytest.mark.parametrize("address", [("192.0.2.1", 5004), ("2001:db8::1", 5004, 0, 0), ("fe80::1%lo", 9, 0, 1)])
def test_an_address_survives_the_kernels_form(address: tuple[str, int]) -> None:
    assert address_of(sockaddr_of(address)) == address


def test_there_is_a_thread_for_every_core_but_never_many() -> None:
    assert worker_count(0) == min(4, len(os.sched_getaffinity(0)))
    assert worker_count(3) == 3
