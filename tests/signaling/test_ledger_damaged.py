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

from tests.support.crowd import Viewer, demo_urls, join_one, offer_over_http, on_air
from tests.support.databases import sqlite_only
from tests.support.peer import Peer
from tests.support.server import Server, started

pytestmark = [pytest.mark.server, sqlite_only]

WINDOW_SECONDS = 10
START_SECONDS = 30.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with started(Server(tmp_path / "data")) as made:
        yield made


async def lecture(demo: dict[str, Any]) -> None:
    """Send a lecture to a screen for more than one window of the ledger."""
    whip, key, whep, _ = demo_urls(demo)
    async with aiohttp.ClientSession() as session, Peer("publish") as publisher:
        await publisher.connect(lambda offer: offer_over_http(session, whip, key, offer))
        async with on_air(publisher):
            viewer = Viewer()
            await join_one(viewer, session, whep, demo["screens"][0]["whep_token"], media=True)
            for _ in range(2 * WINDOW_SECONDS + 2):
                await asyncio.sleep(1)  # receiver reports come once a second
                viewer.report()
            viewer.close()


def verify(server: Server, *more: str) -> tuple[int, str]:
    """Run `jiangtang ledger verify`; return the exit code and what it says."""
    command = [sys.executable, "-m", "signaling", "ledger", "verify", "--data", str(server.data), *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def turn_a_bit(server: Server) -> tuple[int, str]:
    """Turn one bit of the first delivery in the pages of the stopped server's file, past all triggers; return number and day of its entry."""
    (file,) = server.data.glob("*.sqlite3")
    raw = sqlite3.connect(file)
    query = "SELECT number, day, body FROM ledger_entries WHERE kind = 'media_delivered' ORDER BY number LIMIT 1"
    number, day, body = raw.execute(query).fetchone()
    raw.close()
    data = bytearray(file.read_bytes())
    assert data.count(body) == 1
    data[data.index(body) + len(body) // 2] ^= 0x01
    file.write_bytes(data)
    return number, day


def not_settled(server: Server, lecture_id: str) -> str:
    """Return the line in which a server says, soon after its start, that a lecture cannot be settled."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        for line in server.log.read_text("utf-8").splitlines():
            if '"x lecture not settled"' in line and lecture_id in line:
                return line
        time.sleep(0.2)  # a log tells nobody that it has grown
    return ""


def test_a_bit_that_was_turned_on_the_disk_is_named(server: Server) -> None:
    demo = server.demo()
    assert demo is not None
    asyncio.run(lecture(demo))
    lecture_path, token = f"/api/v1/lectures/{demo['lecture_id']}", demo["api_token"]
    assert server.call("POST", f"{lecture_path}/end", token)[0] == 200
    code, said = verify(server)
    assert (code, "are as they were recorded" in said) == (0, True), said
    assert server.call("GET", f"{lecture_path}/exports/03.csv", token)[0] == 200
    server.stop()
    number, day = turn_a_bit(server)
    for part in ((), ("--day", day), ("--lecture", demo["lecture_id"])):
        code, said = verify(server, *part)
        assert code == 1
        assert (
            f"node node-1, {day}, entry {number} (media_delivered, lecture {demo['lecture_id']}) has another body"
            in said
        )
    token = server.start()["api_token"]
    name = f"entry {number} of node node-1 (media_delivered)"
    for asked in ("exports/01.xlsx", "exports/03.csv", "attendance"):
        status, problem = server.call("GET", f"{lecture_path}/{asked}", token)
        assert (status, problem["code"]) == (500, "ledger_damaged")
        assert problem["detail"].startswith(name)
    assert name in not_settled(server, demo["lecture_id"])
