"""A class as its screen tells of it: reports signed by a browser's key, a presence check, a head-count, and what the ledger has of them."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from config.settings import load
from signaling.db.engine import Database
from signaling.ledger.facts import Flags, Kind
from signaling.ledger.service import LedgerService
from tests.support.chromium import STUDIO_ARGUMENTS, chromium
from tests.support.classroom import LECTURE_SECONDS, Classroom, Studio
from tests.support.look import overflow
from tests.support.policies import in_force
from tests.support.rooms import answer_check, pair
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]

BLOCKED = "HTMLVideoElement.prototype.getVideoPlaybackQuality = () => ({ totalVideoFrames: 5, droppedVideoFrames: 0 });"
"""A decoder that shows nothing, whatever comes in: what a black picture looks like to the page."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    # So much time to answer leaves one moment for the check: a minute after the start.
    made = Server(tmp_path / "data", environment=in_force(tmp_path, seconds=840, opens_after_minutes=1))
    try:
        made.start()
        yield made
    finally:
        made.close()


def reports_of(page: Page) -> list[dict[str, Any]]:
    """Note the reports that a page sends, as they leave it."""
    sent: list[dict[str, Any]] = []

    def note(request: Any) -> None:
        if request.url.endswith("/reports"):
            sent.append(request.post_data_json["report"])

    page.on("request", note)
    return sent


def facts(data: Path, lecture_id: str) -> dict[Kind, list[Any]]:
    """Read what the ledger has of a lecture."""

    async def read() -> dict[Kind, list[Any]]:
        db = Database.sqlite(next(data.glob("*.sqlite3")))
        service = LedgerService(db, load().ledger, node="reader", boot="reader", data_dir=data, zone=UTC)
        found: dict[Kind, list[Any]] = defaultdict(list)
        try:
            async for told in service.facts(lecture_id):
                whole = told.fact.kind is Kind.RENDERED
                found[told.fact.kind].append(told.fact.whole(told.roster.screens) if whole else told.fact)
        finally:
            await db.close()
        return found

    return asyncio.run(read())


def test_a_class_is_told_by_its_screen_and_a_black_picture_is_known(server: Server) -> None:
    demo = server.demo()
    assert demo is not None
    with chromium(*STUDIO_ARGUMENTS) as browser:
        context = browser.new_context(viewport={"width": 1920, "height": 1080}, locale="zh-CN")
        page, screen = pair(server, context, demo)
        black = Classroom(browser, "about:blank", watch=False, network=lambda context: context.add_init_script(BLOCKED))
        black.page.goto(demo["classroom_urls"][1])
        signed, unsigned = reports_of(page), reports_of(black.page)
        for one in (page, black.page):
            one.get_by_test_id("enter").click()
        studio = Studio(browser, demo["studio_url"])
        studio.prepare()
        studio.start()
        started = time.time()
        for one in (page, black.page):
            one.locator("html[data-state=live]").wait_for(state="attached", timeout=LECTURE_SECONDS)

        answer_check(page, right=True)
        answer_check(black.page, right=False)
        # A whole minute after the first has to be over and told: at most a hundred and thirty seconds after the start.
        page.wait_for_timeout(max(0.0, 1000 * (132 - (time.time() - started))))
        assert len(signed) >= 2
        assert len(unsigned) >= 2
        assert all(isinstance(one, str) and one.count(".") == 2 for one in signed), "signed"
        assert all(isinstance(one, dict) for one in unsigned)
        page.mouse.click(900, 300)
        page.get_by_test_id("count-bar").wait_for(state="visible", timeout=10_000)

        studio.end()
        page.get_by_test_id("count").wait_for(state="visible", timeout=20_000)
        assert overflow(page) == []
        expected = page.inner_text(".count-number >> nth=0")
        began = time.monotonic()
        page.get_by_test_id("count-present-less").click()
        page.get_by_test_id("count-confirm").click()
        page.locator("#count[data-at=thanks]").wait_for(state="visible", timeout=10_000)
        assert time.monotonic() - began < 10
        page.get_by_test_id("count").wait_for(state="hidden", timeout=10_000)
        assert "谢谢收看" in page.inner_text("#slate")
    server.stop()

    found = facts(server.data, demo["lecture_id"])
    black_id = demo["classroom_urls"][1].split("/class/")[1].split("#")[0]
    minutes: dict[str, dict[int, tuple[int, int]]] = defaultdict(dict)
    for fact in found[Kind.RENDERED]:
        for screen_id, shown, flags in fact.reports:
            minutes[screen_id][fact.minute] = (shown, flags)
    assert set(minutes) == {screen["id"], black_id}
    whole = max(minutes[screen["id"]].values())
    assert whole[0] >= 50_000, minutes
    assert whole[1] == Flags.VISIBLE | Flags.AUDIBLE, "signed, seen, heard, and delivered"
    assert {shown for shown, _ in minutes[black_id].values()} == {0}, "frames stand still: a black picture"
    assert all(flags & Flags.UNSIGNED for _, flags in minutes[black_id].values())
    [asked] = found[Kind.CHALLENGED]
    assert set(asked.screens) == {screen["id"], black_id}
    assert {one.screen_id: one.right for one in found[Kind.ANSWERED]} == {screen["id"]: True, black_id: False}
    [counted] = found[Kind.CONFIRMED]
    assert (counted.by, counted.expected, counted.present) == ("room", int(expected), int(expected) - 1)
