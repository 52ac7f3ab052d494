"""A media plane with a lecturer and viewers on loopback, for tests of everything between two UDP sockets."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from broadcaster.events import MediaEvent
from broadcaster.plane import MediaPlane
from broadcaster.room import Room
from broadcaster.session import Session
from config.settings import load
from tests.support.peer import Peer

LECTURE = "lecture-1"


class Stage:
    """One plane, one room, any number of peers, all closed at the end."""

    def __init__(self, plane: MediaPlane, events: list[MediaEvent], stack: AsyncExitStack) -> None:
        self.plane = plane
        self.events = events
        self.sessions: dict[Peer, Session] = {}
        self._stack = stack

    @property
    def room(self) -> Room:
        return self.plane.room(LECTURE)

    async def lecturer(self, fence: int = 1, **options: Any) -> Peer:
        """A connected publisher that has sent nothing yet."""
        peer = await self._stack.enter_async_context(Peer("publish", **options))

        async def exchange(offer: str) -> str:
            session = await self.room.publish(offer, fence=fence)
            self.sessions[peer] = session
            return session.answer

        return await peer.connect(exchange)

    async def viewer(self, name: str = "screen-1", **options: Any) -> Peer:
        """A connected viewer."""
        peer = await self._stack.enter_async_context(Peer("watch", **options))

        async def exchange(offer: str) -> str:
            session = await self.room.subscribe(offer, viewer=name)
            self.sessions[peer] = session
            return session.answer

        await peer.connect(exchange)
        await self.until(lambda: any(line.session == self.sessions[peer].id for line in self.room.viewer_stats()))
        return peer

    async def until(self, condition: Callable[[], bool], seconds: float = 5.0) -> None:
        """Return when `condition` holds, asked again on every turn of the loop. Raises `TimeoutError`."""
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.001)


@asynccontextmanager
async def stage(overrides: dict[str, dict[str, object]] | None = None) -> AsyncIterator[Stage]:
    """Yield a stage whose room forwards."""
    settings = load(overrides={"media": {"port": 0, "hosts": ["127.0.0.1"]}} | (overrides or {}))
    events: list[MediaEvent] = []
    plane = MediaPlane(settings, events.append)
    await plane.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(plane.stop)
        made = Stage(plane, events, stack)
        made.room.set_forwarding(True)
        yield made


def payloads(peer: Peer, ssrc: int) -> list[bytes]:
    """What a viewer received from one source, without headers, extensions and padding."""
    found = []
    for packet in peer.rtp:
        if packet[8:12] != struct.pack("!I", ssrc):
            continue
        start = 12 + 4 * (packet[0] & 15)
        if packet[0] & 0x10:
            start += 4 + 4 * struct.unpack_from("!H", packet, start + 2)[0]
        end = len(packet) - (packet[-1] if packet[0] & 0x20 else 0)
        found.append(packet[start:end])
    return found
