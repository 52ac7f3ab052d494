"""Who is missing, one button that urges them, the banner at the school, and the receipts: in two browsers."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.chromium import watch_errors
from tests.support.console import AWAY, WALL, enter, go, look, wrong
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
SAID = "请打开班班通"
HOUSE = "讲座正在进行，请尽快接入"  # messages are in the language of the house, whoever previews them


def missing(browser: Browser, server: Server, login: str = "", language: str = "zh-CN", **context: object) -> Page:
    page = enter(browser, server, login, language, **context)
    go(page, f"lectures/{(server.demo() or {})['lecture_id']}/missing")
    page.get_by_test_id("missing").wait_for(timeout=AWAY)
    return page


def test_a_school_is_urged_reads_it_and_the_receipt_says_so(browser: Browser, server: Server) -> None:
    demo = server.demo() or {}
    code = demo["screens"][0]["school_code"]
    server.add_person("keeper", "王老师", "school_admin", code)
    office, school = missing(browser, server), enter(browser, server, "keeper")
    errors = watch_errors(office) + watch_errors(school)
    row = office.locator(f"[data-missing='{code}']")
    expect(row).to_contain_text("未接入", timeout=AWAY)
    expect(row).to_contain_text("王老师")
    row.get_by_role("button", name="已联系").click()
    expect(row).to_contain_text("演示管理员 已联系", timeout=AWAY)
    office.locator("[data-filter=unpaired]").click()
    look(office, "missing", "zh-CN")
    office.locator("[data-filter=unpaired]").click()
    office.get_by_test_id("urge").click()
    office.get_by_test_id("urge-note").fill(SAID)
    expect(office.get_by_test_id("urge-preview")).to_contain_text(SAID, timeout=AWAY)
    look(office, "urge", "zh-CN")
    office.get_by_test_id("urge-confirm").click()
    expect(office.get_by_test_id("urgings")).to_contain_text("演示管理员", timeout=AWAY)
    banner = school.get_by_test_id("urged")
    expect(banner).to_contain_text(SAID, timeout=AWAY)
    look(school, "urged", "zh-CN")
    school.get_by_test_id("urged-read").click()
    expect(banner).to_have_count(0, timeout=AWAY)
    office.get_by_test_id("urgings").get_by_role("button").first.click()
    receipt = office.locator(f"[data-receipt='{code}']")
    expect(receipt).to_contain_text("王老师", timeout=AWAY)
    look(office, "receipts", "zh-CN")
    office.get_by_test_id("urge").click()
    expect(office.get_by_test_id("urge-preview")).to_contain_text("刚刚催办过", timeout=AWAY)
    expect(office.get_by_test_id("urge-confirm")).to_be_disabled()
    assert errors == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_both_languages_and_sizes_are_clean(browser: Browser, shared: Server, theme: str) -> None:
    problems: list[str] = []
    for language in ("zh-CN", "en"):
        for name, size in (("desk", None), ("wide", WALL)):
            page = missing(browser, shared, "", language, color_scheme=theme, **({"viewport": size} if size else {}))
            expect(page.locator("[data-missing]").first).to_be_visible(timeout=AWAY)
            problems += wrong(page, f"missing-{name}-{theme}", language)
            page.get_by_test_id("urge").click()
            expect(page.get_by_test_id("urge-confirm")).to_be_enabled(timeout=AWAY)
            problems += wrong(page, f"urge-{name}-{theme}", language)
            page.context.close()
    assert [one for one in problems if HOUSE not in one] == []


def test_forged_reports_and_nobody_missing_and_trouble(browser: Browser, shared: Server) -> None:
    page = enter(browser, shared)
    lecture = (shared.demo() or {})["lecture_id"]
    refused = {"items": [{"screen_id": "s", "reasons": {"replayed_counter": 3, "unproven": 1}, "forged": True}]}
    page.route("**/refused-reports", lambda route: route.fulfill(json=refused))
    empty = {"items": [], "total": 0, "page": 1, "size": 50, "classes": 0, "reasons": {}, "counties": []}
    page.route("**/missing?*", lambda route: route.fulfill(json=empty))
    go(page, f"lectures/{lecture}/missing")
    expect(page.get_by_test_id("forged")).to_contain_text("重放旧报告 3", timeout=AWAY)
    expect(page.get_by_test_id("empty")).to_be_visible()
    expect(page.get_by_test_id("urge")).to_be_disabled()
    look(page, "missing-empty", "zh-CN")
    page.unroute("**/missing?*")
    gone = {"code": "not_found", "title": "gone", "status": 404}
    page.route(
        "**/missing?*", lambda route: route.fulfill(status=404, json=gone, content_type="application/problem+json")
    )
    expect(page.get_by_test_id("trouble").first).to_be_visible(timeout=AWAY)
    look(page, "missing-error", "zh-CN")
