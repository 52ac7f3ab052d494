"""People and the log of actions in the console: added by keyboard, invited, changed, disabled; what it says and how it looks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.chromium import chromium
from tests.support.look import barriers, foreign_words, overflow
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
expect.set_options(timeout=30_000)
DESK = {"width": 1366, "height": 768}
LOGIN, NAME = "keeper.xingyi", "兴义管理员"
NO_WORDS = re.compile(r"keeper\.xingyi|\b(?:admin|ADMIN|lecturer)\b|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""Logins and ids are Latin in every language."""


@pytest.mark.parametrize(("language", "theme"), [("zh-CN", "light"), ("en", "dark")])
def test_a_county_administrator_is_added_changed_and_disabled(
    server: Server, language: str, theme: str, tmp_path: Path
) -> None:
    demo = server.demo()
    assert demo is not None
    with chromium() as browser:
        page = browser.new_page(viewport=DESK, reduced_motion="reduce", color_scheme=theme)
        log_in(page, demo, language)
        page.goto(f"{demo['console_url']}?lang={language}#/people")
        page.wait_for_selector("[data-testid=people] tbody tr")
        look(page, language, tmp_path / f"people-{language}.png")

        page.get_by_test_id("add-person").press("Enter")
        page.get_by_test_id("save-person").press("Enter")
        expect(page.locator(".el-form-item__error")).to_have_count(4)
        look(page, language, tmp_path / f"people-wrong-{language}.png")
        page.get_by_test_id("new-login").fill(str(demo["console_user"]).upper())
        page.get_by_test_id("new-name").fill(NAME)
        choose(page, "role", "县级管理员" if language == "zh-CN" else "County administrator")
        choose(page, "node", "兴义市")
        page.get_by_test_id("save-person").press("Enter")
        expect(page.locator(".el-form-item__error")).to_have_count(1)
        look(page, language, tmp_path / f"people-taken-{language}.png")
        page.get_by_test_id("new-login").fill(LOGIN)
        page.get_by_test_id("new-login").press("Enter")
        page.get_by_test_id("invitation-link").wait_for()
        assert "/console#/invited/jti_" in page.get_by_test_id("invitation-link").input_value()
        page.get_by_test_id("copy").press("Enter")
        expect(page.locator(".said")).not_to_be_empty()
        look(page, language, tmp_path / f"people-invited-{language}.png")
        page.get_by_test_id("invitation-close").press("Enter")

        page.get_by_test_id("search").fill(LOGIN)
        expect(page.locator("[data-testid=people] tbody tr")).to_have_count(1)
        page.locator("[data-testid=people] a.row-link").press("Enter")
        page.get_by_test_id("person-disable").wait_for()
        look(page, language, tmp_path / f"person-{language}.png")
        page.get_by_test_id("edit-person").press("Enter")
        page.get_by_test_id("new-name").fill(f"{NAME}二")
        look(page, language, tmp_path / f"person-edit-{language}.png")
        page.get_by_test_id("new-name").press("Enter")
        expect(page.locator("h1")).to_have_text(f"{NAME}二")
        page.get_by_test_id("person-disable").press("Enter")
        page.wait_for_selector(".el-message-box__btns .el-button--primary")
        look(page, language, tmp_path / f"person-disable-{language}.png")
        page.keyboard.press("Enter")
        page.get_by_test_id("person-enable").wait_for()

        page.locator(".log a").last.press("Enter")
        expect(page.locator("[data-testid=audit] tbody tr")).to_have_count(4)
        look(page, language, tmp_path / f"audit-person-{language}.png")
        page.goto(f"{demo['console_url']}?lang={language}#/audit")
        page.wait_for_selector("[data-testid=audit] tbody tr >> nth=4")
        look(page, language, tmp_path / f"audit-{language}.png")
        with page.expect_download() as saved:
            page.get_by_test_id("audit-export").press("Enter")
        assert saved.value.path().read_bytes().startswith("\ufeff".encode())


def test_an_invited_administrator_sets_a_password_and_sees_their_own_county(server: Server, tmp_path: Path) -> None:
    demo = server.demo()
    assert demo is not None
    token, county = demo["api_token"], "522301"
    foreign = {"login": "keeper.puan", "name": "普安管理员", "role": "county_admin", "node": "522323"}
    _, elsewhere = server.call("POST", "/api/v1/people", token, foreign)
    with chromium() as browser:
        office = browser.new_page(viewport=DESK, reduced_motion="reduce")
        log_in(office, demo, "zh-CN")
        office.goto(f"{demo['console_url']}?lang=zh-CN#/people")
        office.get_by_test_id("add-person").click()
        office.get_by_test_id("new-login").fill(LOGIN)
        office.get_by_test_id("new-name").fill(NAME)
        choose(office, "role", "县级管理员")
        choose(office, "node", "兴义市")
        office.get_by_test_id("save-person").click()
        link = office.get_by_test_id("invitation-link").input_value()

        page = browser.new_context(viewport=DESK, reduced_motion="reduce").new_page()
        page.goto(link)
        password = "一把旧钥匙 Opens 7 doors"
        page.get_by_test_id("new-password").fill(password)
        page.get_by_test_id("again").fill(password)
        page.get_by_test_id("set-password").press("Enter")
        page.get_by_test_id("login").fill(LOGIN)
        page.get_by_test_id("password").fill(password)
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-testid=person]")
        page.goto(f"{server.url}/console#/people")
        expect(page.locator("[data-testid=people] tbody tr")).to_have_count(1)
        assert NAME in page.locator("[data-testid=people] tbody").inner_text()
        page.screenshot(path=tmp_path / "own-county.png")
        assert page.get_by_role("link", name="操作日志").count() == 0, "the log is not theirs to read"
        counties = page.evaluate("fetch('/api/v1/counties').then((answer) => answer.json())")
        assert [one["code"] for one in counties["items"]] == [county]
        page.goto(f"{server.url}/console#/people/{elsewhere['person']['id']}")
        page.get_by_test_id("trouble").wait_for()

        page.goto("about:blank")
        page.goto(link)
        page.get_by_test_id("trouble").wait_for()


def log_in(page: Page, demo: dict[str, object], language: str) -> None:
    """Log in at the console."""
    page.goto(f"{demo['console_url']}?lang={language}")
    page.fill("input[autocomplete=username]", str(demo["console_user"]))
    page.fill("input[type=password]", str(demo["console_password"]))
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-testid=person]")


def choose(page: Page, field: str, text: str) -> None:
    """Choose in one of the dialog's lists with the keyboard."""
    entry = page.locator(f".el-dialog [data-testid={field}] input")
    entry.focus()
    entry.press("Enter")
    wanted = page.locator(f".el-select-dropdown__item:visible:has-text('{text}')").first
    wanted.wait_for()
    for _ in range(12):
        entry.press("ArrowDown")
        if "is-hovering" in str(wanted.get_attribute("class")):
            break
    entry.press("Enter")
    expect(page.locator(f".el-dialog [data-testid={field}]")).to_contain_text(text)


def look(page: Page, language: str, picture: Path) -> None:
    """Keep a picture and check what a machine can see."""
    page.wait_for_function("() => !document.querySelector('[aria-busy=true]')")
    page.screenshot(path=picture)
    assert overflow(page) == []
    told = [text for text in foreign_words(page, language) if re.search("[A-Za-z]{3}", NO_WORDS.sub("", text))]
    assert told == []
    assert barriers(page) == []
