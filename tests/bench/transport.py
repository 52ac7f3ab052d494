"""What a viewer costs the transport alone: CPU of a join, memory, idle upkeep, and the price of sealing and sending.

    python -m tests.bench.transport [--viewers 200] [--idle 20]

The media port runs in a process of its own, so that the peers' CPU does not count. Offers and answers go over its
standard streams as lines of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import resource
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from broadcaster.drops import Drops
from broadcaster.transport.parameters import SendStreams
from broadcaster.transport.sdp import parse_offer
from broadcaster.transport.transport import Transport
from broadcaster.transport.udp import MediaPort
from config.settings import load
from tests.support.child import Child, child, serve
from tests.support.lecture import rtp_packet
from tests.support.peer import Peer

STREAMS = SendStreams("lec", "lec", 501, 502, 503)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _rss() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


class Server:
    """The child: a media port that obeys lines of JSON."""

    def __init__(self) -> None:
        self.settings = load(None, {"media": {"port": 0, "hosts": ["127.0.0.1"]}, "log": {"level": "error"}})
        self.port = MediaPort(self.settings.media, Drops())
        self.transports: list[Transport] = []

    async def run(self) -> None:
        """Answer until the input ends."""
        await self.port.start()
        await serve(self.obey)
        await self.port.stop()

    async def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """One order: an offer, a burst, or a look at the figures."""
        if "offer" in order:
            offer = parse_offer(order["offer"], self.settings.sdp, "watch")
            self.transports.append(self.port.open(offer.remote, label="bench"))
            return {"answer": offer.answer(self.transports[-1].local, self.port.candidates(), STREAMS)}
        if "burst" in order:
            return {"microseconds": self.burst(order["burst"])}
        connected = sum(transport.state == "connected" for transport in self.transports)
        return {"cpu": _cpu(), "rss": _rss(), "connected": connected}

    def burst(self, packets: int) -> float:
        """Seal and send `packets` to every viewer; return CPU microseconds a packet."""
        begun = time.process_time()
        for sequence in range(packets):
            plain = rtp_packet(bytes(1050), payload_type=108, sequence=sequence, timestamp=0, ssrc=502)
            for transport in self.transports:
                transport.send(transport.protect(plain))
        return (time.process_time() - begun) * 1e6 / packets / len(self.transports)


async def exchange(server: Child, offer: str) -> str:
    """What a peer needs to connect."""
    return str((await server.ask(offer=offer))["answer"])


async def measure(viewers: int, idle: float) -> dict[str, float]:
    """Return the figures, CPU in milliseconds and memory in kB."""
    async with child("tests.bench.transport", "--serve") as server:
        peers = [Peer("watch")]
        await peers[0].connect(partial(exchange, server))  # what is needed once does not count
        before = await server.ask()
        for _ in range(viewers):
            peers.append(Peer("watch"))
            await peers[-1].connect(partial(exchange, server))
        joined = await server.ask()
        assert joined["connected"] == viewers + 1
        await asyncio.sleep(idle)
        rested = await server.ask()
        burst = await server.ask(burst=20)
        for peer in peers:
            peer.vanish()
    return {
        "join_ms": (joined["cpu"] - before["cpu"]) * 1e3 / viewers,
        "kilobytes": (joined["rss"] - before["rss"]) / 1e3 / viewers,
        "idle_percent_of_a_core": (rested["cpu"] - joined["cpu"]) * 100 / idle / viewers,
        "seal_and_send_us": burst["microseconds"],
    }


def main() -> None:
    """Run the bench, or be its server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--idle", type=float, default=20.0)
    parser.add_argument("--serve", action="store_true")
    options = parser.parse_args()
    if options.serve:
        import structlog

        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(Server().run())
        return
    for name, value in asyncio.run(measure(options.viewers, options.idle)).items():
        sys.stdout.write(f"{name} {value:.4f}\n")


if __name__ == "__main__":
    main()
