"""A classroom whose network blocks UDP: the lecture comes by HLS, can be seen from its start, and is gone when it is cut."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.chromium import STUDIO_ARGUMENTS, chromium
from tests.support.classroom import Classroom, Studio, changed_at, note_states
from tests.support.hls_class import LIVE, NO_UDP, REWOUND, before, beside, beyond, blanked_at, remains, until_path
from tests.support.library import class_rows
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.quiet, pytest.mark.timeout(90)]

AUTOPLAY = "--autoplay-policy=no-user-gesture-required"
FALL_SECONDS = 5.0
# Loading hls.js, the playlists and the first parts, and a machine that does other things besides.
START_SECONDS = 5.0
FPS = 15
BLACK = {"sources": 0, "sizes": [], "still": 1}


def touch_bar(page: Page, testid: str) -> None:
    """Touch the picture and then a button of the bar that appears."""
    page.mouse.click(400, 300)
    page.get_by_test_id(testid).click()


def test_lecture_comes_by_hls_where_udp_is_blocked_rewinds_and_is_cut(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = server.demo()
    assert demo is not None
    lecture = f"/api/v1/lectures/{demo['lecture_id']}"
    with chromium(*STUDIO_ARGUMENTS, AUTOPLAY) as teacher, beside(teacher, AUTOPLAY, *NO_UDP) as school:
        studio = Studio(teacher, demo["studio_url"], fps=FPS)
        studio.prepare()
        studio.start()
        room = Classroom(school, demo["classroom_urls"][0], watch=False)
        opened = time.monotonic()
        until_path(room.page, "hls", (FALL_SECONDS + START_SECONDS) * 1000)
        room.until("live", START_SECONDS * 1000)
        first = beyond(room.page, LIVE, 0)
        with capsys.disabled():
            print(f"\nfirst picture by HLS {time.monotonic() - opened:.1f} s after the page was opened")
        late = len(studio.drawn()) - beyond(room.page, LIVE, first + 3 * FPS)
        assert late < 6 * FPS
        assert room.page.get_by_test_id("path-badge").inner_text() == "备用线路（约慢 2 秒）"

        beyond(room.page, LIVE, first + 9 * FPS)  # long enough to be counted
        touch_bar(room.page, "rewind")
        until_path(room.page, "rewind", 1000)
        from_start = before(room.page, REWOUND, first + FPS)  # `first` may be the very first that was recorded
        beyond(room.page, REWOUND, from_start + FPS)
        assert room.page.evaluate("document.querySelector('#theatre video').currentTime") < 10
        assert remains(room.page)["sources"] == 1
        room.page.mouse.click(400, 300)
        room.page.get_by_test_id("player-live").click()
        until_path(room.page, "hls", 1000)
        beyond(room.page, LIVE, len(studio.drawn()))

        note_states(room.page)
        asked = time.time()
        assert server.call("POST", f"{lecture}/cut", demo["api_token"])[0] == 200
        room.until("cut")
        blank, said = blanked_at(room.page) - asked, changed_at(room.page, "cut") - asked
        with capsys.disabled():
            print(f"cut by HLS: no picture after {blank * 1000:.0f} ms, said after {said * 1000:.0f} ms")
        assert blank <= 1.0
        assert remains(room.page) == BLACK
        assert room.errors == []
    given, other = (delivered(server, demo, screen) for screen in demo["screens"])
    assert given >= 3, "what came over HLS alone is delivered"
    assert other == 0


def delivered(server: Server, demo: dict[str, Any], screen: dict[str, Any]) -> float:
    """Return the seconds that export 03 has for the class of a screen."""
    return float(class_rows(server, demo)[screen["school_code"], screen["class_code"]]["送达秒数"] or 0)


def test_cut_blanks_a_rewound_lecture(server: Server) -> None:
    demo = server.demo()
    assert demo is not None
    with chromium(*STUDIO_ARGUMENTS, AUTOPLAY) as browser:
        studio = Studio(browser, demo["studio_url"], fps=FPS)
        studio.prepare()
        studio.start()
        room = Classroom(browser, demo["classroom_urls"][0], watch=False)
        room.until("live")
        until_path(room.page, "webrtc", 1000)
        touch_bar(room.page, "rewind")
        beyond(room.page, REWOUND, 0)
        note_states(room.page)
        asked = time.time()
        assert server.call("POST", f"/api/v1/lectures/{demo['lecture_id']}/cut", demo["api_token"])[0] == 200
        room.until("cut")
        assert blanked_at(room.page) - asked <= 1.0
        assert remains(room.page) == BLACK
        assert room.page.get_by_test_id("player").count() == 0
