"""The tables of a lecture in the console, made again as of a time, and the draft of its bulletin, which nobody but the reader gets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.chromium import chromium, shot, watch_errors
from tests.support.console import AWAY, enter, go, look
from tests.support.look import barriers
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
TABLES = ("01", "02", "03", "04", "10", "11")
FILES = re.compile(r"\.(?:csv|xlsx)\b|\b[0-9a-f]{16}\b")
DRAFTED = "（自动生成，须人工审核）"


@pytest.fixture(scope="module")
def over(shared: Server) -> Server:
    """A server whose lecture was held and has ended."""
    demo = shared.demo()
    assert demo is not None
    for order in ("start", "end"):
        assert shared.call("POST", f"/api/v1/lectures/{demo['lecture_id']}/{order}", demo["api_token"])[0] == 200
    return shared


@pytest.fixture(scope="module")
def desk() -> Iterator[Browser]:
    with chromium() as made:
        yield made


def opened(desk: Browser, server: Server, login: str = "", language: str = "zh-CN", **context: Any) -> Page:
    """Return the page of the lecture's tables."""
    page = enter(desk, server, login, language, **context)
    page.goto(f"{server.url}/console?lang={language}#/lectures/{(server.demo() or {})['lecture_id']}/exports")
    page.get_by_test_id("exports").wait_for(timeout=AWAY)
    return page


def saved(page: Page, button: str) -> tuple[str, bytes]:
    """Return name and content of what a button downloads."""
    with page.expect_download(timeout=AWAY) as waiting:
        page.get_by_test_id(button).click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def test_every_table_is_made_and_made_again_as_of_the_same_time(over: Server, desk: Browser) -> None:
    page = opened(desk, over)
    errors = watch_errors(page)
    for table in TABLES:
        name, content = saved(page, f"export-{table}-csv")
        assert name.startswith(table)
        assert content.startswith(b"\xef\xbb\xbf")
        expect(page.get_by_test_id(f"receipt-{table}")).to_contain_text("校验码", timeout=AWAY)
    assert saved(page, "export-04-xlsx")[1].startswith(b"PK")
    look(page, "exports", "zh-CN", FILES)

    _, before = saved(page, "export-03-csv")
    said = page.get_by_test_id("receipt-03").inner_text()
    page.get_by_test_id("pin-03").click()
    expect(page.get_by_test_id("as-of-then").locator("input")).to_be_checked()
    _, again = saved(page, "export-03-csv")
    assert again == before
    expect(page.get_by_test_id("receipt-03")).to_contain_text(said.splitlines()[0].strip(), timeout=AWAY)
    look(page, "exports-as-of", "zh-CN", FILES)
    assert errors == []


def test_a_time_is_picked_by_keyboard_and_one_before_the_lecture_knows_nothing_of_it(
    over: Server, desk: Browser
) -> None:
    page = opened(desk, over, language="en")
    page.get_by_test_id("as-of-then").locator("input").press("Space")
    expect(page.get_by_test_id("export-03-csv")).to_be_disabled()  # a time is still to be chosen
    picker = page.get_by_test_id("as-of").locator(".el-date-editor input")
    picker.fill("2026-01-05 08:00:00")
    picker.press("Enter")
    expect(page.get_by_test_id("export-03-csv")).to_be_enabled(timeout=AWAY)
    saved(page, "export-03-csv")
    expect(page.get_by_test_id("receipt-03")).to_contain_text("2026-01-05 08:00:00", timeout=AWAY)
    look(page, "exports", "en", FILES)


def test_a_draft_is_edited_restored_copied_and_saved_and_stays_here(over: Server, desk: Browser) -> None:
    page = opened(desk, over, permissions=["clipboard-read", "clipboard-write"])
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method != "GET" else None)
    page.get_by_test_id("bulletin-open").click()
    field = page.get_by_test_id("bulletin-text")
    drafted = field.input_value(timeout=AWAY)
    assert drafted.endswith(DRAFTED)
    expect(page.get_by_test_id("bulletin-restore")).to_be_disabled()
    look(page, "bulletin", "zh-CN", FILES)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    shot(page, "bulletin-dark-zh-CN")
    assert barriers(page) == []

    checked = drafted.removesuffix(DRAFTED) + "（已审核）"
    field.fill(checked)
    expect(page.get_by_test_id("bulletin-state")).to_contain_text("已修改")
    page.get_by_test_id("bulletin-copy").click()
    assert page.evaluate("navigator.clipboard.readText()") == checked
    name, content = saved(page, "bulletin-save")
    assert name.startswith("通报草稿_")
    assert name.endswith(".txt")
    assert content.decode("utf-8-sig") == checked
    page.keyboard.press("Escape")
    page.get_by_role("button", name="取消").click()  # what was edited is not lost without a question
    expect(field).to_have_value(checked)
    page.get_by_test_id("bulletin-restore").click()
    page.get_by_role("dialog", name="通报草稿").get_by_role("button", name="恢复草稿").last.click()
    expect(field).to_have_value(drafted)
    page.get_by_test_id("bulletin-close").click()
    expect(field).not_to_be_visible()
    assert [url for url in sent if "/socket.io/" not in url] == []


def test_who_may_not_have_a_table_reads_why(over: Server, desk: Browser) -> None:
    over.add_person("auditor", "审计员甲", "auditor")
    over.add_person("reviewer", "审核员甲", "reviewer")
    page = opened(desk, over, "auditor")
    expect(page.get_by_test_id("not-04")).to_be_visible()
    expect(page.get_by_test_id("export-04-csv")).to_have_count(0)
    expect(page.get_by_test_id("export-03-csv")).to_be_enabled()
    look(page, "exports-auditor", "zh-CN", FILES)
    page = opened(desk, over, "reviewer", "en")
    expect(page.get_by_test_id("not-01")).to_be_visible()
    expect(page.get_by_test_id("not-bulletin")).to_be_visible()
    assert page.locator("[data-testid^=export-]").count() == 0
    look(page, "exports-reviewer", "en", FILES)


def test_a_table_that_cannot_be_made_says_why_and_what_to_do(over: Server, desk: Browser) -> None:
    page = opened(desk, over)
    page.route("**/exports/01.csv*", lambda route: route.abort())
    page.get_by_test_id("export-01-csv").click()
    expect(page.locator("[data-table='01'] [role=status]")).to_contain_text("请检查网络", timeout=AWAY)
    expect(page.get_by_test_id("export-01-csv")).to_be_enabled()
    go(page, "lectures")
