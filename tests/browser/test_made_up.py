"""A screen fetches a finished recording from a running server: what it was sent whole is in the ledger, as time of the broadcast."""

from __future__ import annotations

import time
import urllib.request

import pytest

from signaling.ledger.columns import StoredReplay
from signaling.ledger.facts import Kind
from signaling.library.replaying import stretches
from tests.browser.test_presence import facts
from tests.support.chromium import STUDIO_ARGUMENTS, chromium
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
