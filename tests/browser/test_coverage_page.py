"""The coverage of a term in the console: from the prefecture to a class, and the roster of a training by touch and keyboard."""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.chromium import chromium, shot, watch_errors
from tests.support.look import barriers, foreign_words, overflow
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
DESK = {"width": 1366, "height": 768}
AWAY = 30_000


def look(page: Page, name: str, language: str) -> None:
    """Keep a picture and check what a machine can see."""
    shot(page, f"{name}-{language}")
    assert overflow(page) == [], name
    assert foreign_words(page, language) == [], name
    assert barriers(page) == [], name


def enter(page: Page, demo: dict[str, object], language: str) -> None:
    page.goto(f"{demo['console_url']}?lang={language}")
    page.get_by_test_id("login").fill(str(demo["console_user"]))
    page.get_by_test_id("password").fill(str(demo["console_password"]))
    page.keyboard.press("Enter")
    page.get_by_test_id("person").wait_for(timeout=AWAY)


def train(server: Server) -> str:
    """Hold a training for one school and give it a roster; return the school's code."""
    now = datetime.now(UTC)
    began, ended = ((now - timedelta(minutes=m)).strftime("%Y-%m-%d %H:%M:%S.%f") for m in (60, 15))
    with sqlite3.connect(database(server), timeout=20) as db:
        lecturer = db.execute("SELECT lecturer_id FROM lectures").fetchone()[0]
        school, region = db.execute("SELECT code, region_code FROM schools ORDER BY code").fetchone()
        lecture = "01900000-0000-7000-8000-000000000001"
        db.execute(
            "INSERT INTO lectures (id, title, topic, lecturer_id, scheduled_at, minutes, autostart, audience_kind)"
            " VALUES (?, '教师培训', '', ?, ?, 45, 0, 'teachers')",
            (lecture, lecturer, began),
        )
        for made, pupils in db.execute("SELECT id, pupils FROM classes WHERE school_code = ?", (school,)).fetchall():
            db.execute("INSERT INTO lecture_targets VALUES (?, ?, ?, ?, ?)", (lecture, made, school, region, pupils))
        db.execute(
            "INSERT INTO broadcasts (id, lecture_id, state, fence, started_at, ended_at, on_air_seconds, created_at)"
            " VALUES (?, ?, 'ended', 0, ?, ?, 2700, ?)",
            ("01900000-0000-7000-8000-000000000002", lecture, began, ended, began),
        )
        for number, name in enumerate(("甲老师", "乙老师", "丙老师")):
            db.execute(
                "INSERT INTO teachers (id, school_code, staff_no, name) VALUES (?, ?, ?, ?)",
                (f"01900000-0000-7000-8000-00000000010{number}", school, f"T{number}", name),
            )
    return str(school)


def make_training(server: Server, url: str) -> None:
    """Make the lecture that is open a training, and give the school of a paired screen a teacher."""
    screen, _ = re.fullmatch(r".*/class/([^#]+)#(.+)", url).groups()  # type: ignore[union-attr]
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    with sqlite3.connect(database(server), timeout=20) as db:
        lecture = (server.demo() or {})["lecture_id"]
        db.execute("UPDATE lectures SET audience_kind = 'teachers', scheduled_at = ? WHERE id = ?", (now, lecture))
        school = db.execute(
            "SELECT school_code FROM screens JOIN classes ON classes.id = class_id WHERE screens.id = ?", (screen,)
        ).fetchone()[0]
        db.execute(
            "INSERT INTO teachers (id, school_code, staff_no, name) VALUES (?, ?, 'K7', '丁老师')",
            ("01900000-0000-7000-8000-000000000107", school),
        )


def show_again(server: Server, url: str) -> str:
    """Return the address in the code that a paired screen shows now."""
    screen, device = re.fullmatch(r".*/class/([^#]+)#(.+)", url).groups()  # type: ignore[union-attr]
    status, told = server.call("POST", f"/api/v1/screens/{screen}/training-code", device)
    assert status == 200, told
    return str(told["url"])


def database(server: Server) -> Path:
    return next(server.data.rglob("*.sqlite3"))


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_term_leads_to_a_class_in_three_clicks(shared: Server, language: str) -> None:
    demo = shared.demo()
    assert demo is not None
    with chromium() as browser:
        page = browser.new_page(viewport=DESK, reduced_motion="reduce")  # type: ignore[arg-type]
        errors = watch_errors(page)
        enter(page, demo, language)
        page.goto(f"{demo['console_url']}?lang={language}#/coverage")
        page.get_by_test_id("matrix").wait_for(timeout=AWAY)
        look(page, "coverage", language)
        page.get_by_test_id("matrix").get_by_role("link").first.click()
        page.locator("[data-testid=matrix] tr[data-code]").first.wait_for(timeout=AWAY)
        page.get_by_test_id("matrix").locator("tr[data-code*='9000']").get_by_role("link").first.click(timeout=AWAY)
        page.get_by_test_id("class-matrix").wait_for(timeout=AWAY)
        expect(page.get_by_test_id("todo").locator("li[data-step=lessons]")).to_be_visible()
        look(page, "coverage-school", language)
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        shot(page, f"coverage-school-dark-{language}")
        assert barriers(page) == []
        page.get_by_test_id("class-matrix").get_by_role("link").first.click()
        page.get_by_test_id("class-facts").wait_for(timeout=AWAY)
        assert errors == []


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_table_is_fetched_again_as_it_was_and_what_is_owed_is_told(shared: Server, language: str) -> None:
    demo = shared.demo()
    assert demo is not None
    with chromium() as browser:
        page = browser.new_page(viewport=DESK, reduced_motion="reduce")  # type: ignore[arg-type]
        errors = watch_errors(page)
        enter(page, demo, language)
        page.goto(f"{demo['console_url']}?lang={language}#/coverage")
        page.get_by_test_id("matrix").wait_for(timeout=AWAY)
        page.locator("details summary").press("Enter")
        expect(page.get_by_test_id("owes").locator("tr[data-owed=teachers]")).to_contain_text("80%")
        page.get_by_test_id("owes").scroll_into_view_if_needed()
        look(page, "coverage-owes", language)

        page.get_by_test_id("cover-export").click()
        with page.expect_download(timeout=AWAY) as waiting:
            page.get_by_test_id("cover-05-csv").click()
        first = Path(waiting.value.path()).read_bytes()
        rows = page.get_by_test_id("cover-made").locator("tbody tr")
        expect(rows.first).to_contain_text("05", timeout=AWAY)
        with sqlite3.connect(database(shared), timeout=20) as db:
            db.execute("UPDATE classes SET pupils = pupils + 1, version = version + 1")
        with page.expect_download(timeout=AWAY) as waiting:
            page.get_by_test_id("cover-05-csv").click()
        assert Path(waiting.value.path()).read_bytes() != first
        expect(page.get_by_test_id("cover-said")).to_contain_text("05", timeout=AWAY)
        with page.expect_download(timeout=AWAY) as waiting:
            rows.nth(1).get_by_role("button", name="CSV").press("Enter")
        assert Path(waiting.value.path()).read_bytes() == first
        expect(page.get_by_test_id("cover-said")).to_contain_text("05", timeout=AWAY)
        shot(page, f"coverage-exports-{language}")
        assert overflow(page) == []
        assert barriers(page) == []
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        shot(page, f"coverage-exports-dark-{language}")
        assert barriers(page) == []
        assert errors == []


def test_a_roster_is_ticked_by_touch_and_keyboard_and_undone(shared: Server) -> None:
    demo = shared.demo()
    assert demo is not None
    school = train(shared)
    with chromium() as browser:
        page = browser.new_page(viewport=DESK, reduced_motion="reduce", has_touch=True)  # type: ignore[arg-type]
        errors = watch_errors(page)
        enter(page, demo, "zh-CN")
        page.goto(f"{demo['console_url']}#/coverage/{school}")
        page.get_by_test_id("to-training").click(timeout=AWAY)
        rows = page.locator("[data-testid=roster] tbody tr")
        expect(rows).to_have_count(3, timeout=AWAY)
        look(page, "training", "zh-CN")
        page.locator("tr[data-staff=T0] .el-checkbox").tap()
        expect(page.locator("tr[data-staff=T0]")).to_contain_text("勾选于", timeout=AWAY)
        page.locator("tr[data-staff=T1] input").focus()
        page.keyboard.press("Space")
        expect(page.locator("tr[data-staff=T1]")).to_contain_text("勾选于", timeout=AWAY)
        page.get_by_test_id("all").click()
        expect(page.get_by_test_id("shown")).to_contain_text("已勾选 3 人", timeout=AWAY)
        page.get_by_test_id("undo").click()
        expect(page.get_by_test_id("shown")).to_contain_text("已勾选 2 人", timeout=AWAY)
        page.get_by_test_id("search").fill("乙")
        expect(rows).to_have_count(1)
        look(page, "training-found", "zh-CN")
        assert errors == []
    with sqlite3.connect(database(shared), timeout=20) as db:
        told = db.execute("SELECT action, count(*) FROM training_marks GROUP BY action ORDER BY action").fetchall()
    assert told == [("ticked", 3), ("unticked", 1)]


def test_a_teacher_signs_in_by_the_venues_code_without_an_account(shared: Server) -> None:
    demo = shared.demo()
    assert demo is not None
    venue = str(demo["classroom_urls"][0])  # type: ignore[index]
    make_training(shared, venue)
    with chromium() as browser:
        screen = browser.new_page(viewport={"width": 1920, "height": 1080}, reduced_motion="reduce")
        screen.goto(venue)
        expect(screen.get_by_test_id("sign-code").locator("img")).to_be_visible(timeout=AWAY)
        shot(screen, "sign-code")
        address = show_again(shared, venue)
        page = browser.new_page(viewport={"width": 390, "height": 844}, reduced_motion="reduce", locale="zh-CN")
        errors = watch_errors(page)
        page.goto(address)
        page.get_by_test_id("number").fill("K7", timeout=AWAY)
        look(page, "sign", "zh-CN")
        assert page.url.endswith("/in/")  # the code does not stay in the address
        page.keyboard.press("Enter")
        page.get_by_role("button", name="丁老师").click(timeout=AWAY)
        expect(page.get_by_role("heading")).to_have_text("已签到", timeout=AWAY)
        look(page, "signed", "zh-CN")
        assert errors == []
        page.goto(address[:-1] + ("A" if address[-1] != "A" else "B"))
        expect(page.get_by_role("heading")).to_have_text("这不是培训的二维码", timeout=AWAY)
    with sqlite3.connect(database(shared), timeout=20) as db:
        told = db.execute("SELECT action FROM training_marks WHERE teacher_id LIKE '%107'").fetchall()
    assert told == [("signed_in",)]
