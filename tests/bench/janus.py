"""The peer at hand: Janus' streaming plugin sends the same lecture to viewers, when Janus is installed.

One RTP mountpoint is fed with the lecture before it is sealed. Janus runs as ICE-lite, with few event loops and without the plugins
that nobody uses here: as lean as its settings allow. Its viewers are the peers of our own tests, drained fifty times a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import aiohttp
from aioice import stun
from aiortc import rtcdtlstransport
from pylibsrtp import Policy

from broadcaster.media import Kind
from tests.bench.floor import PAYLOAD_TYPES, PROFILE
from tests.bench.meter import Meter, Reading
from tests.bench.place import Network
from tests.bench.score import FRAMES_A_SECOND, PACKETS_A_SECOND, Step, score
from tests.support.crowd import Viewer, count
from tests.support.lecture import rtp_packet
from tests.support.server import free_port

MOUNTPOINT = 1
EVENT_LOOPS = 1  # it has one core
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


class JanusViewer(Viewer):
    """Answers an offer of Janus instead of offering."""

    def answer_to(self, offer: str) -> str:
        """Take the credentials of the offer; return the answer, its sections in the order of the offer."""
        self.take_answer(offer)
        words = self.words
        lines = ["v=0", f"o=- 1 1 IN IP4 {self.host}", "s=-", "t=0 0"]
        for section in re.findall(r"^m=.*?(?=^m=|\Z)", offer, re.M | re.S):
            heading = section.split("\r\n", 1)[0].split()
            mid = re.search(r"^a=mid:(\S+)", section, re.M)
            assert mid is not None
            lines += [f"{heading[0]} 9 {heading[2]} {heading[3]}", "c=IN IP4 0.0.0.0", f"a=mid:{mid.group(1)}"]
            lines += re.findall(rf"^(a=(?:rtpmap|fmtp):{heading[3]} .*?)\r?$", section, re.M)
            lines += [f"a=ice-ufrag:{words.ufrag}", f"a=ice-pwd:{words.pwd}", f"a=fingerprint:{words.fingerprint}"]
            lines += ["a=setup:active", "a=recvonly", "a=rtcp-mux"]
            lines += [f"a=candidate:{candidate}" for candidate in words.candidates] + ["a=end-of-candidates"]
        mids = " ".join(re.findall(r"^a=mid:(\S+)", offer, re.M))
        lines.insert(4, f"a=group:BUNDLE {mids}")
        return "\r\n".join(lines) + "\r\n"

    def check(self, **wishes: Any) -> bytes:
        """As ever, with the FINGERPRINT without which libnice does not listen."""
        message = stun.parse_message(super().check(**wishes))
        message.add_fingerprint()
        return bytes(message)

    def _receive(self, data: bytes) -> None:
        if data[0] > 3:
            super()._receive(data)
            return
        message = stun.parse_message(data)
        if message.message_class is stun.Class.REQUEST:
            self._respond(message)
        elif message.message_class is stun.Class.RESPONSE:
            self.responses.append((message.transaction_id, message.attributes["XOR-MAPPED-ADDRESS"]))

    def _respond(self, request: stun.Message) -> None:
        """Janus checks the path too, though it calls itself lite."""
        assert self.remote is not None
        response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=request.transaction_id)
        response.attributes["XOR-MAPPED-ADDRESS"] = self.remote
        response.add_message_integrity(self.words.pwd.encode())
        response.add_fingerprint()
        self.send_raw(bytes(response))

    def word(self, attribute: str) -> str:
        """As of an answer that leaves the active role to this side."""
        return "passive" if attribute == "setup" else super().word(attribute)


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


def offered_address(offer: str) -> str:
    """Return the IPv4 address that Janus offers: libnice knows no loopback, so its viewers on this machine must use that one too."""
    found = re.search(r"^a=candidate:\S+ 1 udp \d+ ([\d.]+) ", offer, re.M)
    if found is None:
        raise RuntimeError("Janus offers no IPv4 address: it needs an interface beside loopback")
    return found.group(1)


async def measure(network: Network, sizes: list[int], seconds: float) -> dict[int, dict[str, float]]:
    """Return the figures for each number of viewers, smallest first."""
    agreed = getattr(Policy, f"SRTP_PROFILE_{PROFILE}")
    only = [profile for profile in rtcdtlstransport.SRTP_PROFILES if profile.libsrtp_profile == agreed]
    with mock.patch.object(rtcdtlstransport, "SRTP_PROFILES", only):
        async with running(network) as (janus, media):
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


def cheapest(sizes: dict[int, dict[str, float]]) -> float | None:
    """Return the lowest CPU microseconds for a terminal and second of lecture at which nearly everything was delivered."""
    return min((each["us"] for each in sizes.values() if each["delivered"] > 0.97), default=None)


@contextlib.asynccontextmanager
async def running(network: Network) -> AsyncIterator[tuple[Janus, tuple[int, int]]]:
    """Yield a Janus without viewers, and the ports that take sound and pictures."""
    with tempfile.TemporaryDirectory(prefix="bench-janus-") as folder, network.server.here():
        ports = (free_port(), free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM))
        write_settings(Path(folder), network.server.address, *ports)
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


def write_settings(folder: Path, address: str, http: int, audio: int, video: int) -> None:
    """Write what Janus reads: one core, one mountpoint, one address."""
    sound, picture = PAYLOAD_TYPES.values()
    texts = {
        "janus.jcfg": f"""
            general: {{ debug_level = 2 event_loops = {EVENT_LOOPS} session_timeout = 600 interface = "{address}" }}
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
