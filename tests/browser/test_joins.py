"""Joining a running lecture in Chromium, by a page that knows WHEP and nothing of this server: how soon, how late, how complete."""

from __future__ import annotations

import itertools
import math
import os
import statistics
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright

from tests.support.camera import Camera, on_air
from tests.support.chromium import ARGUMENTS, executable
from tests.support.counter import DECODER_JS
from tests.support.crowd import offer_over_http
from tests.support.peer import Peer
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.quiet, pytest.mark.timeout(180)]

FOREIGN = (Path(__file__).parent / "foreign.js").read_text("utf-8").split("\n", 1)[1]
JOINS = 20
FIRST_FRAME_SECONDS = 0.5
WATCHED_SECONDS = 5
GOP_SECONDS = 4.0
NEAR = 300.0
MANY_JOINS = {"JIANGTANG_LIVE__REQUESTS_PER_SECOND": "100"}  # one credential stands for many screens here


@dataclass
class Scene:
    """A running lecture and an empty page of another origin."""

    camera: Camera
    lecturer: Peer
    page: Page
    whep: dict[str, str]

    async def join(self) -> dict[str, float]:
        """Join; return milliseconds from the offer to the answer and to the first picture."""
        return dict(await self.page.evaluate(FOREIGN, self.whep))

    async def leave(self) -> None:
        await self.page.evaluate("window.foreign.leave()")


@asynccontextmanager
async def scene(data: Path, environment: dict[str, str] | None = None) -> AsyncIterator[Scene]:
    """Start a server and a lecture, and show the page of a stranger in Chromium."""
    server = Server(data, environment=MANY_JOINS | (environment or {}))
    async with AsyncExitStack() as stack:
        stack.callback(server.close)
        demo = server.start()
        session = await stack.enter_async_context(aiohttp.ClientSession())
        lecturer = await stack.enter_async_context(Peer("publish"))
        await lecturer.connect(lambda offer: offer_over_http(session, demo["whip_url"], demo["whip_token"], offer))
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=executable(), headless=True, args=list(ARGUMENTS))
        stack.push_async_callback(browser.close)
        page = await browser.new_page()
        await page.goto(await stack.enter_async_context(blank_page()))
        camera = Camera(gop_seconds=GOP_SECONDS)
        await stack.enter_async_context(on_air(camera, lecturer))
        await camera.until(2 * camera.fps)
        yield Scene(
            camera, lecturer, page, {"url": demo["whep_url"], "token": demo["whep_token"], "decode": DECODER_JS}
        )


@asynccontextmanager
async def blank_page() -> AsyncIterator[str]:
    """Serve an empty page and yield its URL: another origin than the server's, so that CORS takes part."""

    async def blank(request: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><link rel=icon href=data:,><body>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", blank)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


def percentile(values: list[float], share: float) -> float:
    """The smallest value that `share` of the values do not exceed."""
    return sorted(values)[math.ceil(len(values) * share) - 1]


def load() -> str:
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


async def test_twenty_joins_of_a_running_lecture_see_it_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with scene(tmp_path / "data") as at:
        first, answered = [], []
        for number in range(JOINS):
            await at.camera.until(len(at.camera.drawn) + number * 7 % 13)  # at every age of a group of pictures
            times = await at.join()
            first.append(times["first"])
            answered.append(times["answered"])
            await at.leave()
        with capsys.disabled():
            print(f"\n{JOINS} joins ({load()}): first picture {sorted(map(round, first))} ms")
            print(
                f"median {statistics.median(first):.0f} ms, p95 {percentile(first, 0.95):.0f} ms; "
                f"answer median {statistics.median(answered):.0f} ms; {at.lecturer.plis} keyframe requests"
            )
        assert percentile(first, 0.95) <= FIRST_FRAME_SECONDS * 1000


@pytest.mark.parametrize("burst", [True, False], ids=["cached pictures", "keyframe request"])
async def test_a_late_joiner_is_soon_as_near_as_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], burst: bool
) -> None:
    """The cached pictures are seconds old when they come: a receiver must not stay that far behind."""
    async with scene(tmp_path / "data", {} if burst else {"JIANGTANG_FORWARD__GOP_BURST_BYTES": "1"}) as at:
        runs = []
        for number in range(3):
            await at.camera.until(len(at.camera.drawn) + 11 * number)
            times = await at.join()
            watched = await watch(at)
            runs.append(watched)
            with capsys.disabled():
                print(f"\nfirst picture after {times['first']:.0f} ms ({load()}), {watched}")
            await at.leave()
        assert statistics.median(run.caught_up for run in runs) <= 3000
        assert statistics.median(run.settled for run in runs) <= 500
        for run in runs:
            assert run.backwards == run.repeated == run.lost == 0
            assert run.unreadable <= 1


@dataclass(frozen=True)
class Watched:
    """What a viewer saw in its first seconds; latencies in milliseconds from drawing to showing, median of each half second.

    `caught_up` is when, counted from the join, a picture was shown that was less than `NEAR` milliseconds old; `settled` holds for
    the time after three seconds.
    """

    pictures: int
    first_age: float
    by_half_second: dict[float, float]
    caught_up: float
    settled: float
    settled_p95: float
    backwards: int
    repeated: int
    unreadable: int
    lost: int
    jitter_buffer: float

    def __str__(self) -> str:
        latencies = ", ".join(f"{after:.1f} s: {value:.0f}" for after, value in self.by_half_second.items())
        return (
            f"then {self.first_age:.0f} ms old, caught up after {self.caught_up:.0f} ms, later median {self.settled:.0f} ms, "
            f"p95 {self.settled_p95:.0f} ms; by time after the join {latencies}; {self.pictures} pictures, "
            f"jitter buffer {self.jitter_buffer:.0f} ms"
        )


async def watch(at: Scene) -> Watched:
    """Let the lecture run on and return what was shown since the join."""
    await at.camera.until(len(at.camera.drawn) + WATCHED_SECONDS * at.camera.fps)
    seen, joined, stats = await at.page.evaluate(
        "async () => [window.foreign.seen, window.foreign.joined, await window.foreign.received()]"
    )
    return fold(seen, joined, stats["video"], at.camera.drawn)


def fold(seen: list[tuple[Any, float, int]], joined: float, video: dict[str, Any], drawn: dict[int, float]) -> Watched:
    """Compare what was shown with what was drawn."""
    counters = [counter for counter, _, _ in seen if counter is not None]
    ages = [(shown - joined, shown - drawn[counter]) for counter, shown, _ in seen if counter in drawn]
    later = [age for after, age in ages if after > 3000]
    halves: dict[float, list[float]] = {}
    for after, age in ages:
        halves.setdefault(after // 500 / 2, []).append(age)
    return Watched(
        pictures=len(counters),
        first_age=ages[0][1],
        by_half_second={half: statistics.median(values) for half, values in sorted(halves.items())},
        caught_up=next((after for after, age in ages if age <= NEAR), math.inf),
        settled=statistics.median(later),
        settled_p95=percentile(later, 0.95),
        backwards=sum(later < earlier for earlier, later in itertools.pairwise(counters)),
        repeated=len(counters) - len(set(counters)),
        unreadable=len(seen) - len(counters),
        lost=video["packetsLost"],
        jitter_buffer=1000 * video["jitterBufferDelay"] / max(1, video["jitterBufferEmittedCount"]),
    )
