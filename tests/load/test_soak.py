"""Two minutes of coming and going: what a visitor took, the server has again when he is gone."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from tests.support.crowd import demo_urls, offer_over_http, on_air
from tests.support.peer import Peer
from tests.support.readings import readings
from tests.support.server import Server
from tests.support.visits import Visits

# JIANGTANG_SOAK_SECONDS=600 for a longer look.
SECONDS = int(os.environ.get("JIANGTANG_SOAK_SECONDS", "120"))
VISIT_EVERY = 0.5  # two thirds of the visitors are viewers: 80 joins and as many leaves a minute
SAMPLE_EVERY = 2.0
STAYS = (2, 9, 4, 14, 6)
CONSENT_SECONDS = 5
PATIENCE = 40.0  # who left without a word is noticed by his consent, or by two pings of Engine.IO
# What has to be as before when all have left, give or take what a pool or a request under way holds.
RETURNED = {"media_sessions": 0, "media_viewers": 0, "media_handshakes": 0, "process_tasks": 2, "process_open_fds": 4}
SPAN = 10  # samples: twenty seconds
# Viewers that are never let go keep some 100 kB each, 2.7 MB in a span; a good run shows 1.0 MB.
GROWTH_BYTES = 1_600_000
ENVIRONMENT = {"JIANGTANG_MEDIA__CONSENT_SECONDS": str(CONSENT_SECONDS), "JIANGTANG_LIVE__REQUESTS_PER_SECOND": "1000"}


pytestmark = [pytest.mark.server, pytest.mark.quiet, pytest.mark.timeout(180 + 2 * SECONDS)]


class Watchman:
    """Reads the server's metrics."""

    def __init__(self, server: Server, token: str) -> None:
        self.server = server
        self.token = token
        self.samples: list[dict[str, float]] = []

    async def look(self) -> dict[str, float]:
        return await asyncio.to_thread(readings, self.server, self.token)

    async def until(self, condition: Callable[[dict[str, float]], bool]) -> dict[str, float]:
        """Return the metrics as soon as they satisfy the condition, or as they are after `PATIENCE`."""
        deadline = time.monotonic() + PATIENCE
        while not condition(found := await self.look()) and time.monotonic() < deadline:
            await asyncio.sleep(0.2)  # nobody is told what a process has given back: it is read again and again
        return found

    async def keep(self) -> None:
        """Take samples until cancelled."""
        while True:
            self.samples.append(await self.look())
            await asyncio.sleep(SAMPLE_EVERY)  # growth is measured over time

    def growth(self, name: str) -> float:
        """How much a reading grows in `SPAN` samples: the median over all spans of the second half.

        What is taken once, however much, does not move it; what every visitor takes does. The first half is the server's warming up:
        it looks for garbage seldom, and its memory is level only after a minute.
        """
        values = [sample[name] for sample in self.samples[len(self.samples) // 2 :]]
        return statistics.median(later - earlier for earlier, later in zip(values, values[SPAN:], strict=False))


def is_as(after: dict[str, float], before: dict[str, float]) -> bool:
    """Whether everything that has to be given back was."""
    return all(after[name] <= before[name] + more for name, more in RETURNED.items())


async def soak(server: Server, watchman: Watchman) -> tuple[dict[str, float], dict[str, float], Visits]:
    """Run a lecture with visitors; return the metrics before the first and after the last of them."""
    demo = server.demo()
    assert demo is not None
    whip, key, _, _ = demo_urls(demo)
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session, Peer("publish") as publisher:
        await publisher.connect(lambda offer: offer_over_http(session, whip, key, offer))
        visits = Visits(demo, session)
        async with on_air(publisher):
            for stay in (1, 1, 1):  # what the first visitors bring into being is not theirs
                visits.arrive(stay)
            await visits.stop()
            before = await watchman.until(lambda found: found["media_sessions"] == 1)
            keeping = asyncio.create_task(watchman.keep())
            for number in range(round(SECONDS / VISIT_EVERY)):
                visits.arrive(STAYS[number % len(STAYS)])
                await asyncio.sleep(VISIT_EVERY)  # so many come in a minute, however fast the machine is
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await visits.stop()
            after = await watchman.until(lambda found: is_as(found, before))
    return before, after, visits


def test_memory_tasks_and_descriptors_stay_flat(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server = Server(tmp_path / "data", environment=ENVIRONMENT)
    try:
        demo = server.start()
        watchman = Watchman(server, demo["api_token"])
        before, after, visits = asyncio.run(soak(server, watchman))
        errors = [line for line in server.log.read_text("utf-8").splitlines() if "Traceback" in line]
    finally:
        server.close()
    grown = {name: watchman.growth(f"process_{name}") for name in ("resident_bytes", "open_fds", "tasks")}
    memory = [round(sample["process_resident_bytes"] / 1e6, 1) for sample in watchman.samples[::SPAN]]
    left = {name: after[name] - before[name] for name in RETURNED}
    with capsys.disabled():
        print(
            f"\n{visits.viewers} viewers and {visits.pages} pages came and went; in {SPAN * SAMPLE_EVERY:.0f} s "
            f"{grown['resident_bytes'] / 1e6:+.1f} MB, {grown['open_fds']:+.0f} descriptors, {grown['tasks']:+.0f} tasks; "
            f"after the last {left}; memory {memory} MB"
        )
    assert visits.viewers >= 50 * SECONDS / 60
    assert visits.pages >= 20 * SECONDS / 60
    assert grown["resident_bytes"] <= GROWTH_BYTES
    assert grown["tasks"] <= 5
    assert grown["open_fds"] <= 5
    assert before["media_sessions"] == 1
    assert is_as(after, before), f"not given back within {PATIENCE} s: {left}"
    assert errors == []
