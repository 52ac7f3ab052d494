"""A screen fetches a finished recording from a running server: what it was sent whole is in the ledger, as time of the broadcast."""

from __future__ import annotations

import time
import urllib.request

import pytest
from playwright.sync_api import expect

from signaling.ledger.columns import StoredReplay
from signaling.ledger.facts import Kind
from signaling.library.replaying import stretches
from tests.browser.test_presence import facts
from tests.browser.test_recordings_page import at, when
from tests.support.chromium import STUDIO_ARGUMENTS, chromium, shot, watch_errors
from tests.support.classroom import Studio
from tests.support.library import finished_recording
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def test_what_a_screen_was_sent_of_a_recording_is_written_down(server: Server) -> None:
    demo = server.demo()
    assert demo is not None
    with chromium(*STUDIO_ARGUMENTS) as browser:
        studio = Studio(browser, demo["studio_url"])
        studio.prepare()
        studio.start()
        studio.page.wait_for_timeout(9_000)  # two segments
        studio.end()
    entry = finished_recording(server, demo, seconds=10)
    approved, _ = server.call("POST", f"/api/v1/recordings/{entry['id']}/approve", demo["api_token"])
    assert approved == 200
    base = f"http://127.0.0.1:{server.port}/hls/{demo['lecture_id']}/{entry['id']}"

    def fetch(name: str, **headers: str) -> bytes:
        bearer = {"Authorization": f"Bearer {demo['screens'][0]['whep_token']}"}
        request = urllib.request.Request(f"{base}/{name}", headers=bearer | headers)
        with urllib.request.urlopen(request, timeout=10) as response:
            return bytes(response.read())

    ((reel, segments),) = stretches(fetch("vod.m3u8").decode()).items()
    first = segments[0]
    data = fetch(f"{reel}.mp4", Range=f"bytes={first.offset}-{first.offset + first.size - 1}")
    assert len(data) == first.size
    before = time.time()
    server.stop()  # writes down the window that is under way
    told = [
        one for one in facts(server.data, demo["lecture_id"])[Kind.MEDIA_DELIVERED] if isinstance(one, StoredReplay)
    ]
    assert len(told) == 1
    assert abs(told[0].window_no * 10 - before) < 20


def test_a_class_makes_a_lecture_up_in_its_course(server: Server) -> None:
    """The screen of a class that was never there: no jump over what it did not see, no speed that costs it its credit, and then done."""
    demo = server.demo()
    assert demo is not None
    with chromium(*STUDIO_ARGUMENTS) as browser:
        studio = Studio(browser, demo["studio_url"])
        studio.prepare()
        studio.start()
        studio.page.wait_for_timeout(25_000)
        studio.end()
        studio.page.close()
        entry = finished_recording(server, demo, seconds=20)
        assert server.call("POST", f"/api/v1/recordings/{entry['id']}/approve", demo["api_token"])[0] == 200
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        problems = watch_errors(page)
        page.goto(demo["classroom_urls"][0])
        page.get_by_test_id("shelf-open").click()
        page.get_by_test_id("card").first.click()
        made = page.get_by_test_id("player-made-up")
        expect(made).to_contain_text("补看进度 0/0.", timeout=15_000)
        when(page, "v.currentTime > 1 && !v.paused")
        page.get_by_test_id("player").focus()
        page.keyboard.press("9")
        expect(made).to_contain_text("先看完前面的内容")
        assert at(page) < 8
        page.get_by_test_id("player-speed").click()
        assert page.get_by_test_id("player-speeds").inner_text().split() == ["0.75×", "1×", "1.25×"]
        page.keyboard.press("Escape")
        shot(page, "class-making-up")
        expect(made).to_contain_text("补看已达标", timeout=90_000)
        shot(page, "class-made-up")
        assert problems == []
    screen, device_token = demo["classroom_urls"][0].rpartition("/")[2].split("#")
    path = f"/api/v1/screens/{screen}/recordings/{entry['id']}/make-up"
    status, told = server.call("GET", path, device_token)
    assert (status, told["due"], told["done"], told["unseen_s"]) == (200, False, True, None)
