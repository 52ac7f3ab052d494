"""People who come and go during a lecture: viewers by WHEP, pages by Socket.IO; half of them leave without a word."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import aiohttp
import socketio

from tests.support.crowd import PATIENCE, Viewer, join_one


class Visits:
    """Lets visitors in one after the other and counts them. Call `stop` at the end: it sees the last ones off."""

    def __init__(self, demo: dict[str, Any], session: aiohttp.ClientSession) -> None:
        self.viewers = self.pages = 0
        self._demo = demo
        self._tokens = [demo["whep_token"], *(screen["whep_token"] for screen in demo["screens"])]
        # A screen that is opened anew sends its older viewer away; that shall not happen to one that is still joining.
        self._joining = {token: asyncio.Lock() for token in self._tokens}
        self._session = session
        self._numbers = itertools.count()
        self._staying: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []

    def arrive(self, seconds: float) -> None:
        """Let the next visitor in, for so long."""
        number = next(self._numbers)
        visit = asyncio.create_task(self._watch(number, seconds) if number % 3 else self._open_page(number, seconds))
        self._staying.add(visit)
        visit.add_done_callback(self._left)

    async def stop(self) -> None:
        """Wait until all have left; raise what went wrong with any of them."""
        while self._staying:
            await asyncio.wait(self._staying)
        if self._errors:
            raise ExceptionGroup("visits", [error for error in self._errors if isinstance(error, Exception)])

    def _left(self, visit: asyncio.Task[None]) -> None:
        self._staying.discard(visit)
        if error := visit.exception():
            self._errors.append(error)

    async def _watch(self, number: int, seconds: float) -> None:
        """Watch as a monitor or as one of the screens, report as a browser does, leave."""
        viewer, token = Viewer(), self._tokens[number // 2 % len(self._tokens)]
        try:
            async with self._joining[token]:
                await join_one(viewer, self._session, self._demo["whep_url"], token, media=True)
            for _ in range(round(seconds)):
                await asyncio.sleep(1)
                if not viewer.closed.is_set():  # a screen that was opened twice: the older viewer is sent away
                    viewer.report()
        finally:
            viewer.vanish() if number % 2 else viewer.close()
        self.viewers += 1

    async def _open_page(self, number: int, seconds: float) -> None:
        """Join the realtime namespace as staff, by WebSocket or long polling, and leave."""
        client = socketio.AsyncClient(reconnection=False)
        try:
            await client.connect(
                self._demo["base_url"],
                headers={"Authorization": f"Bearer {self._demo['api_token']}"},
                auth={"lecture_id": self._demo["lecture_id"]},
                transports=["polling" if number % 4 else "websocket"],
                namespaces=["/live"],
                wait_timeout=PATIENCE,
            )
            await asyncio.sleep(seconds)
            if number % 2:
                await client.eio.http.close()  # the connection breaks, nobody says goodbye
        finally:
            await client.disconnect()
            await client.shutdown()
        self.pages += 1
