"""`make bench-e2e`: what a hundred viewers cost a whole server, from the outside.

Prints and writes `var/bench-e2e.json`: CPU milliseconds and memory a join, CPU a viewer while nothing flows and while the lecture
runs, time to the first packet, packets lost. CPU is that of the server process; ratios hold, times are this machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
from pathlib import Path

import aiohttp

from tests.support.crowd import (
    Crowd,
    Viewer,
    cpu_seconds,
    demo_urls,
    hold,
    join,
    lecture,
    offer_over_http,
    resident_bytes,
)
from tests.support.peer import Peer
from tests.support.server import Server

IDLE_SECONDS = 10.0


async def measure(server: Server, viewers: int, seconds: float) -> dict[str, float]:
    """Run the benchmark against a demo server that has just started."""
    demo = server.demo()
    assert demo is not None
    whip, key, whep, token = demo_urls(demo)
    crowd, waiting = Crowd(), Crowd()
    async with aiohttp.ClientSession() as session:
        waiting_cost = await _idle(server, waiting, viewers, session, whep, token)
        for viewer in waiting.viewers:
            viewer.close()
        async with Peer("publish") as publisher:
            await publisher.connect(lambda offer: offer_over_http(session, whip, key, offer))
            running = True
            task = asyncio.create_task(lecture(publisher, lambda: running))
            await join(crowd, viewers, session, whep, token)
            used, received = cpu_seconds(server.pid), crowd.received
            await hold(crowd, seconds)
            spent, packets = cpu_seconds(server.pid) - used, crowd.received - received
            running = False
            await task
        for viewer in crowd.viewers:
            viewer.close()
    first = sorted(crowd.first_packets)
    return waiting_cost | {
        "viewers": viewers,
        "first_packet_median_ms": statistics.median(first) * 1e3,
        "first_packet_p95_ms": first[int(len(first) * 0.95)] * 1e3,
        "us_per_viewer_second": spent / viewers / seconds * 1e6,
        "us_per_packet": spent / packets * 1e6,
        "packets_received": packets,
        "packets_missing": crowd.missing,
        "undecryptable": crowd.undecryptable,
    }


async def _idle(
    server: Server, crowd: Crowd, viewers: int, session: aiohttp.ClientSession, url: str, token: str
) -> dict[str, float]:
    """Let viewers join before the lecture begins: what a join and a waiting viewer cost."""
    used, memory = cpu_seconds(server.pid), resident_bytes(server.pid)
    await _join_quietly(crowd, viewers, session, url, token)
    joined, grown = cpu_seconds(server.pid) - used, resident_bytes(server.pid) - memory
    used = cpu_seconds(server.pid)
    await asyncio.sleep(IDLE_SECONDS)
    idle = (cpu_seconds(server.pid) - used) / IDLE_SECONDS
    return {
        "join_cpu_ms": joined / viewers * 1e3,
        "kb_per_viewer": grown / viewers / 1e3,
        "idle_percent_per_viewer": idle / viewers * 100,
    }


async def _join_quietly(crowd: Crowd, count: int, session: aiohttp.ClientSession, url: str, token: str) -> None:
    for _ in range(count):
        viewer = Viewer()
        crowd.viewers.append(viewer)
        await viewer.connect(lambda offer: offer_over_http(session, url, token, offer), seconds=20)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=15.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data")
        try:
            server.start()
            figures = asyncio.run(measure(server, options.viewers, options.seconds))
        finally:
            server.close()
    for name, value in figures.items():
        print(f"{name:26} {value:12.3f}")
    Path("var").mkdir(exist_ok=True)
    Path("var/bench-e2e.json").write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
