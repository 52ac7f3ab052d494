"""Clients of the running stream that are not ours, against a whole server with a real publisher."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit
from urllib.request import Request, urlopen

import pytest

from recorder.playlist import FIRST_MSN
from tests.support.ffmpeg_whip import running
from tests.support.m3u8 import read
from tests.support.server import Server

pytestmark = [pytest.mark.server, pytest.mark.quiet, pytest.mark.timeout(180)]

CLIENTS = 400
FRAMES = 30 * 150  # more than any of this takes


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A lecture on air for at least two whole segments."""
    folder = tmp_path_factory.mktemp("hls")
    server = Server(folder / "data")
    try:
        document = server.start()
        with running(document, folder, FRAMES) as publisher:
            deadline = time.monotonic() + 60
            while len(segments(document)) < 2:
                assert publisher.poll() is None, "the publisher ended"
                assert time.monotonic() < deadline, server.tail()
                time.sleep(0.25)  # a publisher in real time: there is nothing else to wait for
            yield document
    finally:
        server.close()


def fetch(demo: dict[str, Any], url: str) -> str:
    """Return what a monitoring viewer gets; nothing while there is nothing yet."""
    request = Request(url, headers={"Authorization": f"Bearer {demo['whep_token']}"})
    try:
        with urlopen(request, timeout=30) as response:
            return str(response.read().decode())
    except HTTPError as error:
        if error.code in (403, 404, 503):
            return ""
        raise


def media_playlist(demo: dict[str, Any], query: str = "") -> str:
    """Return the address of the media playlist that the multivariant one names; nothing while there is none."""
    index = demo["hls_url"] + query
    lines = [line for line in fetch(demo, index).splitlines() if line and not line.startswith("#")]
    return urljoin(index, lines[0]) if lines else ""


def segments(demo: dict[str, Any]) -> list[Any]:
    url = media_playlist(demo)
    text = fetch(demo, url) if url else ""
    return list(read(text).complete) if text else []


@pytest.mark.parametrize("query", ["", "?rewind=1"])
def test_ffmpeg_plays_it_as_a_plain_client(demo: dict[str, Any], query: str) -> None:
    command = ["ffmpeg", "-v", "error", "-xerror", "-headers", f"Authorization: Bearer {demo['whep_token']}\r\n"]
    command += ["-i", demo["hls_url"] + query, "-t", "6", "-f", "null", "-progress", "pipe:1", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    frames = [int(line.partition("=")[2]) for line in done.stdout.splitlines() if line.startswith("frame=")]
    assert frames[-1] > 120


async def test_four_hundred_who_wait_for_one_part_are_released_within_a_quarter_of_a_second(
    demo: dict[str, Any],
) -> None:
    """The spread from the first answer to the last one, over loopback."""
    url = media_playlist(demo)
    spreads = []
    for _ in range(3):
        connections = await asyncio.gather(*(_connected(url) for _ in range(CLIENTS)))
        msn, part = read(await asyncio.to_thread(fetch, demo, url)).next
        # one part further than the next one, so that all requests are there before it is
        head = f"GET {urlsplit(url).path}?_HLS_msn={msn}&_HLS_part={part + 1} HTTP/1.1\r\nHost: localhost\r\n"
        request = f"{head}Authorization: Bearer {demo['whep_token']}\r\n\r\n".encode()
        for one in connections:
            one.ask(request)
        answers = await asyncio.gather(*(one.answered for one in connections))
        assert all(line.startswith(b"HTTP/1.1 200") for line, _ in answers), {line for line, _ in answers}
        times = [at for _, at in answers]
        spreads.append(max(times) - min(times))
        for one in connections:
            one.close()
    print(f"spread of {CLIENTS} answers: {[round(1000 * one) for one in spreads]} ms")
    assert min(spreads) < 0.25


class _Client(asyncio.Protocol):
    """Notes the first line of the answer and when it came."""

    def __init__(self) -> None:
        self.answered: asyncio.Future[tuple[bytes, float]] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if not self.answered.done():
            self.answered.set_result((data.partition(b"\r\n")[0], time.monotonic()))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answered.done():
            self.answered.set_exception(ConnectionError("closed without an answer"))

    def ask(self, request: bytes) -> None:
        assert self._transport is not None
        self._transport.write(request)

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()


async def _connected(url: str) -> _Client:
    place = urlsplit(url)
    _, client = await asyncio.get_running_loop().create_connection(_Client, place.hostname, place.port)
    return client


def test_the_running_playlists_keep_the_rules(demo: dict[str, Any]) -> None:
    live, dvr = (read(fetch(demo, media_playlist(demo, query))) for query in ("", "?rewind=1"))
    assert live.hint is not None
    assert (live.kind, dvr.kind, dvr.sequence) == (None, "EVENT", FIRST_MSN)
    assert all(one.parts[0].independent for one in live.complete if one.parts)
    assert Path(urlsplit(media_playlist(demo)).path).name == "live.m3u8"
