"""What a viewer costs the transport alone: CPU of a join, memory, idle upkeep, and the price of sealing and sending.

    python -m tests.bench.transport [--viewers 200] [--idle 20]

The media port runs in a process of its own, so that the peers' CPU does not count. Offers and answers go over its
standard streams as lines of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from broadcaster.drops import Drops
from broadcaster.transport.parameters import SendStreams
from broadcaster.transport.sdp import parse_offer
from broadcaster.transport.transport import Transport
from broadcaster.transport.udp import MediaPort
from config.settings import load
from tests.support.lecture import rtp_packet
from tests.support.peer import Peer

STREAMS = SendStreams("lec", "lec", 501, 502, 503)
LINE_LIMIT = 1 << 20


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
        reader = asyncio.StreamReader(limit=LINE_LIMIT)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            sys.stdout.write(json.dumps(self.obey(json.loads(line))) + "\n")
            sys.stdout.flush()
        await self.port.stop()

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
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


class Child:
    """The parent's end of the server's standard streams."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._lock = asyncio.Lock()

    async def ask(self, **order: Any) -> dict[str, Any]:
        """Give an order and return what was answered."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        async with self._lock:
            self.process.stdin.write(json.dumps(order).encode() + b"\n")
            return json.loads(await self.process.stdout.readline())  # type: ignore[no-any-return]

    async def exchange(self, offer: str) -> str:
        """What a peer needs to connect."""
        return str((await self.ask(offer=offer))["answer"])


async def measure(viewers: int, idle: float) -> dict[str, float]:
    """Return the figures, CPU in milliseconds and memory in kB."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.transport", "--serve",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LINE_LIMIT,
    )  # fmt: skip
    child = Child(process)
    peers = [Peer("watch")]
    await peers[0].connect(child.exchange)  # what is needed once does not count
    before = await child.ask()
    for _ in range(viewers):
        peers.append(Peer("watch"))
        await peers[-1].connect(child.exchange)
    joined = await child.ask()
    assert joined["connected"] == viewers + 1
    await asyncio.sleep(idle)
    rested = await child.ask()
    burst = await child.ask(burst=20)
    for peer in peers:
        peer.vanish()
    assert process.stdin is not None
    process.stdin.close()
    await process.wait()
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
