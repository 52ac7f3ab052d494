"""A simulated lecturer in a process of its own: connects by WHIP, sends the lecture of `lecture.py` paced by the clock.

Pictures go out in trains of at most 12 packets at 2.5 times the bitrate, as a browser's pacer spreads them: a keyframe takes 136 ms, the
pictures behind it wait, sound does not. What the server asks for again is sent again as it was (no RTX). Keyframe requests are obeyed with the next frame; the group of pictures begins anew there.
`python -m broadcaster.loadgen.publisher OPENER` is the child's end.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import sys
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

from broadcaster.loadgen import lecture
from broadcaster.loadgen.connection import CHECK_SECONDS, FIRST_CHECKS_SECONDS, Connection
from broadcaster.loadgen.exchange import Exchange, find_opener
from broadcaster.loadgen.lecture import Source, frame_payloads, sound_payload, stamp
from broadcaster.loadgen.offers import read_answer, write_offer
from broadcaster.loadgen.orders import Child, child, serve
from broadcaster.media import Kind
from broadcaster.rtp.rtcp import Nack, Pli, RtcpError, Sdes, SenderReport, compound, parse_compound
from broadcaster.rtp.sequence import low32
from broadcaster.transport.client import ClientIdentity, OpenError

CONNECT_SECONDS: Final = 10.0
REPORT_SECONDS: Final = 1.0
TRAIN: Final = 12
PACED_OCTETS: Final = 2.5 * 1.5e6 / 8  # a second: libwebrtc's pacing factor times the bitrate
KEPT: Final = 2048  # sealed packets for repair
NTP_OFFSET: Final = 2_208_988_800
LATE_SECONDS: Final = 0.02
SOONEST_KEY: Final = 9  # frames: who wishes sooner has not seen the last keyframe yet


@dataclass(frozen=True, slots=True)
class WhipSource:
    """Where the lecture is published: the WHIP URL, its key, and the dotted name of what makes HTTP."""

    url: str
    key: str
    opener: str


@dataclass(slots=True)
class Sent:
    """What the lecturer did: packets, retransmissions asked for, keyframes wished, frames that were late by more than 20 ms."""

    packets: int = 0
    frames: int = 0
    keyframes: int = 0
    repaired: int = 0
    wishes: int = 0
    late_frames: int = 0
    ended: str = ""


class Studio:
    """The lecturer of one process."""

    def __init__(self, exchange: Exchange) -> None:
        self.sent = Sent()
        self._exchange = exchange
        self._identity = ClientIdentity()
        self._connection = Connection(self._connected, self._ended)
        self._ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._sources: dict[Kind, Source] = {}
        self._kept: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._wished = False
        self._since_key = lecture.KEY_EVERY
        self._tasks: list[asyncio.Task[None]] = []
        self._free_at = 0.0  # when the pacer lets the next train go

    async def connect(self, url: str, key: str) -> None:
        """Offer, check, shake hands. Raises `ExchangeError`, `AnswerError`, `OSError`, `ConnectionError` or `TimeoutError`."""
        base = random.getrandbits(30) + 1
        offer = write_offer(self._connection.credentials, self._identity.fingerprint, (base, base + 1))
        answer = read_answer(await self._exchange(url, key, offer))
        self._sources = {
            kind: Source(kind, base + kind.value, section.payload_type) for kind, section in answer.sections.items()
        }
        self._connection.begin(answer, self._identity, self._open, time.monotonic())
        async with asyncio.timeout(CONNECT_SECONDS):
            while not self._ready.done():
                self._connection.hurry(time.monotonic())
                await asyncio.wait([self._ready], timeout=FIRST_CHECKS_SECONDS)
        if reason := self._ready.result():
            raise ConnectionError(reason)
        self._tasks.append(asyncio.create_task(self._keep_up()))

    def begin(self) -> None:
        """Begin to send the lecture; it goes on until the end."""
        if len(self._tasks) == 1:
            begun = time.monotonic()
            self._tasks += [asyncio.create_task(each(begun)) for each in (self._sound, self._pictures)]

    async def close(self) -> None:
        """Stop and say goodbye; idempotent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._connection.socket is not None:
            asyncio.get_running_loop().remove_reader(self._connection.socket)
        self._connection.close()

    async def _sound(self, begun: float) -> None:
        sounds = 0
        while not self._connection.ended:
            await _until(begun + sounds * lecture.SOUND_SECONDS)
            self._send(Kind.AUDIO, sound_payload(), marker=sounds == 0)
            self._sources[Kind.AUDIO].advance(lecture.SOUND_SECONDS)
            sounds += 1

    async def _pictures(self, begun: float) -> None:
        frames = 0
        while not self._connection.ended:
            due = max(begun + frames / lecture.FRAME_RATE, self._free_at)
            await _until(due)
            self.sent.late_frames += time.monotonic() - due > LATE_SECONDS
            await self._frame()
            frames += 1

    async def _frame(self) -> None:
        keyframe = self._since_key >= (SOONEST_KEY if self._wished else lecture.KEY_EVERY)
        self._since_key = 1 if keyframe else self._since_key + 1
        self._wished = False
        self.sent.frames += 1
        self.sent.keyframes += keyframe
        payloads = frame_payloads(keyframe=keyframe)
        for index, payload in enumerate(payloads):
            if index % TRAIN == 0:
                await _until(self._free_at)
                octets = sum(len(each) for each in payloads[index : index + TRAIN])
                self._free_at = time.monotonic() + octets / PACED_OCTETS
            self._send(Kind.VIDEO, payload, marker=index == len(payloads) - 1)
        self._sources[Kind.VIDEO].advance(1 / lecture.FRAME_RATE)

    def _send(self, kind: Kind, payload: bytes, *, marker: bool) -> None:
        source, keys = self._sources[kind], self._connection.keys
        if keys is None:
            return
        number = source.sequence & 0xFFFF
        sealed = keys.seal_rtp(source.packet(stamp(payload, time.monotonic()), marker=marker))
        self._connection.send(sealed)
        self.sent.packets += 1
        self._kept[source.ssrc, number] = sealed
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    async def _keep_up(self) -> None:
        """Reports and consent."""
        checked = 0.0
        while not self._connection.ended:
            now = time.monotonic()
            if now - checked >= CHECK_SECONDS:
                self._connection.check(now)
                checked = now
            if keys := self._connection.keys:
                for source in self._sources.values():
                    self._connection.send(keys.seal_rtcp(_report(source)))
            await asyncio.sleep(REPORT_SECONDS)

    def _open(self, family: socket.AddressFamily) -> socket.socket:
        opened = socket.socket(family, socket.SOCK_DGRAM)
        opened.setblocking(False)
        asyncio.get_running_loop().add_reader(opened, self._read, opened)
        return opened

    def _read(self, opened: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            while True:
                data, sender = opened.recvfrom(2048)
                if data and not 128 <= data[0] <= 191:
                    self._connection.receive(data, sender, time.monotonic())
                elif data:
                    self._control(data)

    def _control(self, data: bytes) -> None:
        keys = self._connection.keys
        if keys is None:
            return
        with contextlib.suppress(OpenError, RtcpError):
            for packet in parse_compound(keys.open_rtcp(data)):
                if isinstance(packet, Pli):
                    self._wished = True
                    self.sent.wishes += 1
                elif isinstance(packet, Nack):
                    self._repair(packet)

    def _repair(self, nack: Nack) -> None:
        for number in nack.lost:
            sealed = self._kept.get((nack.media_ssrc, number))
            if sealed is not None:
                self.sent.repaired += 1
                self._connection.send(sealed)

    def _connected(self) -> None:
        self._ready.set_result("")

    def _ended(self, reason: str) -> None:
        self.sent.ended = reason
        if not self._ready.done():
            self._ready.set_result(reason)


async def _until(at: float) -> None:
    await asyncio.sleep(max(0.0, at - time.monotonic()))


def _report(source: Source) -> bytes:
    """A sender report (RFC 3550 section 6.4.1): the present timestamp belongs to now."""
    ntp = int((time.time() + NTP_OFFSET) * (1 << 32))
    report = SenderReport(source.ssrc, ntp, low32(source.timestamp), low32(source.packets), low32(source.octets))
    return compound(report, Sdes.cname(source.ssrc, "load"))


class Lecturer:
    """The parent's end."""

    def __init__(self, process: Child) -> None:
        self.process = process

    async def begin(self) -> None:
        """Begin to send."""
        await self.process.ask(do="begin")

    async def look(self) -> Sent:
        """What was done until now."""
        return Sent(**await self.process.ask(do="look"))


@asynccontextmanager
async def lecturer(source: WhipSource, cpus: tuple[int, ...] = ()) -> AsyncIterator[Lecturer]:
    """Yield a lecturer who is connected and silent. Raises `ChildError` when that fails."""
    async with child("broadcaster.loadgen.publisher", (source.opener,), cpus) as process:
        await process.ask(do="connect", url=source.url, key=source.key)
        yield Lecturer(process)


async def main(opener: str) -> None:
    """Obey until the input ends, then say goodbye."""
    async with find_opener(opener)() as exchange:
        studio = Studio(exchange)

        async def obey(order: dict[str, Any]) -> dict[str, Any]:
            if order["do"] == "connect":
                await studio.connect(order["url"], order["key"])
            elif order["do"] == "begin":
                studio.begin()
            return asdict(studio.sent)

        try:
            await serve(obey)
        finally:
            await studio.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
