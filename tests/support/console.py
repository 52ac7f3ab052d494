"""The console as people use it: they come in, go to a place, choose in lists; and what a machine sees of a page is told.

look(page, "home", "zh-CN")                                  # keeps a picture, fails when something is wrong with the page
problems += wrong(page, "home", "zh-CN")                     # keeps a picture and goes on
"""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from tests.support.chromium import shot
from tests.support.look import NEVER, barriers, foreign_words, overflow
from tests.support.server import PASSWORD, Server

DESK: ViewportSize = {"width": 1366, "height": 768}
WALL: ViewportSize = {"width": 1920, "height": 1080}
OLD_WALL: ViewportSize = {"width": 1024, "height": 768}
AWAY = 30_000.0  # milliseconds that a page may take on a busy machine
ENTRIES = 30  # of a list, at most, between its first and what is chosen


def log_in(page: Page, server: Server, language: str = "zh-CN", login: str = "", password: str = PASSWORD) -> None:
    """Log in at the console, as the demonstration's administrator when no login is given."""
    demo = server.demo()
    assert demo is not None
    if not login:
        login, password = demo["console_user"], demo["console_password"]
    page.goto(f"{server.url}/console?lang={language}")
    page.get_by_test_id("login").fill(login)
    page.get_by_test_id("password").fill(password)
    page.keyboard.press("Enter")
    page.get_by_test_id("person").wait_for(timeout=AWAY)


def enter(browser: Browser, server: Server, login: str = "", language: str = "zh-CN", **context: Any) -> Page:
    """Return the console of somebody who has logged in, in a browser of their own."""
    page = browser.new_context(**{"viewport": DESK, "reduced_motion": "reduce"} | context).new_page()
    log_in(page, server, language, login)
    return page


def go(page: Page, place: str) -> None:
    """Open another place of the console, in the language that it has."""
    page.goto(f"{page.url.partition('#')[0]}#/{place}")


def choose(entry: Locator, text: str = "", *, typed: bool = False) -> None:
    """Choose, by keyboard, the first that holds a text in the list of an entry; `typed` looks for it by typing it in."""
    page = entry.page
    entry.focus()
    entry.press("Enter")
    if typed:
        entry.fill(text)
    wanted = page.locator(f".el-select-dropdown__item:visible:has-text('{text}')").first
    wanted.wait_for(timeout=AWAY)
    for _ in range(ENTRIES):
        entry.press("ArrowDown")
        if "is-hovering" in str(wanted.get_attribute("class")):
            break
    said = text or wanted.inner_text()
    entry.press("Enter")
    expect(entry.locator("xpath=ancestor::*[contains(concat(' ', @class, ' '), ' el-select ')]")).to_contain_text(
        said, timeout=AWAY
    )


def wrong(page: Page, name: str, language: str, allowed: re.Pattern[str] = NEVER) -> list[str]:
    """Keep a picture and return what is wrong with the page; words that are `allowed` are in every language."""
    page.wait_for_function("() => !document.querySelector('[aria-busy=true]')")
    shot(page, f"{name}-{language}")
    found = overflow(page) + foreign_words(page, language, allowed) + barriers(page)
    return [f"{name} {language}: {problem}" for problem in found]


def look(page: Page, name: str, language: str, allowed: re.Pattern[str] = NEVER) -> None:
    """Keep a picture; nothing may be wrong with the page."""
    found = wrong(page, name, language, allowed)
    assert found == [], found
