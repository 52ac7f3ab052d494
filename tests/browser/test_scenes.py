"""Scenes are composed in the studio into one picture; the classes see what was chosen, on the same connection."""

from __future__ import annotations

import pytest

from tests.support.chromium import STUDIO_ARGUMENTS, chromium
from tests.support.classroom import Classroom, Studio
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.quiet, pytest.mark.timeout(180)]

SCREEN = (124, 58, 237)  # the colour of the shared screen, in tests/browser/synthetic.js
CENTRE, CORNER = (0.3, 0.5), (0.9, 0.95)

_NEAR = """([x, y, red, green, blue, wanted]) => {
    const video = document.querySelector('video'), canvas = document.createElement('canvas');
    canvas.width = 160;
    canvas.height = 90;
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0, 160, 90);
    const seen = context.getImageData(x * 160, y * 90, 1, 1).data;
    const near = [red, green, blue].every((level, i) => Math.abs(level - seen[i]) < 40);
    return near === wanted;
}"""


def shows(room: Classroom, place: tuple[float, float], wanted: bool) -> None:
    """Wait until the picture has, or has not, the colour of the shared screen at `place`."""
    room.page.wait_for_function(_NEAR, arg=[*place, *SCREEN, wanted], timeout=15_000)


def test_camera_screen_and_both_reach_the_class_on_one_connection(server: Server) -> None:
    demo = server.demo()
    assert demo is not None
    lecture = f"/api/v1/lectures/{demo['lecture_id']}"
    with chromium(*STUDIO_ARGUMENTS, "--autoplay-policy=no-user-gesture-required") as browser:
        studio = Studio(browser, demo["studio_url"])
        studio.prepare()
        studio.start()
        room = Classroom(browser, demo["classroom_urls"][0])
        room.enter()
        room.until("live")
        shows(room, CENTRE, wanted=False)
        session = server.call("GET", lecture, demo["api_token"])[1]["publisher"]["session"]

        studio.page.get_by_test_id("scene-screen").click()
        shows(room, CENTRE, wanted=True)
        shows(room, CORNER, wanted=True)
        before = len(room.seen())
        room.page.wait_for_timeout(3_000)
        assert len(room.seen()) - before >= 3 * 8, "a screen that does not change is sent again"

        studio.page.get_by_test_id("scene-both").click()
        shows(room, CORNER, wanted=False)
        shows(room, CENTRE, wanted=True)
        studio.page.get_by_test_id("scene-title").click()
        shows(room, CENTRE, wanted=False)
        studio.page.get_by_test_id("scene-camera").click()
        count = sum(counter is not None for counter, _, _ in room.seen())
        room.until_seen(count + 15)

        after = server.call("GET", lecture, demo["api_token"])[1]["publisher"]["session"]
        assert after == session
        assert studio.errors == []
