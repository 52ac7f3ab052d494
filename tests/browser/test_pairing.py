"""A screen is paired from its own page, and again by its room's sticker after a wipe."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from tests.support.console import OLD_WALL, WALL, choose, enter, go, look
from tests.support.rooms import shown_code
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
AGAIN_SECONDS = 20.0


def test_a_screen_is_paired_wiped_and_paired_again(shared: Server, browser: Browser) -> None:
    demo = shared.demo()
    assert demo is not None
    token = demo["api_token"]
    school = demo["screens"][0]["school_code"]
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{shared.url}/pair")
    code = shown_code(page)
    _, waiting = shared.call("POST", "/api/v1/pairings/lookup", token, {"code": code})
    assert "Chrome" in waiting["agent"]
    _, classes = shared.call("GET", f"/api/v1/classes?school={school}", token)
    order = {"code": code, "class_id": classes["items"][-1]["id"]}
    status, screen = shared.call("POST", f"/api/v1/pairings/{waiting['id']}/confirm", token, order)
    assert status == 200
    page.wait_for_url(f"**/class/{screen['id']}", timeout=30_000)
    page.wait_for_function("name => document.body.textContent.includes(name)", arg=screen["school"]["name"])
    kept = context.storage_state()
    _, listed = shared.call("GET", f"/api/v1/screens/{screen['id']}", token)
    assert (listed["key"], listed["capability"]["tier"]) == ("held", "T1")
    copied(browser.new_context(storage_state=kept).new_page(), f"{shared.url}/class/{screen['id']}", "E-15")

    context.clear_cookies()
    page.evaluate("localStorage.clear()")
    _, sheet = shared.call("GET", f"/api/v1/schools/{school}/stickers", token)
    sticker = next(item for item in sheet["items"] if item["screen_id"] == screen["id"])
    begun = time.monotonic()
    page.goto("about:blank")
    page.goto(sticker["url"])
    page.wait_for_url(f"**/class/{screen['id']}", timeout=AGAIN_SECONDS * 1000)
    page.wait_for_function("name => document.body.textContent.includes(name)", arg=screen["school"]["name"])
    assert time.monotonic() - begun < AGAIN_SECONDS
    assert sticker["code"] not in page.url

    page.reload()
    page.wait_for_function("name => document.body.textContent.includes(name)", arg=screen["school"]["name"])
    _, again = shared.call("GET", f"/api/v1/screens/{screen['id']}", token)
    assert again["key"] == "held", "the wiped browser made another key"
    copied(browser.new_context(storage_state=kept).new_page(), f"{shared.url}/class/{screen['id']}", "E-13")


def copied(page: Page, url: str, code: str) -> None:
    """Open a screen's page with what was copied out of its browser: it says a code and nothing else."""
    page.goto(url)
    page.wait_for_function("code => document.body.textContent.includes(code)", arg=code, timeout=30_000)
    assert "云岭" not in str(page.text_content("body")), "what was copied is worthless"


def test_a_browser_without_keys_is_paired_by_its_token_alone(shared: Server, browser: Browser) -> None:
    demo = shared.demo()
    assert demo is not None
    token, school = demo["api_token"], demo["screens"][0]["school_code"]
    context = browser.new_context()
    context.add_init_script("Object.defineProperty(crypto, 'subtle', { value: undefined });")
    page = context.new_page()
    page.goto(f"{shared.url}/pair")
    code = shown_code(page)
    _, waiting = shared.call("POST", "/api/v1/pairings/lookup", token, {"code": code})
    _, classes = shared.call("GET", f"/api/v1/classes?school={school}", token)
    order = {"code": code, "class_id": classes["items"][0]["id"], "terminal_no": 2}
    _, screen = shared.call("POST", f"/api/v1/pairings/{waiting['id']}/confirm", token, order)
    page.wait_for_url(f"**/class/{screen['id']}", timeout=30_000)
    page.wait_for_function("name => document.body.textContent.includes(name)", arg=screen["school"]["name"])
    assert shared.call("GET", f"/api/v1/screens/{screen['id']}", token)[1]["key"] == "none"


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("size", [WALL, OLD_WALL], ids=lambda size: str(size["width"]))
def test_the_pairing_page_can_be_read_and_touched(
    shared: Server, browser: Browser, language: str, size: ViewportSize
) -> None:
    page = browser.new_page(viewport=size)
    page.goto(f"{shared.url}/pair?lang={language}")
    shown_code(page)
    look(page, f"pair-{size['width']}", language)
    page.click("text=贴纸" if language == "zh-CN" else "text=sticker")
    page.wait_for_selector("[data-testid=keypad] button >> nth=0")
    look(page, f"keypad-{size['width']}", language)
    smallest = page.evaluate(
        "() => Math.min(...[...document.querySelectorAll('button')].map(b => Math.min(b.offsetWidth, b.offsetHeight)))"
    )
    assert smallest >= 64, "a finger on a panel finds it"
    for _ in range(3):
        for letter in "WRNG":
            page.keyboard.press(letter)
    page.click("text=连接" if language == "zh-CN" else "text=Connect")
    page.wait_for_function(
        "text => document.body.textContent.includes(text)", arg="没有这个" if language == "zh-CN" else "no such"
    )
    look(page, f"wrong-{size['width']}", language)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_an_administrator_connects_a_screen_in_the_console(shared: Server, browser: Browser, language: str) -> None:
    demo = shared.demo()
    assert demo is not None
    room = browser.new_page()
    room.goto(f"{shared.url}/pair")
    code = shown_code(room)
    page = enter(browser, shared, language=language)
    go(page, "screens")
    page.wait_for_selector("[data-testid=screens] tbody tr")
    look(page, "screens", language)
    page.click("[data-testid=connect]")
    page.fill(".el-dialog input", "12345")
    page.click("[data-testid=pair-find]")
    page.wait_for_selector(".el-form-item__error")
    page.fill(".el-dialog input", "000000" if code != "000000" else "111111")
    page.click("[data-testid=pair-find]")
    page.wait_for_selector("text=没有屏幕显示这个号码" if language == "zh-CN" else "text=No screen shows this code")
    page.fill(".el-dialog input", f"{code[:3]} {code[3:]}")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-testid=pair-confirm]")
    entries = page.locator(".el-dialog .el-select input")
    choose(entries.nth(0), "云岭小学", typed=True)
    choose(entries.nth(1))
    look(page, "dialog", language)
    page.click("[data-testid=pair-confirm]")
    room.wait_for_url("**/class/*", timeout=30_000)
    page.wait_for_selector("[data-testid=pair-confirm]", state="detached")
    page.click("a[href^='#/stickers/']")
    page.wait_for_selector("[data-testid=stickers] img")
    look(page, "stickers", language)
    drawn = page.evaluate(
        "() => [...document.querySelectorAll('[data-testid=stickers] img')].every(i => i.naturalWidth > 0)"
    )
    assert drawn, "the QR codes are pictures"
