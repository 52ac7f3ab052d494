"""The connection test page: all green on this machine, what it says where UDP is blocked or the year is wrong, what the school gets."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, ViewportSize

from tests.support import console
from tests.support.chromium import watch_errors
from tests.support.console import OLD_WALL, WALL
from tests.support.look import overflow
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
TESTED_MS = 45_000
BLOCKED = {"engine": "good", "codecs": "good", "server": "good", "udp": "limited", "sound": "skipped"}


def through(page: Page, url: str) -> dict[str, str]:
    """Open the page, wait until it is through, and return the state of each line."""
    page.goto(url)
    page.wait_for_function("() => document.documentElement.dataset.handed !== undefined", timeout=TESTED_MS)
    return states(page)


def states(page: Page) -> dict[str, str]:
    script = (
        "() => Object.fromEntries([...document.querySelectorAll('.row')].map(r => [r.dataset.kind, r.dataset.state]))"
    )
    return dict(page.evaluate(script))


def look(page: Page, name: str, language: str) -> None:
    """As everywhere; and no line is hidden by the panel."""
    console.look(page, name, language)
    last, panel = page.locator(".row").last.bounding_box(), page.locator(".panel").bounding_box()
    assert last is not None
    assert panel is not None
    assert last["y"] + last["height"] <= panel["y"] + 1, "the last line is not covered"


@pytest.mark.parametrize(("language", "size"), [("zh-CN", WALL), ("en", OLD_WALL)], ids=["zh-1920", "en-1024"])
def test_everything_is_green_on_this_machine(
    shared: Server, browser: Browser, language: str, size: ViewportSize
) -> None:
    page = browser.new_page(viewport=size)
    errors = watch_errors(page)
    found = through(page, f"{shared.url}/t?lang={language}")
    # A machine that runs all tests at once may be slow; what must work works.
    assert {kind: found[kind] for kind in ("engine", "codecs", "push", "udp", "bandwidth", "clock")} == dict.fromkeys(
        ("engine", "codecs", "push", "udp", "bandwidth", "clock"), "good"
    )
    assert found["server"] in {"good", "limited"}
    assert page.evaluate("document.documentElement.dataset.handed") == "unpaired"
    assert re.search(r"T-\d{4}-\d{4}", page.inner_text("[data-testid=handed]"))
    look(page, "line-test", language)
    page.click("[data-testid=sound-play]")
    page.click("[data-testid=sound-heard]")
    assert states(page)["sound"] == "good"
    page.click("[data-testid=sound-play]")
    page.click("[data-testid=sound-not]")
    assert states(page)["sound"] == "bad"
    look(page, "line-test-silent", language)
    assert errors == []


def blackhole(context: BrowserContext) -> None:
    """Name a UDP port on which nobody listens, as a firewall makes of the right one."""

    def answer(route: Route) -> None:
        real = route.fetch()
        route.fulfill(response=real, body=re.sub(r"(udp \d+ \S+) \d+ typ", r"\1 9 typ", real.text()))

    context.route("**/api/v1/line-tests/connection", answer)


def test_a_paired_screen_whose_udp_is_blocked_says_so_and_its_school_sees_it(server: Server, browser: Browser) -> None:
    demo = server.demo()
    assert demo is not None
    context = browser.new_context(viewport=OLD_WALL)
    blackhole(context)
    context.add_init_script("const real = Date.now; Date.now = () => real() - 7 * 31557600000;")
    page = context.new_page()
    page.goto(demo["classroom_urls"][0])
    page.wait_for_function("() => location.hash === ''")
    found = through(page, f"{server.url}/t")
    assert {kind: found[kind] for kind in BLOCKED} == BLOCKED | {"server": found["server"]}
    assert "UDP 被阻断：仍可观看，延迟约 2 秒" in page.inner_text("[data-kind=udp]")
    assert re.search(r"本机是 \d{4} 年", page.inner_text("[data-kind=clock]"))
    assert page.evaluate("document.documentElement.dataset.handed") == "sent"
    look(page, "line-test-blocked", "zh-CN")
    screen = demo["classroom_urls"][0].split("/class/")[1].split("#")[0]
    items = reported(server, screen)
    assert [one["verdict"] for one in items] == ["limited"]
    page.click("[data-testid=sound-play]")
    page.click("[data-testid=sound-not]")
    page.wait_for_function("() => document.querySelector('[data-testid=handed]').textContent.includes('已交给')")
    again = reported(server, screen)
    assert [one["verdict"] for one in again] == ["bad"], "the same run, with its sound"


def reported(server: Server, screen: str) -> list[dict[str, Any]]:
    demo = server.demo()
    assert demo is not None
    return list(server.call("GET", f"/api/v1/screens/{screen}/line-tests", demo["api_token"])[1]["items"])


def test_a_browser_without_webrtc_and_websocket_is_told_what_still_works(shared: Server, browser: Browser) -> None:
    context = browser.new_context(viewport=OLD_WALL)
    context.add_init_script(
        "window.WebSocket = class { constructor() { throw new Error('blocked'); } };"
        "Object.defineProperty(window, 'RTCPeerConnection', { value: undefined });"
    )
    page = context.new_page()
    found = through(page, f"{shared.url}/t")
    assert [found[kind] for kind in ("engine", "codecs", "push", "udp")] == ["limited"] * 4
    assert "长轮询" in page.inner_text("[data-kind=push]")
    assert overflow(page) == []


@pytest.mark.parametrize(("language", "scheme"), [("zh-CN", "light"), ("en", "dark")])
def test_a_school_sees_what_was_tested_and_what_was_not(
    shared: Server, browser: Browser, language: str, scheme: str
) -> None:
    demo = shared.demo()
    assert demo is not None
    screen, _, token = demo["classroom_urls"][0].split("/class/")[1].partition("#")
    bad = {"kind": "udp", "state": "limited", "code": "blocked", "value": None, "detail": "8189"}
    order = {"run": "run-00001", "lines": [bad]}
    assert shared.call("POST", f"/api/v1/screens/{screen}/line-tests", token, order)[0] == 201
    page = console.enter(browser, shared, language=language, color_scheme=scheme)
    console.go(page, "screens?line=trouble")
    page.wait_for_selector("[data-testid=line]")
    assert page.locator("[data-testid=line]").count() == 1
    assert "1 / 2" in page.inner_text("[data-testid=line-rate]")
    console.look(page, "line-screens", language)
    page.locator("[data-testid=line]").first.press("Enter")
    page.wait_for_selector(".lines li")
    assert "8189" in page.inner_text(".lines")
    console.look(page, "line-lines", language)
