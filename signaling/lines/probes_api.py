"""`/api/v1/line-tests`: what the test page asks of the server. Open to anybody, and therefore counted (`budget.py`).

The media connection is a viewer's in a room of its own, where nothing is ever published: ICE and DTLS come about, or UDP is blocked.
It ends by itself, belongs to no lecture and is counted nowhere.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from aiohttp import web

from broadcaster.errors import BroadcasterError
from config.settings import LineTestsSettings, SdpSettings
from signaling.api import proxy
from signaling.api.openapi import operation
from signaling.api.parsing import reply
from signaling.api.problems import Problem
from signaling.db.base import utc_now
from signaling.lines.budget import Budget
from signaling.lines.documents import ServerTime
from signaling.live import http
from signaling.live.media import MediaPlane, Session
from signaling.live.sessions import MONITOR_PREFIX

ROOM: Final = "line-test"
"""The room of the media plane in which nothing is published; no lecture has such an id."""

CHUNK: Final = os.urandom(65_536)
"""What is sent, over and over: longer than the window of any compression on the way."""

OCTETS: Final = "application/octet-stream"
PREFIX: Final = "/api/v1/line-tests"


def routes(plane: MediaPlane, settings: LineTestsSettings, sdp: SdpSettings) -> list[web.RouteDef]:
    """Return the routes."""
    api = ProbesApi(plane, settings, sdp)
    return [
        web.get(f"{PREFIX}/time", api.time),
        web.get(f"{PREFIX}/download", api.download),
        web.post(f"{PREFIX}/upload", api.upload),
        web.post(f"{PREFIX}/connection", api.connection),
    ]


class ProbesApi:
    """The handlers."""

    def __init__(
        self,
        plane: MediaPlane,
        settings: LineTestsSettings,
        sdp: SdpSettings,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = utc_now,
    ) -> None:
        self._plane = plane
        self._settings = settings
        self._sdp = sdp
        self._clock = clock
        self._wall = wall
        self._budget = Budget(settings, clock())
        self._alive: list[str] = []

    @operation("Tell the server's time and what a connection test may take", answer=ServerTime, public=True)
    async def time(self, request: web.Request) -> web.Response:
        self._ask(request)
        limits = self._settings
        told = ServerTime(
            server_time=self._wall(),
            download_bytes=limits.download_bytes,
            upload_bytes=limits.upload_bytes,
            seconds=limits.seconds,
        )
        return reply(told)

    @operation("Send bytes that mean nothing, to be timed", media_type=OCTETS, public=True)
    async def download(self, request: web.Request) -> web.StreamResponse:
        self._ask(request)
        _wait(self._budget.download(self._clock()))
        self._budget.downloading += 1
        size = self._settings.download_bytes
        headers = {"Content-Type": OCTETS, "Content-Length": str(size), "Cache-Control": "no-store, no-transform"}
        response = web.StreamResponse(headers=headers)
        try:
            async with asyncio.timeout(2 * self._settings.seconds):
                await _send(request, response, size)
        except TimeoutError:  # the page has measured long ago, or is gone
            response.force_close()
            if request.transport is not None:
                request.transport.abort()
        finally:
            self._budget.downloading -= 1
        return response

    @operation("Take bytes that mean nothing, to be timed", takes=OCTETS, status=204, public=True)
    async def upload(self, request: web.Request) -> web.Response:
        self._ask(request)
        size, most = 0, self._settings.upload_bytes
        try:
            async with asyncio.timeout(2 * self._settings.seconds):
                async for chunk in request.content.iter_any():
                    size += len(chunk)
                    if size > most:
                        raise Problem(413, "too_large", "the body is too large", f"at most {most} bytes")
        except TimeoutError:
            raise Problem(408, "timeout", "the body did not come in time") from None
        return web.Response(status=204, headers={"Cache-Control": "no-store"})

    @operation(
        "Answer a viewer's SDP offer with a media connection that carries nothing and ends by itself",
        takes=http.SDP,
        media_type=http.SDP,
        status=201,
        public=True,
    )
    async def connection(self, request: web.Request) -> web.Response:
        self._ask(request)
        offer = await http.text(request, http.SDP, self._sdp.max_bytes, {"Accept-Post": http.SDP})
        self._alive = [one for one in self._alive if self._plane.session(one) is not None]
        if len(self._alive) >= self._settings.probes_alive:
            _wait(1.0)
        _wait(self._budget.probe(self._clock()))
        try:
            room = self._plane.room(ROOM)
            session: Session = await room.subscribe(offer, viewer=MONITOR_PREFIX + secrets.token_hex(8))
        except BroadcasterError as error:
            raise http.media_problem(error) from None
        self._alive.append(session.id)
        asyncio.get_running_loop().call_later(self._settings.probe_seconds, session.close, "test_over")
        headers = {"Content-Type": http.SDP, "Cache-Control": "no-store"}
        return web.Response(status=201, body=session.answer.encode(), headers=headers)

    def _ask(self, request: web.Request) -> None:
        wait = self._budget.ask(proxy.client(request).remote, self._clock())
        if wait > 0:
            raise Problem(429, "too_many_requests", "too many requests", headers=http.retry_after(wait))


async def _send(request: web.Request, response: web.StreamResponse, size: int) -> None:
    await response.prepare(request)
    for sent in range(0, size, len(CHUNK)):
        await response.write(CHUNK[: size - sent])
    await response.write_eof()


def _wait(seconds: float) -> None:
    """Raise 503 `busy` when there is something to wait for."""
    if seconds > 0:
        raise Problem(503, "busy", "too many tests at once; try again later", headers=http.retry_after(seconds))
