"""A file with errors in the console: the bad rows come down, corrected they go up, and the schools are in the list."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.support.console import enter, go, look
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
BAD = (
    "学校标识码,学校名称,县（市、区）\n2152800001,新岭小学,兴义市\n31528,新林中学,兴仁市\n2152800003,新溪小学,贵阳市\n"
)
FILE_WORDS = re.compile(".*(?:csv|BOM).*")
STATE = "() => ['有错误', '待确认', '已导入'].some((word) => document.querySelector('[data-testid=state]')?.innerText.includes(word))"


def test_errors_are_downloaded_corrected_and_committed(shared: Server, browser: Browser, tmp_path: Path) -> None:
    demo = shared.demo()
    assert demo is not None
    file = tmp_path / "schools.csv"
    file.write_text(BAD, encoding="gb18030")
    page = enter(browser, shared)
    go(page, "imports")
    page.wait_for_selector("[data-testid=drop]")
    look(page, "imports-empty", "zh-CN", FILE_WORDS)
    page.set_input_files("[data-testid=drop] input", file)
    page.wait_for_function(STATE, timeout=60_000)
    assert page.inner_text("[data-testid=count-bad]") == "2"
    page.wait_for_selector("text=不是本州的县（市、区）名称或代码")
    look(page, "import-refused", "zh-CN", FILE_WORDS)
    with page.expect_download() as coming:
        page.click("[data-testid=errors-csv]")
    mended = tmp_path / "mended.csv"
    with Path(coming.value.path()).open(encoding="utf-8-sig", newline="") as errors:
        rows = list(csv.reader(errors))
    assert [row[0] for row in rows[1:]] == ["3", "4"]
    rows[1][1], rows[2][3] = "3152800002", "兴义市"
    with mended.open("w", encoding="utf-8-sig", newline="") as out:
        csv.writer(out).writerows(rows)
    page.set_input_files("[data-testid=drop] input", mended)
    page.wait_for_selector("[data-testid=commit]", timeout=60_000)
    assert page.inner_text("[data-testid=count-new]") == "3"
    page.wait_for_selector("[data-testid=new] tbody tr >> nth=2")
    look(page, "import-checked", "zh-CN", FILE_WORDS)
    page.click("[data-testid=commit]")
    page.click(".el-message-box__btns .el-button--primary")
    page.wait_for_selector("text=已写入名录", timeout=60_000)
    _, found = shared.call("GET", "/api/v1/schools?q=528", demo["api_token"])
    _, listed = shared.call("GET", "/api/v1/schools?q=2152800", demo["api_token"])
    assert [item["name"] for item in listed["items"]] == ["新岭小学", "新溪小学"], found
    page.goto(f"{demo['console_url']}?lang=en#/imports")
    page.wait_for_selector("text=Imported")
    look(page, "imports", "en", FILE_WORDS)


def test_teachers_are_added_and_leave(shared: Server, browser: Browser) -> None:
    page = enter(browser, shared)
    go(page, "teachers")
    page.click("[data-testid=add]")
    page.click(".el-dialog .el-select")
    page.click(".el-select-dropdown__item:visible >> nth=0")
    inputs = page.locator(".el-dialog .el-input__inner")
    inputs.nth(0).fill("13800000000")
    inputs.nth(1).fill("甲老师")
    page.click("[data-testid=save]")
    page.wait_for_selector(".el-form-item__error")
    look(page, "teacher-dialog", "zh-CN", FILE_WORDS)
    inputs.nth(0).fill("A-01")
    page.click("[data-testid=save]")
    page.wait_for_selector("[data-testid=teachers] >> text=甲老师")
    look(page, "teachers", "zh-CN", FILE_WORDS)
    page.click("text=登记离校")
    page.click(".el-message-box__btns .el-button--primary")
    page.wait_for_selector("[data-testid=empty]")
