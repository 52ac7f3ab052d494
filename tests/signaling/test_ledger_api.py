"""The routes of the roots: who may read them, what they say, that an export leaves a trace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from signaling.app import Node
from signaling.ledger import roots_csv
from signaling.ledger.errors import LedgerUnavailable
from signaling.ledger.events import Subject
from signaling.ledger.facts import Kind, OnAir
from tests.support.rights_scene import Scene, scene


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[tuple[Scene, TestClient[Any, Any]]]:
    async with scene(tmp_path) as one:
        yield one


def who(scene: Scene, role: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {scene.people[role]}"}


async def record(node: Node) -> None:
    at = node.ledger._clock()
    await node.ledger.record(Subject("l", "b"), OnAir("open", "live", at, "start"))
    await node.ledger.record(Subject("l", "b"), OnAir("live", "ended", at + timedelta(seconds=1), "end"))


async def test_the_roots_of_a_day(made: tuple[Scene, TestClient[Any, Any]]) -> None:
    scene, client = made
    path = "/api/v1/ledger/roots"
    async with client.get(f"{path}?day=2020-01-01", headers=who(scene, "auditor")) as response:
        empty = {"day": "2020-01-01", "entries": 0, "root": None, "items": []}
        assert (response.status, await response.json()) == (200, empty)
    await record(scene.node)
    for role in ("prefecture_admin", "operator", "auditor"):
        async with client.get(path, headers=who(scene, role)) as response:
            assert response.status == 200
            told = await response.json()
        (one,) = told["items"]
        assert (one["node"], one["number"]) == (scene.node.settings.server.node, one["entries"])
        assert told["entries"] == one["entries"] >= 2
        assert len(told["root"]) == len(one["root"]) == 64
        assert told["day"] == one["day"]
    for role in ("county_admin", "school_admin", "lecturer", "reviewer"):
        for route in (path, f"{path}.csv"):
            async with client.get(route, headers=who(scene, role)) as response:
                assert response.status == 403, role
    async with client.get(f"{path}?day=tomorrow", headers=who(scene, "auditor")) as response:
        assert (response.status, (await response.json())["code"]) == (400, "bad_query")


async def test_an_export_is_read_back_and_leaves_a_trace(made: tuple[Scene, TestClient[Any, Any]]) -> None:
    scene, client = made
    await record(scene.node)
    async with client.get("/api/v1/ledger/roots.csv", headers=who(scene, "operator")) as response:
        assert (response.status, response.content_type) == (200, "text/csv")
        noted = roots_csv.read(await response.read())
    assert len(noted) == 1
    assert await scene.node.roots.differing(noted) == []
    async with client.get("/api/v1/audit?action=ledger.exported", headers=who(scene, "auditor")) as response:
        (line,) = (await response.json())["items"]
    assert line["detail"] == {"rows": 1, "filter": {}}
    assert (await scene.node.roots.verify()).fault is None


async def test_a_node_says_when_its_facts_reach_nothing(
    made: tuple[Scene, TestClient[Any, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database refuses, then the journal too; live goes on, `/healthz` stays, `/readyz` and the alarm tell."""
    scene, client = made
    node = scene.node

    async def refuse(drafts: object) -> None:
        raise OSError("the database is away")

    store = node.ledger.ledger._store
    monkeypatch.setattr(node.ledger.ledger, "_store", refuse)
    await record(node)
    assert (await (await client.get("/healthz")).json())["ledger"] == "journal"
    assert (await (await client.get("/readyz")).json())["checks"]["ledger"] == "ok"  # they are durable
    monkeypatch.setattr(node.ledger.ledger._journal, "_max_bytes", 1)
    with pytest.raises(LedgerUnavailable):
        await record(node)
    assert (await (await client.get("/healthz")).json())["ledger"] == "unavailable"
    async with client.get("/readyz") as response:
        assert response.status == 503
        assert "the database is away" in (await response.json())["checks"]["ledger"]
    assert "jiangtang_ledger_unavailable 1.0" in await (await client.get("/metrics")).text()
    changes = await node.alerts.watch.round()
    assert "ledger" in {key.rule for key, _, _ in changes.raised}
    monkeypatch.setattr(node.ledger.ledger, "_store", store)
    assert await node.ledger.ledger.retry()
    assert [one.key.rule for one, _ in (await node.alerts.watch.round()).cleared] == ["ledger"]
    told = [one async for one in node.ledger.facts("l", {Kind.ON_AIR})]
    assert len({one.key for one in told}) == len(told) == 3  # the second attempt failed with its first fact
