"""What a server is put through: a growing audience, terminals that wait, a rush at the door, bad paths."""

from __future__ import annotations

import asyncio

from broadcaster.loadgen.crowd import Crowd, between
from tests.bench.meter import Reading, resident_kb
from tests.bench.place import Network
from tests.bench.servers import SETTLE_SECONDS, Figures, Serving, measure, percentile, seen, serving, used

JOINS_A_SECOND = 100
BURSTS_SECONDS = 8.0  # after the last join: late joiners are shown the cached pictures, and that is no part of watching


async def audience(network: Network, twin: str, sizes: list[int], seconds: float) -> dict[int, Figures]:
    """Let a lecture's audience grow; return the figures at 1 terminal and at each size."""
    async with serving(network, twin) as server:
        hall, studio = await server.audience(), await server.lecturer()
        await hall.join(1, rate=JOINS_A_SECOND, media=False)
        await studio.begin()
        found: dict[int, Figures] = {}
        present = 1
        for size in [1, *sizes]:
            if size > present:
                await hall.join(size - present, rate=JOINS_A_SECOND)
            present = size
            await hall.watch(BURSTS_SECONDS if size > 1 else SETTLE_SECONDS)
            found[size] = await measure(server, hall, studio, seconds)
        return found


async def waiting(network: Network, twin: str, joins: int, seconds: float) -> Figures:
    """Let terminals join before the lecture begins: what a join costs, and one that waits, beyond what the server uses anyway."""
    async with serving(network, twin) as server:
        hall = await server.audience()
        await hall.join(1, rate=JOINS_A_SECOND, media=False)  # what is needed once does not count
        await hall.watch(SETTLE_SECONDS)
        alone, _ = await used(server, hall, seconds)
        memory, before = resident_kb(server.server.pid), server.meter.read()
        phase = await hall.join(joins, rate=JOINS_A_SECOND, media=False)
        joined = server.meter.read() - before
        await hall.watch(SETTLE_SECONDS)
        grown = resident_kb(server.server.pid) - memory
        idle, _ = await used(server, hall, seconds)
    share = alone.cpu / alone.at
    return {
        "joins": phase.tally.connected,
        "join_ms": (joined.cpu - share * joined.at) / joins * 1e3,
        "join_connected_p99_ms": percentile(phase.tally.to_connected, 99),
        "idle_percent_without_terminals": share * 100,
        "idle_percent_per_terminal": (idle.cpu / idle.at - share) / joins * 100,
        "rss_kb_per_terminal": grown / joins,
        "waited_percent": joined.shares()["waited_percent"],
    }


async def rush(network: Network, twin: str, watching: int, joins: int) -> Figures:
    """Let many join at once while others watch."""
    async with serving(network, twin) as server:
        seated, door, studio = await server.audience(), await server.audience(), await server.lecturer()
        await seated.join(watching, rate=JOINS_A_SECOND, media=False)
        await studio.begin()
        await seated.watch(SETTLE_SECONDS)
        looked, before = await seated.look(), server.meter.read()
        joined = await door.join(joins, rate=JOINS_A_SECOND)
        watched, reading = between("watch", looked, await seated.look()), server.meter.read() - before
    tally = joined.tally
    return {
        "watching": watching,
        "joins": tally.connected,
        "failures": dict(tally.failures),
        "told_to_come_back": tally.busy,
        "connected_p50_ms": percentile(tally.to_connected, 50),
        "connected_p99_ms": percentile(tally.to_connected, 99),
        "first_packet_p50_ms": percentile(tally.to_media, 50),
        "first_packet_p99_ms": percentile(tally.to_media, 99),
        **reading.shares(),
        "seated": seen(watched),
    }


async def repair(network: Network, twin: str, losing: int, others: int, seconds: float) -> Figures:
    """Let some terminals lose every tenth picture packet and ask for it again, beside others that lose nothing."""
    async with serving(network, twin) as server:
        studio = await server.lecturer()
        good = await server.audience()
        bad = await server.audience(sample=1.0, loss=0.1)
        await good.join(others, rate=JOINS_A_SECOND, media=False)
        await studio.begin()
        await good.watch(SETTLE_SECONDS)
        alone = await measure(server, good, studio, seconds / 2)
        await bad.join(losing, rate=JOINS_A_SECOND)
        await good.watch(BURSTS_SECONDS)
        unharmed, repaired, reading = await _both(server, good, bad, seconds)
    return {
        "losing": losing,
        "others": others,
        "delivered": repaired["sample_delivered"],
        "repaired": repaired,
        "others_alone": alone,
        "others_beside": unharmed,
        **reading.shares(),
    }


async def _both(server: Serving, good: Crowd, bad: Crowd, seconds: float) -> tuple[Figures, Figures, Reading]:
    before = server.meter.read()
    unharmed, repaired = await asyncio.gather(good.watch(seconds), bad.watch(seconds))
    asked = {
        "nacked": repaired.tally.nacked,
        "pretended": repaired.tally.pretended,
        "repaired": repaired.tally.repaired,
    }
    return seen(unharmed), seen(repaired) | asked, server.meter.read() - before
