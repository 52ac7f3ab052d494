"""An engine with terminals and a lecturer that are nothing but sockets and keys: no ICE, no DTLS, no rooms."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

from pylibsrtp import Policy, Session

from broadcaster.feeds import Feed
from broadcaster.forward.native import load as load_native
from broadcaster.forward.native_ring import NativeIntake, NativeRing
from broadcaster.forward.plan import Lane, RtxLane, Terminal
from broadcaster.media import Kind
from broadcaster.rtp.packet import HEADER
from broadcaster.transport.aiortc_private import session_address
from broadcaster.transport.engine import Engine, Peer, Upward, sockaddr_of
from config.settings import load

VIDEO_TYPE, AUDIO_TYPE = 96, 111
IDR = b"\x65"
PROFILE = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
PATIENCE = 5.0


def bound(stack: ExitStack) -> socket.socket:
    """Return a UDP socket on loopback that does not block."""
    made = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    made.bind(("127.0.0.1", 0))
    made.setblocking(False)
    return made


def contexts() -> tuple[Session, Session]:
    """Return (what protects, what unprotects) of one direction."""
    key = os.urandom(46)
    outbound = Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=PROFILE)
    outbound.allow_repeat_tx = True
    return Session(outbound), Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=PROFILE))


class Watcher:
    """A terminal: where its packets arrive, and what opens them."""

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.socket = bound(hall.stack)
        self.peer: Peer = hall.engine.open(1)
        self._outbound, self._opens = contexts()
        self._closes, self._inbound = contexts()
        address = self.socket.getsockname()
        hall.engine.claim(self.peer, 0, address)
        hall.engine.path(self.peer, 0, address)
        self.peer.connect(session_address(self._inbound), hall.native.ffi.NULL, 4)
        terminal = Terminal(
            handle=session_address(self._outbound),
            audio=Lane(1, AUDIO_TYPE, 7, 0),
            video=Lane(2, VIDEO_TYPE, 7, 0),
            rtx=RtxLane(3, 97, 7),
            sockaddr=sockaddr_of(address),
        )
        self.feed = min(hall.feeds, key=len)
        self.slot = self.feed.join(terminal, self.peer).slot

    def leave(self) -> None:
        """Go; the keys are collected at once."""
        self.feed.leave(self.slot)
        self.peer.close()
        del self._outbound, self._inbound

    def report(self, compound: bytes, source: socket.socket | None = None) -> None:
        """Send a protected compound, from another socket if one is given."""
        (source or self.socket).sendto(self._closes.protect_rtcp(compound), self.hall.address)

    def received(self) -> list[bytes]:
        """Return the RTP packets that came since the last call, in the clear; reports are passed over."""
        packets = []
        while True:
            try:
                data = self.socket.recv(2048)
            except BlockingIOError:
                return packets
            if not 192 <= data[1] <= 223:
                packets.append(bytes(self._opens.unprotect(data)))


class Hall:
    """An engine, a fan-out on each of its workers, and a lecturer's keys."""

    def __init__(self, stack: ExitStack, threads: int, overrides: dict[str, Any] | None = None) -> None:
        self.stack = stack
        self.native = load_native()
        self.up: list[Upward] = []
        self.woken = 0
        self.settings = load(
            overrides={"forward": {"send_threads": threads}, "media": {"sessions": 256}} | (overrides or {})
        )
        self.socket = bound(stack)
        self.address = self.socket.getsockname()
        self.engine = Engine(
            self.native, [self.socket], self.settings.forward, take=self.up.append, woken=self._on_woken
        )
        self.feeds = [Feed(self.engine, self.settings, worker, 0.0) for worker in range(threads)]
        self.ring = NativeRing(self.native, 8.0, 4 << 20)
        self.intake = NativeIntake(self.native, self.ring)
        self.intake.listen(VIDEO_TYPE, Kind.VIDEO)
        self.intake.listen(AUDIO_TYPE, Kind.AUDIO)
        self.lecturer = bound(stack)
        self.peer = self.engine.open(9)
        self._protects, self._inbound = contexts()
        self.sequence = {VIDEO_TYPE: 40, AUDIO_TYPE: 40}
        self.timestamp = 90_000

    def _on_woken(self) -> None:
        self.woken += 1

    def open(self) -> None:
        """Let the lecturer be heard and everybody follow."""
        self.engine.claim(self.peer, 0, self.lecturer.getsockname())
        self.engine.path(self.peer, 0, self.lecturer.getsockname())
        self.peer.connect(session_address(self._inbound), self.intake.pointer, 4)
        for feed in self.feeds:
            feed.set_forwarding(True)
            feed.follow(self.intake.pointer, 0)

    def send(self, payloads: list[bytes], *, kind: int = VIDEO_TYPE, ends: bool = True) -> None:
        """Send packets of one picture; without `ends` the last has no marker."""
        for number, payload in enumerate(payloads):
            marker = 0x80 if ends and number == len(payloads) - 1 else 0
            header = HEADER.pack(0x80, marker | kind, self.sequence[kind] & 0xFFFF, self.timestamp, kind)
            self.lecturer.sendto(self._protects.protect(header + payload), self.address)
            self.sequence[kind] += 1
        self.timestamp += 3000

    async def until(self, condition: Any) -> None:
        """Return when `condition()` holds, asked on every turn of the loop."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.001)


@asynccontextmanager
async def hall(threads: int = 1, overrides: dict[str, Any] | None = None) -> AsyncIterator[Hall]:
    """Yield a hall whose threads run."""
    with ExitStack() as stack:
        made = Hall(stack, threads, overrides)
        made.engine.start()
        made.open()
        try:
            yield made
        finally:
            made.engine.stop()
