"""A lecture is rehearsed from the console before a reviewer and no class; its link and key are made and revoked; its school has it in a calendar."""

from __future__ import annotations

import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.support.chromium import watch_errors
from tests.support.classroom import Classroom, Studio
from tests.support.console import enter, wrong
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

TITLE = "珍爱生命，远离毒品"
TOMORROW = (datetime.now(UTC) + timedelta(hours=8, days=1)).date().isoformat()
APPROVE = """async (id) => {
    const headers = { 'Content-Type': 'application/json' };
    const body = JSON.stringify({ decision: 'approve', note: '' });
    return (await fetch(`/api/v1/lectures/${id}/review`, { method: 'POST', headers, body })).status;
}"""


def plan(server: Server, demo: dict[str, Any]) -> str:
    """Plan the only lecture that is to come, for the schools of the demonstration's classes, and submit it; return its id."""
    token = demo["api_token"]
    assert server.call("POST", f"/api/v1/lectures/{demo['lecture_id']}/end", token)[0] == 200
    wanted = {
        "title": TITLE,
        "summary": "讲什么是毒品，怎样拒绝。",
        "scheduled_at": f"{TOMORROW}T10:00:00+08:00",
        "audience": [screen["school_code"] for screen in demo["screens"]],
        "lecturer_id": server.call("GET", "/api/v1/lecturers", token)[1]["items"][0]["id"],
    }
    status, made = server.call("POST", "/api/v1/lectures", token, wanted)
    assert status == 201, made
    assert server.call("POST", f"/api/v1/lectures/{made['id']}/submit", token)[0] == 200
    return str(made["id"])


def agree(page: Page) -> None:
    """Say yes to what is asked, by keyboard."""
    page.wait_for_selector(".el-message-box:visible")
    page.keyboard.press("Enter")
    page.wait_for_selector(".el-message-box", state="hidden")


def told_once(page: Page, what: str, problems: list[str], *fields: str) -> list[str]:
    """Make a link or a key; return what is told, which nobody is told again."""
    page.get_by_test_id(f"make-{what}").click()
    page.get_by_test_id("once").wait_for()
    told = [page.get_by_test_id(field).input_value() for field in fields]
    page.locator("[data-testid=once] [data-testid=copy]").first.click()
    page.wait_for_selector("[data-testid=once] [role=status]:not(:empty)")
    problems += wrong(page, f"entrances-{what}", "zh-CN")
    page.get_by_test_id("once-close").click()
    page.wait_for_selector(f"[data-testid=entrance-{what}][data-held=true]")
    assert not any(secret in page.content() for secret in told)
    return told


def revoke(page: Page, what: str) -> None:
    """Revoke the link or the key."""
    page.get_by_test_id(f"revoke-{what}").click()
    agree(page)
    page.wait_for_selector(f"[data-testid=entrance-{what}][data-held=false]")


def fetch(url: str) -> str | int:
    """What a calendar program gets: a text, or a status."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return str(response.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_rehearsal_a_link_a_key_and_a_calendar(server: Server, browser: Browser) -> None:
    demo: dict[str, Any] | None = server.demo()
    assert demo is not None
    lecture, problems = plan(server, demo), list[str]()
    server.add_person("reviewer", "审核员甲", "reviewer")
    reviewer = enter(browser, server, "reviewer")
    assert reviewer.evaluate(APPROVE, lecture) == 200
    planner = enter(browser, server)
    errors = [watch_errors(planner), watch_errors(reviewer)]
    room = Classroom(browser, demo["classroom_urls"][0], watch=False)
    room.page.get_by_text(TITLE).first.wait_for()
    state = room.page.evaluate("document.documentElement.dataset.state")
    planner.goto(f"{server.url}/console?lang=zh-CN#/lectures/{lecture}/plan")
    link = told_once(planner, "link", problems, "studio-link")[0]
    rehearsed(browser, planner, reviewer, link, problems)
    assert room.page.evaluate("document.documentElement.dataset.state") == state != "live"
    revoke(planner, "link")
    server_url, key = told_once(planner, "key", problems, "whip-url", "stream-key")
    assert (server_url, key[:4]) == (f"{server.url}/whip/{lecture}", "jtk_")
    revoke(planner, "key")
    subscribed(planner, server, demo["screens"][0]["school_code"], problems)
    in_english_and_in_the_dark(planner, lecture, demo["screens"][0]["school_code"], problems)
    assert [*errors, room.errors] == [[], [], []]
    assert problems == []


def rehearsed(browser: Browser, planner: Page, reviewer: Page, link: str, problems: list[str]) -> None:
    """The planner begins, the lecturer comes by the link, the reviewer watches from the console, the planner ends it."""
    planner.get_by_test_id("rehearsal-begin").click()
    planner.wait_for_selector("[data-testid=rehearsal][data-state=open]")
    problems += wrong(planner, "entrances-rehearsal", "zh-CN")
    studio = Studio(browser, link)
    studio.page.get_by_test_id("prepare").wait_for()
    studio.page.goto(planner.get_by_test_id("rehearsal-studio").input_value())
    studio.prepare()
    studio.start()
    reviewer.goto(planner.url)
    assert reviewer.get_by_test_id("rehearsal-end").count() == 0
    reviewer.get_by_test_id("rehearsal-watch").click()
    reviewer.wait_for_selector("[data-testid=rehearsal-view][data-seen=true]")
    problems += wrong(reviewer, "entrances-watch", "zh-CN")
    planner.get_by_test_id("rehearsal-end").click()
    agree(planner)
    planner.wait_for_selector("[data-testid=rehearsal][data-state=none]")
    reviewer.wait_for_selector("[data-testid=rehearsal-view]", state="detached")
    studio.page.get_by_test_id("ended").wait_for()
    studio.context.close()


def subscribed(planner: Page, server: Server, school: str, problems: list[str]) -> None:
    """The school's calendar has the lecture; a new link ends the one before."""
    planner.goto(f"{server.url}/console?lang=zh-CN#/schools/{school}")
    field = planner.get_by_test_id("calendar-url")
    field.scroll_into_view_if_needed()
    first = field.input_value()
    calendar = fetch(first)
    assert isinstance(calendar, str)
    assert f"SUMMARY:{TITLE}" in calendar
    assert f":{TOMORROW.replace('-', '')}T100000" in calendar
    problems += wrong(planner, "entrances-calendar", "zh-CN")
    planner.get_by_test_id("renew-calendar").click()
    agree(planner)
    planner.wait_for_function(
        "first => document.querySelector('[data-testid=calendar-url]').value !== first", arg=first
    )
    assert fetch(first) == 404
    assert fetch(field.input_value()) == calendar


def in_english_and_in_the_dark(planner: Page, lecture: str, school: str, problems: list[str]) -> None:
    """Look at the pages in the other language and theme."""
    base = planner.url.partition("?")[0]
    planner.goto(f"{base}?lang=en#/lectures/{lecture}/plan")
    planner.get_by_role("button", name="Dark").click()
    planner.get_by_test_id("rehearsal-begin").wait_for()
    problems += wrong(planner, "entrances-plan-dark", "en")
    planner.goto(f"{base}?lang=en#/schools/{school}")
    planner.get_by_test_id("calendar-url").scroll_into_view_if_needed()
    problems += wrong(planner, "entrances-calendar-dark", "en")
