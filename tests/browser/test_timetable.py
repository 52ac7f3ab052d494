"""A lecture is planned by keyboard, returned, changed and approved by somebody else, and stands in the calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.support.chromium import watch_errors
from tests.support.console import enter, wrong
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

XINGYI = "522301"
TITLE = "拒绝第一口：青少年识毒防毒"
DAY = (datetime.now(UTC) + timedelta(hours=8, days=3)).date().isoformat()
CHANGE = """async ([path, change]) => {
    const etag = (await fetch(path)).headers.get('ETag');
    const headers = { 'Content-Type': 'application/json', 'If-Match': etag };
    return (await fetch(path, { method: 'PATCH', headers, body: JSON.stringify(change) })).status;
}"""


def tab_to(page: Page, selector: str, key: str = "Tab") -> None:
    """Press a key until what the selector names has the focus."""
    for _ in range(150):
        if page.evaluate("selector => document.activeElement?.matches(selector) ?? false", selector):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{key} does not lead to {selector}")


def in_its_way(server: Server, token: str) -> str:
    """Plan a lecture by API that takes lecturer and classes at ten; return its lecturer's id."""
    lecturer = server.call("GET", "/api/v1/lecturers", token)[1]["items"][0]["id"]
    plan = {
        "title": "开学第一课",
        "scheduled_at": f"{DAY}T10:00:00+08:00",
        "audience": [XINGYI],
        "lecturer_id": lecturer,
    }
    assert server.call("POST", "/api/v1/lectures", token, plan)[0] == 201
    return str(lecturer)


def plan_by_keyboard(page: Page) -> None:
    """Fill the form in for two counties, at a time that the lecturer has not got."""
    page.goto(f"{page.url.partition('#')[0]}#/lectures")
    page.wait_for_selector("[data-testid=lectures]")
    tab_to(page, "[data-testid=new-lecture]")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-testid=title]")
    tab_to(page, "[data-field=title] input")
    page.keyboard.type(TITLE)
    tab_to(page, "[data-field=summary] textarea")
    page.keyboard.type("讲什么是毒品，怎样拒绝。")
    when(page, "10:00")
    tab_to(page, "[data-field=lecturer] input")
    page.keyboard.type("演示")
    page.wait_for_selector(".el-select-dropdown__item:visible:has-text('演示讲师')")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    tab_to(page, "[data-testid=audience-list] input")
    tab_to(page, f"[data-code='{XINGYI}']", "ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")


def when(page: Page, time: str) -> None:
    """Type day and time of day."""
    for place, text in ((0, DAY), (1, time)):
        page.locator("[data-field=when] input").nth(place).focus()
        page.keyboard.press("Control+a")
        page.keyboard.type(text)
        page.keyboard.press("Enter")


def test_a_lecture_is_planned_reviewed_and_stands_in_the_calendar(server: Server, browser: Browser) -> None:
    demo: dict[str, Any] | None = server.demo()
    assert demo is not None
    token, problems = demo["api_token"], list[str]()
    in_its_way(server, token)
    server.add_person("reviewer", "审核员甲", "reviewer")
    planner = enter(browser, server)
    reviewer = enter(browser, server, "reviewer")
    errors = [watch_errors(planner), watch_errors(reviewer)]
    lecture = planned(planner, problems)
    returned_and_changed(planner, reviewer, lecture, problems)
    approved(planner, reviewer, lecture, problems)
    changed_by_two(planner, lecture)
    seen_in_english_and_in_the_dark(planner, lecture, problems)
    assert errors == [[], []]
    assert problems == []


def planned(planner: Page, problems: list[str]) -> str:
    """Plan against a conflict, correct it, submit; return the id of the lecture."""
    plan_by_keyboard(planner)
    planner.wait_for_selector("[data-testid=conflicts] [data-lecturer=true]")
    assert int(planner.inner_text("[data-figure=schools]")) > 0
    problems += wrong(planner, "timetable-conflict", "zh-CN")
    when(planner, "14:00")
    planner.wait_for_selector("[data-testid=conflicts] .fine")
    problems += wrong(planner, "timetable-form", "zh-CN")
    tab_to(planner, "[data-testid=submit-plan]")
    planner.keyboard.press("Enter")
    planner.wait_for_selector("[data-testid=review][data-review=submitted]")
    planner.wait_for_selector("[data-testid=steps]")
    problems += wrong(planner, "timetable-plan", "zh-CN")
    return planner.url.split("/lectures/")[1].split("/")[0]


def returned_and_changed(planner: Page, reviewer: Page, lecture: str, problems: list[str]) -> None:
    """Return it with a note, which has to be there; change it and submit it again. Nobody reviews their own."""
    base = planner.url.partition("#")[0]
    planner.goto(f"{base}#/reviews")
    planner.wait_for_selector(f"[data-testid=reviewed][data-lecture='{lecture}'] [data-testid=own]")
    reviewer.goto(f"{base}#/reviews")
    reviewer.wait_for_selector(f"[data-testid=reviewed][data-lecture='{lecture}'] [data-testid=steps]")
    problems += wrong(reviewer, "timetable-reviews", "zh-CN")
    reviewer.get_by_test_id("return").click()
    reviewer.wait_for_selector(".el-form-item__error")
    reviewer.get_by_test_id("note").fill("来源还不够")
    reviewer.get_by_test_id("return").click()
    reviewer.wait_for_selector("[data-testid=empty]")
    planner.goto(f"{base}#/lectures/{lecture}/plan")
    planner.wait_for_selector("[data-testid=steps] [data-action=returned]")
    assert "来源还不够" in planner.inner_text("[data-testid=steps]")
    planner.get_by_test_id("edit-plan").click()
    planner.wait_for_selector("[data-figure]")
    planner.get_by_test_id("summary").fill("讲什么是毒品，怎样拒绝。材料来自州禁毒办。")
    planner.get_by_test_id("submit-plan").click()
    planner.wait_for_selector("[data-testid=review][data-review=submitted]")


def approved(planner: Page, reviewer: Page, lecture: str, problems: list[str]) -> None:
    """Approve it; it stands in the calendar of the day, in each of its faces."""
    base = planner.url.partition("#")[0]
    reviewer.reload()
    reviewer.get_by_test_id("approve").click()
    reviewer.wait_for_selector("[data-testid=empty]")
    planner.goto(f"{base}#/calendar?day={DAY}")
    planner.wait_for_selector(f"[data-day='{DAY}'] [data-entry='{lecture}'][data-standing=approved]")
    problems += wrong(planner, "timetable-month", "zh-CN")
    for place, view in ((1, "week"), (2, "list")):
        planner.get_by_test_id("view").locator("label").nth(place).click()
        planner.wait_for_selector(f"[data-testid={view}] a[href*='{lecture}']")
        problems += wrong(planner, f"timetable-{view}", "zh-CN")
    planner.get_by_test_id("view").locator("label").nth(0).click()
    planner.locator(f"[data-number='{DAY}']").focus()
    planner.keyboard.press("ArrowRight")
    planner.keyboard.press("Enter")
    planner.wait_for_selector("[data-testid=title]")
    following = (datetime.fromisoformat(DAY) + timedelta(days=1)).date().isoformat()
    assert planner.locator("[data-field=when] input").nth(0).input_value() == following


def changed_by_two(planner: Page, lecture: str) -> None:
    """Keep what is typed when somebody else saves first; ask before it is lost; tell that it goes back to review."""
    base = planner.url.partition("#")[0]
    planner.goto(f"{base}#/plans/{lecture}")
    planner.wait_for_selector("[data-figure]")
    planner.get_by_test_id("title").fill("我的新题目")
    planner.wait_for_selector("[data-testid=sends-back]")
    assert planner.evaluate(CHANGE, [f"/api/v1/lectures/{lecture}", {"minutes": 30}]) == 200
    planner.get_by_test_id("save-plan").click()
    planner.wait_for_selector("[data-testid=changed]")
    assert planner.get_by_test_id("title").input_value() == "我的新题目"
    assert planner.locator("[data-field=minutes] input").input_value() == "30"
    planner.get_by_test_id("tab-calendar").click()
    planner.wait_for_selector(".el-message-box")
    planner.keyboard.press("Escape")
    planner.wait_for_selector(".el-message-box", state="hidden")
    assert planner.url.endswith(f"#/plans/{lecture}")
    assert planner.get_by_test_id("title").input_value() == "我的新题目"
    planner.get_by_test_id("save-plan").click()
    planner.wait_for_selector("[data-testid=review][data-review=draft]")


def seen_in_english_and_in_the_dark(planner: Page, lecture: str, problems: list[str]) -> None:
    """Look at the pages in the other language, and once in the other theme; call the lecture off."""
    base = planner.url.partition("?")[0]
    for name, address, there in (
        ("lectures", "lectures", "[data-testid=lectures]"),
        ("form", f"plans/{lecture}", "[data-figure]"),
        ("month", f"calendar?day={DAY}", f"[data-entry='{lecture}']"),
        ("plan", f"lectures/{lecture}/plan", "[data-testid=facts]"),
    ):
        planner.goto(f"{base}?lang=en#/{address}")
        planner.wait_for_selector(there)
        problems += wrong(planner, f"timetable-{name}", "en")
    planner.get_by_role("button", name="Dark").click()
    for name, address, there in (
        ("form-dark", f"plans/{lecture}", "[data-figure]"),
        ("month-dark", f"calendar?day={DAY}", f"[data-entry='{lecture}']"),
    ):
        planner.goto(f"{base}?lang=en#/{address}")
        planner.wait_for_selector(there)
        problems += wrong(planner, f"timetable-{name}", "en")
    planner.goto(f"{base}?lang=en#/lectures/{lecture}/plan")
    planner.get_by_test_id("call-off").click()
    planner.get_by_test_id("off-confirm").click()
    planner.wait_for_selector(".el-form-item__error")
    planner.get_by_test_id("off-reason").fill("主讲人生病")
    problems += wrong(planner, "timetable-call-off-dark", "en")
    planner.get_by_test_id("off-confirm").click()
    planner.wait_for_selector("[data-testid=review][data-review=off]")
