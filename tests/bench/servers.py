"""A whole server in its place, terminals and a lecturer in theirs, and what the server used while some time passed."""

from __future__ import annotations

import contextlib
import json
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from broadcaster.loadgen.crowd import Audience, Crew, Crowd, Phase, crowd
from broadcaster.loadgen.publisher import Lecturer, Sent, WhipSource, lecturer
from tests.bench.meter import Meter, Reading
from tests.bench.place import Network
from tests.bench.readings import Histogram
from tests.support.server import Server

OPENER = "signaling.commands.load_http:opener"
LATENCY = "jiangtang_media_added_latency_seconds"
TRAINS = "jiangtang_media_train_packets"
SETTLE_SECONDS = 2.0
SAMPLE = 0.05
# One credential stands for all terminals here; each screen has its own otherwise.
MANY_JOINS = {"JIANGTANG_LIVE__REQUESTS_PER_SECOND": "10000"}
Figures = dict[str, Any]


class WrongTwin(RuntimeError):
    """The server does not use the twin that was asked for."""


@dataclass
class Serving:
    """A running server and who is connected to it."""

    network: Network
    server: Server
    demo: dict[str, Any]
    meter: Meter
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    halls: list[Crowd] = field(default_factory=list)

    def url(self, path: str) -> str:
        """Return a URL at which the load finds the server."""
        return f"http://{self.network.server.address}:{self.server.port}{path}"

    async def audience(self, *, sample: float = SAMPLE, loss: float = 0.0) -> Crowd:
        """Return an empty hall of terminals."""
        whep = self.url(urlsplit(self.demo["whep_url"]).path)
        cpus = tuple(self.network.load.cores)
        seats = Audience(whep, (self.demo["whep_token"],), OPENER, sample, loss)
        hall = await self.stack.enter_async_context(crowd(seats, Crew(1, cpus), pid=self.server.pid))
        self.halls.append(hall)
        return hall

    async def lecturer(self) -> Lecturer:
        """Return a lecturer who is connected and silent."""
        whip = self.url(urlsplit(self.demo["whip_url"]).path)
        source = WhipSource(whip, self.demo["whip_token"], OPENER)
        return await self.stack.enter_async_context(lecturer(source, tuple(self.network.load.cores)))

    def metrics(self) -> str:
        """Return the server's metrics as text."""
        return self._get("/metrics")

    def twin(self) -> str:
        """Return the twin that forwards, "python" when the server does not say."""
        found: dict[str, Any] = json.loads(self._get("/healthz"))
        return str(found.get("fanout", "python"))

    def _get(self, path: str) -> str:
        request = urllib.request.Request(self.url(path), headers={"Authorization": f"Bearer {self.demo['api_token']}"})
        with urllib.request.urlopen(request, timeout=20) as response:
            text: str = response.read().decode()
        return text


@contextlib.asynccontextmanager
async def serving(network: Network, twin: str) -> AsyncIterator[Serving]:
    """Yield a server that forwards by `twin` and has nobody yet; everything ends with the block. Raises `WrongTwin`."""
    with process(network, twin) as (server, demo), network.load.here():
        (core,) = network.server.cores
        made = Serving(network, server, demo, Meter(server.pid, core))
        if made.twin() != twin:
            raise WrongTwin(f"the server forwards by its {made.twin()} twin, not by {twin}")
        async with made.stack:
            yield made


@contextlib.contextmanager
def process(network: Network, twin: str) -> Iterator[tuple[Server, dict[str, Any]]]:
    """Yield a server process that is ready, and its demo file."""
    with tempfile.TemporaryDirectory(prefix="bench-server-") as folder:
        options = ("--media-host", network.server.address, "--host", "0.0.0.0")
        environment = MANY_JOINS | {"JIANGTANG_FORWARD__TWIN": twin}
        server = Server(Path(folder) / "data", options=options, environment=environment)
        try:
            with network.server.here():
                demo = server.start()
            yield server, demo
        finally:
            server.close()


async def used(serving: Serving, hall: Crowd, seconds: float) -> tuple[Reading, Phase]:
    """Let time pass; return what the server used and what the terminals saw."""
    before = serving.meter.read()
    phase = await hall.watch(seconds)
    return serving.meter.read() - before, phase


async def measure(serving: Serving, hall: Crowd, studio: Lecturer, seconds: float) -> Figures:
    """Let the lecture run for some seconds; return the figures of one size."""
    told, sent = serving.metrics(), await studio.look()
    reading, phase = await used(serving, hall, seconds)
    after, told_after = await studio.look(), serving.metrics()
    latency = Histogram.read(told_after, LATENCY) - Histogram.read(told, LATENCY)
    lengths = Histogram.read(told_after, TRAINS) - Histogram.read(told, TRAINS)
    lecture = lectured(sent, after, reading.at)
    cost = costs(reading, phase.terminals)
    return {
        **cost,
        "us_per_packet": round(cost["us"] / max(1.0, lecture["lecture_packets_per_second"]), 3),
        **reading.shares(),
        "latency_p50_ms": milliseconds(latency.quantile(0.5)),
        "latency_p99_ms": milliseconds(latency.quantile(0.99)),
        "train_length_median": lengths.median_step(),
        **seen(phase),
        **lecture,
    }


def costs(reading: Reading, terminals: int) -> Figures:
    """Return what a terminal cost in a second of lecture."""
    us = reading.cpu / reading.at / max(1, terminals) * 1e6
    return {"terminals": terminals, "us": us, "terminals_per_core": round(1e6 / us) if us else None}


def seen(phase: Phase) -> Figures:
    """Return what the terminals saw: the sample checks every packet, of the others the kernel counts them."""
    tally = phase.tally
    checked = tally.received + tally.gaps
    return {
        "sample_packets": tally.received,
        "sample_gaps": tally.gaps,
        "sample_own_drops": tally.own_drops,
        "sample_delivered": tally.received / checked if checked else None,
        "undecryptable": tally.undecryptable,
        "connections_lost": sum(tally.ended.values()),
        "picture_latency_p99_ms": percentile(tally.video_latency, 99),
        "sound_latency_p99_ms": percentile(tally.audio_latency, 99),
        "server_socket_drops": phase.server.drops if phase.server else None,
        "load_percent": round(phase.load.cpu / phase.seconds * 100, 1),
        "load_late_turns": tally.late_turns,
    }


def lectured(before: Sent, after: Sent, seconds: float) -> Figures:
    """Return what was sent in so many seconds."""
    return {
        "lecture_packets_per_second": round((after.packets - before.packets) / seconds, 1),
        "lecture_keyframes": after.keyframes - before.keyframes,
        "lecture_late_frames": after.late_frames - before.late_frames,
    }


def percentile(histogram: Any, percent: float) -> float | None:
    """Return a percentile of the load generator's histograms in milliseconds, None without values."""
    return milliseconds(histogram.percentile(percent)) if histogram.count else None


def milliseconds(seconds: float | None) -> float | None:
    """Return milliseconds with three digits behind the point."""
    return None if seconds is None else round(seconds * 1e3, 3)
