"""The console's recordings: the running one with its rewind, then the finished one; review, filters, pictures in both languages."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.support.chromium import shot, watch_errors
from tests.support.console import enter, wrong
from tests.support.library import finished_recording
from tests.support.obs import FPS
from tests.support.server import Server
from tests.support.show import Act, showing

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

ACTS = (Act(640, 360, 18), Act(640, 360, 20))  # the second is a new connection: a chapter and a gap
VIDEO = "document.querySelector('[data-testid=player-video]')"
FINISH_SECONDS = 15.0


def when(page: Page, condition: str, seconds: float = 30.0) -> None:
    """Wait until a condition on `v`, the player's video, holds."""
    page.wait_for_function(
        f"() => {{ const v = {VIDEO}; return v !== null && ({condition}); }}", timeout=seconds * 1000
    )


def at(page: Page) -> float:
    return float(page.evaluate(f"{VIDEO}.currentTime"))


def open_first(page: Page) -> None:
    """Two presses from anywhere: the shelf, the card."""
    page.get_by_test_id("nav-recordings").click()
    page.get_by_test_id("open").first.click()
    page.get_by_test_id("player").wait_for()


def rewind_live(page: Page) -> None:
    """From the live edge to the first second and back."""
    when(page, "v.readyState >= 3 && !v.paused", 20)
    page.get_by_test_id("player-live").wait_for()
    when(page, "v.currentTime > 12", 30)
    page.get_by_test_id("player").focus()
    page.keyboard.press("Home")
    when(page, "v.currentTime < 3 && v.readyState >= 3 && !v.seeking")
    page.locator("[data-testid=player-live][data-late=true]").wait_for()
    assert page.get_by_test_id("player-behind").inner_text().startswith("落后")
    page.get_by_test_id("player-live").click()
    page.locator("[data-testid=player-live][data-late=false]").wait_for()
    when(page, "v.currentTime > 9 && !v.paused && !v.seeking")


def test_running_recording_is_rewound_and_plays_on_when_finished(server: Server, browser: Browser) -> None:
    demo = server.demo()
    assert demo is not None
    page = enter(browser, server)
    errors = watch_errors(page)
    with showing(demo, *ACTS) as show:
        show.until(4 * FPS)
        page.get_by_test_id("nav-recordings").click()
        page.locator("[data-testid=recording][data-state=recording]").wait_for()
        open_first(page)
        rewind_live(page)
        show.until((ACTS[0].seconds + ACTS[1].seconds - 1) * FPS - 1)
    assert server.call("POST", f"/api/v1/lectures/{demo['lecture_id']}/end", demo["api_token"])[0] == 200
    recording = finished_recording(server, demo, FINISH_SECONDS)
    page.locator("[data-testid=recording-page][data-state=ready]").wait_for(timeout=30_000)
    seek_everywhere(page, recording)
    resume(page)
    review(server, demo, page, recording["id"])
    assert errors == []
    look_at(browser, server)


def seek_everywhere(page: Page, recording: dict[str, Any]) -> None:
    """By key, by chapter, by the timeline with its pictures; at another speed."""
    when(page, f"Math.abs(v.duration - {recording['duration_s']}) < 1 && v.readyState >= 2")
    page.get_by_test_id("player").focus()
    page.keyboard.press("5")
    half = recording["duration_s"] / 2
    when(page, f"Math.abs(v.currentTime - {half}) < 4 && v.readyState >= 2")
    chapter = recording["chapters"][1]["start_s"]
    assert page.get_by_test_id("player-mark").count() == len(recording["chapters"]) - 1
    page.get_by_test_id("chapters").get_by_text("第二段").click()
    when(page, f"Math.abs(v.currentTime - {chapter}) < 4 && v.readyState >= 2")
    page.get_by_text("第二段").first.wait_for()

    box = page.get_by_test_id("player-timeline").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.get_by_test_id("player-picture").wait_for()
    sprite = page.evaluate(
        """async () => {
            const style = getComputedStyle(document.querySelector('[data-testid=player-picture]'));
            const image = new Image();
            image.src = /url\\("(.*)"\\)/.exec(style.backgroundImage)[1];
            await image.decode();
            return [image.naturalWidth, parseFloat(style.width)];
        }"""
    )
    assert sprite[0] >= sprite[1] > 0
    shot(page, "console-recording-preview")
    page.mouse.click(x, y)
    when(page, f"Math.abs(v.currentTime - {recording['duration_s'] * 0.25}) < 4")

    page.get_by_test_id("player-speed").click()
    page.get_by_test_id("player-speeds").get_by_text("1.5×").click()
    when(page, "v.playbackRate === 1.5")


def resume(page: Page) -> None:
    """Somebody stops, comes back, and goes on there; the keyboard is enough."""
    page.get_by_test_id("player").focus()
    page.keyboard.press("4")
    when(page, "!v.paused && !v.seeking")
    page.keyboard.press("k")
    when(page, "v.paused && !v.seeking")
    left = at(page)
    page.reload()
    page.get_by_test_id("player-resume-go").wait_for()
    when(page, f"v.paused && v.readyState >= 2 && Math.abs(v.currentTime - {left}) < 2")
    page.keyboard.press("Enter")
    when(page, f"!v.paused && v.currentTime > {left}")


def review(server: Server, demo: dict[str, Any], page: Page, recording_id: str) -> None:
    """What a reviewer approves stands on the screens' shelf, what he withdraws does not."""
    address, _, token = demo["classroom_urls"][0].partition("#")
    shelf = f"/api/v1/screens/{address.rpartition('/')[2]}/recordings"

    def shown() -> list[str]:
        status, documents = server.call("GET", shelf, token)
        assert status == 200
        return [document["id"] for document in documents]

    assert shown() == []
    page.get_by_test_id("approve").click()
    page.locator(".confirm-approve").click()
    page.get_by_test_id("withdraw").wait_for()
    assert shown() == [recording_id]
    page.get_by_test_id("withdraw").click()
    assert "个班级的屏幕不能再播放" in page.locator(".el-message-box__message").inner_text()
    page.locator(".confirm-withdraw").click()
    page.get_by_test_id("approve").wait_for()
    assert shown() == []


def look_at(browser: Browser, server: Server) -> None:
    """Take every page in both languages and themes and list what is wrong with it."""
    problems: list[str] = []
    page = enter(browser, server)
    for language in ("zh-CN", "en"):
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.goto(f"{server.url}/console?lang={language}&theme={theme}#/recordings")
            page.get_by_test_id("recordings").wait_for()
            problems += wrong(page, f"console-shelf-{theme}", language)
            open_first(page)
            when(page, "v.readyState >= 3")
            sha = page.get_by_test_id("sha").inner_text()
            found = wrong(page, f"console-recording-{theme}", language)
            problems += [problem for problem in found if sha not in problem]
            page.go_back()
            page.get_by_test_id("filter-text").fill("没有这样的讲座")
            page.get_by_test_id("recordings-none").wait_for()
            problems += wrong(page, f"console-shelf-none-{theme}", language)
    assert problems == []
