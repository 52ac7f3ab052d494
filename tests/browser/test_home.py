"""Parents at home: an administrator makes the link of a class, a telephone watches by it, one household counts."""

from __future__ import annotations

import csv
import io
import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.chromium import STUDIO_ARGUMENTS, chromium, watch_errors
from tests.support.classroom import Studio
from tests.support.console import AWAY, enter, go, look
from tests.support.library import finished_recording
from tests.support.policies import in_force
from tests.support.server import Server, started

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
PHONE = {"width": 390, "height": 844}
WATCHED_MS = 40_000
COUNTED_SECONDS = 120.0
SOON = {"JIANGTANG_HOME__WRITE_SECONDS": "5", "JIANGTANG_ATTENDANCE__SETTLE_SECONDS": "2"}


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Server]:
    """A server that writes and settles soon, whose lecture is for parents."""
    short = in_force(tmp_path, least_minutes=0)  # a lecture of seconds counts
    with started(Server(tmp_path / "data", environment=SOON | short)) as made:
        with sqlite3.connect(next(made.data.rglob("*.sqlite3")), timeout=20) as db:
            db.execute("UPDATE lectures SET audience_kind = 'parents'")
        yield made


def school_of(server: Server) -> str:
    demo = server.demo()
    assert demo is not None
    return str(demo["screens"][0]["school_code"])


def make_link(browser: Browser, server: Server) -> tuple[Page, str]:
    """Let the school's administrator make links for all classes; return the console and the address of the first one."""
    school = school_of(server)
    server.add_person("keeper", "王老师", "school_admin", school)
    console = enter(browser, server, "keeper")
    go(console, f"coverage/{school}")
    console.get_by_test_id("to-homes").click(timeout=AWAY)
    console.get_by_test_id("all").click(timeout=AWAY)
    console.get_by_test_id("show").first.click(timeout=AWAY)
    expect(console.get_by_test_id("qr")).to_be_visible()
    look(console, "homes", "zh-CN")
    said = console.get_by_test_id("sentence").input_value()
    url = console.get_by_test_id("url").input_value()
    assert said.endswith(url)
    assert re.fullmatch(re.escape(server.url) + r"/home/jth_[a-z2-7]{24}", url)
    return console, url


def phone(browser: Browser, url: str, language: str = "zh-CN") -> Page:
    page = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True, reduced_motion="reduce").new_page()  # type: ignore[arg-type]
    page.goto(f"{url}?lang={language}")
    return page


def said(page: Page, head: str, name: str, language: str = "zh-CN") -> None:
    """Wait until the page says something, and look at it."""
    expect(page.get_by_test_id("head")).to_have_text(head, timeout=AWAY)
    look(page, f"family-{name}", language)


def table_07(server: Server) -> list[dict[str, str]]:
    demo = server.demo()
    assert demo is not None
    status, raw = server.call("GET", f"/api/v1/coverage/exports/07.csv?node={school_of(server)}", demo["api_token"])
    assert status == 200, raw
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))


def counted(server: Server) -> dict[str, str]:
    """Return the row of the household at home, as soon as there is one."""
    deadline = time.monotonic() + COUNTED_SECONDS
    while time.monotonic() < deadline:
        rows = [row for row in table_07(server) if row["方式"] == "线上"]
        if rows:
            return rows[0]
        time.sleep(2)
    raise AssertionError(f"nobody counted: {server.tail()}")


def test_a_telephone_that_watches_a_lecture_is_one_household(family: Server) -> None:
    demo: dict[str, Any] = family.demo() or {}
    with chromium(*STUDIO_ARGUMENTS) as browser:
        console, url = make_link(browser, family)
        studio = Studio(browser, demo["studio_url"])
        studio.prepare()
        page = phone(browser, url)
        errors = watch_errors(page)
        said(page, "马上开始", "soon")
        studio.start()
        said(page, "正在直播", "live")
        page.get_by_test_id("play").tap()
        page.wait_for_function("() => document.querySelector('video').currentTime > 1", timeout=AWAY)
        expect(page.get_by_test_id("play")).to_be_hidden()
        page.wait_for_timeout(WATCHED_MS)
        look(page, "family-watching", "zh-CN")
        assert not page.evaluate("document.querySelector('video').paused")
        other = phone(browser, url, "en")  # opened, and never watched
        said(other, "Live now", "live", "en")
        studio.end()
        said(page, "直播已结束", "preparing")
        row = counted(family)
        assert (row["到会户数"], row["备注"]) == ("1", "")
        go(console, f"coverage/{school_of(family)}")
        expect(console.get_by_test_id("at-home")).to_have_text("线上 1 户", timeout=AWAY)
        look(console, "coverage-at-home", "zh-CN")
        entry = finished_recording(family, demo, seconds=20)
        assert family.call("POST", f"/api/v1/recordings/{entry['id']}/approve", demo["api_token"])[0] == 200
        again = phone(browser, url, "en")
        said(again, "The recording is here", "replay", "en")
        again.get_by_test_id("play").tap()
        again.wait_for_function("() => document.querySelector('video').currentTime > 2", timeout=AWAY)
        look(again, "family-replaying", "en")
        assert errors == []
    assert [row["到会户数"] for row in table_07(family) if row["方式"] == "线上"] == ["1"]


def test_a_link_that_is_wrong_or_replaced_says_what_to_do(family: Server) -> None:
    with chromium() as browser:
        console, url = make_link(browser, family)
        wrong = phone(browser, url[:-24] + "a" * 24)
        said(wrong, "这个链接不对", "wrong")
        said(phone(browser, f"{family.url}/home/x", "en"), "This link is not right", "wrong", "en")
        with sqlite3.connect(next(family.data.rglob("*.sqlite3")), timeout=20) as db:
            db.execute("UPDATE lectures SET scheduled_at = datetime('now', '+3 hours') || '.000000'")
        time.sleep(11)  # the server remembers for ten seconds what is behind a code
        for language, head in (("zh-CN", "距离开始"), ("en", "Begins in")):
            page = phone(browser, url, language)
            said(page, head, "before", language)
            expect(page.get_by_test_id("digits")).to_have_text(re.compile(r"0[23]:\d\d:\d\d"))
        offline = phone(browser, url)
        expect(offline.get_by_test_id("where")).not_to_be_empty(timeout=AWAY)
        offline.context.set_offline(True)
        offline.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        said(offline, "没有连上服务器", "offline")
        console.get_by_test_id("renew").first.click()
        console.get_by_role("dialog").get_by_role("button", name="更换链接").click()
        expect(console.get_by_test_id("url")).not_to_have_value(url, timeout=AWAY)
        said(phone(browser, url), "这个链接已经停用", "replaced")
        said(phone(browser, console.get_by_test_id("url").input_value()), "距离开始", "before-new")
