"""The peer at hand: Janus' streaming plugin sends the same lecture to viewers, when Janus is installed.

One RTP mountpoint is fed with the lecture before it is sealed. Janus runs as ICE-lite, with few event loops and without the plugins
that nobody uses here: as lean as its settings allow. Its viewers are the peers of our own tests, drained fifty times a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import aiohttp
from aiortc import rtcdtlstransport
from pylibsrtp import Policy

from broadcaster.media import Kind
from tests.bench.floor import PAYLOAD_TYPES, PROFILE
from tests.bench.janus_viewer import JanusViewer, offered_address
from tests.bench.meter import Meter, Reading
from tests.bench.place import Network
from tests.bench.score import FRAMES_A_SECOND, PACKETS_A_SECOND, Step, score
from tests.support.crowd import Viewer, count
from tests.support.lecture import rtp_packet
from tests.support.server import free_port

MOUNTPOINT = 1
LEAN, AS_SHIPPED = 1, 0  # event loops: one for its one core; a thread for each viewer, as Debian's settings have it
READY_SECONDS = 15.0
JOIN_SECONDS = 30.0
JOINING_AT_ONCE = 8
DRAIN_SECONDS = 0.02
SETTLE_SECONDS = 2.0
REPORT_TURNS = 50
PLUGIN = "janus.plugin.streaming"
SOUND_TICKS = 1920  # 40 ms


def missing() -> str:
    """Say in a sentence why Janus cannot be measured; empty when it can."""
    return "" if shutil.which("janus") else "Janus is not installed (apt-get install janus): left out"


class Janus:
    """A running Janus and its viewers."""

    def __init__(self, network: Network, http: aiohttp.ClientSession, port: int, pid: int) -> None:
        self._http, self._url = http, f"http://{network.server.address}:{port}/janus"
        self._host = network.load.address if network.load.namespace else ""
        self._gate = asyncio.Semaphore(JOINING_AT_ONCE)
        self.pid = pid
        self.viewers: list[Viewer] = []

    async def ready(self) -> None:
        """Return when Janus answers. Raises `TimeoutError`."""
        async with asyncio.timeout(READY_SECONDS):
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    await self._get(f"{self._url}/info")
                    return
                await asyncio.sleep(0.1)

    async def join(self, viewers: int) -> None:
        """Let so many viewers join, a few at a time."""
        await asyncio.gather(*(self._join() for _ in range(viewers)))

    async def _join(self) -> None:
        async with self._gate:
            session = f"{self._url}/{(await self._post(self._url, janus='create'))['data']['id']}"
            attached = await self._post(session, janus="attach", plugin=PLUGIN)
            handle = f"{session}/{attached['data']['id']}"
            await self._post(handle, janus="message", body={"request": "watch", "id": MOUNTPOINT})
            offer = await self._offer(session)
            viewer = JanusViewer(self._host or offered_address(offer))
            self.viewers.append(viewer)
            jsep = {"type": "answer", "sdp": viewer.answer_to(offer)}
            await self._post(handle, janus="message", body={"request": "start"}, jsep=jsep)
            viewer.start_checks()
            await viewer.wait_for(lambda: bool(viewer.responses), JOIN_SECONDS)
            await asyncio.wait_for(viewer.handshake(), JOIN_SECONDS)
            viewer.rest()

    async def _offer(self, session: str) -> str:
        async with asyncio.timeout(JOIN_SECONDS):
            while True:
                event = await self._get(session)
                if "jsep" in event:
                    return str(event["jsep"]["sdp"])

    async def _post(self, url: str, **words: Any) -> dict[str, Any]:
        async with self._http.post(url, json={"transaction": "bench", **words}) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
        if answer["janus"] == "error":
            raise RuntimeError(f"Janus refused {words['janus']}: {answer['error']}")
        return answer

    async def _get(self, url: str) -> dict[str, Any]:
        async with self._http.get(url) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            return answer

    async def drain(self) -> None:
        """Read all viewers in turn until cancelled; each reports once a second."""
        turn = 0
        while True:
            for place, viewer in enumerate(self.viewers):
                viewer.drain()
                if place % REPORT_TURNS == turn % REPORT_TURNS and viewer.streams:
                    viewer.report()
            turn += 1
            await asyncio.sleep(DRAIN_SECONDS)


async def measure(
    network: Network, sizes: list[int], seconds: float, event_loops: int = LEAN
) -> dict[int, dict[str, float]]:
    """Return the figures for each number of viewers, smallest first."""
    agreed = getattr(Policy, f"SRTP_PROFILE_{PROFILE}")
    only = [profile for profile in rtcdtlstransport.SRTP_PROFILES if profile.libsrtp_profile == agreed]
    with mock.patch.object(rtcdtlstransport, "SRTP_PROFILES", only):
        async with running(network, event_loops) as (janus, media):
            tasks = [asyncio.create_task(janus.drain()), asyncio.create_task(feed(network.server.address, *media))]
            try:
                return {size: await _at(janus, network, size, seconds) for size in sorted(sizes)}
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


async def _at(janus: Janus, network: Network, size: int, seconds: float) -> dict[str, float]:
    meter = Meter(janus.pid, *network.server.cores)
    more, before = size - len(janus.viewers), meter.read()
    await janus.join(more)
    joined = meter.read() - before
    await asyncio.sleep(SETTLE_SECONDS)
    counted, begun = count(janus.viewers).received, meter.read()
    await asyncio.sleep(seconds)
    return figures(meter.read() - begun, count(janus.viewers).received - counted, size) | {
        "join_ms": joined.cpu / more * 1e3
    }


def figures(used: Reading, packets: int, viewers: int) -> dict[str, float]:
    """Fold what Janus used while `packets` arrived at its viewers."""
    return {
        "us": used.cpu / used.at / viewers * 1e6,
        "us_per_packet": used.cpu / max(1, packets) * 1e6,
        "delivered": packets / (used.at * PACKETS_A_SECOND * viewers),
        **used.shares(),
    }


@contextlib.asynccontextmanager
async def running(network: Network, event_loops: int) -> AsyncIterator[tuple[Janus, tuple[int, int]]]:
    """Yield a Janus without viewers, and the ports that take sound and pictures."""
    with tempfile.TemporaryDirectory(prefix="bench-janus-") as folder, network.server.here():
        ports = (free_port(), free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM))
        write_settings(Path(folder), network.server.address, ports, event_loops)
        with process(Path(folder)) as pid, network.load.here():
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
                janus = Janus(network, http, ports[0], pid)
                await janus.ready()
                try:
                    yield janus, ports[1:]
                finally:
                    for viewer in janus.viewers:
                        viewer.vanish()


@contextlib.contextmanager
def process(folder: Path) -> Iterator[int]:
    """Yield the id of a Janus with the settings in `folder`; it is ended with the block."""
    with (folder / "log").open("w") as log:
        command = ["janus", "--configs-folder", str(folder), "--disable-colors"]
        started = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        yield started.pid
        if started.poll() is not None:
            raise RuntimeError(f"Janus ended with {started.returncode}: {(folder / 'log').read_text()[-500:]}")
    finally:
        started.kill()
        started.wait()


def write_settings(folder: Path, address: str, ports: tuple[int, int, int], event_loops: int) -> None:
    """Write what Janus reads: one mountpoint, one address. `ports` are those of HTTP, sound and pictures."""
    http, audio, video = ports
    sound, picture = PAYLOAD_TYPES.values()
    texts = {
        "janus.jcfg": f"""
            general: {{ debug_level = 2 event_loops = {event_loops} session_timeout = 600 interface = "{address}" }}
            nat: {{ ice_lite = true full_trickle = false ice_enforce_list = "{address}" }}
            plugins: {{ disable = "{_others("plugins", "streaming")}" }}
            transports: {{ disable = "{_others("transports", "http")}" }}
            """,
        f"{PLUGIN}.jcfg": f"""
            lecture: {{ type = "rtp" id = {MOUNTPOINT} audio = true video = true
                audioport = {audio} audiopt = {sound} audiocodec = "opus"
                videoport = {video} videopt = {picture} videocodec = "h264" }}
            """,
        "janus.transport.http.jcfg": f"""
            general: {{ json = "plain" base_path = "/janus" http = true port = {http} ip = "{address}" https = false }}
            admin: {{ admin_http = false admin_https = false }}
            """,
    }
    for name, text in texts.items():
        (folder / name).write_text(text)


def _others(kind: str, wanted: str) -> str:
    libraries = Path("/usr/lib").glob(f"*/janus/{kind}/libjanus_*.so")
    return ",".join(sorted(path.name for path in libraries if path.stem != f"libjanus_{wanted}"))


async def feed(address: str, audio: int, video: int) -> None:
    """Send the lecture in real time to Janus' ports until cancelled."""
    loop, frame, ports = asyncio.get_running_loop(), 0, {Kind.AUDIO: audio, Kind.VIDEO: video}
    sequences = dict.fromkeys(Kind, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        begun = loop.time()
        for step in itertools.cycle(score()):
            if step.kind is Kind.VIDEO:
                await asyncio.sleep(max(0.0, begun + frame / FRAMES_A_SECOND - loop.time()))
                frame += 1
            for packet in plain(step, sequences, frame):
                out.sendto(packet, (address, ports[step.kind]))


def plain(step: Step, sequences: dict[Kind, int], frame: int) -> list[bytes]:
    """Return the RTP packets of a step; `sequences` are the next numbers of each kind and go on."""
    first, kind = sequences[step.kind], step.kind
    sequences[kind] += step.packets
    timestamp = frame * kind.clock_rate // FRAMES_A_SECOND if kind is Kind.VIDEO else first * SOUND_TICKS
    return [
        rtp_packet(
            bytes(step.payload),
            payload_type=PAYLOAD_TYPES[kind],
            sequence=first + place,
            timestamp=timestamp,
            ssrc=7 + kind,
            marker=kind is Kind.VIDEO and place == step.packets - 1,
        )
        for place in range(step.packets)
    ]
