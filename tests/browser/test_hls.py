"""Low-latency HLS as a browser plays it: half a minute at the live edge, back to the beginning and forward again, a lecturer who changes
the picture's size and connects anew."""

from __future__ import annotations

import os
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.support.chromium import chromium
from tests.support.counter import DECODER_JS
from tests.support.server import Server
from tests.support.show import Act, Show, showing

pytestmark = [pytest.mark.browser, pytest.mark.quiet, pytest.mark.timeout(300)]

HLS_JS = Path(__file__).parents[2] / "web" / "node_modules" / "hls.js" / "dist" / "hls.light.min.js"
PLAYER = Path(__file__).with_name("hls_page.js")
STEADY_SECONDS = int(os.environ.get("JIANGTANG_HLS_SECONDS", "30"))
LATENCY_P95 = 2.5
FPS = 30
SETTLE_SECONDS = 4  # until hls.js has filled its first buffer


def player(browser: Browser, server: Server) -> Page:
    """Return a page of the server's own origin with nothing on it but hls.js and a video."""
    page = browser.new_context(viewport={"width": 640, "height": 360}).new_page()
    html = '<!doctype html><script src="/hls.js"></script><video muted playsinline style="width:640px"></video>'

    def answer(route: Route) -> None:
        if route.request.url.endswith("/hls.js"):
            route.fulfill(path=HLS_JS, content_type="text/javascript")
        else:
            route.fulfill(body=html, content_type="text/html")

    page.route("**/bare/*", answer)
    page.route("**/hls.js", answer)
    page.goto(f"{server.url}/bare/player")
    script = PLAYER.read_text("utf-8").split("\n", 2)[2]
    page.evaluate(f"({script})({DECODER_JS})")
    return page


def play(page: Page, server: Server, demo: dict[str, Any], start: float = -1.0, rewind: bool = False) -> None:
    """Begin to play at the live edge, or at `start` seconds of the lecture."""
    url = f"{server.url}/hls/{demo['lecture_id']}/index.m3u8{'?rewind=1' if rewind else ''}"
    page.evaluate("([url, token, start]) => window.page.play(url, token, start)", [url, demo["whep_token"], start])


def until_seen(page: Page, counter: int, seconds: float = 30.0) -> None:
    """Wait until a picture with at least this counter was shown."""
    page.wait_for_function(
        "counter => window.page.seen.some((entry) => entry[0] !== null && entry[0] >= counter)",
        arg=counter,
        timeout=seconds * 1000,
    )


def wait_for_first_part(server: Server, demo: dict[str, Any], page: Page) -> None:
    """Wait until the origin has something to play."""
    for _ in range(150):
        status, _ = server.call("GET", f"/hls/{demo['lecture_id']}/index.m3u8", demo["whep_token"])
        if status == 200:
            return
        page.wait_for_timeout(200)
    raise TimeoutError("no playlist within 30 s")


def latencies(seen: list[list[Any]], show: Show) -> list[float]:
    """Return the seconds from the sending of a picture to its display, for all that were read."""
    return [at / 1000 - show.sent[counter] for counter, at, _ in seen if counter in show.sent]


def test_a_lecture_by_low_latency_hls(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    demo = server.demo()
    assert demo is not None
    acts = (
        Act(640, 360, STEADY_SECONDS + 20),
        Act(0, 0, 5, continues=True),  # the sound goes on, the picture stands still
        Act(1280, 720, 15, continues=True),
        Act(1280, 720, 20),
    )
    changed = sum(act.seconds for act in acts[:2]) * FPS
    returned = sum(act.seconds for act in acts[:3]) * FPS
    with showing(demo, *acts) as show, chromium("--autoplay-policy=no-user-gesture-required") as browser:
        show.until(0)
        page = player(browser, server)
        wait_for_first_part(server, demo, page)
        play(page, server, demo)
        until_seen(page, 1)
        page.wait_for_timeout(SETTLE_SECONDS * 1000)
        page.evaluate("window.page.seen.length = window.page.stalls.length = 0")
        page.wait_for_timeout(STEADY_SECONDS * 1000)
        steady = latencies(page.evaluate("window.page.seen"), show)
        stalls, trouble = page.evaluate("window.page.stalls"), page.evaluate("window.page.trouble")

        play(page, server, demo, start=0.0, rewind=True)
        page.wait_for_function("window.page.seen.some((entry) => entry[0] !== null && entry[0] < 150)", timeout=15_000)
        page.evaluate("window.page.toLive()")
        page.wait_for_timeout(3000)
        page.evaluate("window.page.seen.length = 0")
        page.wait_for_timeout(2000)
        after = latencies(page.evaluate("window.page.seen"), show)

        until_seen(page, changed + 5 * FPS, 60)
        until_seen(page, returned + 5 * FPS, 60)
        seen, fatal = page.evaluate("window.page.seen"), page.evaluate("window.page.fatal")
        widths = {counter // FPS: width for counter, _, width in seen if counter is not None}

    p95 = quantiles(steady, n=20)[-1]
    with capsys.disabled():
        print(
            f"\nHLS: {len(steady)} pictures, latency median {median(steady):.2f} s, p95 {p95:.2f} s, {len(stalls)} stalls; "
            f"after the rewind {median(after):.2f} s; complaints of hls.js {trouble}"
        )
    assert len(steady) >= 0.8 * STEADY_SECONDS * FPS
    assert p95 <= LATENCY_P95
    assert stalls == []
    assert median(after) <= LATENCY_P95 + 1.0
    assert {640, 1280} <= set(widths.values())
    assert fatal == []
