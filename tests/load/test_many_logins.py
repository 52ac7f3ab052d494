"""Five hundred people log in at once while classes watch: no reading of the event loop is late and no class loses a packet.

**The goal is the latest reading of all: at most 50 ms.** A machine that is busy with something else makes readings late of itself, so
each round reads the loop for as long before the storm, without a login: where that is later than 50 ms, no later than that is asked for.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest
from argon2 import PasswordHasher
from prometheus_client.parser import text_string_to_metric_families

from config.settings import load
from signaling.db.base import uuid7
from tests.support.crowd import Crowd, crowd, demo_urls, offer_over_http, on_air, waited_seconds
from tests.support.peer import Peer
from tests.support.server import Server

pytestmark = [pytest.mark.server, pytest.mark.quiet, pytest.mark.timeout(240)]

PEOPLE = 500
VIEWERS = 20
PASSWORD = "mountain river 7"
LATE = 0.05  # seconds
STARVED = 0.15  # share of the time that the server waited for a core while others had it
LOOSELY = 0.3  # on a machine that is busy with something else
ROUNDS = 3
WAIT, MARGIN = (
    6.0,
    20.0,
)  # seconds: what a login waits for a thread at most, and what else an answer may take on a busy machine
BEFORE, AFTER = 6.0, 2.0
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


def people(server: Server) -> list[str]:
    """Put people into the database of a running server; they share a hash that was made as the server makes them."""
    auth = load().auth
    hashed = PasswordHasher(auth.hash_passes, auth.hash_memory_kib, 1).hash(PASSWORD)
    logins = [f"teacher-{number}" for number in range(PEOPLE)]
    rows = [(uuid7(), login, "教师", hashed, "lecturer", "522300", "2026-03-02 04:00:00") for login in logins]
    with sqlite3.connect(server.data / "jiangtang.sqlite3", timeout=30) as db:
        db.executemany(
            "INSERT INTO users (id, login, name, password_hash, role, node, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
    return logins


async def lags(session: aiohttp.ClientSession, server: Server) -> dict[float, int]:
    """Return how many measurements of the event loop were up to each bound, in seconds."""
    async with session.get(f"{server.url}/metrics") as response:
        text = await response.text()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    buckets = [one for one in families["jiangtang_process_loop_lag"].samples if one.name.endswith("_bucket")]
    return {float(one.labels["le"]): int(one.value) for one in buckets}


def between(before: dict[float, int], after: dict[float, int]) -> dict[float, int]:
    """Return how many there were in each step between two readings."""
    counts = {bound: after[bound] - before[bound] for bound in sorted(after)}
    return {bound: high - low for bound, (low, high) in zip(counts, pairwise([0, *counts.values()]), strict=True)}


def late(steps: dict[float, int]) -> float:
    """Return the share of measurements that were later than `LATE`."""
    return sum(number for bound, number in steps.items() if bound > LATE) / max(1, sum(steps.values()))


def latest(steps: dict[float, int]) -> float:
    """Return the bound in seconds under which the latest measurement was."""
    return max((bound for bound, number in steps.items() if number), default=0.0)


async def log_in(session: aiohttp.ClientSession, url: str, login: str) -> str:
    """Log in once; return `in`, or `later` for a 429 that says when."""
    body = {"login": login, "password": PASSWORD}
    async with session.post(f"{url}/api/v1/session", json=body, headers=SAME_ORIGIN) as response:
        if response.status == 429:
            return "later" if int(response.headers["Retry-After"]) >= 1 else "429 without Retry-After"
        return "in" if response.status == 201 else str(response.status)


@dataclass
class Storm:
    """What five hundred logins at once did; `before` is the same reading of a quiet time just before them."""

    answers: Counter[str]
    before: dict[float, int]
    during: dict[float, int]
    lost: int
    received: int
    waited: float
    longest: float

    def __str__(self) -> str:
        return (
            f"{dict(self.answers)}, latest of {sum(self.during.values())} readings under {latest(self.during) * 1000:.0f} ms,"
            f" {late(self.during):.1%} late (before: under {latest(self.before) * 1000:.0f} ms,"
            f" {late(self.before):.1%} late), lost {self.lost} of {self.received},"
            f" waited for a core {self.waited:.0%} of the time, last answer after {self.longest:.1f} s"
        )

    @property
    def is_calm(self) -> bool:
        """Whether who watches loses nothing and the loop is never late, or no later than it was without a login."""
        return self.lost == 0 and latest(self.during) <= max(LATE, latest(self.before))

    @property
    def is_fair(self) -> bool:
        """Whether the machine gave the server its cores, so that the goal can be asked for."""
        return self.waited <= STARVED


async def storm(server: Server, session: aiohttp.ClientSession, hall: Crowd, logins: list[str]) -> Storm:
    """Let all log in at once."""
    quiet = await lags(session, server)
    await asyncio.sleep(BEFORE)
    seen, before = await hall.counts(), await lags(session, server)
    waited, began = waited_seconds(server.pid), time.monotonic()
    answers = Counter(await asyncio.gather(*(log_in(session, server.url, login) for login in logins)))
    longest = time.monotonic() - began
    share = (waited_seconds(server.pid) - waited) / longest
    after = await lags(session, server)
    await asyncio.sleep(AFTER)
    counts = await hall.counts()
    lost, received = counts.lost - seen.lost, counts.received - seen.received
    return Storm(answers, between(quiet, before), between(before, after), lost, received, share, longest)


async def storms(server: Server, logins: list[str]) -> list[Storm]:
    """Storm while classes watch, until it went by calmly, at most `ROUNDS` times."""
    demo = server.demo()
    assert demo is not None
    whip, key, whep, token = demo_urls(demo)
    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(120)
    seen: list[Storm] = []
    async with (
        crowd(whep, token) as hall,
        aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
        Peer("publish") as publisher,
    ):
        await publisher.connect(lambda offer: offer_over_http(session, whip, key, offer))
        async with on_air(publisher):
            await hall.join(VIEWERS, media=True)
            while len(seen) < ROUNDS and not (seen and seen[-1].is_calm):
                seen.append(await storm(server, session, hall, logins))
    return seen


def test_five_hundred_log_in_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every round must answer all; calm is asked for where the machine lets the server run, else a loose bound."""
    server = Server(tmp_path / "data", environment={"JIANGTANG_AUTH__HASH_WAIT_SECONDS": str(WAIT)})
    try:
        server.start()
        rounds = asyncio.run(storms(server, people(server)))
    finally:
        server.close()
    with capsys.disabled():
        print("", *rounds, sep="\n")
    for one in rounds:
        assert set(one.answers) <= {"in", "later"}, one
        assert sum(one.answers.values()) == PEOPLE
        assert one.answers["in"] >= 1, one
        assert one.received > VIEWERS * 100, one
        assert one.longest < WAIT + MARGIN, one
    best = min(rounds, key=lambda one: (not one.is_calm, one.lost, latest(one.during), late(one.during)))
    if any(one.is_fair for one in rounds):
        assert best.is_calm, best
    else:
        assert late(best.during) <= LOOSELY, best
