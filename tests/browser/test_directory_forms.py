"""The console's forms of the organisation: they say what is wrong, and lose nothing when somebody else saved first."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.support.console import AWAY, enter, go, look
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
SOMEBODY_ELSE = """async (path) => {
    const tag = (await fetch(path)).headers.get('ETag');
    const headers = { 'Content-Type': 'application/json', 'If-Match': tag };
    return (await fetch(path, { method: 'PATCH', headers, body: '{"urban_rural": "220"}' })).status;
}"""


def test_forms_say_what_is_wrong_and_lose_nothing(server: Server, browser: Browser) -> None:
    demo = server.demo()
    assert demo is not None
    page = enter(browser, server)
    school = str(demo["screens"][0]["school_code"])
    go(page, f"schools/{school}")
    page.get_by_test_id("add-class").click(timeout=AWAY)
    name = page.get_by_label("班级名称", exact=True)
    name.fill("53班")
    page.get_by_test_id("save").click()
    page.locator(".el-form-item__error").wait_for(timeout=AWAY)
    name.fill("五(12)班")
    page.get_by_test_id("reads").filter(has_text="五年级（12）班").wait_for(timeout=AWAY)
    look(page, "class-form", "zh-CN")
    page.get_by_test_id("save").click()
    page.get_by_test_id("classes").get_by_text("五年级（12）班").wait_for(timeout=AWAY)
    page.get_by_test_id("tree").get_by_text("五年级（12）班").wait_for(timeout=AWAY)
    page.get_by_text("还没有变动").wait_for(timeout=AWAY)

    page.get_by_test_id("edit").click()
    page.get_by_label("学校名称", exact=True).fill("云岭第一小学")
    assert page.evaluate(SOMEBODY_ELSE, f"/api/v1/schools/{school}") == 200
    page.get_by_test_id("save").click()
    page.get_by_test_id("changed").get_by_text("村庄").wait_for(timeout=AWAY)
    look(page, "changed-meanwhile", "zh-CN")
    page.get_by_test_id("load-latest").click()
    assert page.get_by_label("学校名称", exact=True).input_value() == "云岭第一小学"
    page.get_by_test_id("save").click()
    page.locator(".bar h1").get_by_text("云岭第一小学").wait_for(timeout=AWAY)
    page.get_by_test_id("facts").get_by_text("村庄").wait_for(timeout=AWAY)

    page.get_by_test_id("event").click()
    page.get_by_test_id("event-closed").click()
    page.get_by_test_id("effect").get_by_text("4 个班级").wait_for(timeout=AWAY)
    look(page, "event-form", "zh-CN")
