"""What leaves the native fan-out by real sockets: trains, one bad destination among good ones, full queues.

A terminal is a socket: UDP on the loopback, or a Unix datagram socket, whose queue takes a dozen messages and then
refuses for its sender alone. Unix sockets pass over the train's control message.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pylibsrtp import Policy, Session

from broadcaster.drops import DropReason
from broadcaster.forward.cache import Ring
from broadcaster.forward.layout import SLOT_BYTES, State
from broadcaster.forward.native_fanout import NativeBursts, NativeFanout, NativeRetransmitter
from broadcaster.forward.plan import Terminal
from broadcaster.media import Kind
from broadcaster.rtp.packet import RtpPacket
from broadcaster.rtp.rtcp import Nack, SenderReport, parse_compound
from broadcaster.transport.aiortc_private import Sealer, function_address, session_address
from tests.support.forwarding import VIDEO_SSRC, Lecturer, PythonTwin, Wire, drain, terminal
from tests.support.native import needs_native

SO_NO_CHECK = 11  # of a socket that sends without checksums the kernel makes no trains: EINVAL
WIDE, NARROW = 0, 1  # the two sockets that a hall sends from

pytestmark = needs_native


def session(key: bytes, direction: int = Policy.SSRC_ANY_OUTBOUND) -> Session:
    policy = Policy(key=key, ssrc_type=direction, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_128_GCM)
    policy.allow_repeat_tx = True
    policy.window_size = 1024
    return Session(policy)


class Chair:
    """A terminal's end: its socket and its key."""

    def __init__(self, family: int) -> None:
        self.key = os.urandom(28)
        self.inbound = session(self.key, Policy.SSRC_ANY_INBOUND)
        self.outbound = session(self.key)
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        if family == socket.AF_UNIX:
            self.socket.bind("")
            name = self.socket.getsockname()
            self.address = struct.pack("=H", family) + (name if isinstance(name, bytes) else name.encode())
        else:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            self.socket.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
            port = self.socket.getsockname()[1]
            self.address = (
                struct.pack("=H", family) + struct.pack("!HI16sI", port, 0, bytes(15) + b"\x01", 0)
                if family == socket.AF_INET6
                else struct.pack("=H", family) + struct.pack("!H4s8x", port, bytes((127, 0, 0, 1)))
            )

    def datagrams(self) -> list[bytes]:
        """All that came since the last call."""
        found = []
        while True:
            try:
                found.append(self.socket.recv(65_536))
            except BlockingIOError:
                return found

    def packets(self) -> list[RtpPacket]:
        return [RtpPacket.parse(self.inbound.unprotect(datagram)) for datagram in self.datagrams()]


class Hall:
    """A native fan-out that sends as an engine does, with a chair for each terminal."""

    def __init__(self, family: int, count: int, stack: ExitStack, **options: Any) -> None:
        self.wire, self.lecturer = Wire(), Lecturer()
        self.out = [stack.enter_context(socket.socket(family, socket.SOCK_DGRAM)) for _ in range(2)]
        for out in self.out:
            out.setblocking(False)
        addresses = [function_address(name) for name in ("srtp_protect", "srtp_protect_rtcp")]
        wire = self.wire
        self.fanout = NativeFanout(
            count + 1,
            seal=wire.seal,
            send=wire.send,
            drop=wire.drops,
            wish=wire.wish,
            queue=512,
            outlet=(*addresses, [out.fileno() for out in self.out]),
        )
        self.fanout.source_changed(self.lecturer.ring)
        self.fanout.set_forwarding(True)
        wire.wishes.clear()
        self.chairs: list[Chair] = []
        for slot in range(count):
            self.sit(Chair(family), **options.get(f"slot{slot}", {"rtx": slot % 2 == 0}))
            stack.callback(self.chairs[slot].socket.close)

    def sit(self, chair: Chair, out: int = WIDE, **options: Any) -> Terminal:
        slot = len(self.chairs)
        described = replace(
            terminal(slot, **options), handle=session_address(chair.outbound), sockaddr=chair.address, socket=out
        )
        self.chairs.append(chair)
        self.fanout.join(described)
        return described

    def show(self, *, key: bool = False, sizes: tuple[int, ...] = (1000, 998, 999, 300), sound: bool = False) -> None:
        self.fanout.offer(self.lecturer.frame(sizes, key))
        if sound:
            self.fanout.offer(self.lecturer.opus())
        drain(self.fanout, 7.0)

    @property
    def sends(self) -> int:
        return int(self.fanout.counters.sends)


@contextmanager
def hall(family: int = socket.AF_INET, count: int = 3, **options: Any) -> Iterator[Hall]:
    with ExitStack() as stack:
        yield Hall(family, count, stack, **options)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
@pytest.mark.parametrize("degraded", ["", "no_gso", "no_sendmmsg"])
def test_trains_arrive_as_the_very_datagrams_of_the_twin(family: int, degraded: str) -> None:
    with hall(family, 4) as native:
        if degraded:
            setattr(native.fanout.outlet, degraded, True)
        wire, sealer = Wire(), Sealer()
        seals = {slot + 1: session(chair.key) for slot, chair in enumerate(native.chairs)}
        wire.seal = lambda handle, packet: sealer.rtp(seals[handle], packet)  # type: ignore[method-assign]
        wire.send = lambda slot, datagram: wire.datagrams.append((slot, datagram)) is None  # type: ignore[method-assign]
        python = PythonTwin().fanout(wire)
        for slot in range(4):
            python.join(terminal(slot, rtx=slot % 2 == 0))
        lecturer = Lecturer()
        for number in range(30):
            sizes = (1000, 998, 999, 300) if number % 3 else (1100,) * 20 + (50,)
            native.show(key=number == 0, sizes=sizes, sound=True)
            python.offer(lecturer.frame(sizes, number == 0))
            python.offer(lecturer.opus())
            drain(python, 7.0)
            for slot, chair in enumerate(native.chairs):
                assert chair.datagrams() == [datagram for at, datagram in wire.datagrams if at == slot]
            wire.datagrams.clear()
        assert native.wire.dropped() == {}
        packets = native.fanout.counters.packets_out
        assert packets == 4 * (10 * 22 + 20 * 5)
        assert (native.sends == packets) == (degraded == "no_gso")
        for row in native.fanout.plan.rows():
            other = python.plan.row(row.slot)
            assert other is not None
            assert other.streams == row.streams


def test_a_path_that_takes_no_trains_degrades_alone_and_loses_nothing() -> None:
    with hall(count=3, slot1={"out": NARROW}) as native:
        native.out[NARROW].setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        native.show(key=True)
        first = native.sends
        native.show()
        assert [[packet.sequence for packet in chair.packets()] for chair in native.chairs] == [
            list(range(100, 108))
        ] * 3
        assert native.wire.dropped() == {}
        assert native.wire.wishes == []
        assert native.sends - first == 1 + 4 + 1
        assert not native.fanout.outlet.no_gso


def test_a_destination_of_another_family_costs_nobody_else_anything() -> None:
    with hall(count=2) as native:
        stranger = Chair(socket.AF_INET6)
        native.sit(stranger)
        native.show(key=True, sound=True)
        native.show(sound=True)
        assert [len(chair.packets()) for chair in native.chairs] == [10, 10, 0]
        assert native.wire.dropped() == {DropReason.SEND_ERROR: 10}
        row = native.fanout.plan.row(2)
        assert row is not None
        assert [stream.packets for stream in row.streams] == [0, 0]
        stranger.socket.close()


def test_nobody_is_sent_to_before_there_is_a_path() -> None:
    with hall(count=1) as native:
        described = replace(terminal(1), handle=session_address(native.chairs[0].outbound))
        native.fanout.join(described)
        native.show(key=True)
        assert native.wire.dropped() == {DropReason.NO_PATH: 4}


def test_a_datagram_that_nobody_hears_is_no_error_of_the_next() -> None:
    """A closed port answers with ICMP, which a later call may report."""
    with hall(count=3) as native:
        native.chairs[0].socket.close()
        for number in range(20):
            native.show(key=number == 0, sound=True)
        assert [len(chair.packets()) for chair in native.chairs[1:]] == [100, 100]
        assert native.wire.dropped() == {}


def test_a_full_destination_loses_video_to_the_end_of_the_frame_and_wishes_a_keyframe() -> None:
    with hall(socket.AF_UNIX, 2) as native:
        native.fanout.outlet.no_gso = True
        frame = tuple(range(500, 530))
        native.show(key=True, sizes=frame)
        got = native.chairs[0].packets()
        assert 5 < len(got) < 20
        lost = len(frame) - len(got)
        assert native.wire.dropped() == {DropReason.WOULD_BLOCK: 2, DropReason.FRAME_REMAINDER: 2 * (lost - 1)}
        assert native.wire.wishes == [(0, "would_block"), (1, "would_block")]
        row = native.fanout.plan.row(0)
        assert row is not None
        assert (row.streams[Kind.VIDEO].packets, row.streams[Kind.VIDEO].state) == (len(got), State.LIVE)
        assert row.streams[Kind.VIDEO].octets == sum(len(packet.payload) for packet in got)
        native.chairs[1].packets()
        native.show(sizes=(10, 20))
        assert [packet.sequence for packet in native.chairs[0].packets()] == [130, 131]


def test_others_lose_nothing_by_a_full_destination() -> None:
    with hall(socket.AF_UNIX, 3) as native:
        native.fanout.outlet.no_gso = True
        seen: list[list[RtpPacket]] = [[], [], []]
        for number in range(40):
            native.show(key=number == 0, sizes=(700, 690))
            for slot in (0, 2):
                seen[slot] += native.chairs[slot].packets()
        assert [packet.sequence for packet in seen[0]] == list(range(100, 180))
        assert [packet.sequence for packet in seen[2]] == list(range(100, 180))
        assert {slot for slot, _ in native.wire.wishes} == {1}
        assert native.wire.dropped()[DropReason.WOULD_BLOCK] > 10


def test_a_refused_train_counts_all_its_packets() -> None:
    """The wish comes at once when the end of the frame was in it."""
    with hall(socket.AF_UNIX, 1, slot0={"rtx": True}) as native:
        for number in range(40):
            native.show(key=number == 0, sizes=(100, 100, 100))
        taken = len(native.chairs[0].datagrams())
        assert taken < 20
        assert native.wire.dropped() == {DropReason.WOULD_BLOCK: 3 * (40 - taken)}
        assert native.wire.wishes == [(0, "would_block")] * (40 - taken)


def test_refused_sound_leaves_later_with_the_same_bytes_or_never() -> None:
    with hall(socket.AF_UNIX, 1) as native:
        native.fanout.outlet.no_gso = True
        native.show(key=True, sizes=(100,) * 30)
        waiting = native.chairs[0]
        native.fanout.offer(native.lecturer.opus())
        assert native.fanout.turn(1.0)
        waiting.packets()
        assert not native.fanout.turn(2.0)
        sound = waiting.packets()
        assert [packet.sequence for packet in sound] == [100]
        before = native.wire.dropped()[DropReason.WOULD_BLOCK]
        native.show(sizes=(100,) * 30)
        native.fanout.offer(native.lecturer.opus())
        assert drain(native.fanout, 3.0) == 2
        assert native.wire.dropped()[DropReason.WOULD_BLOCK] == before + 2
        row = native.fanout.plan.row(0)
        assert row is not None
        assert row.streams[Kind.AUDIO].packets == 1


@pytest.mark.parametrize("rtx", [True, False])
def test_a_burst_leaves_in_trains_and_outlasts_refusals(rtx: bool) -> None:
    with hall(socket.AF_INET, 1) as native:
        native.lecturer.frame((800, 800, 800, 100), key=True)
        for _ in range(20):
            native.lecturer.frame((800, 800, 800, 100))
        bursts = NativeBursts(native.fanout, native.lecturer.ring)
        chair = Chair(socket.AF_INET)
        native.sit(chair, rtx=rtx)
        assert bursts.start(1, 1.0)
        now = 1.0
        while len(bursts):
            bursts.handle_timer(now)
            now += 0.005
        assert [packet.sequence for packet in chair.packets()] == list(range(100, 184))
        assert native.sends == 21
        assert native.wire.dropped() == {}
        chair.socket.close()


def test_a_refused_burst_goes_on_with_the_same_bytes() -> None:
    with hall(socket.AF_UNIX, 0) as native:
        native.fanout.outlet.no_gso = True
        native.lecturer.frame((800,) * 40, key=True)
        bursts = NativeBursts(native.fanout, native.lecturer.ring)
        chair = Chair(socket.AF_UNIX)
        native.sit(chair)
        assert bursts.start(0, 1.0)
        seen: list[RtpPacket] = []
        now = 1.0
        while len(bursts):
            bursts.handle_timer(now)
            seen += chair.packets()
            now += 0.005
        assert [packet.sequence for packet in seen] == list(range(100, 140))
        assert native.wire.dropped() == {}
        chair.socket.close()


def test_what_is_asked_for_again_comes_in_one_train() -> None:
    with hall(count=2) as native:
        answers = NativeRetransmitter(native.fanout, native.lecturer.ring)
        for number in range(5):
            native.show(key=number == 0, sizes=(500,) * 6)
        for chair in native.chairs:
            chair.packets()
        before = native.sends
        for slot, chair in enumerate(native.chairs):
            lost = tuple(range(100, 130, 3))
            assert answers.answer(slot, Nack(1, VIDEO_SSRC + slot, lost), 0.05, 1.0) == 10
            assert len(chair.datagrams()) == 10
        assert native.sends - before == 2


def test_reports_reach_every_terminal() -> None:
    with hall(count=40) as native:
        native.fanout.clock(3_900_000_000.0, 1.0, 2.0)
        native.show(key=True, sound=True)
        before = native.sends
        native.fanout.handle_reports(10.0)
        assert native.sends - before == 40
        for slot, chair in enumerate(native.chairs):
            reports = parse_compound(chair.inbound.unprotect_rtcp(chair.datagrams()[-1]))
            senders = [packet for packet in reports if isinstance(packet, SenderReport)]
            assert [packet.ssrc for packet in senders] == [1000 + slot, VIDEO_SSRC + slot]


def test_who_leaves_is_forgotten_before_the_call_returns() -> None:
    """The session may be collected then; a slot that is used again takes trains until its own path refuses."""
    with hall(count=2, slot1={"out": NARROW}) as native:
        native.out[NARROW].setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        native.show(key=True)
        native.fanout.leave(1)
        native.chairs.pop().socket.close()
        before = native.sends
        native.show()
        assert native.sends - before == 1
        native.sit(Chair(socket.AF_INET))
        before = native.sends
        native.show(key=True)
        assert native.sends - before == 2


def test_what_the_ring_lost_before_its_sweep_is_counted_and_never_sealed() -> None:
    with hall(count=2) as native:
        native.lecturer.ring = Ring(8.0, 8 * SLOT_BYTES)
        native.fanout.source_changed(native.lecturer.ring)
        native.fanout.offer(native.lecturer.frame((100, 200), key=True))
        for _ in range(2):
            native.lecturer.frame((50,) * 3)
        native.fanout.mirror()
        native.lecturer.frame((50,))
        native.fanout.mirror()
        drain(native.fanout, 7.0)
        assert native.wire.dropped() == {DropReason.RING_EXPIRED: 2}
        assert [[packet.sequence for packet in chair.packets()] for chair in native.chairs] == [[101], [101]]


def test_counters_tell_how_long_trains_are_and_how_late_they_left() -> None:
    with hall(count=2) as native:
        native.lecturer.now = time.monotonic()
        native.show(key=True, sizes=(1000,) * 20)
        native.lecturer.now = time.monotonic() - 3600
        native.show(sizes=(100,))
        counters = native.fanout.counters
        assert {length: times for length, times in enumerate(counters.lengths) if times} == {1: 1, 4: 1, 16: 1}
        assert (counters.trains, counters.segments, counters.forwarded, counters.packets_out) == (3, 21, 21, 42)
        assert sum(counters.latency) == 2
        assert counters.latency[63] == 1


def test_an_idle_terminal_costs_half_a_kilobyte_here() -> None:
    """Seats, rows and acknowledgements of the C structures; whoever asks for packets again costs 3 kB more."""
    page, count = os.sysconf("SC_PAGE_SIZE"), 4000
    with hall(count=0):
        before = int(Path("/proc/self/statm").read_text().split()[1])
        wire = Wire()
        fanout = NativeFanout(count, seal=wire.seal, send=wire.send, drop=wire.drops, wish=wire.wish, queue=512)
        row = fanout.plan.join(terminal(0))
        for slot in range(count):
            row.slot = slot
            row.write(fanout.plan.memory)
            fanout.call("fanout_join", slot)
        after = int(Path("/proc/self/statm").read_text().split()[1])
        assert fanout.counters.viewers == count
        assert (after - before) * page / count < 1024
