"""A disk that is not what it was: one bit of a stored fact is turned, and the command, the running server and the next start name it."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.crowd import demo_urls, offer_over_http, on_air
from tests.support.databases import sqlite_only
from tests.support.paired import pair, watching
from tests.support.peer import Peer
from tests.support.server import Server, started

pytestmark = [pytest.mark.server, pytest.mark.timeout(300), sqlite_only]

WINDOW_SECONDS = 10
START_SECONDS = 30.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with started(Server(tmp_path / "data")) as made:
        yield made


async def lecture(server: Server, demo: dict[str, Any]) -> None:
    """Send a lecture to a screen for more than one window of the ledger; the screen reports what it shows."""
    whip, key, _, _ = demo_urls(demo)
    _, classes = server.call("GET", f"/api/v1/classes?school={demo['screens'][0]['school_code']}", demo["api_token"])
    base = f"http://127.0.0.1:{server.port}"
    async with aiohttp.ClientSession(base_url=base) as session, Peer("publish") as publisher:
        screen = await pair(session, base, demo["api_token"], classes["items"][-1]["id"])
        await publisher.connect(lambda offer: offer_over_http(session, whip, key, offer))
        async with on_air(publisher):
            await screen.sit()
            async with watching(session, screen) as viewer:
                for _ in range(2 * WINDOW_SECONDS + 2):
                    await asyncio.sleep(1)  # receiver reports come once a second
                    viewer.report()
            await screen.report(minute=int(time.time()) // 60, rendered_ms=100)


def verify(server: Server, *more: str) -> tuple[int, str]:
    """Run `jiangtang ledger verify`; return the exit code and what it says."""
    command = [sys.executable, "-m", "signaling", "ledger", "verify", "--data", str(server.data), *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def turn_a_bit(server: Server, kind: str) -> tuple[int, str]:
    """Turn one bit of the first entry of a kind in the pages of the stopped server's file, past all triggers; return number and day of the entry."""
    (file,) = server.data.glob("*.sqlite3")
    raw = sqlite3.connect(file)
    query = "SELECT number, day, body FROM ledger_entries WHERE kind = ? ORDER BY number LIMIT 1"
    number, day, body = raw.execute(query, (kind,)).fetchone()
    raw.close()
    data = bytearray(file.read_bytes())
    assert data.count(body) == 1
    data[data.index(body) + len(body) // 2] ^= 0x01
    file.write_bytes(data)
    return number, day


def logged(server: Server, event: str, lecture_id: str) -> str:
    """Return the line with which a server says, soon after its start, what is wrong with a lecture."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        for line in server.log.read_text("utf-8").splitlines():
            if f'"{event}"' in line and lecture_id in line:
                return line
        time.sleep(0.2)  # a log tells nobody that it has grown
    return ""


@pytest.mark.parametrize(
    ("kind", "event"), [("media_delivered", "x lecture not settled"), ("rendered", "x evidence is not read back")]
)
def test_a_bit_that_was_turned_on_the_disk_is_named(server: Server, kind: str, event: str) -> None:
    """In a lecture that has ended, and in one that goes on: the server starts all the same."""
    demo = server.demo()
    assert demo is not None
    asyncio.run(lecture(server, demo))
    lecture_id, token = demo["lecture_id"], demo["api_token"]
    path = f"/api/v1/lectures/{lecture_id}"
    if kind == "media_delivered":
        assert server.call("POST", f"{path}/end", token)[0] == 200
    code, said = verify(server)
    assert (code, "are as they were recorded" in said) == (0, True), said
    assert server.call("GET", f"{path}/exports/03.csv", token)[0] == 200
    server.stop()
    number, day = turn_a_bit(server, kind)
    code, said = verify(server, "--day", day)
    assert code == 1
    assert f"node node-1, {day}, entry {number} ({kind}, lecture {lecture_id}) has another body" in said
    token, name = server.start()["api_token"], f"entry {number} of node node-1 ({kind})"
    assert name in logged(server, event, lecture_id)
    for asked in ("exports/01.xlsx", "exports/03.csv", "attendance"):
        status, problem = server.call("GET", f"{path}/{asked}", token)
        assert (status, problem["code"]) == (500, "ledger_damaged")
        assert problem["detail"].startswith(name)
