"""What strangers can do to a whole server while it forwards a lecture: one-packet attacks and SDP bombs. They achieve nothing."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.attacks import ATTACKS, Postman
from tests.support.crowd import cpu_seconds, offer_over_http
from tests.support.obs import FPS, Camera, Obs
from tests.support.peer import Peer
from tests.support.pictures import shown, video_ssrc
from tests.support.remote import Remote, another_machine
from tests.support.server import Server

pytestmark = [pytest.mark.server, pytest.mark.quiet, pytest.mark.timeout(180)]

TIMES = 3
KIB = 1024


@dataclass
class Scene:
    """A lecture that is published, and one viewer of it."""

    server: Server
    demo: dict[str, Any]
    http: aiohttp.ClientSession
    obs: Obs
    viewer: Peer
    host: str

    def url(self, direction: str) -> str:
        return f"http://127.0.0.1:{self.server.port}/{direction}/{self.demo['lecture_id']}"

    async def exchange(self, offer: str) -> str:
        return await offer_over_http(self.http, self.url("whep"), self.demo["whep_token"], offer)

    async def numbers(self) -> dict[str, float]:
        """Return the metrics of the server by name with labels."""
        async with self.http.get(f"http://127.0.0.1:{self.server.port}/metrics") as response:
            lines = (await response.text()).splitlines()
        return {
            name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        }

    async def drops(self) -> dict[str, float]:
        """Return the counters of dropped datagrams by reason."""
        pattern = re.compile(r'jiangtang_media_drops_total\{kind="(\w+)"\}')
        return {match[1]: value for name, value in (await self.numbers()).items() if (match := pattern.fullmatch(name))}

    async def goes_on(self, watching: Peer, pictures: int = FPS) -> None:
        """Wait for that many pictures more."""
        ssrc = video_ssrc(watching).to_bytes(4, "big")
        ends = sum(packet[8:12] == ssrc and packet[1] >> 7 for packet in watching.rtp) + pictures
        await watching.wait_for(
            lambda: sum(packet[8:12] == ssrc and packet[1] >> 7 for packet in watching.rtp) >= ends, 20
        )


@asynccontextmanager
async def lecture(server: Server, host: str = "127.0.0.1") -> AsyncIterator[Scene]:
    demo = server.demo()
    assert demo is not None
    loop = asyncio.get_running_loop()
    assert Camera(0.0, 40.0).clip.pictures  # coded before the clock is looked at
    async with aiohttp.ClientSession() as http, Peer("watch", host=host) as viewer:
        obs = Obs(http, f"http://127.0.0.1:{server.port}/whip/{demo['lecture_id']}", demo["whip_token"])
        scene = Scene(server, demo, http, obs, viewer, host)
        await obs.start()
        async with obs.streaming(Camera(loop.time(), 40.0)):
            await viewer.connect(scene.exchange)
            await scene.goes_on(viewer)
            yield scene
        with suppress(aiohttp.ClientError):
            await obs.stop()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("strangers") / "data")
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def remote() -> Iterator[Remote]:
    with another_machine() as made:
        yield made


async def strike(scene: Scene, postman: Postman, victim: Peer) -> None:
    """Send every attack a few times; return when the server has counted all."""
    assert victim.remote is not None
    before, expected = await scene.drops(), Counter[str]()
    for attack in ATTACKS:
        expected[attack.foreign.value] += TIMES
        for _ in range(TIMES):
            postman.send(attack.make(victim), victim.remote)
    async with asyncio.timeout(10):
        while True:
            now = await scene.drops()
            missing = {name for name, count in expected.items() if now.get(name, 0) - before.get(name, 0) < count}
            if not missing:
                return
            await asyncio.sleep(0.02)


async def attacked(scene: Scene, postman: Postman) -> None:
    """Attack before, during and after the handshake of a second viewer; everybody sees every picture."""
    sessions = (await scene.numbers())["jiangtang_media_sessions"]
    async with Peer("watch", host=scene.host) as victim:
        victim.take_answer(await scene.exchange(victim.offer))
        await strike(scene, postman, victim)
        victim.start_checks()
        await victim.wait_for(lambda: bool(victim.responses))
        await strike(scene, postman, victim)
        shaking = asyncio.create_task(victim.handshake())
        await strike(scene, postman, victim)
        await asyncio.wait_for(shaking, 10)
        await strike(scene, postman, victim)
        for attack in ATTACKS:
            if attack.own is not None:
                victim.send_raw(attack.make(victim))
        for watching in (victim, scene.viewer):
            await scene.goes_on(watching)
            assert not watching.closed.is_set()
        assert not scene.obs.peer.closed.is_set()
        numbers = await scene.numbers()
        assert numbers["jiangtang_media_sessions"] == sessions + 1
        assert numbers["jiangtang_media_publishers"] == 1
        for watching in (victim, scene.viewer):
            counters = shown(watching)
            assert counters[0] is not None
            assert counters == list(range(counters[0], counters[0] + len(counters))), "no picture is missing"


async def test_one_packet_attacks_from_another_address_end_no_session(served: Server) -> None:
    async with lecture(served) as scene:
        postman = Postman("127.0.0.2")
        try:
            await attacked(scene, postman)
        finally:
            postman.close()


async def test_one_packet_attacks_from_another_machine_end_no_session(remote: Remote, tmp_path: Path) -> None:
    server = Server(tmp_path / "data", options=("--media-host", remote.server))
    try:
        await asyncio.to_thread(server.start)
        async with lecture(server, remote.server) as scene:
            postman = Postman(remote.address, remote.command())
            try:
                await attacked(scene, postman)
            finally:
                postman.close()
    finally:
        server.close()


def bomb(offer: str, size: int) -> str:
    """Return an offer of that many bytes: the quadratic lines of a parser that looks each up among all before."""
    line = "a=rtpmap:96 VP8/90000\r\n"
    return offer + line * ((size - len(offer)) // len(line))


@pytest.mark.parametrize("direction", ["whip", "whep"])
@pytest.mark.parametrize("size", [31 * KIB, 121 * KIB, 490 * KIB])
async def test_an_sdp_bomb_is_refused_and_delays_nobody(
    served: Server, direction: str, size: int, capsys: pytest.CaptureFixture[str]
) -> None:
    times = 5
    async with lecture(served) as scene:
        token = scene.demo["whip_token" if direction == "whip" else "whep_token"]
        text = bomb(Peer("publish" if direction == "whip" else "watch").offer, size)
        assert abs(len(text) - size) < 30
        headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {token}"}
        lags: list[float] = []
        looking = asyncio.create_task(_note_lags(scene, lags))
        began, used = time.perf_counter(), cpu_seconds(served.pid)
        for _ in range(times):
            async with scene.http.post(scene.url(direction), data=text, headers=headers) as response:
                assert response.status == 400
                assert (await response.json())["code"] in {"malformed_offer", "too_large"}
        took, used = time.perf_counter() - began, cpu_seconds(served.pid) - used
        await scene.goes_on(scene.viewer)
        looking.cancel()
        with capsys.disabled():
            print(
                f"\n{direction} {size // KIB} KiB: {took / times * 1000:.0f} ms each, CPU {used / times * 1000:.0f} ms, lag {max(lags):.3f} s"
            )
        assert used / times < 0.2, "refused before it is parsed"
        assert max(lags) < 0.5, "the loop was held up"
        assert not scene.viewer.closed.is_set()


async def _note_lags(scene: Scene, lags: list[float]) -> None:
    """Note how late the server's loop is, as it measures four times a second."""
    while True:
        lags.append((await scene.numbers())["jiangtang_process_loop_lag_seconds"])
        await asyncio.sleep(0.1)


@pytest.mark.parametrize(("direction", "token"), [("whip", ""), ("whip", "jtk_guess"), ("whep", ""), ("whep", "guess")])
async def test_without_a_credential_the_answer_is_401_before_the_body_is_read(
    served: Server, direction: str, token: str
) -> None:
    """The body is announced and never sent."""
    demo = served.demo()
    assert demo is not None
    lines = [f"POST /{direction}/{demo['lecture_id']} HTTP/1.1", "Host: localhost", "Content-Type: application/sdp"]
    lines += [f"Content-Length: {490 * KIB}", *([f"Authorization: Bearer {token}"] if token else [])]
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode())
        async with asyncio.timeout(5):
            assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
    finally:
        writer.close()
        await writer.wait_closed()
