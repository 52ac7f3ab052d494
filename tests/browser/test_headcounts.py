"""The head-count in the console: a school's administrator confirms a class in two touches and mends it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.chromium import chromium
from tests.support.console import AWAY, enter, go, look
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
    _, listed = server.call("GET", f"/api/v1/head-counts?school={school}", token)
    assert [(row["present"], row["version"]) for row in listed["items"][:1]] == [(expected - 1, 2)]
