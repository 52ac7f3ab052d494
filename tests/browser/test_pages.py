"""Every page in both languages: pictures to look at, and what a machine can see in them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from tests.support.chromium import shot
from tests.support.classroom import Classroom, Studio
from tests.support.console import DESK, OLD_WALL, WALL, wrong
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

LANGUAGES = ("zh-CN", "en")


def check(page: Page, name: str, language: str, problems: list[str]) -> None:
    """Take a picture and add what is wrong with the page."""
    problems += wrong(page, name, language)


def speaking(url: str, language: str) -> str:
    """Return `url` with the language asked for."""
    address, _, fragment = url.partition("#")
    return f"{address}?lang={language}" + (f"#{fragment}" if fragment else "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_studio(server: Server, browser: Browser, language: str) -> None:
    demo = server.demo()
    assert demo is not None
    problems: list[str] = []
    studio = Studio(browser, speaking(demo["studio_url"], language), code=False)
    studio.page.get_by_test_id("prepare").wait_for()
    check(studio.page, "studio-check", language, problems)
    studio.prepare()
    check(studio.page, "studio-ready", language, problems)
    studio.start()
    studio.page.get_by_test_id("watching").wait_for()
    check(studio.page, "studio-live", language, problems)
    studio.page.get_by_test_id("pause").click()
    studio.page.get_by_test_id("resume").wait_for()
    check(studio.page, "studio-paused", language, problems)
    studio.page.get_by_test_id("end").click()
    studio.page.get_by_test_id("end-confirm").wait_for()
    check(studio.page, "studio-end-dialog", language, problems)
    studio.page.get_by_test_id("end-confirm").click()
    studio.page.get_by_test_id("ended").wait_for()
    check(studio.page, "studio-ended", language, problems)
    assert problems == []


REFUSALS = {
    "NotAllowedError": "denied",
    "NotFoundError": "missing",
    "NotReadableError": "busy",
    "OverconstrainedError": "constraints",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_studio_says_why_it_has_no_camera(shared: Server, browser: Browser, language: str) -> None:
    demo = shared.demo()
    assert demo is not None
    problems: list[str] = []
    sentences = set()
    for name in REFUSALS:
        context = browser.new_context(viewport=DESK)
        context.add_init_script(
            f"navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', '{name}'));"
        )
        page = context.new_page()
        page.goto(speaking(demo["studio_url"], language))
        page.get_by_test_id("prepare").click()
        refusal = page.get_by_test_id("refusal")
        refusal.wait_for()
        sentences.add(refusal.inner_text())
        check(page, f"studio-{name}", language, problems)
        context.close()
    assert len(sentences) == len(REFUSALS), "each refusal has a sentence of its own"
    assert problems == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_class_screens_of_either_size(server: Server, browser: Browser, language: str) -> None:
    demo = server.demo()
    assert demo is not None
    problems: list[str] = []
    lecture = f"/api/v1/lectures/{demo['lecture_id']}"
    rooms = []
    for url, size in zip(demo["classroom_urls"], (WALL, OLD_WALL), strict=True):
        rooms.append((f"class-{size['width']}", Classroom(browser, speaking(url, language), watch=False)))
        rooms[-1][1].page.set_viewport_size(size)
    for name, room in rooms:
        room.page.get_by_test_id("enter").wait_for()
        box = room.page.get_by_test_id("enter").bounding_box()
        assert box is not None
        assert box["height"] >= 240
        check(room.page, f"{name}-enter", language, problems)
        room.enter()
        room.until("waiting")
        check(room.page, f"{name}-waiting", language, problems)
    studio = Studio(browser, demo["studio_url"], code=False)
    studio.prepare()
    studio.start()
    for name, room in rooms:
        room.until("live")
        room.page.mouse.click(500, 400)
        check(room.page, f"{name}-live", language, problems)
    for order, state in (("pause", "paused"), ("resume", "live"), ("cut", "cut"), ("resume", "live"), ("end", "ended")):
        assert server.call("POST", f"{lecture}/{order}", demo["api_token"])[0] == 200
        for name, room in rooms:
            room.until(state)
            if state != "live":
                check(room.page, f"{name}-{state}", language, problems)
    assert problems == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_class_screen_without_its_token(shared: Server, browser: Browser, language: str) -> None:
    demo = shared.demo()
    assert demo is not None
    problems: list[str] = []
    page = browser.new_page(viewport=WALL)
    page.goto(speaking(demo["classroom_urls"][0].partition("#")[0] + "#jtd_wrong", language))
    page.wait_for_function("() => document.documentElement.dataset.state === 'error'")
    assert "E-" in page.get_by_test_id("slate").inner_text()
    check(page, "class-error", language, problems)
    assert problems == []


def log_in(page: Page, user: str, password: str) -> None:
    page.get_by_test_id("login").fill(user)
    page.get_by_test_id("password").fill(password)
    page.get_by_test_id("submit").click()


@pytest.mark.parametrize("language", LANGUAGES)
def test_console(server: Server, browser: Browser, language: str) -> None:
    demo = server.demo()
    assert demo is not None
    problems: list[str] = []
    context = browser.new_context(viewport=DESK)
    page = context.new_page()
    page.goto(speaking(demo["console_url"], language))
    page.get_by_test_id("login").wait_for()
    check(page, "console-login", language, problems)
    log_in(page, "nobody", "wrong password")
    page.wait_for_function("() => document.querySelector('[data-testid=login-error]').innerText.trim() !== ''")
    check(page, "console-login-error", language, problems)
    log_in(page, demo["console_user"], demo["console_password"])
    page.get_by_test_id("nav-lectures").click()
    page.get_by_test_id("lectures").wait_for()
    check(page, "console-lectures", language, problems)

    studio = Studio(browser, demo["studio_url"], code=False)
    studio.prepare()
    studio.start()
    rooms = [Classroom(browser, url, watch=False) for url in demo["classroom_urls"]]
    for room in rooms:
        room.enter()
        room.until("live")
    page.get_by_test_id("lectures").get_by_text("珍爱生命").first.click()
    watching = page.get_by_test_id("schools").locator("[data-school][data-state=some]")
    watching.nth(1).wait_for(timeout=30_000)
    check(page, "console-board", language, problems)
    shot(studio.page, f"lecture-studio-{language}")
    shot(rooms[0].page, f"lecture-class-{language}")
    watching.first.click()
    page.get_by_test_id("school").locator("[data-state=receiving]").first.wait_for(timeout=30_000)
    check(page, "console-school", language, problems)
    page.keyboard.press("Escape")
    hold_to_cut(page, rooms)
    studio.end()
    page.get_by_role("tab", name={"zh-CN": "录像", "en": "Recordings"}[language]).click()
    page.locator("[data-testid=recording][data-state=ready]").wait_for(timeout=30_000)
    check(page, "console-recordings", language, problems)
    page.get_by_test_id("open").first.click()
    page.wait_for_function(
        "() => document.querySelector('[data-testid=player-video]')?.readyState >= 2", timeout=30_000
    )
    page.go_back()
    page.get_by_role("tab", name={"zh-CN": "出勤与导出", "en": "Attendance and export"}[language]).click()
    page.get_by_test_id("exports").wait_for()
    check(page, "console-exports", language, problems)
    with page.expect_download() as download:
        page.get_by_test_id("export-03-xlsx").click()
    assert download.value.suggested_filename.endswith(".xlsx")
    assert problems == []


def hold_to_cut(page: Page, rooms: list[Classroom]) -> None:
    """Stop the lecture by holding 停播 with the keyboard, and let it go on again."""
    page.get_by_test_id("cut").focus()
    page.keyboard.down("Space")
    page.wait_for_timeout(1_300)
    page.keyboard.up("Space")
    for room in rooms:
        room.until("cut")
    page.get_by_test_id("order-resume").click()
    page.locator(".confirm-resume").click()
    for room in rooms:
        room.until("live")
