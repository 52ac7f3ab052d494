"""The child process of a crowd: its viewers, drained fifty times a second, each reporting once a second."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

import aiohttp

from tests.support.child import serve
from tests.support.crowd import Viewer, count, join_one

DRAIN_SECONDS = 0.02
REPORT_TURNS = 50


class Hall:
    """The viewers of one process."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.viewers: list[Viewer] = []

    async def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Let one viewer join, or tell what all saw."""
        if "join" not in order:
            return asdict(count(self.viewers))
        viewer, where = Viewer(), order["join"]
        seconds = await join_one(viewer, self.session, where["url"], where["token"], media=order["media"])
        viewer.rest()
        self.viewers.append(viewer)
        return {"seconds": seconds}

    async def drain(self) -> None:
        """Read all sockets in turn until cancelled; one viewer in fifty reports at each turn."""
        turn = 0
        while True:
            for place, viewer in enumerate(self.viewers):
                viewer.drain()
                if place % REPORT_TURNS == turn % REPORT_TURNS and viewer.streams:
                    viewer.report()
            turn += 1
            await asyncio.sleep(DRAIN_SECONDS)


async def main() -> None:
    """Obey until the input ends, then say goodbye."""
    async with aiohttp.ClientSession() as session:
        hall = Hall(session)
        draining = asyncio.create_task(hall.drain())
        await serve(hall.obey)
        draining.cancel()
        await asyncio.gather(draining, return_exceptions=True)
        for viewer in hall.viewers:
            viewer.close()


if __name__ == "__main__":
    asyncio.run(main())
