"""The console's pages of the organisation: any class in three clicks, the tree by keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, ViewportSize

from tests.support.chromium import watch_errors
from tests.support.console import AWAY, DESK, WALL, enter, go, log_in, look
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.mark.parametrize(("language", "size"), [("zh-CN", DESK), ("en", WALL)], ids=["zh-CN", "en"])
def test_any_class_is_three_clicks_from_the_overview(
    shared: Server, browser: Browser, language: str, size: ViewportSize
) -> None:
    page = browser.new_context(viewport=size, reduced_motion="reduce").new_page()
    errors = watch_errors(page)
    log_in(page, shared, language)
    page.get_by_test_id("home-counties").wait_for(timeout=AWAY)
    look(page, "home", language)
    page.get_by_test_id("home-counties").get_by_role("link").nth(1).click()
    page.get_by_test_id("schools").locator("tbody tr").first.wait_for(timeout=AWAY)
    look(page, "county", language)
    page.get_by_test_id("schools").locator("a.row-link").first.click()
    page.get_by_test_id("classes").locator("tbody tr").first.wait_for(timeout=AWAY)
    look(page, "school", language)
    page.get_by_test_id("classes").locator("a.row-link").first.click()
    page.get_by_test_id("class-facts").wait_for(timeout=AWAY)
    page.locator("[role=treeitem][aria-level='4'][aria-selected=true]").wait_for(timeout=AWAY)
    look(page, "class", language)
    assert errors == []


def test_the_tree_is_walked_and_searched_by_keyboard(shared: Server, browser: Browser) -> None:
    page = enter(browser, shared)
    go(page, "directory")
    page.locator("[data-node='522301']").wait_for(timeout=AWAY)
    page.locator("[data-node='522300']").focus()
    for key in ("ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    page.locator("[role=treeitem][aria-level='3']").first.wait_for(timeout=AWAY)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**#/schools/*", timeout=AWAY)
    page.get_by_test_id("facts").wait_for(timeout=AWAY)
    page.get_by_label("找县、学校或代码").fill("没有这所")
    page.get_by_text("没有找到").wait_for(timeout=AWAY)
    look(page, "tree-nothing", "zh-CN")
    page.get_by_label("找县、学校或代码").fill("普安 小学")
    page.get_by_test_id("found").get_by_role("link").first.wait_for(timeout=AWAY)
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('.bar h1')?.innerText.includes('普安')", timeout=AWAY)
