"""A new administrator sets a password by a link, sets up one-time codes, logs in by two steps and looks after the account."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from playwright.sync_api import Browser, Page

from tests.support.chromium import watch_errors
from tests.support.console import DESK, wrong
from tests.support.server import Server, started

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
PASSWORD = "九月开学第一课 2026"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks administrators for one-time codes."""
    data = tmp_path_factory.mktemp("strict") / "data"
    with started(Server(data, environment={"JIANGTANG_AUTH__TOTP_REQUIRED": "always"})) as made:
        yield made


def look(page: Page, name: str, language: str, problems: list[str]) -> None:
    """Take a picture in light and dark and add what is wrong with the page."""
    for theme in ("dark", "light"):
        page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        problems += wrong(page, f"{name}-{theme}", language)


def code(secret: str, steps: int = 0) -> str:
    """What an authenticator shows now, or some steps later: the server takes one step ahead, and none twice."""
    return pyotp.TOTP(secret).at(datetime.now(UTC) + timedelta(seconds=30 * steps))


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_new_administrator_comes_in(strict: Server, browser: Browser, language: str) -> None:
    login = {"zh-CN": "lm522301", "en": "lm522302"}[language]
    strict.user("add", login, "--name", "李明", "--role", "county_admin", "--node", "522301")
    link = strict.user("invite", login).partition("/console")[2]
    problems: list[str] = []
    page = browser.new_page(viewport=DESK)
    errors = watch_errors(page)
    page.goto(f"{strict.url}/console?lang={language}{link}")
    page.get_by_test_id("new-password").fill(login)
    page.get_by_test_id("again").fill(login)
    assert page.locator("[data-testid=rules] [data-met=false]").count() == 2
    page.get_by_test_id("set-password").click()
    page.locator("#new-password-error").wait_for()
    look(page, "invited-refused", language, problems)
    page.get_by_test_id("new-password").fill(PASSWORD)
    page.get_by_test_id("again").fill(PASSWORD)
    assert page.locator("[data-testid=rules] [data-met=false]").count() == 0
    page.keyboard.press("Enter")
    page.get_by_test_id("welcome").wait_for()
    assert "jti_" not in page.url
    assert page.get_by_test_id("login").input_value() == login
    look(page, "login-welcome", language, problems)
    page.get_by_test_id("password").fill(PASSWORD)
    page.keyboard.press("Enter")

    page.get_by_test_id("qr").wait_for()
    assert page.evaluate("document.querySelector('[data-testid=qr]').naturalWidth") > 0
    assert page.get_by_test_id("nav-directory").count() == 0
    secret = page.get_by_test_id("secret").inner_text().replace(" ", "")
    look(page, "enrol", language, problems)
    page.get_by_test_id("first-code").fill(code(secret))
    page.keyboard.press("Enter")
    page.get_by_test_id("recovery-codes").wait_for()
    codes = page.locator("[data-testid=recovery-codes] li").all_inner_texts()
    assert len(codes) == 10
    look(page, "recovery-codes", language, problems)
    page.get_by_test_id("kept").click()
    page.get_by_test_id("codes-done").click()
    page.get_by_test_id("nav-directory").wait_for()

    other = browser.new_page(viewport=DESK)
    two_steps(other, strict, language, login, secret, problems)
    page.get_by_test_id("person").click()
    page.get_by_test_id("account").click()
    page.get_by_test_id("account-page").wait_for()
    page.locator("[data-testid=logins] tbody tr").nth(1).wait_for()
    look(page, "account", language, problems)
    page.get_by_test_id("end-others").click()
    page.locator(".el-message-box__btns .el-button--primary").click()
    page.wait_for_function("() => document.querySelectorAll('[data-testid=logins] tbody tr').length === 1")
    other.reload()
    other.get_by_test_id("submit").wait_for()

    page.get_by_test_id("off").click()
    page.get_by_test_id("factor-password").fill(PASSWORD)
    page.get_by_test_id("factor-code").fill(codes[2])
    look(page, "turn-off", language, problems)
    page.get_by_test_id("factor-submit").click()
    page.get_by_test_id("qr").wait_for()
    assert errors == []
    assert problems == []


def two_steps(page: Page, server: Server, language: str, login: str, secret: str, problems: list[str]) -> None:
    """Log in with the keyboard: a wrong code, then the right one, pasted with a space in it."""
    page.goto(f"{server.url}/console?lang={language}")
    page.get_by_test_id("login").wait_for()
    page.keyboard.type(login)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    field = page.get_by_test_id("code")
    field.wait_for()
    assert field.get_attribute("autocomplete") == "one-time-code"
    assert page.evaluate("document.activeElement.id") == "code"
    page.keyboard.type("000000")
    page.locator("[data-testid=code-error] p").first.wait_for()
    look(page, "second-step", language, problems)
    page.get_by_test_id("other-way").click()
    look(page, "second-step-recovery", language, problems)
    page.get_by_test_id("other-way").click()
    right = code(secret, 1)  # made here, as looking takes its time
    field.evaluate(
        "(input, text) => { input.focus(); document.execCommand('insertText', false, text); }",
        f"{right[:3]} {right[3:]}",
    )
    page.get_by_test_id("person").wait_for()
