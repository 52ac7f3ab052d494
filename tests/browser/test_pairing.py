"""A screen is paired from its own page, and again by its room's sticker after a wipe."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.support.chromium import chromium
from tests.support.look import barriers, foreign_words, overflow
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
AGAIN_SECONDS = 20.0
SIZES = ({"width": 1920, "height": 1080}, {"width": 1024, "height": 768})


def shown_code(page: Page) -> str:
    """Wait for the six digits and return them."""
    page.wait_for_function("() => /^[0-9]{3} [0-9]{3}$/.test(document.querySelector('[data-testid=code]').textContent)")
    return str(page.text_content("[data-testid=code]")).replace(" ", "")


def test_a_screen_is_paired_wiped_and_paired_again(server: Server, tmp_path: Path) -> None:
    demo = server.demo()
    assert demo is not None
    token = demo["api_token"]
    school = demo["screens"][0]["school_code"]
    with chromium() as browser:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{server.url}/pair")
        code = shown_code(page)
        _, waiting = server.call("POST", "/api/v1/pairings/lookup", token, {"code": code})
        assert "Chrome" in waiting["agent"]
        _, classes = server.call("GET", f"/api/v1/classes?school={school}", token)
        order = {"code": code, "class_id": classes["items"][-1]["id"]}
        status, screen = server.call("POST", f"/api/v1/pairings/{waiting['id']}/confirm", token, order)
        assert status == 200
        page.wait_for_url(f"**/class/{screen['id']}", timeout=30_000)
        page.wait_for_function("name => document.body.textContent.includes(name)", arg=screen["school"]["name"])
        kept = context.storage_state()
        _, listed = server.call("GET", f"/api/v1/screens/{screen['id']}", token)
        assert (listed["key"], listed["capability"]["tier"]) == ("held", "T1")
        copied(browser.new_context(storage_state=kept).new_page(), f"{server.url}/class/{screen['id']}", "E-15")

        context.clear_cookies()
        page.evaluate("localStorage.clear()")
        _, sheet = server.call("GET", f"/api/v1/schools/{school}/stickers", token)
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
        _, again = server.call("GET", f"/api/v1/screens/{screen['id']}", token)
        assert again["key"] == "held", "the wiped browser made another key"
        copied(browser.new_context(storage_state=kept).new_page(), f"{server.url}/class/{screen['id']}", "E-13")


def copied(page: Page, url: str, code: str) -> None:
    """Open a screen's page with what was copied out of its browser: it says a code and nothing else."""
    page.goto(url)
    page.wait_for_function("code => document.body.textContent.includes(code)", arg=code, timeout=30_000)
    assert "云岭" not in str(page.text_content("body")), "what was copied is worthless"


def test_a_browser_without_keys_is_paired_by_its_token_alone(server: Server) -> None:
    demo = server.demo()
    assert demo is not None
    token, school = demo["api_token"], demo["screens"][0]["school_code"]
    with chromium() as browser:
        context = browser.new_context()
        context.add_init_script("Object.defineProperty(crypto, 'subtle', { value: undefined });")
        page = context.new_page()
        page.goto(f"{server.url}/pair")
        code = shown_code(page)
        _, waiting = server.call("POST", "/api/v1/pairings/lookup", token, {"code": code})
        _, classes = server.call("GET", f"/api/v1/classes?school={school}", token)
        order = {"code": code, "class_id": classes["items"][0]["id"], "terminal_no": 2}
        _, screen = server.call("POST", f"/api/v1/pairings/{waiting['id']}/confirm", token, order)
        page.wait_for_url(f"**/class/{screen['id']}", timeout=30_000)
        page.wait_for_function("name => document.body.textContent.includes(name)", arg=screen["school"]["name"])
        assert server.call("GET", f"/api/v1/screens/{screen['id']}", token)[1]["key"] == "none"


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size["width"]))
def test_the_pairing_page_can_be_read_and_touched(
    server: Server, language: str, size: dict[str, int], tmp_path: Path
) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport=size)
        page.goto(f"{server.url}/pair?lang={language}")
        shown_code(page)
        look(page, language, tmp_path / f"pair-{language}-{size['width']}.png")
        page.click("text=贴纸" if language == "zh-CN" else "text=sticker")
        page.wait_for_selector("[data-testid=keypad] button >> nth=0")
        look(page, language, tmp_path / f"keypad-{language}-{size['width']}.png")
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
        look(page, language, tmp_path / f"wrong-{language}-{size['width']}.png")


def look(page: Page, language: str, picture: Path) -> None:
    """Keep a picture and check what a machine can see."""
    page.screenshot(path=picture)
    assert overflow(page) == []
    assert foreign_words(page, language) == []
    assert barriers(page) == []


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_an_administrator_connects_a_screen_in_the_console(server: Server, language: str, tmp_path: Path) -> None:
    demo = server.demo()
    assert demo is not None
    with chromium() as browser:
        room = browser.new_page()
        room.goto(f"{server.url}/pair")
        code = shown_code(room)
        page = browser.new_page(viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
        log_in(page, demo, language)
        page.goto(f"{demo['console_url']}?lang={language}#/screens")
        page.wait_for_selector("[data-testid=screens] tbody tr")
        look(page, language, tmp_path / f"screens-{language}.png")
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
        choose(page, 0, "云岭小学")
        choose(page, 1, "")
        look(page, language, tmp_path / f"dialog-{language}.png")
        page.click("[data-testid=pair-confirm]")
        room.wait_for_url("**/class/*", timeout=30_000)
        page.wait_for_selector("[data-testid=pair-confirm]", state="detached")
        page.click("a[href^='#/stickers/']")
        page.wait_for_selector("[data-testid=stickers] img")
        look(page, language, tmp_path / f"stickers-{language}.png")
        drawn = page.evaluate(
            "() => [...document.querySelectorAll('[data-testid=stickers] img')].every(i => i.naturalWidth > 0)"
        )
        assert drawn, "the QR codes are pictures"


def log_in(page: Page, demo: dict[str, object], language: str) -> None:
    """Log in at the console."""
    page.goto(f"{demo['console_url']}?lang={language}")
    page.fill("input[autocomplete=username]", str(demo["console_user"]))
    page.fill("input[type=password]", str(demo["console_password"]))
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-testid=person]")


def choose(page: Page, place: int, text: str) -> None:
    """Choose in one of the dialog's lists with the keyboard: the first entry that holds a text."""
    entry = page.locator(".el-dialog .el-select input").nth(place)
    entry.click()
    if text:
        entry.fill(text)
        page.wait_for_selector(f".el-select-dropdown__item:visible:has-text('{text}')")
    entry.press("ArrowDown")
    entry.press("Enter")
    page.wait_for_function(
        "place => document.querySelectorAll('.el-dialog .el-select__placeholder')[place].innerText.length > 1",
        arg=place,
    )
