"""The test that the native twin passes before it may send: with every SRTP profile, byte for byte what the Python twin sends.

It runs the real way: libsrtp by address, trains through the kernel, over loopback, without threads. What comes out is
compared with `pylibsrtp.Session.protect`; what goes in is protected by pylibsrtp and has to lie in the ring.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final, NamedTuple

from pylibsrtp import Policy, Session

from broadcaster.drops import Drops
from broadcaster.forward.fanout import Fanout
from broadcaster.forward.layout import ROW_BYTES
from broadcaster.forward.native import Native
from broadcaster.forward.native_ring import NativeIntake, NativeRing
from broadcaster.forward.plan import Lane, Plan, RtxLane, Terminal
from broadcaster.media import Kind, MediaPacket
from broadcaster.rtp.packet import HEADER
from broadcaster.transport.aiortc_private import session_address
from broadcaster.transport.engine import CLAIM, libsrtp_functions, sockaddr_of

PROFILES: Final = ("AEAD_AES_128_GCM", "AEAD_AES_256_GCM", "AES128_CM_SHA1_80")
SIZES: Final = (900, 898, 900, 400)  # a train that needs padding, and a shorter end
NOW: Final = 12.5
SECONDS: Final = 1.0
VIDEO_TYPE: Final = 96
KEY_BYTES: Final = 46  # as many as the longest profile takes
LECTURERS_SSRC: Final = 7


class SelfTestFailed(Exception):
    """The native twin does not do what the Python twin does; the message says with which profile and where."""


class _Bench(NamedTuple):
    """An engine without threads, one fan-out, and the socket that its terminal listens on."""

    native: Native
    engine: Any
    feed: Any
    terminal: socket.socket


def check(native: Native) -> None:
    """Raise `SelfTestFailed`, or `OSError` where there is no loopback to test on."""
    for name in PROFILES:
        profile = getattr(Policy, f"SRTP_PROFILE_{name}", None)
        if profile is None:
            continue
        with _bench(native) as bench:
            _check_outbound(bench, name, profile)
            _check_inbound(bench, name, profile)


@contextmanager
def _bench(native: Native) -> Iterator[_Bench]:
    ffi, lib = native
    with ExitStack() as stack:
        sender, terminal = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2)]
        for each in (sender, terminal):
            each.bind(("127.0.0.1", 0))
        terminal.settimeout(SECONDS)
        wake = os.eventfd(0, os.EFD_NONBLOCK)
        stack.callback(os.close, wake)
        engine = lib.engine_new([sender.fileno()], 1, 1, libsrtp_functions(ffi), wake)
        stack.callback(lib.engine_free, engine)
        limits = ffi.new("struct fanout_settings *", {"capacity": 4, "queue": 64, "burst_octets": 1})
        yield _Bench(native, engine, lib.engine_adopt(engine, limits, 0, 0.0), terminal)


def _session(key: bytes, profile: int, kind: int = Policy.SSRC_ANY_OUTBOUND) -> Session:
    policy = Policy(key=key, ssrc_type=kind, srtp_profile=profile)
    policy.allow_repeat_tx = kind == Policy.SSRC_ANY_OUTBOUND
    return Session(policy)


def _check_outbound(bench: _Bench, name: str, profile: int) -> None:
    key = os.urandom(KEY_BYTES)
    ours, reference = _session(key, profile), _session(key, profile)
    terminal = Terminal(
        handle=session_address(ours),
        audio=None,
        video=Lane(1000, 108, 32_766, 5, abs_send_time_id=2, mid_id=4, mid=b"1"),
        rtx=RtxLane(2000, 109, 3),
        sockaddr=sockaddr_of(bench.terminal.getsockname()),
    )
    packets = _picture()
    expected = _by_python(terminal, packets, reference)
    sent = _by_native(bench, terminal, packets)
    if sent != expected:
        at = next((n for n, pair in enumerate(zip(sent, expected, strict=False)) if pair[0] != pair[1]), len(sent))
        raise SelfTestFailed(f"with {name} packet {at} of {len(expected)} is sealed otherwise than by pylibsrtp")


def _picture() -> list[MediaPacket]:
    return [
        MediaPacket(n, Kind.VIDEO, 70_000 + n, 1 << 33, n == len(SIZES) - 1, True, n == 0, NOW, os.urandom(size))
        for n, size in enumerate(SIZES)
    ]


def _by_python(terminal: Terminal, packets: list[MediaPacket], session: Session) -> list[bytes]:
    sent: list[bytes] = []

    def send(slot: int, datagram: bytes) -> bool:
        sent.append(datagram)
        return True

    fanout = Fanout(
        Plan(4),
        seal=lambda handle, packet: bytes(session.protect(packet)),
        send=send,
        drop=Drops(),
        wish=lambda slot, reason: None,
        queue=64,
    )
    fanout.set_forwarding(True)
    fanout.join(terminal)
    fanout.offer(packets)
    while fanout.turn(NOW):
        pass
    return sent


def _by_native(bench: _Bench, terminal: Terminal, packets: list[MediaPacket]) -> list[bytes]:
    ffi, lib = bench.native
    fanout, plan, ring = lib.feed_fanout(bench.feed), Plan(4), NativeRing(bench.native, 8.0, 1 << 16)
    lib.fanout_source_changed(fanout, ring.pointer)
    lib.fanout_set_forwarding(fanout, True)
    row = plan.join(terminal)
    ffi.buffer(lib.fanout_rows(fanout), 4 * ROW_BYTES)[:] = plan.memory
    lib.fanout_join(fanout, row.slot)
    for packet in packets:
        ring.put(packet)
    indices = [packet.index for packet in packets]
    lib.fanout_offer(fanout, indices, len(indices))
    while lib.fanout_turn(fanout, NOW):
        pass
    try:
        sent = [bench.terminal.recv(2048) for _ in packets]
    except TimeoutError as error:
        raise SelfTestFailed(f"of {len(packets)} packets not all arrived over loopback") from error
    lib.fanout_leave(fanout, row.slot)
    lib.fanout_source_changed(fanout, ffi.NULL)
    return sent


def _check_inbound(bench: _Bench, name: str, profile: int) -> None:
    lib, ring = bench.native.lib, NativeRing(bench.native, 8.0, 1 << 16)
    intake = NativeIntake(bench.native, ring)
    intake.listen(VIDEO_TYPE, Kind.VIDEO)
    key = os.urandom(KEY_BYTES)
    theirs, ours = _session(key, profile), _session(key, profile, Policy.SSRC_ANY_INBOUND)
    address = sockaddr_of(bench.terminal.getsockname())
    peer = lib.engine_open(bench.engine, 1)
    lib.engine_address(bench.engine, peer, CLAIM, 0, address, len(address))
    lib.engine_connect(peer, session_address(ours), intake.pointer, 4)
    payload = b"\x65" + os.urandom(100)
    packet = theirs.protect(HEADER.pack(0x80, 0x80 | VIDEO_TYPE, 9, 90_000, LECTURERS_SSRC) + payload)
    lib.engine_receive(bench.engine, 0, address, len(address), packet, len(packet), NOW)
    lib.engine_close(peer)
    stored = ring.read(0)
    if stored is None or stored.packet.payload != payload or not stored.packet.starts_keyframe:
        raise SelfTestFailed(f"with {name} a packet that pylibsrtp protected does not come in")
