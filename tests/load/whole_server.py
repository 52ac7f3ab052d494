"""What many viewers cost a whole server, and what they lose: the figures of a lecture with a recorder and attendance."""

from __future__ import annotations

import asyncio
import math
import os
import statistics
import time

import aiohttp

from tests.support.crowd import (
    Crowd,
    cpu_seconds,
    crowd,
    demo_urls,
    offer_over_http,
    on_air,
    resident_bytes,
    socket_drops,
    waited_seconds,
)
from tests.support.peer import Peer
from tests.support.server import Server

IDLE_SECONDS = 10.0
LATE_JOINS = 20
# One credential stands for a hundred screens here; each screen has its own otherwise.
MANY_JOINS = {"JIANGTANG_LIVE__REQUESTS_PER_SECOND": "10000"}


async def measure(server: Server, viewers: int, seconds: float) -> dict[str, float]:
    """Run the benchmark against a demo server that has just started with `MANY_JOINS`."""
    demo = server.demo()
    assert demo is not None
    whip, key, whep, token = demo_urls(demo)
    async with crowd(whep, token) as hall, aiohttp.ClientSession() as session, Peer("publish") as publisher:
        await hall.join(1, media=False)  # what is needed once does not count
        figures = await waiting(server, hall, viewers)
        await publisher.connect(lambda offer: offer_over_http(session, whip, key, offer))
        async with on_air(publisher):
            figures |= await watching(server, hall, seconds)
            figures |= await joining(hall)
        counts = await hall.counts()
    return figures | {
        "packets_received": counts.received,
        "packets_missing": counts.missing,
        "dropped_by_full_client_sockets": counts.overflowed,
        "lost_by_the_server": counts.lost,
        "dropped_by_full_server_sockets": sum(socket_drops([server.media_port]).values()),
        "undecryptable": counts.undecryptable,
        "load_average": os.getloadavg()[0],
    }


async def waiting(server: Server, hall: Crowd, viewers: int) -> dict[str, float]:
    """Let viewers join before the lecture begins: what a join and a viewer who waits cost."""
    alone = await share_of_a_core(server, IDLE_SECONDS)
    used, memory = cpu_seconds(server.pid), resident_bytes(server.pid)
    await hall.join(viewers, media=False)
    joined, grown = cpu_seconds(server.pid) - used, resident_bytes(server.pid) - memory
    idle = await share_of_a_core(server, IDLE_SECONDS)
    return {
        "viewers": viewers,
        "join_cpu_ms": joined / viewers * 1e3,
        "kb_per_viewer": grown / viewers / 1e3,
        "idle_percent_without_viewers": alone * 100,
        "idle_percent_per_viewer": (idle - alone) / viewers * 100,
    }


async def watching(server: Server, hall: Crowd, seconds: float) -> dict[str, float]:
    """Let the lecture run: what a viewer costs a second, after two seconds in which everything begins."""
    await asyncio.sleep(2)
    before, waited = await hall.counts(), waited_seconds(server.pid)
    used, begun = cpu_seconds(server.pid), time.perf_counter()
    await asyncio.sleep(seconds)
    spent, elapsed = cpu_seconds(server.pid) - used, time.perf_counter() - begun
    after = await hall.counts()
    return {
        "us_per_viewer_second": spent / after.viewers / elapsed * 1e6,
        "us_per_packet": spent / max(1, after.received - before.received) * 1e6,
        "packets_per_viewer_second": (after.received - before.received) / after.viewers / elapsed,
        "percent_of_time_waited_for_a_core": (waited_seconds(server.pid) - waited) / elapsed * 100,
    }


async def joining(hall: Crowd) -> dict[str, float]:
    """Let some viewers join while all others watch: how soon the first packet is there."""
    first = sorted(await hall.join(LATE_JOINS, media=True))
    return {
        "first_packet_median_ms": statistics.median(first) * 1e3,
        "first_packet_p95_ms": first[math.ceil(len(first) * 0.95) - 1] * 1e3,
    }


async def share_of_a_core(server: Server, seconds: float) -> float:
    """Return what the server uses while nothing happens for so many seconds."""
    used, begun = cpu_seconds(server.pid), time.perf_counter()
    await asyncio.sleep(seconds)
    return (cpu_seconds(server.pid) - used) / (time.perf_counter() - begun)
