"""Whoever forges on a running server is caught and named: seven screens of one lecture over HTTP and WHEP.

**Credit goes by UTC minutes**, so the lecture lies in one of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from tests.support.crowd import Viewer, demo_urls, offer_over_http, on_air
from tests.support.library import table
from tests.support.paired import Paired, pair, watching
from tests.support.peer import Peer
from tests.support.policies import in_force
from tests.support.server import Server

pytestmark = [pytest.mark.server, pytest.mark.timeout(300)]

MINUTES_OFF = 8 * 60
BEGINS, ENDS = (1.0, 5.0), 57.0  # seconds of the minute
HONEST, TWIN, OTHER_TWIN, SHIFTED, REPLAYER, HASTY, UNPROVEN = range(7)
CLASS_OF: Final = (0, 1, 1, 2, 3, 4, 5)
NAMED: Final = {
    SHIFTED: {"fast_forward", "wrong_minute"},
    REPLAYER: {"replayed_counter"},
    HASTY: {"fast_forward"},
    UNPROVEN: {"unproven"},
}
SETTLED_SECONDS = 60.0  # from the end until reports and deliveries of the minute are written down


@dataclass
class Stage:
    """A running server, the screens, and the rooms in which they hang."""

    server: Server
    demo: dict[str, Any]
    session: aiohttp.ClientSession
    screens: list[Paired]
    rooms: list[dict[str, Any]]
    sat: float = 0.0

    def rows(self, kind: str = "csv") -> list[dict[str, Any]]:
        """Return what table 03 says of each room."""
        found = {(row["学校标识码"], row["班级代码"]): row for row in table(self.server, self.demo, "03", kind)}
        return [found[room["school"], room["code"]] for room in self.rooms]

    def schools(self) -> list[dict[str, Any]]:
        """Return what table 02 says of each room's school."""
        found = {row["学校标识码"]: row for row in table(self.server, self.demo, "02")}
        return [found[room["school"]] for room in self.rooms]

    def named(self) -> dict[str, dict[str, Any]]:
        """Return who is named for what, by screen."""
        path = f"/api/v1/lectures/{self.demo['lecture_id']}/refused-reports"
        _, refused = self.server.call("GET", path, self.demo["api_token"])
        return {one["screen_id"]: one for one in refused["items"]}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server whose policy looks at a single minute of two screens, or of claims without delivery."""
    environment = in_force(tmp_path, twice_minutes=1, unproven_minutes=1)
    made = Server(tmp_path / "data", environment=environment)
    try:
        made.start()
        yield made
    finally:
        made.close()


@asynccontextmanager
async def staged(server: Server) -> AsyncIterator[Stage]:
    """Hang seven screens in six rooms of six schools."""
    demo = server.demo()
    assert demo is not None
    _, schools = server.call("GET", "/api/v1/schools", demo["api_token"])
    rooms = []
    for school in schools["items"][: max(CLASS_OF) + 1]:
        _, classes = server.call("GET", f"/api/v1/classes?school={school['code']}", demo["api_token"])
        rooms.append(classes["items"][-1] | {"school": school["code"]})
    base = f"http://127.0.0.1:{server.port}"
    async with aiohttp.ClientSession(base_url=base) as session:
        screens = [
            await pair(session, base, demo["api_token"], rooms[place]["id"], 1 + (number == OTHER_TWIN))
            for number, place in enumerate(CLASS_OF)
        ]
        yield Stage(server, demo, session, screens, rooms)


async def until_second(wanted: float) -> None:
    """Wait until a second of the UTC minute: spans of a lecture are what is measured here."""
    await asyncio.sleep((wanted - time.time()) % 60)


def shown(stage: Stage) -> dict[str, int]:
    """Return what a screen says that showed everything since it sat down."""
    span = min(60_000, round(1000 * (time.time() - stage.sat)))
    return dict.fromkeys(("rendered_ms", "media_ms", "visible_ms", "audible_ms"), span) | {"frames": span * 3 // 100}


async def acknowledged(viewers: list[Viewer], until: float) -> None:
    """Let viewers send their receiver reports once a second, as browsers do."""
    while time.time() < until:
        for viewer in viewers:
            viewer.report()
        await asyncio.sleep(1)


async def lecture(stage: Stage) -> int:
    """Hold the lecture; return its minute. Six screens watch, one of them for ten seconds; the seventh only claims to."""
    whip, key, _, _ = demo_urls(stage.demo)
    if not BEGINS[0] < time.time() % 60 < BEGINS[1]:
        await until_second(BEGINS[0])
    minute = int(time.time()) // 60
    async with AsyncExitStack() as stack:
        publisher = await stack.enter_async_context(Peer("publish"))
        await publisher.connect(lambda offer: offer_over_http(stage.session, whip, key, offer))
        await stack.enter_async_context(on_air(publisher))
        for screen in stage.screens:
            await screen.sit()
        stage.sat = time.time()
        watchers = [one for number, one in enumerate(stage.screens) if number != UNPROVEN]
        viewers = [await stack.enter_async_context(watching(stage.session, one)) for one in watchers]
        await acknowledged(viewers, stage.sat + 10)
        await hurry(stage, minute)
        viewers.pop(HASTY).close()
        await acknowledged(viewers, 60.0 * minute + ENDS)
        await report(stage, minute)
        status, _ = stage.server.call(
            "POST", f"/api/v1/lectures/{stage.demo['lecture_id']}/end", stage.demo["api_token"]
        )
        assert status == 200
    return minute


async def hurry(stage: Stage, minute: int) -> None:
    """After ten seconds, claim the whole minute."""
    answer = await stage.screens[HASTY].report(minute=minute)
    assert answer["accepted_ms"] < 20_000, "no more than has passed"


async def report(stage: Stage, minute: int) -> None:
    """Report the minute, each in its way."""
    shifted, replayer = stage.screens[SHIFTED], stage.screens[REPLAYER]
    for off, code in ((MINUTES_OFF, "fast_forward"), (-MINUTES_OFF, "wrong_minute")):
        status, problem = await shifted.send(shifted.letter(minute=minute + off, **shown(stage)))
        assert (status, problem["code"]) == (409, code)
        shifted.nonce, shifted.counter = problem.get("nonce", shifted.nonce), problem.get("counter", shifted.counter)
    letter = replayer.letter(minute=minute, **shown(stage))
    assert (await replayer.send(letter))[0] == 200
    status, problem = await replayer.send(letter)
    assert (status, problem["code"]) == (409, "replayed_counter")
    status, document = await replayer.send(letter, again=True)
    assert (status, document["accepted_ms"]) == (200, 0), "the same again is not counted again"
    for number in (HONEST, TWIN, OTHER_TWIN, SHIFTED, UNPROVEN):
        answer = await stage.screens[number].report(minute=minute, **shown(stage))
        assert answer["accepted_ms"] > 40_000


async def test_who_forges_is_named_and_gains_nothing(server: Server) -> None:
    async with staged(server) as stage:
        await lecture(stage)
        deadline = time.monotonic() + SETTLED_SECONDS
        while not (is_settled(rows := stage.rows())) and time.monotonic() < deadline:
            await asyncio.sleep(1)  # written down when the minute's grace is over, and nobody is told
        honest, twins, shifted, replayer, hasty, unproven = rows
        counted = ("有效收看分钟", "直播分钟", "收看比例", "证据等级", "结果")
        assert (honest["证据等级"], honest["待核"], honest["终端编号"]) == ("E3", "", "1")
        assert float(honest["收看比例"].rstrip("%")) >= 80
        for row in (twins, shifted, replayer):
            assert [row[name] for name in counted] == [honest[name] for name in counted]
        assert (twins["终端编号"], twins["待核"]) == ("1、2", "同班两个终端同时播放")
        for row, name in (
            (shifted, "报告的播放快于时钟"),
            (replayer, "重复提交播放报告"),
            (hasty, "报告的播放快于时钟"),
        ):
            assert row["待核"] == f"播放报告或应答被拒收、{name}"
        assert float(twins["送达秒数"]) <= float(honest["送达秒数"]) + 5, "the union, not the sum"
        assert (hasty["有效收看分钟"], hasty["结果"]) == ("0.0", "未达标")
        assert (unproven["证据等级"], unproven["结果"]) == ("E0", "未接入")
        assert "无送达而报告已播放" in unproven["待核"].split("、")

        named = stage.named()
        assert {stage.screens[one].id: reasons for one, reasons in NAMED.items()} == {
            screen: set(found["reasons"]) for screen, found in named.items()
        }
        assert all(found["forged"] for found in named.values())
        marked = [row["待核数"] for row in stage.schools()]
        assert marked == ["0", "1", "1", "1", "1", "1"]


def is_settled(rows: list[dict[str, Any]]) -> bool:
    """Whether the reports of the minute are in the table, those that lie included, and everybody is marked who has to be."""
    return (
        rows[0]["证据等级"] == "E3"
        and "无送达而报告已播放" in rows[-1]["待核"]
        and all(row["待核"] for row in rows[1:])
    )
