"""The one-page reports of a school: what is printed is one page of A4, and what stands on it is what the API says."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_coverage_page import AWAY, DESK, enter, train
from tests.support.chromium import chromium, shot, watch_errors
from tests.support.look import barriers, foreign_words, overflow
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
A4 = (595, 842)  # points
LECTURES = 14
"""Lectures that fit on the page."""
DIGEST = re.compile(r"[0-9a-f]{8,16}")


def checksum(figures: dict[str, Any]) -> str:
    """Return the check sum of figures, as anybody can who has them."""
    plain = json.dumps(figures, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()[:16]


def printed(page: Page) -> None:
    """Print it as its style says, and hold that it is one page of A4."""
    paper = page.pdf(prefer_css_page_size=True, print_background=True)
    boxes = re.findall(rb"/MediaBox\s*\[\s*0 0 ([0-9.]+) ([0-9.]+)\s*\]", paper)
    sizes = {(round(float(width)), round(float(height))) for width, height in boxes}
    assert sizes == {A4}
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", paper)) == 1


def test_a_school_prints_its_term_and_its_lectures_on_one_page_each(server: Server) -> None:
    demo = server.demo()
    assert demo is not None
    school = train(server)
    with chromium() as browser:
        page = browser.new_page(viewport=DESK)
        problems = watch_errors(page)
        for language in ("zh-CN", "en"):
            enter(page, demo, language)
            page.goto(f"{server.url}/console?lang={language}#/coverage/{school}")
            page.get_by_test_id("to-sheet").click(timeout=AWAY)
            sheet = page.get_by_test_id("sheet")
            sheet.wait_for(timeout=AWAY)
            _, told = server.call("GET", f"/api/v1/schools/{school}/sheet", demo["api_token"])
            assert checksum(told["figures"]) == told["seal"]["checksum"]
            expect(page.get_by_test_id("checksum")).to_have_text(told["seal"]["checksum"])
            lessons = told["figures"]["cells"]["lessons"]
            expect(page.get_by_test_id("sheet-four")).to_contain_text(f"{lessons['done']} / {lessons['of']}")
            if told["seal"]["root"]:
                assert told["seal"]["root"] in sheet.inner_text().replace(" ", "")
            shot(page, f"sheet-term-{language}")
            assert (overflow(page), foreign_words(page, language, DIGEST), barriers(page)) == ([], [], [])
            printed(page)

            page.goto(f"{server.url}/console?lang={language}#/sheets/{school}?lecture={demo['lecture_id']}")
            page.reload()
            sheet.wait_for(timeout=AWAY)
            path = f"/api/v1/schools/{school}/sheets/{demo['lecture_id']}"
            status, told = server.call("GET", path, demo["api_token"])
            assert status == 200
            expect(page.get_by_test_id("checksum")).to_have_text(told["seal"]["checksum"])
            expect(page.get_by_test_id("sheet-numbers")).to_contain_text(f"0 / {told['figures']['totals']['classes']}")
            expect(page.get_by_test_id("chart")).to_be_visible()
            shot(page, f"sheet-lecture-{language}")
            assert (overflow(page), foreign_words(page, language, DIGEST), barriers(page)) == ([], [], [])
            printed(page)
            page.context.clear_cookies()
        assert problems == []


def test_a_term_of_many_lectures_still_prints_on_one_page(server: Server) -> None:
    """Thirty lectures, titles as long as they may be: the newest ones are drawn, and that there are more is said."""
    demo = server.demo()
    assert demo is not None
    school = train(server)
    _, told = server.call("GET", f"/api/v1/schools/{school}/sheet", demo["api_token"])
    told["figures"]["lectures"] = [lecture(number) for number in range(30)]
    with chromium() as browser:
        page = browser.new_page(viewport=DESK)
        problems = watch_errors(page)
        for language in ("zh-CN", "en"):
            enter(page, demo, language)
            page.route("**/sheet*", lambda route: route.fulfill(body=json.dumps(told), content_type="application/json"))
            page.goto(f"{server.url}/console?lang={language}#/sheets/{school}")
            page.reload()
            rows = page.get_by_test_id("chart").locator("g")
            expect(rows).to_have_count(LECTURES, timeout=AWAY)
            expect(page.get_by_test_id("sheet")).to_contain_text(str(30 - LECTURES))
            shot(page, f"sheet-many-{language}")
            assert (overflow(page), barriers(page)) == ([], [])
            printed(page)
            page.context.clear_cookies()
        assert problems == []


def lecture(number: int) -> dict[str, Any]:
    """Return a lecture of a school as the API tells it: from all classes to none."""
    return {
        "id": f"lecture-{number}",
        "title": "认识新型毒品的伪装与防范：给五年级同学的一堂课" * 3,
        "kind": "pupils",
        "started_at": f"2026-{9 + number // 10:02}-{1 + number % 10:02}T02:00:00Z",
        "classes": 12,
        "credited": max(0, 10 - number // 2),
        "excused": number % 3,
        "expected": 480,
        "present": 360,
    }
