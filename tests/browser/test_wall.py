"""The board that one looks at: a whole prefecture in a picture, by pointer and keyboard, dark and light, in both languages."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.chromium import watch_errors
from tests.support.console import AWAY, DESK, WALL, enter, go, look
from tests.support.server import Server
from tests.support.wall import invented, serve

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def at_wall(browser: Browser, shared: Server, language: str, **context: object) -> Page:
    page = enter(browser, shared, language=language, **context)
    lecture = (shared.demo() or {})["lecture_id"]
    serve(page, invented(lecture))
    go(page, f"walls/{lecture}")
    expect(page.locator("[data-school]")).to_have_count(1675, timeout=AWAY)
    return page


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize(("name", "size"), [("desk", DESK), ("wall", WALL)])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_prefecture_is_one_picture(
    browser: Browser, shared: Server, language: str, name: str, size: object, theme: str
) -> None:
    page = at_wall(browser, shared, language, viewport=size, color_scheme=theme)
    errors = watch_errors(page)
    expect(page.get_by_test_id("wall-schools")).to_contain_text("/ 1,675")
    look(page, f"wall-{name}-{theme}", language)
    page.get_by_test_id("wall-full").click()
    expect(page.get_by_test_id("wall-full")).to_have_text({"zh-CN": "退出全屏", "en": "Leave full screen"}[language])
    look(page, f"wall-{name}-{theme}-full", language)
    assert errors == []


def test_a_school_is_reached_by_keyboard_and_by_touch(browser: Browser, shared: Server) -> None:
    page = at_wall(browser, shared, "zh-CN", has_touch=True)
    first = page.locator("[data-school]").first
    first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    here = page.evaluate("() => document.activeElement.dataset.school")
    assert here not in {None, first.get_attribute("data-school")}
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("wall-school").locator("tbody tr").first).to_be_visible()
    assert here in page.locator(".el-drawer:visible").inner_text()
    look(page, "wall-school", "zh-CN")
    page.keyboard.press("Escape")
    expect(page.locator(".el-drawer:visible")).to_have_count(0)
    page.get_by_role("button", name="义龙新区，").tap()
    expect(page.locator("[data-school]")).to_have_count(70)
    expect(page.get_by_test_id("wall-schools")).to_contain_text("/ 70")
    page.locator("[data-share=lost]").first.tap()
    expect(page.locator("[data-reason=lost]").first).to_contain_text("网络中断")
    page.keyboard.press("Escape")
    page.get_by_test_id("wall-all").tap()
    expect(page.locator("[data-school]")).to_have_count(1675)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_nothing_there_and_nothing_told(browser: Browser, shared: Server, language: str) -> None:
    page = enter(browser, shared, language=language)
    lecture = (shared.demo() or {})["lecture_id"]
    serve(page, invented(lecture) | {"counties": []})
    go(page, f"walls/{lecture}")
    expect(page.get_by_test_id("empty")).to_be_visible(timeout=AWAY)
    look(page, "wall-empty", language)
    serve(page, {"code": "not_found", "title": "gone", "status": 404}, status=404)
    page.reload()
    expect(page.get_by_role("alert").first).to_be_visible(timeout=AWAY)
    look(page, "wall-error", language)


def test_the_servers_own_board_is_shown_and_changes_by_itself(browser: Browser, shared: Server) -> None:
    demo = shared.demo() or {}
    page = enter(browser, shared)
    go(page, f"lectures/{demo['lecture_id']}/board")
    page.get_by_test_id("to-wall").click(timeout=AWAY)
    expect(page.get_by_test_id("wall-schools")).to_contain_text("0 /", timeout=AWAY)
    room = browser.new_context().new_page()
    room.goto(demo["classroom_urls"][0])
    room.get_by_role("button", name="进入课堂").click(timeout=AWAY)
    expect(page.locator("[data-share=connected]")).to_have_count(1, timeout=AWAY)
    room.close()
    expect(page.locator("[data-share=lost]")).to_have_count(1, timeout=AWAY)
