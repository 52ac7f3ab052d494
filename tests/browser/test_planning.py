"""A planner finds a lecturer in the pool; a lecturer of a county unit aims at what lies in it. Their clocks stand elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page

from tests.support.chromium import watch_errors
from tests.support.console import enter, go, look
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

HOME = "522301"
ELSEWHERE = "America/New_York"
DAY = (datetime.now(UTC) + timedelta(hours=8, days=3)).date()


def pool(server: Server, token: str) -> dict[str, str]:
    """Add three lecturers: one who is free, one who speaks at other hours, one for other stages; return ids by name."""
    made = {}
    elsewhere = {"weekday": DAY.isoweekday(), "begins": 20 * 60, "ends": 21 * 60}
    for name, more in (
        ("讲师甲", {"stages": ["21"], "organisation": "州禁毒办"}),
        ("讲师乙", {"hours": [elsewhere]}),
        ("讲师丙", {"stages": ["34"]}),
    ):
        status, one = server.call("POST", "/api/v1/experts", token, {"name": name} | more)
        assert status == 201, one
        made[name] = str(one["id"])
    return made


def chosen_from_the_pool(page: Page, people: dict[str, str]) -> None:
    """Open the pool from a plan for ten o'clock in primary schools: who is free leads, the other one has a reason."""
    go(page, f"plans/new?day={DAY.isoformat()}&time=10:00")
    page.wait_for_selector("[data-testid=title]")
    page.locator("[data-field=stages] .el-checkbox").nth(1).click()
    page.get_by_test_id("browse-experts").click()
    page.wait_for_selector(f"[data-expert='{people['讲师甲']}'][data-free=true]")
    row = page.locator(f"[data-expert='{people['讲师乙']}'][data-free=false]")
    assert "不在每周可讲时间内" in row.inner_text()
    assert page.locator(f"[data-expert='{people['讲师丙']}']").count() == 0, "speaks to other stages"
    order = page.locator("[data-expert]").evaluate_all("rows => rows.map((row) => row.dataset.free)")
    assert order == sorted(order, reverse=True), "who is free comes first"
    look(page, "planning-pool", "zh-CN")
    page.get_by_test_id("experts-free").click()
    row.wait_for(state="detached")
    page.get_by_test_id("experts-free").click()
    row.get_by_role("button").click()
    page.wait_for_selector("[data-testid=lecturer-why]")
    assert "讲师乙" in page.locator("[data-field=lecturer]").inner_text()


def free_by_the_clock_of_the_schools(page: Page, people: dict[str, str]) -> None:
    """Ask the pool for a time of day and write an exception down: both are meant as the schools' clock has them."""
    base = page.url.partition("#")[0]
    page.goto(f"{base}#/experts")
    picker = page.locator("input[aria-label='开始时间']")
    picker.click()
    picker.fill(f"{DAY.isoformat()} 20:00")
    with page.expect_response(lambda answer: "free_at=" in answer.url) as found:
        picker.press("Enter")
    assert f"free_at={DAY.isoformat()}T12%3A00%3A00.000Z" in found.value.url
    assert "讲师乙" in [one["name"] for one in found.value.json()["items"]]
    page.goto(f"{base}#/experts/{people['讲师丙']}")
    page.get_by_test_id("add-exception").click()
    with page.expect_response(lambda answer: answer.request.method == "PATCH") as told:
        page.get_by_test_id("save").click()
    begins = told.value.json()["exceptions"][0]["begins_at"]
    assert datetime.fromisoformat(begins).astimezone(UTC).hour == 16, "midnight of the schools"


def aims_within_the_county(page: Page) -> None:
    """Plan as a lecturer of a county unit: its schools are offered, nothing of others."""
    go(page, "plans/new")
    page.wait_for_selector(f"[data-testid=audience-list] [data-code='{HOME}']")
    assert page.get_by_test_id("partly").is_visible()
    boxes = page.locator("[data-testid=audience-list] [data-code]")
    assert boxes.count() == 1
    page.locator("[data-testid=audience-list] button").first.click()
    boxes.nth(1).wait_for()
    page.locator("[data-testid=audience-list] label").nth(1).click()
    page.wait_for_selector("[data-figure=schools]")
    assert page.inner_text("[data-figure=schools]") == "1"
    look(page, "planning-county", "en")


def test_a_planner_finds_who_is_free_and_aims_at_what_is_theirs(server: Server, browser: Browser) -> None:
    demo = server.demo()
    assert demo is not None
    people = pool(server, demo["api_token"])
    server.add_person("county", "骨干教师", "lecturer", HOME)
    planner = enter(browser, server, timezone_id=ELSEWHERE)
    lecturer = enter(browser, server, "county", "en", timezone_id=ELSEWHERE)
    errors = [watch_errors(planner), watch_errors(lecturer)]
    chosen_from_the_pool(planner, people)
    planner.once("dialog", lambda dialog: dialog.accept())
    planner.reload()
    free_by_the_clock_of_the_schools(planner, people)
    aims_within_the_county(lecturer)
    assert errors == [[], []]
