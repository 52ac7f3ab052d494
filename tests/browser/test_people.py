"""People and the log of actions in the console: added by keyboard, invited, changed, disabled; what it says and how it looks."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.support.console import DESK, choose, enter, go, look
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
expect.set_options(timeout=30_000)
NAME = "兴义管理员"
NO_WORDS = re.compile(r"keeper\.[a-z]+|\b(?:admin|ADMIN|lecturer)\b|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""Logins and ids are Latin in every language."""


@pytest.mark.parametrize(("language", "theme"), [("zh-CN", "light"), ("en", "dark")])
def test_a_county_administrator_is_added_changed_and_disabled(
    shared: Server, browser: Browser, language: str, theme: str
) -> None:
    demo = shared.demo()
    assert demo is not None
    login = f"keeper.{theme}"
    page = enter(browser, shared, language=language, color_scheme=theme)
    go(page, "people")
    page.wait_for_selector("[data-testid=people] tbody tr")
    look(page, "people", language, NO_WORDS)

    page.get_by_test_id("add-person").press("Enter")
    page.get_by_test_id("save-person").press("Enter")
    expect(page.locator(".el-form-item__error")).to_have_count(4)
    look(page, "people-wrong", language, NO_WORDS)
    page.get_by_test_id("new-login").fill(str(demo["console_user"]).upper())
    page.get_by_test_id("new-name").fill(NAME)
    choose(
        page.locator(".el-dialog [data-testid=role] input"),
        "县级管理员" if language == "zh-CN" else "County administrator",
    )
    choose(page.locator(".el-dialog [data-testid=node] input"), "兴义市")
    page.get_by_test_id("save-person").press("Enter")
    expect(page.locator(".el-form-item__error")).to_have_count(1)
    look(page, "people-taken", language, NO_WORDS)
    page.get_by_test_id("new-login").fill(login)
    page.get_by_test_id("new-login").press("Enter")
    page.get_by_test_id("invitation-link").wait_for()
    assert "/console#/invited/jti_" in page.get_by_test_id("invitation-link").input_value()
    page.get_by_test_id("copy").press("Enter")
    expect(page.locator(".said")).not_to_be_empty()
    look(page, "people-invited", language, NO_WORDS)
    page.get_by_test_id("invitation-close").press("Enter")

    page.get_by_test_id("search").fill(login)
    expect(page.locator("[data-testid=people] tbody tr")).to_have_count(1)
    page.locator("[data-testid=people] a.row-link").press("Enter")
    page.get_by_test_id("person-disable").wait_for()
    look(page, "person", language, NO_WORDS)
    page.get_by_test_id("edit-person").press("Enter")
    page.get_by_test_id("new-name").fill(f"{NAME}二")
    look(page, "person-edit", language, NO_WORDS)
    page.get_by_test_id("new-name").press("Enter")
    expect(page.locator("h1")).to_have_text(f"{NAME}二")
    page.get_by_test_id("person-disable").press("Enter")
    page.wait_for_selector(".el-message-box__btns .el-button--primary")
    look(page, "person-disable", language, NO_WORDS)
    page.keyboard.press("Enter")
    page.get_by_test_id("person-enable").wait_for()

    page.locator(".log a").last.press("Enter")
    expect(page.locator("[data-testid=audit] tbody tr")).to_have_count(4)
    look(page, "audit-person", language, NO_WORDS)
    go(page, "audit")
    page.wait_for_selector("[data-testid=audit] tbody tr >> nth=4")
    look(page, "audit", language, NO_WORDS)
    with page.expect_download() as saved:
        page.get_by_test_id("audit-export").press("Enter")
    assert saved.value.path().read_bytes().startswith("\ufeff".encode())


def test_an_invited_administrator_sets_a_password_and_sees_their_own_county(shared: Server, browser: Browser) -> None:
    demo = shared.demo()
    assert demo is not None
    token, county, login = demo["api_token"], "522302", "keeper.xingren"
    foreign = {"login": "keeper.puan", "name": "普安管理员", "role": "county_admin", "node": "522323"}
    _, elsewhere = shared.call("POST", "/api/v1/people", token, foreign)
    office = enter(browser, shared)
    go(office, "people")
    office.get_by_test_id("add-person").click()
    office.get_by_test_id("new-login").fill(login)
    office.get_by_test_id("new-name").fill(NAME)
    choose(office.locator(".el-dialog [data-testid=role] input"), "县级管理员")
    choose(office.locator(".el-dialog [data-testid=node] input"), "兴仁市")
    office.get_by_test_id("save-person").click()
    link = office.get_by_test_id("invitation-link").input_value()

    page = browser.new_context(viewport=DESK, reduced_motion="reduce").new_page()
    page.goto(link)
    password = "一把旧钥匙 Opens 7 doors"
    page.get_by_test_id("new-password").fill(password)
    page.get_by_test_id("again").fill(password)
    page.get_by_test_id("set-password").press("Enter")
    page.get_by_test_id("login").fill(login)
    page.get_by_test_id("password").fill(password)
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-testid=person]")
    page.goto(f"{shared.url}/console#/people")
    expect(page.locator("[data-testid=people] tbody tr")).to_have_count(1)
    assert NAME in page.locator("[data-testid=people] tbody").inner_text()
    assert page.get_by_role("link", name="操作日志").count() == 0, "the log is not theirs to read"
    counties = page.evaluate("fetch('/api/v1/counties').then((answer) => answer.json())")
    assert [one["code"] for one in counties["items"]] == [county]
    page.goto(f"{shared.url}/console#/people/{elsewhere['person']['id']}")
    page.get_by_test_id("trouble").wait_for()

    page.goto("about:blank")
    page.goto(link)
    page.get_by_test_id("trouble").wait_for()
