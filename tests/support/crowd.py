"""Many viewers of one lecture: they join over HTTP, count what comes, and lose nothing by themselves.

A viewer here is the peer of `peer.py` whose media is not kept: sequence numbers are noted, every hundredth packet of a source is
decrypted. A `Crowd` runs them in child processes that drain all sockets fifty times a second, so that a hundred viewers of 1.5 Mb/s
take a sixth of a core. What a viewer's own socket had to drop is known (`/proc/net/udp`) and not blamed on the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import aiohttp

from tests.support.child import Child, child
from tests.support.lecture import Block
from tests.support.peer import Peer

VIDEO_PACKETS, VIDEO_BYTES = 6, 6 * 1_041  # a frame of 1.5 Mb/s at 30 frames a second
KEY_BYTES = 60 * 1_041
FRAMES_A_SECOND = 30
CHECK_EVERY = 100
SO_RCVBUFFORCE = 33  # Linux: a larger buffer than net.core.rmem_max, for root
BUFFER_BYTES = 4 << 20
CPUCLOCK_SCHED = 2  # Linux: with the process id, the id of that process' CPU clock (clock_getcpuclockid(3))
PATIENCE = 30.0


@dataclass(slots=True)
class Stream:
    """What came of one source: how many packets, and how many numbers between the first and the last did not."""

    first: int = -1
    newest: int = -1
    received: int = 0

    def packet(self, sequence: int) -> None:
        if self.received == 0:
            self.first = self.newest = sequence
        ahead = (sequence - self.newest + 0x8000 & 0xFFFF) - 0x8000
        if ahead > 0:
            self.newest += ahead
        self.received += 1

    @property
    def missing(self) -> int:
        return self.newest - self.first + 1 - self.received if self.received else 0


class Viewer(Peer):
    """A peer that counts instead of keeping."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__("watch", host=host)
        self.streams: dict[int, Stream] = {}
        self.first_packet: float | None = None
        self._buffer = bytearray(2048)

    def _open(self) -> socket.socket:
        opened = super()._open()
        try:
            opened.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        except OSError:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        return opened

    def rest(self) -> None:
        """Read only when `drain` is called from now on."""
        self._stop_reading()

    def drain(self) -> None:
        """Read what waits."""
        self._read(self.socket)

    def _read(self, source: socket.socket) -> None:
        buffer, receive = self._buffer, source.recv_into
        try:
            for _ in range(1000):
                size = receive(buffer)
                if buffer[0] < 128 or self._dtls is None or self._dtls._rx_srtp is None:
                    self._receive(bytes(buffer[:size]))
                elif not 192 <= buffer[1] <= 223:
                    self._count(buffer, size)
        except OSError:
            self._changed.set()

    def _count(self, buffer: bytearray, size: int) -> None:
        sequence, ssrc = struct.unpack_from("!H4xI", buffer, 2)
        stream = self.streams.get(ssrc)
        if stream is None:
            stream = self.streams[ssrc] = Stream()
            self.first_packet = self.first_packet or time.perf_counter()
        stream.packet(sequence)
        if stream.received % CHECK_EVERY == 1:
            self._media(bytes(buffer[:size]))
            self.rtp.clear()

    def report(self) -> None:
        """Send a receiver report about everything that came."""
        self.send_receiver_report(
            *(Block(ssrc, stream.newest, lost=stream.missing) for ssrc, stream in self.streams.items())
        )

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])


@dataclass
class Counts:
    """What viewers saw. `missing` numbers never came; `overflowed` datagrams were dropped by the viewers' own sockets."""

    viewers: int = 0
    received: int = 0
    missing: int = 0
    overflowed: int = 0
    lost: int = 0
    undecryptable: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


def count(viewers: Sequence[Viewer]) -> Counts:
    """Return what these viewers saw; `lost` is what is missing and not explained by a viewer's own full socket."""
    drops = socket_drops(viewer.port for viewer in viewers)
    total = Counts()
    for viewer in viewers:
        missing = sum(stream.missing for stream in viewer.streams.values())
        received = sum(stream.received for stream in viewer.streams.values())
        dropped = drops.get(viewer.port, 0)
        total += Counts(1, received, missing, dropped, max(0, missing - dropped), viewer.undecryptable)
    return total


def socket_drops(ports: Iterable[int]) -> dict[int, int]:
    """Return how many datagrams the kernel dropped because the socket bound to each UDP port (IPv4) was full."""
    wanted, found = set(ports), {}
    with open("/proc/net/udp", encoding="ascii") as table:
        for line in list(table)[1:]:
            words = line.split()
            port = int(words[1].rsplit(":", 1)[1], 16)
            if port in wanted:
                found[port] = int(words[-1])
    return found


async def join_one(
    viewer: Viewer, session: aiohttp.ClientSession, url: str, token: str, *, media: bool
) -> float | None:
    """Connect a viewer; return the seconds from the offer to the first packet when there is `media` to wait for."""
    asked = time.perf_counter()
    await viewer.connect(lambda offer: offer_over_http(session, url, token, offer), seconds=PATIENCE)
    if not media:
        return None
    await viewer.wait_for(lambda: viewer.first_packet is not None, PATIENCE)
    assert viewer.first_packet is not None
    return viewer.first_packet - asked


async def offer_over_http(session: aiohttp.ClientSession, url: str, token: str, offer: str) -> str:
    """POST an offer and return the answer; raise `RuntimeError` with the server's words."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}
    async with session.post(url, data=offer, headers=headers) as response:
        if response.status != 201:
            raise RuntimeError(f"{response.status}: {await response.text()}")
        return await response.text()


class Crowd:
    """Viewers in child processes."""

    def __init__(self, children: Sequence[Child], url: str, token: str) -> None:
        self._children = children
        self._where = {"url": url, "token": token}
        self._next = 0

    async def join(self, viewers: int, *, media: bool) -> list[float]:
        """Let viewers join one after the other; return for each the seconds to its first packet when there is `media`."""
        times = []
        for _ in range(viewers):
            at = self._children[self._next % len(self._children)]
            self._next += 1
            times.append((await at.ask(join=self._where, media=media))["seconds"])
        return times

    async def counts(self) -> Counts:
        """Return what all viewers saw until now."""
        answers = [await each.ask(count=True) for each in self._children]
        return sum((Counts(**answer) for answer in answers), Counts())


@contextlib.asynccontextmanager
async def crowd(url: str, token: str, processes: int = 2) -> AsyncIterator[Crowd]:
    """Yield an empty crowd; its viewers say goodbye at the end."""
    async with contextlib.AsyncExitStack() as stack:
        children = [await stack.enter_async_context(child("tests.support.crowd_child")) for _ in range(processes)]
        yield Crowd(children, url, token)


async def lecture(publisher: Peer, running: Callable[[], bool]) -> None:
    """Send a lecture in real time: 30 frames a second, a keyframe every 4 s or when wished, sound every 40 ms."""
    publisher.lecture.frame_bytes, publisher.lecture.key_bytes = VIDEO_BYTES, KEY_BYTES
    publisher.lecture.gop = 4 * FRAMES_A_SECOND
    loop = asyncio.get_running_loop()
    begun, frames, sounds, asked = loop.time(), 0, 0, 0
    while running():
        if publisher.plis > asked:
            asked, publisher.lecture.keyframe_wished = publisher.plis, True
        publisher.send_frame()
        frames += 1
        while sounds * 40 * FRAMES_A_SECOND < frames * 1000:
            publisher.send_sound()
            sounds += 1
        await asyncio.sleep(max(0.0, begun + frames / FRAMES_A_SECOND - loop.time()))


@contextlib.asynccontextmanager
async def on_air(publisher: Peer) -> AsyncIterator[None]:
    """Send the lecture by a connected publisher while the block runs."""
    running = True
    task = asyncio.create_task(lecture(publisher, lambda: running))
    try:
        yield
    finally:
        running = False
        await task


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, all threads, user and system, in steps of nanoseconds."""
    return time.clock_gettime(~pid << 3 | CPUCLOCK_SCHED)


def waited_seconds(pid: int) -> float:
    """Return how long the main thread of a process was ready and had to wait for a core; 0 where the system does not tell."""
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as stat:
            return int(stat.read().split()[1]) / 1e9
    except OSError:
        return 0.0


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def demo_urls(demo: dict[str, Any]) -> tuple[str, str, str, str]:
    """Return (whip URL, stream key, whep URL, monitor token)."""
    return demo["whip_url"], demo["whip_token"], demo["whep_url"], demo["whep_token"]
