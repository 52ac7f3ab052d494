"""One lecture, classes that behave differently: each has the result that is true of it in table 03, from real browsers to the file.

**Credit goes by UTC minutes**, so the lecture lies in two of them: most of a first one, of which one class misses a third of the lecture, and of a second.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.test_recordings_page import at, when
from tests.support.chromium import STUDIO_ARGUMENTS, chromium, shot, watch_errors
from tests.support.classroom import Studio
from tests.support.library import finished_recording, table
from tests.support.policies import in_force
from tests.support.rooms import Room, answer_check, false_clock, pair, unreached
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]

FIRST_SECONDS = (31.0, 42.0)  # what the lecture has of its first minute
SECOND_SECONDS = 48.0  # and of its second
EVIDENCE_SECONDS = 90.0  # from the end of the second minute until reports and check are in the table
WRONG_HOURS = 8.0
"""How far the clock of the class that watches all is ahead in the first minute, and behind in the second: it changes nothing."""


@dataclass(frozen=True)
class Row:
    """What table 03 has to say of a class: result, evidence level, share of the minutes (from, to), reason, and what is to be looked at."""

    result: str
    level: str
    share: tuple[float, float]
    reason: str
    flag: str = ""

    def is_said_by(self, row: dict[str, Any]) -> bool:
        """Whether a row of the table says so."""
        watched, on_air = float(row["有效收看分钟"]), float(row["直播分钟"])
        same = (row["结果"], row["证据等级"]) == (self.result, self.level)
        said = str(row["待核"] or "").split("、")
        least, most = self.share
        return (
            same
            and (self.flag in said if self.flag else said == [""])
            and least <= watched / max(on_air, 0.1) <= most
            and re.fullmatch(self.reason, row["备注"] or "") is not None
        )


SHORT = r"有效收看0分钟，占直播1\.\d分钟的0\.00%，低于50\.00%"
UNANSWERED = "在岗核验1次通过0次，少于应通过的1次"
WHOLE = Row(
    "达标",
    "E5",
    (0.9, 1.0),
    r"有效收看1\.\d分钟，占直播1\.\d分钟的[\d.]+%，不低于80\.00%；在岗核验1次通过1次；教师已确认应到\d+人、实到\d+人",
)
AWAY = Row(
    "部分",
    "E3",
    (0.5, 0.7),
    rf"有效收看0\.\d分钟，占直播1\.\d分钟的[56]\d\.\d\d%，不低于50\.00%、低于80\.00%；{UNANSWERED}",
)
MUTED = Row("未达标", "E2", (0.0, 0.0), rf"{SHORT}；{UNANSWERED}；声音关闭1\.\d分钟不计")
MADE_UP = Row(
    "补看达标",
    "E4",
    (0.0, 0.0),
    r".*补看后有效收看1\.\d分钟，占直播1\.\d分钟的[\d.]+%，不低于80\.00%；教师已确认应到\d+人、实到\d+人",
)
FORGED = Row("未接入", "E0", (0.0, 0.0), "班级终端从未接入本场直播", "无送达而报告已播放")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server whose policy takes head-counts a minute after the start, and whose one check comes a minute after it."""
    environment = in_force(
        tmp_path,
        opens_after_minutes=1,
        # Twenty checks of the planned forty minutes, and so much time to answer as leaves one moment for each: 60 s, 180 s, ...
        every_minutes=2,
        most=20,
        seconds=60,
        needed=[1, 1, *[2] * 18],
    )
    environment["JIANGTANG_PRESENCE__GRACE_SECONDS"] = "12"
    made = Server(tmp_path / "data", environment=environment)
    try:
        made.start()
        yield made
    finally:
        made.close()


def ahead(context: BrowserContext) -> None:
    """Set a browser's clock wrong."""
    false_clock(context, WRONG_HOURS)


def rooms(
    server: Server, browser: Browser, demo: dict[str, Any], *networks: Callable[[BrowserContext], None] | None
) -> list[Room]:
    """Pair a screen for each of the networks, of classes of different schools; None is one like any other."""
    _, schools = server.call("GET", "/api/v1/schools", demo["api_token"])
    made = []
    for school, network in zip(schools["items"], networks, strict=False):
        context = browser.new_context(viewport={"width": 1024, "height": 768}, locale="zh-CN")
        if network is not None:
            network(context)
        made.append(Room(server, context, *pair(server, context, demo, school["code"])))
    assert len(made) == len(networks)
    return made


def wait(page: Page, until: float) -> None:
    """Let the browser go on until a time of the clock: spans of a lecture are what is measured here."""
    page.wait_for_timeout(max(0.0, 1000 * (until - time.time())))


def start(studio: Studio) -> tuple[float, float]:
    """Go on the air so that the first minute has its part; return when that was, and the end of that minute."""
    least, most = FIRST_SECONDS
    now = time.time()
    left = 60 - now % 60
    if not least + 1 < left < most:
        wait(studio.page, now + (left - most) % 60)
    studio.start()
    started = time.time()
    return started, (started // 60 + 1) * 60


def rows_of(server: Server, demo: dict[str, Any], wanted: list[Room], kind: str) -> list[dict[str, Any]]:
    """Return the rows of the rooms in table 03, in their order."""
    found = {(row["学校标识码"], row["班级名称"]): row for row in table(server, demo, "03", kind)}
    return [found[one.screen["school"]["code"], one.screen["class"]["name"]] for one in wanted]


def until_said(server: Server, demo: dict[str, Any], wanted: dict[str, tuple[Room, Row]]) -> None:
    """Wait until both files say of each class what is true of it."""
    of_rooms = [room for room, _ in wanted.values()]
    truth = dict(zip(wanted, (row for _, row in wanted.values()), strict=True))
    deadline = time.monotonic() + EVIDENCE_SECONDS
    while True:
        said = dict(zip(wanted, rows_of(server, demo, of_rooms, "csv"), strict=True))
        wrong = {name: row for name, row in said.items() if not truth[name].is_said_by(row)}
        if not wrong or time.monotonic() > deadline:
            break
        of_rooms[0].page.wait_for_timeout(1000)
    assert not wrong, [*wrong.items()]
    for name, row in zip(wanted, rows_of(server, demo, of_rooms, "xlsx"), strict=True):
        assert truth[name].is_said_by(row), (name, row)


def released(server: Server, demo: dict[str, Any]) -> None:
    """Approve the recording of the lecture, so that classes may see it."""
    entry = finished_recording(server, demo, seconds=20)
    assert server.call("POST", f"/api/v1/recordings/{entry['id']}/approve", demo["api_token"])[0] == 200


def begin_to_make_up(page: Page) -> None:
    """Play the lecture in the course of a class that missed it: no jump over what it did not see, no speed that costs it its credit."""
    page.get_by_test_id("count-later").click()
    page.get_by_test_id("shelf-open").click()
    page.get_by_test_id("card").first.click()
    expect(page.get_by_test_id("player-made-up")).to_contain_text("补看进度 0/1.", timeout=15_000)
    when(page, "v.currentTime > 1 && !v.paused")
    page.get_by_test_id("player").focus()
    page.keyboard.press("9")
    expect(page.get_by_test_id("player-made-up")).to_contain_text("先看完前面的内容")
    assert at(page) < 20
    page.get_by_test_id("player-speed").click()
    shot(page, "class-making-up")
    speeds = page.get_by_test_id("player-speeds")
    assert speeds.inner_text().split() == ["0.75×", "1×", "1.25×"]
    speeds.get_by_text("1.25×").click()


def test_classes_that_behave_differently_have_the_results_that_are_true_of_them(server: Server) -> None:
    demo = server.demo()
    assert demo is not None
    with chromium(*STUDIO_ARGUMENTS, "--autoplay-policy=no-user-gesture-required") as browser:
        studio = Studio(browser, demo["studio_url"], code=False)
        studio.prepare()
        whole, away, muted, later, forged = rooms(server, browser, demo, ahead, None, None, None, unreached)
        later.leave()
        started, minute_end = start(studio)
        end = minute_end + SECOND_SECONDS
        forged.sit()
        for room in (whole, away, muted):
            room.until_live()
        muted.mute()

        wait(studio.page, minute_end - (end - started) / 3)
        away.leave()
        wait(studio.page, minute_end)
        away.come_back()
        whole.set_clock(-WRONG_HOURS)
        forged.forge(int(minute_end) // 60 - 1)
        away.until_live()
        whole.page.wait_for_selector("#check:not([hidden])", timeout=90_000)
        whole.page.wait_for_timeout(1000)  # who answers quicker than a person is flagged
        answer_check(whole.page, right=True)
        wait(studio.page, end)
        studio.end()
        whole.confirm_one_missing()
        released(server, demo)
        later.come_back()
        problems = watch_errors(later.page)
        begin_to_make_up(later.page)
        wait(studio.page, minute_end + 61)
        forged.forge(int(minute_end) // 60)
        expect(later.page.get_by_test_id("player-made-up")).to_contain_text("补看已达标", timeout=90_000)
        shot(later.page, "class-made-up")
        later.page.reload()
        later.confirm_one_missing()
        assert problems == []

        truth = (whole, WHOLE), (away, AWAY), (muted, MUTED), (later, MADE_UP), (forged, FORGED)
        until_said(server, demo, dict(zip(("whole", "away", "muted", "later", "forged"), truth, strict=True)))
    _, refused = server.call("GET", f"/api/v1/lectures/{demo['lecture_id']}/refused-reports", demo["api_token"])
    [row] = refused["items"]
    assert (row["screen_id"], row["forged"]) == (forged.screen["id"], True)
    assert (
        {"unproven"} <= set(row["reasons"]) <= {"unproven", "fast_forward"}
    )  # its second minute may say more than went by
