"""A media port in this process for tests of the transport: it answers offers and keeps what comes in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from broadcaster.drops import DropReason, Drops
from broadcaster.transport.parameters import SendStreams
from broadcaster.transport.sdp import Offer, build_fragment, parse_fragment, parse_offer
from broadcaster.transport.transport import Transport
from broadcaster.transport.udp import MediaPort
from config.settings import load
from tests.support.offers import Kind
from tests.support.peer import Exchange

STREAMS = SendStreams(stream="lec", cname="lec", audio_ssrc=501, video_ssrc=502, rtx_ssrc=503)


class Clock:
    """The monotonic clock, and the seconds that a test has skipped."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.skipped


class Desk:
    """A started `MediaPort` on a free port of the loopback addresses."""

    def __init__(self, **media: Any) -> None:
        self.settings = load(None, {"media": {"port": 0, "hosts": ["127.0.0.1", "::1"], **media}})
        self.clock = Clock()
        self.drops = Drops()
        self.port = MediaPort(self.settings.media, self._drop, self.clock)
        self.transports: list[Transport] = []
        self.offers: list[Offer] = []
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []
        self.moves = 0
        self.closed: list[str] = []
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Desk:
        await self.port.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.port.stop()

    @property
    def transport(self) -> Transport:
        """The session that was opened last."""
        return self.transports[-1]

    def exchange(self, kind: Kind) -> Exchange:
        """What a `Peer` needs to connect."""

        async def answer(text: str) -> str:
            offer = parse_offer(text, self.settings.sdp, kind)
            transport = self.port.open(offer.remote, label=kind, receives_media=kind == "publish")
            transport.on_rtp = self._keep(self.rtp)
            transport.on_rtcp = self._keep(self.rtcp)
            transport.on_connected = self._changed.set
            transport.on_moved = self._moved
            transport.on_closed = self._closed
            self.transports.append(transport)
            self.offers.append(offer)
            return offer.answer(transport.local, self.port.candidates(), STREAMS if kind == "watch" else None)

        return answer

    def restart(self, fragment: str) -> str:
        """Answer the fragment of an ICE restart of the last session."""
        credentials = parse_fragment(fragment, self.settings.sdp).credentials
        assert credentials is not None
        local = self.transport.restart_ice(credentials.ufrag, credentials.pwd)
        return build_fragment(self.offers[-1], local.credentials, self.port.candidates())

    async def connected(self) -> Transport:
        """Wait until the last session is connected on this side too."""
        await self.wait_for(lambda: self.transport.state == "connected")
        return self.transport

    async def wait_for(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        """Return when `condition` holds; it is asked again after every packet, drop and change of state."""
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def skip(self, seconds: float) -> None:
        """Let time pass, and the port's timer with it."""
        self.clock.skipped += seconds
        self.port.tick(self.clock())

    def _drop(self, reason: DropReason) -> None:
        self.drops(reason)
        self._changed.set()

    def _keep(self, packets: list[bytes]) -> Callable[[bytes, float], None]:
        def keep(packet: bytes, now: float) -> None:
            packets.append(packet)
            self._changed.set()

        return keep

    def _moved(self) -> None:
        self.moves += 1
        self._changed.set()

    def _closed(self, reason: str) -> None:
        self.closed.append(reason)
        self._changed.set()
