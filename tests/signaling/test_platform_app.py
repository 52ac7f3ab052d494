"""The whole node in this process: what is open to strangers, what the API document lists, what is left after the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from config.settings import load
from signaling.api.pages import Pages
from signaling.api.security import FOREIGN, SAFE
from signaling.app import Node
from tests.support.platform import SAME_ORIGIN

OPEN = {
    ("GET", "/api/v1/openapi.json"),
    ("POST", "/api/v1/session"),  # logging in
    ("POST", "/api/v1/session/code"),
    ("POST", "/api/v1/session/invitation"),
    ("POST", "/api/v1/invited"),  # who holds the link
    ("POST", "/api/v1/invited/password"),
    ("POST", "/api/v1/pairings"),  # a screen that nobody knows yet
    ("POST", "/api/v1/screens/repair"),  # who holds a sticker
    ("GET", "/api/v1/line-tests/time"),  # a room tests its line before it is paired
    ("GET", "/api/v1/line-tests/download"),
    ("POST", "/api/v1/line-tests/upload"),
    ("POST", "/api/v1/line-tests/connection"),
    ("POST", "/api/v1/training/arrivals"),  # teachers without an account: the code on the venue's screen opens them
    ("POST", "/api/v1/home/visits"),  # parents without an account: the code of a class's link opens it
    ("POST", "/api/v1/training/names"),
    ("POST", "/api/v1/training/signs"),
    ("DELETE", "/api/v1/session"),  # logging out twice does no harm
}

OF_VIEWERS = {
    ("POST", "/api/v1/screens/{screen_id}/reports")
}  # a watch token opens them; another kind is told that it is one


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    local = {"port": 0, "hosts": ["127.0.0.1"]}
    made = Node(load(overrides={"server": {"data_dir": tmp_path / "data"}, "media": local}), Pages(tmp_path / "dist"))
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def client(node: Node) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(node.web_app)) as made:
        yield made


def api_routes(app: web.Application) -> list[tuple[str, str]]:
    routes = [(route.method, route.resource.canonical) for route in app.router.routes() if route.resource]
    return sorted({one for one in routes if one[1].startswith("/api/") and one[0] != "HEAD"})


async def test_strangers_get_401_wherever_it_is_not_open(node: Node, client: TestClient[Any, Any]) -> None:
    routes = api_routes(node.web_app)
    assert len(routes) >= 18
    assert set(routes) > OPEN
    wrong = []
    for method, path in sorted(set(routes) - OPEN):
        filled = path.replace("{file}", "03.csv").replace("{", "").replace("}", "")
        for bearer in ({}, {"Authorization": "Bearer jta_" + "a" * 32}):
            response = await client.request(method, filled, headers=SAME_ORIGIN | bearer)
            refused = 403 if bearer and (method, path) in OF_VIEWERS else 401
            if (response.status, response.content_type) != (refused, "application/problem+json"):
                wrong.append((method, path, bearer, response.status))
    assert wrong == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
    ],
    ids=["cross-site", "same-site", "form", "foreign-origin", "null-origin", "nothing"],
)
async def test_no_route_changes_anything_for_another_site(
    node: Node, client: TestClient[Any, Any], headers: dict[str, str]
) -> None:
    routes = {(route.method, route.resource.canonical) for route in node.web_app.router.routes() if route.resource}
    changing = {one for one in routes if one[0] not in SAFE and not one[1].startswith("/socket.io")}
    ours = {one for one in changing if not one[1].startswith(FOREIGN)}
    assert len(ours) > 40
    assert all(path.startswith("/api/v1/") for _, path in ours), "what takes a cookie is under one path"
    for method, path in sorted(ours):
        filled = path.replace("{", "").replace("}", "")
        async with client.request(method, filled, headers=headers | {"Cookie": f"jt_login={'a' * 32}"}) as response:
            assert response.status == 403, (method, path, response.status)
            assert (await response.json())["code"] == "cross_site"


@pytest.mark.parametrize("site", ["same-origin", "none"])
async def test_our_pages_reach_every_route(node: Node, client: TestClient[Any, Any], site: str) -> None:
    for method, path in api_routes(node.web_app):
        filled = path.replace("{", "").replace("}", "")
        async with client.request(method, filled, headers={"Sec-Fetch-Site": site}) as response:
            assert b"cross_site" not in await response.read(), (method, path)


async def test_every_route_is_in_the_document(node: Node, client: TestClient[Any, Any]) -> None:
    document = await (await client.get("/api/v1/openapi.json")).json()
    listed = {(method.upper(), path) for path, entry in document["paths"].items() for method in entry}
    assert listed == set(api_routes(node.web_app))
    assert document["openapi"] == "3.1.0"
    body = document["paths"]["/api/v1/session"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    name = body["$ref"].rpartition("/")[2]
    assert set(document["components"]["schemas"][name]["properties"]) == {"login", "password"}
    summaries = [entry[method]["summary"] for entry in document["paths"].values() for method in entry]
    assert all(summaries)


async def test_health_names_the_fan_out_and_readiness_what_is_missing(client: TestClient[Any, Any], node: Node) -> None:
    told = await (await client.get("/healthz")).json()
    assert told["fanout"] == node.plane.twin in ("native", "python")
    assert told["ledger"] == "ok"
    response = await client.get("/readyz")
    checks = {"database": "ok", "ledger": "ok", "media": "ok", "pages": "not built"}
    assert (response.status, (await response.json())["checks"]) == (503, checks)


async def test_metrics_cover_every_part(client: TestClient[Any, Any]) -> None:
    text = await (await client.get("/metrics")).text()
    for name in (
        'media_joins_total{kind="watch"}',
        'media_drops_total{kind="empty"}',
        "media_packets_in",
        "media_viewers",
        "recorder_queued",
        "ledger_waiting",
        "live_congested",
        "process_loop_lag_seconds",
    ):
        assert f"jiangtang_{name}" in text


async def test_nothing_is_left_when_a_node_has_stopped(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    made = Node(load(overrides={"server": {"data_dir": tmp_path}, "media": {"port": 0, "hosts": ["127.0.0.1"]}}))
    await made.start()
    assert made.plane.media_port > 0
    await made.stop()
    await made.stop()
    assert asyncio.all_tasks() == before
