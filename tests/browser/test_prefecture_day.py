"""From a file of an office to a picture on a classroom's wall: everybody at their own page, one day of the prefecture."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.chromium import shot
from tests.support.classroom import Studio
from tests.support.console import DESK, WALL, choose, enter, go
from tests.support.server import PASSWORD, Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

TITLE = "拒绝第一口"
DAY = (datetime.now(UTC) + timedelta(hours=8, days=1)).date().isoformat()
SCHOOLS = "学校标识码,学校名称,县（市、区）\n2152810001,新岭小学,兴义市\n{code},新泉小学,普安县\n"
CLASSES = "学校标识码,班级名称,班级人数\n2152810001,五年级1班,41\n2152810002,五年级1班,38\n"
CHECKED = "[data-testid=commit], [data-testid=errors]"


def test_a_file_becomes_a_lecture_on_a_wall(server: Server, browser: Browser, tmp_path: Path) -> None:
    demo: dict[str, Any] | None = server.demo()
    assert demo is not None
    # What the demonstration has on would come first on every screen.
    assert server.call("POST", f"/api/v1/lectures/{demo['lecture_id']}/end", demo["api_token"])[0] == 200
    office = enter(browser, server)
    schools_and_classes_come_by_file(office, tmp_path)
    link = a_lecturer_is_added(office)
    lecturer = the_lecturer_sets_a_password(browser, link)
    lecture = a_lecture_is_planned_for_two_counties(office)
    somebody_else_approves_it(browser, server, lecture)
    room = a_screen_is_paired_from_its_own_page(browser, server, office)
    expect(room.get_by_test_id("slate")).to_contain_text(TITLE, timeout=20_000)
    on_the_air(browser, server, office, lecturer, room, lecture)


def send(office: Page, file: Path, text: str) -> None:
    """Give a file to the page of imports and wait until it is checked."""
    file.write_text(text, encoding="gb18030")
    office.get_by_test_id("imports").wait_for()
    office.set_input_files("[data-testid=drop] input", file)
    office.locator(CHECKED).first.wait_for(timeout=60_000)


def commit(office: Page) -> None:
    """Take over what was checked."""
    office.get_by_test_id("commit").click()
    office.locator(".el-message-box__btns .el-button--primary").click()
    office.wait_for_selector("text=已写入名录", timeout=60_000)


def schools_and_classes_come_by_file(office: Page, folder: Path) -> None:
    """Send a file with a wrong code, then the corrected one, then the classes."""
    go(office, "imports")
    send(office, folder / "schools.csv", SCHOOLS.format(code="21528"))
    expect(office.get_by_test_id("count-bad")).to_have_text("1")
    assert office.get_by_test_id("commit").count() == 0, "a file with a bad row is not taken"
    go(office, "imports")
    send(office, folder / "corrected.csv", SCHOOLS.format(code="2152810002"))
    expect(office.get_by_test_id("count-new")).to_have_text("2")
    commit(office)
    go(office, "imports")
    choose(office.locator("[data-testid=kind] input"), "班级")
    send(office, folder / "classes.csv", CLASSES)
    expect(office.get_by_test_id("count-new")).to_have_text("2")
    commit(office)


def a_lecturer_is_added(office: Page) -> str:
    """Return the link that the lecturer gets."""
    go(office, "people")
    office.get_by_test_id("add-person").click()
    office.get_by_test_id("new-login").fill("lecturer.one")
    office.get_by_test_id("new-name").fill("讲师甲")
    choose(office.locator(".el-dialog [data-testid=role] input"), "讲师")
    choose(office.locator(".el-dialog [data-testid=node] input"), "黔西南")
    office.get_by_test_id("save-person").click()
    return office.get_by_test_id("invitation-link").input_value()


def the_lecturer_sets_a_password(browser: Browser, link: str) -> BrowserContext:
    """Return the browser in which the lecturer is logged in."""
    context = browser.new_context(viewport=DESK, locale="zh-CN")
    page = context.new_page()
    page.goto(link)
    page.get_by_test_id("new-password").fill(PASSWORD)
    page.get_by_test_id("again").fill(PASSWORD)
    page.get_by_test_id("set-password").press("Enter")
    page.get_by_test_id("login").fill("lecturer.one")
    page.get_by_test_id("password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_test_id("person").wait_for()
    return context


def a_lecture_is_planned_for_two_counties(office: Page) -> str:
    """Return the id of the lecture that waits for its review."""
    office.get_by_test_id("invitation-close").click()
    go(office, "plans/new")
    office.get_by_test_id("title").fill(TITLE)
    office.get_by_test_id("summary").fill("怎样拒绝第一口。")
    for place, text in ((0, DAY), (1, "10:00")):
        entry = office.locator("[data-field=when] input").nth(place)
        entry.fill(text)
        entry.press("Enter")
    office.locator("[data-field=lecturer] input").fill("讲师甲")
    office.locator(".el-select-dropdown__item:visible:has-text('讲师甲')").first.click()
    for county in ("522301", "522323"):
        row = office.locator(f"[data-code='{county}']")
        row.focus()
        row.press("Space")
    office.wait_for_function("() => Number(document.querySelector('[data-figure=schools]')?.innerText) > 2")
    office.get_by_test_id("submit-plan").click()
    office.wait_for_selector("[data-testid=review][data-review=submitted]")
    return office.url.split("/lectures/")[1].split("/")[0]


def somebody_else_approves_it(browser: Browser, server: Server, lecture: str) -> None:
    """Add a reviewer, who finds the lecture in the queue."""
    server.add_person("reviewer", "审核员甲", "reviewer")
    page = enter(browser, server, "reviewer")
    go(page, "reviews")
    page.locator(f"[data-testid=reviewed][data-lecture='{lecture}']").wait_for()
    page.get_by_test_id("approve").click()
    page.get_by_test_id("empty").wait_for()


def a_screen_is_paired_from_its_own_page(browser: Browser, server: Server, office: Page) -> Page:
    """Return the class screen of the new school, connected by the six digits that it showed."""
    context = browser.new_context(viewport=WALL, locale="zh-CN")
    room = context.new_page()
    room.goto(f"{server.url}/pair")
    code = room.get_by_test_id("code")
    expect(code).to_have_text(re.compile(r"^\d{3} \d{3}$"))
    go(office, "screens")
    office.get_by_test_id("connect").click()
    office.fill(".el-dialog input", str(code.text_content()))
    office.keyboard.press("Enter")
    office.get_by_test_id("pair-confirm").wait_for()
    entries = office.locator(".el-dialog .el-select input")
    choose(entries.nth(0), "新岭小学", typed=True)
    choose(entries.nth(1))
    office.get_by_test_id("pair-confirm").click()
    room.wait_for_url("**/class/*", timeout=10_000)
    return room


def on_the_air(
    browser: Browser, server: Server, office: Page, lecturer: BrowserContext, room: Page, lecture: str
) -> None:
    """Open it, go live in the studio; the class sees it, and the board shows the class."""
    go(office, f"lectures/{lecture}")
    office.get_by_test_id("order-open").click()
    office.locator(".confirm-open").click()
    studio = Studio(browser, f"{server.url}/studio/{lecture}", code=False, storage_state=lecturer.storage_state())
    studio.prepare()
    studio.start()
    room.wait_for_function(
        "() => document.documentElement.dataset.state === 'live' || !document.getElementById('enter').hidden",
        timeout=20_000,
    )
    if room.get_by_test_id("enter").is_visible():
        room.get_by_test_id("enter").click()
    room.wait_for_function("() => document.documentElement.dataset.state === 'live'", timeout=20_000)
    office.locator("[data-testid=schools] [data-school='2152810001'][data-state=all]").wait_for(timeout=20_000)
    shot(office, "day-board")
    shot(room, "day-class")
    studio.end()
    assert studio.errors == []
