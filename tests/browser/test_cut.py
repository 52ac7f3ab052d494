"""停播: within a second no screen shows the lecture any more, whatever its network blocks; resume brings everybody back."""

from __future__ import annotations

import time

import pytest

from tests.support.chromium import STUDIO_ARGUMENTS, chromium
from tests.support.classroom import Classroom, Studio, changed_at, note_states, without_sockets, without_websocket
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.quiet, pytest.mark.timeout(180)]

NETWORKS = {"free": (None, 1.0), "no Socket.IO": (without_sockets, 1.0), "long polling": (without_websocket, 2.0)}


def test_cut_is_shown_at_once_and_resume_brings_the_screens_back(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = server.demo()
    assert demo is not None
    lecture = f"/api/v1/lectures/{demo['lecture_id']}"
    with chromium(*STUDIO_ARGUMENTS, "--autoplay-policy=no-user-gesture-required") as browser:
        studio = Studio(browser, demo["studio_url"])
        studio.prepare()
        studio.start()
        rooms = {
            name: Classroom(browser, url, network=network)
            for (name, (network, _)), url in zip(list(NETWORKS.items())[:2], demo["classroom_urls"], strict=True)
        }
        for room in rooms.values():
            room.enter()
            room.until("live")
            room.until_seen(15)
            note_states(room.page)

        asked = time.time()
        assert server.call("POST", f"{lecture}/cut", demo["api_token"])[0] == 200
        for name, room in rooms.items():
            room.until("cut")
            took = changed_at(room.page, "cut") - asked
            with capsys.disabled():
                print(f"\ncut with {name}: shown after {took * 1000:.0f} ms")
            assert took <= NETWORKS[name][1]
            assert "直播已停止" in room.page.get_by_test_id("slate").inner_text()
        studio.page.get_by_test_id("cut").first.wait_for()

        assert server.call("POST", f"{lecture}/resume", demo["api_token"])[0] == 200
        for room in rooms.values():
            room.until("live")
            before = len(room.seen())
            room.page.wait_for_function("n => window.watcher.seen.length > n + 10", arg=before)


def test_cut_is_shown_within_two_seconds_by_long_polling(server: Server) -> None:
    demo = server.demo()
    assert demo is not None
    lecture = f"/api/v1/lectures/{demo['lecture_id']}"
    network, limit = NETWORKS["long polling"]
    with chromium(*STUDIO_ARGUMENTS, "--autoplay-policy=no-user-gesture-required") as browser:
        studio = Studio(browser, demo["studio_url"])
        studio.prepare()
        studio.start()
        room = Classroom(browser, demo["classroom_urls"][0], network=network)
        room.enter()
        room.until("live")
        assert server.call("POST", f"{lecture}/pause", demo["api_token"])[0] == 200
        room.until("paused", 5_000)  # only the socket can have told this
        note_states(room.page)
        asked = time.time()
        assert server.call("POST", f"{lecture}/cut", demo["api_token"])[0] == 200
        room.until("cut")
        assert changed_at(room.page, "cut") - asked <= limit


def test_pause_shows_a_calm_slate_and_resume_the_picture(server: Server) -> None:
    demo = server.demo()
    assert demo is not None
    with chromium(*STUDIO_ARGUMENTS, "--autoplay-policy=no-user-gesture-required") as browser:
        studio = Studio(browser, demo["studio_url"])
        studio.prepare()
        studio.start()
        room = Classroom(browser, demo["classroom_urls"][0])
        room.enter()
        room.until("live")
        studio.page.get_by_test_id("pause").click()
        room.until("paused")
        assert "直播暂停" in room.page.get_by_test_id("slate").inner_text()
        studio.page.get_by_test_id("resume").click()
        room.until("live")
        before = len(room.seen())
        room.page.wait_for_function("n => window.watcher.seen.length > n + 10", arg=before)
