"""Many viewers of one lecture in one process: joins over HTTP, counts what comes, loses nothing by itself.

A viewer here is the peer of `peer.py` whose media is not kept: sequence numbers are noted, every hundredth packet of a source is
decrypted, so that a hundred viewers of 1.5 Mb/s fit beside the server on a machine with two cores.
"""

from __future__ import annotations

import asyncio
import os
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.support.lecture import Block
from tests.support.peer import Peer

VIDEO_PACKETS, VIDEO_BYTES = 6, 6 * 1_041  # a frame of 1.5 Mb/s at 30 frames a second
KEY_BYTES = 60 * 1_041
FRAMES_A_SECOND = 30
CHECK_EVERY = 100


@dataclass
class Stream:
    """What came of one source: how many packets, and how many numbers between the first and the last did not."""

    first: int = -1
    newest: int = -1
    received: int = 0

    def packet(self, sequence: int) -> None:
        if self.first < 0:
            self.first = self.newest = sequence
        ahead = (sequence - self.newest + 0x8000 & 0xFFFF) - 0x8000
        self.newest = max(self.newest, self.newest + ahead)
        self.received += 1

    @property
    def missing(self) -> int:
        return self.newest - self.first + 1 - self.received if self.received else 0


class Viewer(Peer):
    """A peer that counts instead of keeping."""

    def __init__(self) -> None:
        super().__init__("watch")
        self.streams: dict[int, Stream] = {}
        self.first_packet: float | None = None
        self.undecryptable = 0

    def _media(self, data: bytes) -> None:
        if 192 <= data[1] <= 223:
            return
        if self.first_packet is None:
            self.first_packet = time.perf_counter()
        sequence, ssrc = struct.unpack_from("!H4xI", data, 2)
        stream = self.streams.setdefault(ssrc, Stream())
        stream.packet(sequence)
        if stream.received % CHECK_EVERY == 0:
            super()._media(data)
            self.rtp.clear()

    def report(self) -> None:
        """Send a receiver report about everything that came."""
        self.send_receiver_report(
            *(Block(ssrc, stream.newest, lost=stream.missing) for ssrc, stream in self.streams.items())
        )


async def offer_over_http(session: aiohttp.ClientSession, url: str, token: str, offer: str) -> str:
    """POST an offer and return the answer; raise `RuntimeError` with the server's words."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}
    async with session.post(url, data=offer, headers=headers) as response:
        if response.status != 201:
            raise RuntimeError(f"{response.status}: {await response.text()}")
        return await response.text()


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


@dataclass
class Crowd:
    """What a number of viewers saw. Times in seconds."""

    viewers: list[Viewer] = field(default_factory=list)
    first_packets: list[float] = field(default_factory=list)
    join_cpu: float = 0.0

    @property
    def received(self) -> int:
        return sum(stream.received for viewer in self.viewers for stream in viewer.streams.values())

    @property
    def missing(self) -> int:
        return sum(stream.missing for viewer in self.viewers for stream in viewer.streams.values())

    @property
    def undecryptable(self) -> int:
        return sum(viewer.undecryptable for viewer in self.viewers)


async def join(crowd: Crowd, count: int, session: aiohttp.ClientSession, url: str, token: str) -> None:
    """Let `count` viewers join, ten at a time."""
    for _ in range(0, count, 10):
        await asyncio.gather(*(_join_one(crowd, session, url, token) for _ in range(min(10, count))))


async def _join_one(crowd: Crowd, session: aiohttp.ClientSession, url: str, token: str) -> None:
    viewer = Viewer()
    asked = time.perf_counter()
    crowd.viewers.append(viewer)
    await viewer.connect(lambda offer: offer_over_http(session, url, token, offer), seconds=20)
    await viewer.wait_for(lambda: viewer.first_packet is not None)
    assert viewer.first_packet is not None
    crowd.first_packets.append(viewer.first_packet - asked)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, user and system."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def hold(crowd: Crowd, seconds: float) -> None:
    """Let the lecture run; every viewer reports once a second."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while loop.time() < until:
        await asyncio.sleep(1)
        for viewer in crowd.viewers:
            viewer.report()


def demo_urls(demo: dict[str, Any]) -> tuple[str, str, str, str]:
    """Return (whip URL, stream key, whep URL, monitor token)."""
    return demo["whip_url"], demo["whip_token"], demo["whep_url"], demo["whep_token"]
