"""Connection tests: what anybody may ask and how much of it, results of paired screens, who sees them, how many were tested."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from joserfc.jwk import ECKey
from pydantic import ValidationError

from broadcaster.plane import MediaPlane
from config.settings import Settings, load
from signaling.api.errors import problems
from signaling.api.proxy import PROXIES, Proxies
from signaling.api.security import csrf
from signaling.auth import opaque
from signaling.auth.identity import Role
from signaling.directory.models import Screen
from signaling.lines import probes_api
from signaling.lines.budget import Budget
from signaling.lines.documents import LineTestOrder
from signaling.lines.verdicts import KINDS, verdict_of
from signaling.screens import proofs
from tests.support.devices import jwk_of, signed
from tests.support.peer import Peer
from tests.support.platform import PREFECTURE, SAME_ORIGIN, Platform, platform

GOOD = [{"kind": kind, "state": "good", "code": "fine", "value": 1.5, "detail": "Chromium 109"} for kind in KINDS]
BLOCKED = [line | {"state": "limited", "code": "blocked"} if line["kind"] == "udp" else line for line in GOOD]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform(tmp_path) as made:
        yield made


@pytest.fixture
async def client(here: Platform) -> AsyncIterator[TestClient[Any, Any]]:
    async with here.client() as made:
        yield made


async def headers_of(here: Platform, role: Role, node: str) -> dict[str, str]:
    login = f"{role.value}-{node}"
    user = await here.auth.user(login) or await here.person(login, role, node)
    token = opaque.mint(opaque.API_TOKEN)
    await here.auth.keep_api_token(token, user.id, "test")
    return SAME_ORIGIN | {"Authorization": f"Bearer {token}"}


async def paired(here: Platform, place: int = 0) -> tuple[str, dict[str, str]]:
    token = opaque.mint(opaque.DEVICE_TOKEN)
    screen = await here.directory.add_screen(here.classes[place].id, 1, token)
    return screen, SAME_ORIGIN | {"Authorization": f"Bearer {token}"}


async def report(client: TestClient[Any, Any], screen: str, who: dict[str, str], run: str, lines: Any) -> int:
    order = {"run": run, "lines": lines}
    return (await client.post(f"/api/v1/screens/{screen}/line-tests", json=order, headers=who)).status


async def read(client: TestClient[Any, Any], path: str, who: dict[str, str]) -> Any:
    answer = await client.get(f"/api/v1{path}", headers=who)
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def test_a_screen_reports_and_its_school_sees_the_last_ones(here: Platform, client: TestClient[Any, Any]) -> None:
    screen, device = await paired(here)
    school = await headers_of(here, Role.SCHOOL_ADMIN, here.schools[0].code)
    assert (await read(client, f"/screens/{screen}", school))["line_test"] is None
    assert await report(client, screen, device, "run-00001", BLOCKED) == 201
    assert (await read(client, f"/screens/{screen}", school))["line_test"]["verdict"] == "limited"
    assert await report(client, screen, device, "run-00001", GOOD) == 201, "the same run again, its sound answered"
    assert [one["verdict"] for one in (await read(client, f"/screens/{screen}/line-tests", school))["items"]] == [
        "good"
    ]
    for number in range(2, 7):
        here.wall.now += timedelta(minutes=1)
        assert await report(client, screen, device, f"run-0000{number}", BLOCKED if number % 2 else GOOD) == 201
    items = (await read(client, f"/screens/{screen}/line-tests", school))["items"]
    assert [one["verdict"] for one in items] == ["good", "limited", "good"], "the last three, the newest first"
    assert items[0]["lines"] == GOOD


async def test_a_report_needs_the_screen_and_its_key(here: Platform, client: TestClient[Any, Any]) -> None:
    screen, device = await paired(here)
    other, foreign = await paired(here, len(here.classes) - 1)
    assert await report(client, screen, foreign, "run-00001", GOOD) == 401
    assert await report(client, other, device, "run-00001", GOOD) == 401
    key = ECKey.generate_key("P-256")
    async with here.db.writing() as session:
        row = await session.get_one(Screen, screen)
        row.key_thumbprint = proofs.thumbprint(jwk_of(key))
    assert await report(client, screen, device, "run-00001", GOOD) == 401
    token = device["Authorization"].removeprefix("Bearer ")
    url = str(client.make_url(f"/api/v1/screens/{screen}/line-tests"))
    nonce = here.proofs.nonce(here.wall().timestamp())
    proof = signed(key, method="POST", url=url, token=token, nonce=nonce)
    assert await report(client, screen, device | {"DPoP": proof}, "run-00001", GOOD) == 201


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"run": "short", "lines": GOOD},
        {"run": "run-00001", "lines": []},
        {"run": "run-00001", "lines": [GOOD[0], GOOD[0]]},
        {"run": "run-00001", "lines": [*GOOD, GOOD[0]]},
        {"run": "run-00001", "lines": [GOOD[0] | {"detail": "<b>" * 20}]},
        {"run": "run-00001", "lines": [GOOD[0] | {"detail": "张三"}]},
        {"run": "run-00001", "lines": [GOOD[0] | {"code": "Drop Table"}]},
        {"run": "run-00001", "lines": [GOOD[0] | {"value": 1e300}]},
        {"run": "run-00001", "lines": [GOOD[0] | {"more": 1}]},
    ],
    ids=range(10),
)
def test_what_is_no_result_is_refused(order: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LineTestOrder.model_validate(order)


async def test_nobody_sees_tests_of_others(here: Platform, client: TestClient[Any, Any]) -> None:
    screen, device = await paired(here)
    await report(client, screen, device, "run-00001", BLOCKED)
    own = here.schools[0]
    away = next(one for one in here.schools if one.region_code != own.region_code)
    seen = {
        (Role.PREFECTURE_ADMIN, PREFECTURE): (200, 1),
        (Role.COUNTY_ADMIN, own.region_code): (200, 1),
        (Role.SCHOOL_ADMIN, own.code): (200, 1),
        (Role.COUNTY_ADMIN, away.region_code): (404, 0),
        (Role.SCHOOL_ADMIN, away.code): (404, 0),
        (Role.LECTURER, PREFECTURE): (403, None),
    }
    for (role, node), (status, number) in seen.items():
        who = await headers_of(here, role, node)
        answer = await client.get(f"/api/v1/screens/{screen}/line-tests", headers=who)
        assert answer.status == status, role
        for query in ("", f"?school={own.code}", f"?county={own.region_code}"):
            counted = await client.get(f"/api/v1/line-tests/summary{query}", headers=who)
            assert (counted.status, (await counted.json()).get("tested")) == (403 if number is None else 200, number)


async def test_tested_screens_are_counted_and_listed_until_the_test_is_old(
    here: Platform, client: TestClient[Any, Any]
) -> None:
    who = await headers_of(here, Role.PREFECTURE_ADMIN, PREFECTURE)
    bad = [GOOD[0] | {"state": "bad"}]
    made = [await paired(here, place) for place in range(4)]
    for (screen, device), lines in zip(made, (GOOD, BLOCKED, bad), strict=False):
        assert await report(client, screen, device, "run-00001", lines) == 201

    async def figures() -> tuple[int, ...]:
        document = await read(client, "/line-tests/summary", who)
        return tuple(document[name] for name in ("paired", "tested", "good", "limited", "bad"))

    async def listed() -> dict[str, int]:
        kinds = ("good", "limited", "bad", "trouble", "untested")
        return {kind: (await read(client, f"/screens?line={kind}", who))["total"] for kind in kinds}

    assert await figures() == (4, 3, 1, 1, 1)
    assert await listed() == {"good": 1, "limited": 1, "bad": 1, "trouble": 2, "untested": 1}
    here.wall.now += timedelta(days=here.settings.screens.tested_days, seconds=1)
    assert await figures() == (4, 0, 0, 0, 0)
    assert await listed() == {"good": 0, "limited": 0, "bad": 0, "trouble": 0, "untested": 4}


def test_a_verdict_is_the_worst_that_was_found() -> None:
    assert verdict_of([]) == verdict_of(["skipped", "good"]) == "good"
    assert verdict_of(["good", "limited", "skipped"]) == "limited"
    assert verdict_of(["limited", "bad", "good"]) == "bad"


# What any browser may ask.


def limited(**limits: Any) -> Settings:
    return load(overrides={"media": {"port": 0, "hosts": ["127.0.0.1"]}, "line_tests": limits})


@asynccontextmanager
async def probed(settings: Settings) -> AsyncIterator[tuple[TestClient[Any, Any], MediaPlane]]:
    plane = MediaPlane(settings, lambda event: None)
    await plane.start()
    app = web.Application(middlewares=[problems, csrf])
    app[PROXIES] = Proxies([])
    app.add_routes(probes_api.routes(plane, settings.line_tests, settings.sdp))
    try:
        async with TestClient(TestServer(app), headers=SAME_ORIGIN) as client:
            yield client, plane
    finally:
        await plane.stop()


async def test_bytes_come_and_go_within_their_bounds() -> None:
    async with probed(limited(download_bytes=200_000, upload_bytes=1000)) as (client, _):
        told = await (await client.get("/api/v1/line-tests/time")).json()
        assert (told["download_bytes"], told["upload_bytes"]) == (200_000, 1000)
        answer = await client.get("/api/v1/line-tests/download")
        assert len(await answer.read()) == 200_000
        assert "no-transform" in answer.headers["Cache-Control"]
        assert "Content-Encoding" not in answer.headers
        assert (await client.post("/api/v1/line-tests/upload", data=b"x" * 1000)).status == 204
        assert (await client.post("/api/v1/line-tests/upload", data=b"x" * 1001)).status == 413


async def test_all_tests_together_have_one_budget() -> None:
    async with probed(limited(download_bytes=1000, bytes_per_second=1)) as (client, _):
        answers = [await client.get("/api/v1/line-tests/download") for _ in range(2)]
        assert [one.status for one in answers] == [200, 503]
        assert int(answers[1].headers["Retry-After"]) > 60
    async with probed(limited(requests_per_minute_per_address=2)) as (client, _):
        assert [(await client.get("/api/v1/line-tests/time")).status for _ in range(3)] == [200, 200, 429]


def test_loads_under_way_are_bounded() -> None:
    budget = Budget(limited(downloads_alive=2).line_tests, 0.0)
    assert budget.download(0.0) == 0.0
    budget.downloading = 2
    assert budget.download(0.0) > 0


async def test_a_media_connection_without_a_lecture_comes_about_and_ends_by_itself() -> None:
    async with probed(limited(probe_seconds=1.0, probes_alive=1)) as (client, plane):

        async def exchange(offer: str) -> str:
            headers = {"Content-Type": "application/sdp"}
            answer = await client.post("/api/v1/line-tests/connection", data=offer, headers=headers)
            assert answer.status == 201, await answer.text()
            return await answer.text()

        async with Peer("watch") as browser, Peer("watch") as second:
            await browser.connect(exchange)
            headers = {"Content-Type": "application/sdp"}
            full = await client.post("/api/v1/line-tests/connection", data=second.offer, headers=headers)
            assert (full.status, (await full.json())["code"]) == (503, "busy")
            await browser.wait_for(browser.closed.is_set, 5.0)
            assert browser.rtp == []
        assert plane.metrics()["viewers"] == 0
        for wrong, status in ((b"v=0", 400), (b"x" * 100_000, 400)):
            answer = await client.post("/api/v1/line-tests/connection", data=wrong, headers=headers)
            assert answer.status == status
        assert (await client.post("/api/v1/line-tests/connection", json={})).status == 415
