"""Assessments in the console: a school's classes with one number each, by keyboard, corrected and undone, and the coverage that comes of it."""

from __future__ import annotations

import sqlite3
from datetime import date, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_coverage_page import AWAY, DESK, database, enter, look
from tests.support.chromium import chromium, shot, watch_errors
from tests.support.look import barriers
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def school_of(server: Server) -> tuple[str, int]:
    """Return a school with classes of a size, and how many."""
    with sqlite3.connect(database(server), timeout=20) as db:
        statement = (
            "SELECT school_code, count(*) FROM classes GROUP BY school_code HAVING min(pupils) > 0 ORDER BY 2 DESC, 1"
        )
        code, classes = db.execute(statement).fetchone()
    return str(code), int(classes)


def save(page: Page, address: str, day: date) -> None:
    """Enter an assessment of a day as it is filled in."""
    page.goto(f"{address}?kind=quiz&day={day}")
    page.reload()
    page.get_by_test_id("save").click(timeout=AWAY)
    expect(page.get_by_test_id("held")).to_contain_text(str(day), timeout=AWAY)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_school_enters_its_classes_by_keyboard(server: Server, language: str) -> None:
    demo = server.demo()
    assert demo is not None
    school, classes = school_of(server)
    with chromium() as browser:
        page = browser.new_page(viewport=DESK, reduced_motion="reduce")  # type: ignore[arg-type]
        errors = watch_errors(page)
        enter(page, demo, language)
        page.goto(f"{demo['console_url']}?lang={language}#/coverage/{school}")
        page.get_by_test_id("to-assessments").click(timeout=AWAY)
        rows = page.get_by_test_id("assessment").locator("tbody tr")
        expect(rows).to_have_count(classes, timeout=AWAY)
        expect(page.get_by_test_id("held-none")).to_be_visible()
        numbers = page.get_by_test_id("assessment").locator("input")
        size = int(numbers.first.input_value())
        look(page, "assessment", language)

        numbers.first.focus()
        page.keyboard.press("Control+A")
        page.keyboard.type(str(size + 1))
        page.keyboard.press("Enter")
        expect(numbers.nth(1)).to_be_focused()
        expect(rows.first.get_by_role("alert")).to_be_visible()
        expect(page.get_by_test_id("save")).to_be_disabled()
        look(page, "assessment-wrong", language)
        numbers.first.fill("1")
        numbers.first.press("Tab")
        expect(numbers.nth(1)).to_be_focused()
        page.keyboard.press("Control+A")
        page.keyboard.press("Delete")
        page.keyboard.press("Tab")
        page.get_by_test_id("save").press("Enter")
        expect(page.get_by_test_id("held").locator("tbody tr")).to_contain_text(
            f"{classes - 2} / {classes - 1}", timeout=AWAY
        )
        page.locator(".el-message").wait_for(state="hidden", timeout=AWAY)
        look(page, "assessment-saved", language)

        numbers.first.fill(str(size))
        numbers.first.press("Tab")
        page.locator(".way a").click()
        expect(page.locator(".el-message-box")).to_be_visible()
        look(page, "assessment-leave", language)
        page.locator(".el-message-box__btns button").first.click()
        expect(numbers.first).to_have_value(str(size))
        page.get_by_test_id("save").click()
        expect(page.get_by_test_id("held").locator("tbody tr")).to_contain_text(
            f"{classes - 1} / {classes - 1}", timeout=AWAY
        )
        page.get_by_test_id("undo").click()
        expect(numbers.first).to_have_value("1", timeout=AWAY)
        expect(page.get_by_test_id("undo")).to_be_disabled()
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        shot(page, f"assessment-dark-{language}")
        assert barriers(page) == []
        assert errors == []
    with sqlite3.connect(database(server), timeout=20) as db:
        told = db.execute("SELECT revision, count(*) FROM assessment_entries GROUP BY revision ORDER BY 1").fetchall()
    assert told == [(1, classes - 1), (2, 1), (3, 1)]


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_four_of_them_stand_in_the_coverage_and_on_paper(server: Server, language: str) -> None:
    demo = server.demo()
    assert demo is not None
    school, classes = school_of(server)
    with chromium() as browser:
        page = browser.new_page(viewport=DESK, reduced_motion="reduce")  # type: ignore[arg-type]
        errors = watch_errors(page)
        enter(page, demo, language)
        page.goto(f"{demo['console_url']}?lang={language}#/assessments/{school}")
        today = date.fromisoformat(page.evaluate("new Date().toLocaleDateString('sv', { timeZone: 'Asia/Shanghai' })"))
        for back in range(4):
            save(page, f"{demo['console_url']}?lang={language}#/assessments/{school}", today - timedelta(days=back))
        page.goto(f"{demo['console_url']}?lang={language}#/coverage/{school}")
        page.reload()
        expect(page.get_by_test_id("assessment")).to_contain_text(f"{classes} / {classes}", timeout=AWAY)
        expect(page.get_by_test_id("class-matrix").locator("tbody tr").first).to_contain_text("4 / 4")
        look(page, "coverage-assessed", language)
        page.goto(f"{demo['console_url']}?lang={language}#/sheets/{school}")
        expect(page.get_by_test_id("sheet-four")).to_contain_text(f"{classes} / {classes}", timeout=AWAY)
        shot(page, f"sheet-assessed-{language}")
        page.goto(f"{demo['console_url']}?lang={language}#/coverage")
        page.get_by_test_id("matrix").wait_for(timeout=AWAY)
        look(page, "coverage-assessed-all", language)
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        shot(page, f"coverage-assessed-all-dark-{language}")
        assert barriers(page) == []
        assert errors == []
