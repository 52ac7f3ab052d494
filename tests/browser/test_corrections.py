"""Corrections as people make them: asked for from the row of a class, decided by somebody else, faults seen before they are written down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.chromium import chromium
from tests.support.console import AWAY, choose, enter, go, look
from tests.support.roll import ZONE
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "data")
    try:
        made.start()
        yield made
    finally:
        made.close()


def english(page: Page, server: Server, place: str) -> None:
    page.goto(f"{server.url}/console?lang=en#/{place}")


def test_a_school_asks_and_the_county_decides(server: Server) -> None:
    demo = server.demo()
    assert demo is not None
    token, school, lecture = demo["api_token"], demo["screens"][0]["school_code"], demo["lecture_id"]
    for order in ("start", "end"):
        assert server.call("POST", f"/api/v1/lectures/{lecture}/{order}", token)[0] == 200
    county = server.call("GET", f"/api/v1/schools/{school}", token)[1]["county"]["code"]
    room = server.call("GET", f"/api/v1/classes?school={school}", token)[1]["items"][0]
    server.add_person("school", "校管理员", "school_admin", school)
    server.add_person("county", "县管理员", "county_admin", county)
    with chromium() as browser:
        page = enter(browser, server, "school")
        go(page, "corrections")
        expect(page.get_by_text("还没有更正申请")).to_be_visible(timeout=AWAY)
        look(page, "corrections-empty", "zh-CN")
        go(page, f"classes/{room['id']}")
        page.get_by_role("link", name="申请更正").first.click()
        form = page.get_by_test_id("correction-form")
        expect(form).to_be_visible(timeout=AWAY)
        form.get_by_text("应到", exact=True).click()
        form.get_by_test_id("new-value").fill(str(room["pupils"]))
        choose(page.get_by_role("combobox", name="理由"), "人数填错")
        expect(page.get_by_text("这样更正不会改变任何班级")).to_be_visible(timeout=AWAY)
        expect(page.get_by_test_id("send")).to_be_disabled()
        form.get_by_test_id("new-value").fill(str(room["pupils"] - 2))
        expect(form.get_by_test_id("changes")).to_contain_text(str(room["pupils"] - 2), timeout=AWAY)
        look(page, "correction-form", "zh-CN")
        page.get_by_test_id("send").press("Enter")
        expect(page.get_by_test_id("corrections")).to_contain_text("待审批", timeout=AWAY)
        page.get_by_test_id("open").press("Enter")
        expect(page.get_by_test_id("two-people")).to_contain_text("须由另一人审批", timeout=AWAY)
        expect(page.get_by_test_id("approve")).to_have_count(0)

        other = enter(browser, server, "county")
        expect(other.get_by_test_id("todo-corrections")).to_contain_text("1 条更正申请等您审批", timeout=AWAY)
        expect(other.get_by_test_id("bell")).to_have_accessible_name(re.compile("1 条更正申请等您审批"))
        look(other, "home-corrections", "zh-CN")
        other.get_by_test_id("todo-corrections").click()
        expect(other.get_by_test_id("tab-corrections")).to_contain_text("(1)")
        other.get_by_test_id("open").click(timeout=AWAY)
        sides = other.get_by_test_id("sides")
        expect(sides).to_contain_text(str(room["pupils"]), timeout=AWAY)
        look(other, "correction-review", "zh-CN")
        other.get_by_test_id("approve").click()
        expect(other.get_by_test_id("tab-corrections")).to_have_text("更正", timeout=AWAY)  # nothing waits any more
        english(other, server, "corrections")
        expect(other.get_by_test_id("corrections")).to_contain_text("Approved", timeout=AWAY)
        look(other, "corrections", "en")
    _, table = server.call("GET", f"/api/v1/lectures/{lecture}/attendance", token)
    found = next(one for one in table["classes"] if one["id"] == room["id"])
    assert (found["expected"], found["corrected"]) == (room["pupils"] - 2, True)


def test_a_fault_is_seen_before_it_is_written_down_and_a_term_is_closed(server: Server) -> None:
    demo = server.demo()
    assert demo is not None
    token, lecture = demo["api_token"], demo["lecture_id"]
    for order in ("start", "end"):
        assert server.call("POST", f"/api/v1/lectures/{lecture}/{order}", token)[0] == 200
    with chromium() as browser:
        page = enter(browser, server)
        go(page, "faults")
        expect(page.get_by_text("还没有登记过故障")).to_be_visible(timeout=AWAY)
        look(page, "faults-empty", "zh-CN")
        page.get_by_test_id("record").click()
        expect(page.get_by_test_id("save")).to_be_disabled()
        choose(page.get_by_role("combobox", name="原因"), "停电")
        choose(page.get_by_role("combobox", name="范围"), "兴义市")
        begin = datetime.now(ZONE) - timedelta(minutes=30)
        entry = page.get_by_role("combobox", name="开始").or_(page.get_by_role("textbox", name="开始")).first
        entry.fill(begin.strftime("%Y-%m-%d %H:%M"))
        entry.press("Enter")
        page.get_by_text("仍在持续").click()
        page.get_by_test_id("see").click()
        expect(page.get_by_test_id("fault-preview")).to_contain_text("个班级中", timeout=AWAY)
        look(page, "fault-form", "zh-CN")
        page.get_by_test_id("save").click()
        expect(page.get_by_test_id("fault-row")).to_contain_text("兴义市", timeout=AWAY)
        english(page, server, "faults")
        expect(page.get_by_test_id("fault-row")).to_contain_text("Power cut", timeout=AWAY)
        look(page, "faults", "en")

        page.goto(f"{server.url}/console?lang=zh-CN#/terms")
        page.get_by_test_id("books").first.click(timeout=AWAY)
        expect(page.get_by_test_id("books-form")).to_contain_text("只有州级能解除", timeout=AWAY)
        look(page, "books", "zh-CN")
        page.get_by_test_id("save").click()
        expect(page.get_by_test_id("terms")).to_contain_text("已封账", timeout=AWAY)
        look(page, "terms-closed", "zh-CN")
        page.get_by_test_id("books").first.click()
        page.get_by_test_id("save").click()
        expect(page.get_by_text("解除封账必须写明理由")).to_be_visible()
        page.get_by_role("textbox", name="理由").fill("补录一县的更正")
        page.get_by_test_id("save").click()
        expect(page.get_by_test_id("terms")).to_contain_text("已解封", timeout=AWAY)
