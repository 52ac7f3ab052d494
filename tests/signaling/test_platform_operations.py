"""Logs without secrets, metrics, loop lag, health, and the cluster of one."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import threading
from typing import Any

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from config.settings import load
from signaling.api.errors import _shown
from signaling.cluster.base import Cluster
from signaling.cluster.single import SingleNode
from signaling.operations import logs
from signaling.operations.health import Health
from signaling.operations.loop_lag import LoopLag
from signaling.operations.metrics import Metrics, open_descriptors, resident_bytes

JWS = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtb25pdG9yIn0.RwExIQ3XDdryaRA8n4CTU6beXPB7"


@pytest.mark.usefixtures("own_logs")
@pytest.mark.parametrize("as_json", [True, False])
def test_no_secret_reaches_a_line(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    logs.configure(load(overrides={"log": {"json": as_json, "level": "debug"}}).log)
    log = structlog.get_logger("test")
    log.info("< jtk_canary0123456789", token="canary-token", headers={"Authorization": "canary-header"})
    log.info("> done", cookie="jt_login=canary-cookie", note=f"Bearer {JWS}", items=["jtd_canary0123456789"])
    log.info("- watch", url=f"/class/1#jtd_canary{JWS}", detail={"deep": {"password": "canary-password"}})
    logging.getLogger("library").warning("took %s and jt_login=canary-cookie2", JWS)
    try:
        raise RuntimeError("jti_canary0123456789 failed")
    except RuntimeError:
        log.exception("x failed")
    written = capsys.readouterr().err
    assert written.count("\n") >= 5
    assert "canary" not in written
    assert JWS[:40] not in written
    assert "RuntimeError" in written


@pytest.mark.usefixtures("own_logs")
def test_a_closed_log_ends_nobodys_work(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = io.StringIO()
    monkeypatch.setattr("sys.stderr", gone)
    logs.configure(load().log)
    structlog.get_logger("test").info("- written")
    gone.close()
    structlog.get_logger("test").info("- not written")


@pytest.mark.usefixtures("own_logs")
def test_json_lines_carry_what_was_bound(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(load().log)
    with structlog.contextvars.bound_contextvars(transport="1a2b3c4d"):
        structlog.get_logger("broadcaster.transport").info("- connected", rtt_ms=3)
        logging.getLogger("recorder").warning("%s bytes free", 5)
    structlog.get_logger("x").debug("not written")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (first["event"], first["transport"], first["rtt_ms"], first["level"]) == (
        "- connected",
        "1a2b3c4d",
        3,
        "info",
    )
    assert (second["event"], second["logger"], second["transport"]) == ("5 bytes free", "recorder", "1a2b3c4d")
    assert [first[name] for name in ("logger", "level")] == ["broadcaster.transport", "info"]
    assert first["timestamp"].endswith("Z")


@pytest.mark.usefixtures("own_logs")
def test_lines_of_many_threads_stay_whole(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(load().log)

    def write(number: int) -> None:
        for _ in range(50):
            structlog.get_logger("ours").info("- line", number=number, filling="x" * 200)
            logging.getLogger("theirs").warning("line %s", number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [sum(line["logger"] == name for line in lines) for name in ("ours", "theirs")] == [200, 200]


@pytest.mark.usefixtures("own_logs")
def test_every_level_writes_and_those_below_the_setting_do_not(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(load(overrides={"log": {"level": "warning"}}).log)
    log = structlog.get_logger("levels")
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(log, level)("- %s", level)
    written = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["level"]) for line in written] == [
        ("- warning", "warning"), ("- error", "error"), ("- critical", "critical"),
    ]  # fmt: skip


async def test_metrics_are_read_at_the_scrape() -> None:
    counts: dict[str, object] = {"viewers": 3, "drops_total": {"empty": 2}, "name": "left out", "queue-length": 1.5}
    metrics = Metrics(LoopLag())
    metrics.add("media", lambda: counts)
    app = web.Application()
    app.add_routes([web.get("/metrics", metrics.handle)])
    async with TestClient(TestServer(app)) as client:
        text = await (await client.get("/metrics")).text()
        assert "jiangtang_media_viewers 3.0" in text
        assert 'jiangtang_media_drops_total{kind="empty"} 2.0' in text
        assert "# TYPE jiangtang_media_drops_total counter" in text
        assert "jiangtang_media_queue_length 1.5" in text
        counts["viewers"] = 4
        text = await (await client.get("/metrics")).text()
        assert "jiangtang_media_viewers 4.0" in text
    for name in ("loop_lag_seconds", "tasks", "open_fds", "resident_bytes"):
        assert f"jiangtang_process_{name} " in text


def test_the_process_is_measured() -> None:
    assert resident_bytes() > 10_000_000
    before = open_descriptors()
    with open("/dev/null", "rb"):
        assert open_descriptors() == before + 1


async def test_loop_lag_sees_a_blocked_loop() -> None:
    lag = LoopLag()
    lag.start()
    loop = asyncio.get_running_loop()
    blocked_until = loop.time() + 0.4
    while loop.time() < blocked_until:
        pass  # the loop is blocked on purpose
    sampled = asyncio.Event()
    loop.call_soon(sampled.set)
    await sampled.wait()
    lag.stop()
    assert 0.1 < lag.worst() < 2.0
    assert lag.last() == lag.worst()


async def test_ready_says_what_is_not() -> None:
    trouble = {"database": "", "media": ""}

    def check(name: str) -> Any:
        async def answer() -> str:
            return trouble[name]

        return answer

    app = web.Application()
    app.add_routes(Health({"fanout": "python"}, {name: check(name) for name in trouble}).routes())
    async with TestClient(TestServer(app)) as client:
        assert (await client.get("/readyz")).status == 200
        trouble["media"] = "port is not open"
        response = await client.get("/readyz")
        assert response.status == 503
        checks = {"database": "ok", "media": "port is not open"}
        assert await response.json() == {"status": "not_ready", "checks": checks}
        alive = await client.get("/healthz")
        assert (alive.status, (await alive.json())["fanout"]) == (200, "python")


async def test_one_node_claims_a_key_once_until_it_expires() -> None:
    now = [0.0]
    node: Cluster = SingleNode("n1", lambda: now[0])
    assert await node.claim_once("a", 10)
    assert not await node.claim_once("a", 10)
    assert await node.claim_once("b", 10)
    now[0] = 10.0
    assert await node.claim_once("a", 10)
    assert await node.place("lecture") == "n1"


async def test_a_table_full_of_claims_refuses_new_ones_until_some_expire() -> None:
    now = [0.0]
    node = SingleNode("n1", lambda: now[0], capacity=2)
    assert [await node.claim_once(key, 10) for key in "abc"] == [True, True, False]
    now[0] = 10.0
    assert await node.claim_once("c", 10)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/whip/session/" + "s" * 32, "/whip/session/" + "s" * 8),
        ("/whep/session/" + "s" * 32, "/whep/session/" + "s" * 8),
        ("/api/v1/session/invitation", "/api/v1/session/invitation"),
        ("/whep/lecture", "/whep/lecture"),
    ],
)
def test_logs_do_not_hold_the_secret_of_a_session(path: str, shown: str) -> None:
    assert _shown(path) == shown
