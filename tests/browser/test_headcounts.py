"""The head-count in the console: a school's administrator confirms a class in two touches and mends it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page, expect

from tests.support.chromium import chromium
from tests.support.console import AWAY, choose, enter, go, look
from tests.support.policies import in_force
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "data", environment=in_force(tmp_path, opens_after_minutes=1))
    try:
        made.start()
        yield made
    finally:
        made.close()


def test_an_administrator_confirms_and_mends(server: Server) -> None:
    demo = server.demo()
    assert demo is not None
    token, school, lecture = demo["api_token"], demo["screens"][0]["school_code"], demo["lecture_id"]
    assert server.call("POST", f"/api/v1/lectures/{lecture}/start", token)[0] == 200
    server.add_person("school", "校管理员", "school_admin", school)
    with chromium() as browser:
        page = enter(browser, server, "school")
        go(page, "head-counts")
        rows = page.get_by_test_id("headcount-row")
        expect(rows.first.get_by_test_id("headcount-confirm")).to_be_enabled(timeout=2 * AWAY + 15_000)
        look(page, "headcounts", "zh-CN")
        first = rows.first
        expected = int(first.locator("td.number").inner_text())
        present = first.locator("input").first
        expect(present).to_have_value(str(expected))

        present.fill(str(expected + 1))
        present.blur()
        expect(first.get_by_text("实到不能多于应到加来宾")).to_be_visible()
        expect(first.get_by_test_id("headcount-confirm")).to_be_disabled()
        present.fill(str(expected - 2))
        present.blur()
        first.get_by_test_id("headcount-confirm").click()
        expect(first.get_by_text("管理员 ")).to_be_visible(timeout=AWAY)
        present.fill(str(expected - 1))
        present.blur()
        first.get_by_role("button", name="改正").click()
        expect(page.get_by_text(f"实到 {expected - 1} 人")).to_be_visible(timeout=AWAY)
        expect(page.get_by_text("已确认 1 / ")).to_be_visible()
        page.goto(f"{server.url}/console?lang=en#/head-counts")
        expect(page.get_by_test_id("headcount-row").first).to_be_visible(timeout=AWAY)
        look(page, "headcounts", "en")
        _, told = server.call("GET", f"/api/v1/head-counts?school={school}", token)
        assert [(row["present"], row["version"]) for row in told["items"][:1]] == [(expected - 1, 2)]
        page.goto(f"{server.url}/console?lang=zh-CN#/head-counts")
        page.get_by_test_id("unconfirmed").click(timeout=AWAY)
        expect(page.get_by_test_id("headcount-row").get_by_text("管理员 ")).to_have_count(0)
        come_too_late(page, server)

        above = enter(browser, server)
        go(above, "head-counts")
        expect(above.get_by_text("现在没有要确认人数的讲座")).to_be_visible(timeout=AWAY)


def test_who_is_above_sees_sums_and_opens_a_school(server: Server) -> None:
    demo = server.demo()
    assert demo is not None
    token, school, lecture = demo["api_token"], demo["screens"][0]["school_code"], demo["lecture_id"]
    assert server.call("POST", f"/api/v1/lectures/{lecture}/start", token)[0] == 200
    county = server.call("GET", f"/api/v1/schools/{school}", token)[1]["county"]["code"]
    server.add_person("county", "县管理员", "county_admin", county)
    with chromium() as browser:
        page = enter(browser, server)
        go(page, "head-counts")
        expect(page.get_by_test_id("count-sums")).to_contain_text("0 / 60", timeout=AWAY)
        look(page, "headcount-sums", "zh-CN")
        page.locator(f"[data-school='{school}'] a").press("Enter")
        first = page.get_by_test_id("headcount-row").first
        expect(first.get_by_test_id("headcount-confirm")).to_be_enabled(timeout=2 * AWAY + 15_000)
        first.get_by_test_id("headcount-confirm").click()
        expect(first.get_by_text("管理员 ")).to_be_visible(timeout=AWAY)
        look(page, "headcount-school", "zh-CN")
        page.get_by_test_id("to-sums").click()
        expect(page.get_by_test_id("count-sums")).to_contain_text("1 / 60", timeout=AWAY)
        for room in range(1, 3):
            path = f"/api/v1/head-counts?school={school}"
            row = server.call("GET", path, token)[1]["items"][room]
            assert confirm(server, token, row) == 200
        page.get_by_test_id("waiting-only").click()
        expect(page.locator(f"[data-school='{school}']")).to_have_count(0, timeout=AWAY)
        choose(page.locator("input[role=combobox]").nth(1), "兴义市")
        expect(page.get_by_test_id("count-schools").locator("tbody tr").first).to_contain_text("兴义市", timeout=AWAY)
        page.goto(f"{server.url}/console?lang=en#/head-counts")
        expect(page.get_by_test_id("count-sums")).to_contain_text("3 / 60", timeout=AWAY)
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        look(page, "headcount-sums-dark", "en")
        other = enter(browser, server, "county")
        go(other, "head-counts")
        expect(other.get_by_test_id("count-schools").locator("tbody tr").first).to_be_visible(timeout=AWAY)
        assert other.get_by_test_id("counted-county").count() == 0


def come_too_late(page: Page, server: Server) -> None:
    """Confirm what is still on the page a day after the lecture's end: the refusal leads to a correction of this class."""
    server.stop()
    gone = (datetime.now(UTC) - timedelta(hours=26)).strftime("%Y-%m-%d %H:%M:%S.%f")
    ended = (datetime.now(UTC) - timedelta(hours=25)).strftime("%Y-%m-%d %H:%M:%S.%f")
    with sqlite3.connect(next(server.data.rglob("*.sqlite3")), timeout=20) as db:
        db.execute("UPDATE broadcasts SET state = 'ended', started_at = ?, ended_at = ?", (gone, ended))
    server.start()
    row = page.get_by_test_id("headcount-row").first
    name = row.locator("th").inner_text()
    row.get_by_test_id("headcount-confirm").click(timeout=AWAY)
    way = page.get_by_test_id("headcount-correct")
    expect(way).to_contain_text(name, timeout=AWAY)
    look(page, "headcount-late", "zh-CN")
    way.press("Enter")
    form = page.get_by_test_id("correction-form")
    expect(form).to_contain_text("珍爱生命，远离毒品", timeout=AWAY)
    expect(form).to_contain_text(name, timeout=AWAY)


def confirm(server: Server, token: str, row: dict[str, object]) -> int:
    """Confirm that everybody was there, as a program does."""
    path = f"{server.url}/api/v1/lectures/{row['lecture_id']}/classes/{row['class_id']}/confirmation"
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "If-Match": f'"{row["version"]}"',
    }
    order = Request(path, json.dumps({"present": row["expected"]}).encode(), headers)
    with urlopen(order, timeout=20) as answer:
        return int(answer.status)
