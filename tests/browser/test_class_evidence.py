"""One lecture, classes that behave differently: each has the result that is true of it in table 03, from real browsers to the file.

**Credit goes by UTC minutes**, so the lecture lies in two of them: most of a first one, of which one class misses a third of the lecture, and of a second.
"""

from __future__ import annotations

import csv
import io
import re
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from python_calamine import CalamineWorkbook

from signaling.attendance.policy import POLICIES_FILE
from tests.browser.test_presence import answer_check, pair
from tests.support.chromium import STUDIO_ARGUMENTS, chromium
from tests.support.classroom import LECTURE_SECONDS, SCRIPTS, Studio
from tests.support.server import Server
from tests.support.witness import claims

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]

FIRST_SECONDS = (31.0, 42.0)  # what the lecture has of its first minute
SECOND_SECONDS = 48.0  # and of its second
EVIDENCE_SECONDS = 90.0  # from the end of the second minute until reports and check are in the table
VERSION = 102

UNREACHED = """
const answer = RTCPeerConnection.prototype.setRemoteDescription;
RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
  return answer.call(this, { type, sdp: sdp.replace(/a=candidate[^\\r\\n]*[\\r\\n]+/g, '') });
};
"""
"""A network that lets offers and answers pass, and no media."""


@dataclass(frozen=True)
class Row:
    """What table 03 has to say of a class: result, evidence level, share of the minutes (from, to), reason and flags."""

    result: str
    level: str
    share: tuple[float, float]
    reason: str
    flags: str = ""

    def is_said_by(self, row: dict[str, Any]) -> bool:
        """Whether a row of the table says so."""
        watched, on_air = float(row["有效收看分钟"]), float(row["直播分钟"])
        same = (row["结果"], row["证据等级"], row["待核"] or "") == (self.result, self.level, self.flags)
        least, most = self.share
        return (
            same
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
FORGED = Row("未接入", "E0", (0.0, 0.0), "班级终端从未接入本场直播", "无送达而报告已播放")


@dataclass
class Room:
    """A paired class screen in a browser of its own."""

    server: Server
    context: BrowserContext
    page: Page
    screen: dict[str, Any]
    told: dict[str, Any] = field(default_factory=dict)

    def until_live(self) -> None:
        """Wait until the lecture is seen."""
        self.page.locator("html[data-state=live]").wait_for(state="attached", timeout=LECTURE_SECONDS)

    def leave(self) -> None:
        """Close the page."""
        self.page.close()

    def come_back(self) -> None:
        """Open the page again."""
        self.page = self.context.new_page()
        self.page.goto(f"{self.server.url}/class/{self.screen['id']}")

    def mute(self) -> None:
        """Turn the sound off at the element, as a browser's menu does."""
        self.page.evaluate("() => document.querySelectorAll('video').forEach(video => (video.muted = true))")
        self.page.locator("html[data-sound=muted]").wait_for(state="attached", timeout=LECTURE_SECONDS)

    def confirm_one_missing(self) -> None:
        """Count heads on the slate that comes up after the end."""
        self.page.get_by_test_id("count").wait_for(state="visible", timeout=LECTURE_SECONDS)
        self.page.get_by_test_id("count-present-less").click()
        self.page.get_by_test_id("count-confirm").click()
        self.page.locator("#count[data-at=thanks]").wait_for(state="visible", timeout=LECTURE_SECONDS)

    def sit(self) -> None:
        """Take nonce and token of a new page; its own reports are held back."""
        self.context.route("**/reports", lambda route: route.abort())
        with self.page.expect_response(lambda one: one.url.endswith("/watch") and one.ok) as answer:
            self.page.reload()
        self.told = answer.value.json()
        assert self.told["reporting"]["signed"], "the screen has a key"

    def forge(self, minute: int) -> None:
        """Claim, signed with the screen's own key, that a whole minute was seen and heard."""
        reporting = self.told["reporting"]
        said = {name: reporting[name] for name in ("nonce", "counter", "broadcast_id")}
        script = (SCRIPTS / "forger.js").read_text("utf-8").split("\n", 1)[1].rstrip().rstrip(";")
        letter = self.page.evaluate(script, [self.screen["id"], claims(**said, minute=minute)])
        path = f"/api/v1/screens/{self.screen['id']}/reports"
        body = {"report": letter, "again": False}
        status, answer = self.server.call("POST", path, self.told["token"], body, page=True)
        assert status == 200, answer
        assert answer["accepted_ms"] > 0, "the server believes the signature, but not that it proves delivery"
        reporting |= {name: answer[name] for name in ("nonce", "counter")}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server whose policy takes head-counts a minute after the start, and whose one check comes a minute after it."""
    text = POLICIES_FILE.read_text("utf-8")
    own = text[text.rindex("[[policy]]") :].replace("version = 2", f"version = {VERSION}", 1)
    assert "opens_after_minutes = 5" in own
    file = tmp_path / "policies.toml"
    file.write_text(own.replace("opens_after_minutes = 5", "opens_after_minutes = 1"), "utf-8")
    environment = {
        "JIANGTANG_ATTENDANCE__POLICIES_FILE": str(file),
        "JIANGTANG_ATTENDANCE__POLICY": str(VERSION),
        "JIANGTANG_PRESENCE__CONFIRM_OPENS_MINUTES": "1",
        # Twenty checks of the planned forty minutes, and so much time to answer as leaves one moment for each: 60 s, 180 s, ...
        "JIANGTANG_PRESENCE__CHECK_MINUTES": "2",
        "JIANGTANG_PRESENCE__CHECKS_MOST": "20",
        "JIANGTANG_PRESENCE__CHECK_SECONDS": "60",
        "JIANGTANG_PRESENCE__GRACE_SECONDS": "12",
    }
    made = Server(tmp_path / "data", environment=environment)
    try:
        made.start()
        yield made
    finally:
        made.close()


def unreached(context: BrowserContext) -> None:
    """Keep all media from a browser, by either way."""
    context.add_init_script(UNREACHED)
    context.route("**/hls/**", lambda route: route.abort())


def rooms(server: Server, browser: Browser, demo: dict[str, Any], count: int) -> list[Room]:
    """Pair screens of classes of different schools; no media reach the last."""
    _, schools = server.call("GET", "/api/v1/schools", demo["api_token"])
    made = []
    for school in schools["items"][:count]:
        context = browser.new_context(viewport={"width": 1024, "height": 768}, locale="zh-CN")
        if len(made) == count - 1:
            unreached(context)
        made.append(Room(server, context, *pair(server, context, demo, school["code"])))
    assert len(made) == count
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


def exported(server: Server, demo: dict[str, Any], kind: str) -> bytes:
    """Return table 03."""
    url = f"http://127.0.0.1:{server.port}/api/v1/lectures/{demo['lecture_id']}/exports/03.{kind}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {demo['api_token']}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return bytes(answer.read())


def by_school(header: list[Any], lines: list[list[Any]], wanted: list[Room]) -> list[dict[str, Any]]:
    """Return the rows of the rooms, in their order."""
    found = {
        (row["学校标识码"], row["班级名称"]): row for row in (dict(zip(header, line, strict=True)) for line in lines)
    }
    return [found[one.screen["school"]["code"], one.screen["class"]["name"]] for one in wanted]


def as_csv(server: Server, demo: dict[str, Any], wanted: list[Room]) -> list[dict[str, Any]]:
    """Read the rows of the CSV."""
    header, *lines = csv.reader(io.StringIO(exported(server, demo, "csv").decode("utf-8-sig")))
    return by_school(header, lines, wanted)


def as_xlsx(server: Server, demo: dict[str, Any], wanted: list[Room]) -> list[dict[str, Any]]:
    """Read the rows of the workbook."""
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(exported(server, demo, "xlsx"))).get_sheet_by_index(0)
    header, *lines = sheet.to_python()
    return by_school(header, lines, wanted)


def until_said(server: Server, demo: dict[str, Any], wanted: dict[str, tuple[Room, Row]]) -> None:
    """Wait until both files say of each class what is true of it."""
    of_rooms = [room for room, _ in wanted.values()]
    truth = dict(zip(wanted, (row for _, row in wanted.values()), strict=True))
    deadline = time.monotonic() + EVIDENCE_SECONDS
    while True:
        said = dict(zip(wanted, as_csv(server, demo, of_rooms), strict=True))
        wrong = {name: row for name, row in said.items() if not truth[name].is_said_by(row)}
        if not wrong or time.monotonic() > deadline:
            break
        of_rooms[0].page.wait_for_timeout(1000)
    assert not wrong
    for name, row in zip(wanted, as_xlsx(server, demo, of_rooms), strict=True):
        assert truth[name].is_said_by(row), (name, row)


def test_classes_that_behave_differently_have_the_results_that_are_true_of_them(server: Server) -> None:
    demo = server.demo()
    assert demo is not None
    with chromium(*STUDIO_ARGUMENTS, "--autoplay-policy=no-user-gesture-required") as browser:
        studio = Studio(browser, demo["studio_url"], code=False)
        studio.prepare()
        whole, away, muted, forged = rooms(server, browser, demo, 4)
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
        forged.forge(int(minute_end) // 60 - 1)
        away.until_live()
        whole.page.wait_for_selector("#check:not([hidden])", timeout=90_000)
        whole.page.wait_for_timeout(1000)  # who answers quicker than a person is flagged
        answer_check(whole.page, right=True)
        wait(studio.page, end)
        studio.end()
        whole.confirm_one_missing()
        wait(studio.page, minute_end + 61)
        forged.forge(int(minute_end) // 60)

        until_said(
            server,
            demo,
            {"whole": (whole, WHOLE), "away": (away, AWAY), "muted": (muted, MUTED), "forged": (forged, FORGED)},
        )
    _, refused = server.call("GET", f"/api/v1/lectures/{demo['lecture_id']}/refused-reports", demo["api_token"])
    [row] = refused["items"]
    assert (row["screen_id"], row["forged"]) == (forged.screen["id"], True)
    assert (
        {"unproven"} <= set(row["reasons"]) <= {"unproven", "fast_forward"}
    )  # its second minute may say more than went by
