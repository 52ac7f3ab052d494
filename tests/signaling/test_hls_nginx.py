"""`config/nginx.conf` as it is shipped, run by Debian's nginx before real HLS routes."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from recorder.news import Ended, News, PartMade, ReelEnded
from signaling.library.receipts import BadReceipt
from tests.support.hls_stage import NOW, HlsStage
from tests.support.nginx import Nginx, nginx
from tests.support.players import Player

pytestmark = pytest.mark.server

PLAYERS = 300
PARTS = 12


@dataclass
class Front:
    """nginx before a lecture whose first seconds are there; `coming` is the rest."""

    stage: HlsStage
    proxy: Nginx
    coming: list[News]

    @property
    def tls(self) -> ssl.SSLContext:
        """Return a context that trusts the proxy's certificate and nothing else."""
        return ssl.create_default_context(cafile=str(self.proxy.authority))

    @property
    def base(self) -> str:
        """The folder of the recording."""
        return self.stage.url("")

    def tell_a_part(self) -> bool:
        """Give the stream what comes up to the next part; return whether there was one."""
        assert self.stage.running is not None
        while self.coming:
            item = self.coming.pop(0)
            self.stage.running.take(item)
            if isinstance(item, PartMade):
                return True
        return False

    async def curl(self, name: str, *options: str) -> tuple[int, str, bytes]:
        """Return status, HTTP version and body of a request by curl."""
        process = await asyncio.create_subprocess_exec(
            "curl", "-s", "--cacert", str(self.proxy.authority), "-w", "\n%{http_code} %{http_version}", *options,
            f"{self.proxy.url}{self.base}{name}", stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, _ = await process.communicate()
        body, _, last = output.rpartition(b"\n")
        status, version = last.decode().split()
        return int(status), version, body

    def bearer(self, token: str) -> tuple[str, str]:
        """Return curl's options for a token."""
        return "-H", f"Authorization: Bearer {token}"


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    stage = HlsStage(tmp_path / "recordings")
    async with TestServer(stage.app) as server:
        assert server.port is not None
        with nginx(tmp_path / "nginx", server.port) as proxy:
            made = Front(stage, proxy, stage.record(20.0))
            for _ in range(10):
                assert made.tell_a_part()
            yield made


async def lecture(front: Front, players: list[Player], fetched: asyncio.Queue[str], parts: int) -> None:
    """Let the players follow the lecture: a part comes when all of them have the one before."""
    assert front.stage.running is not None
    async with asyncio.TaskGroup() as following:  # a player that is refused ends the lecture
        for player in players:
            following.create_task(player.follow())
        for _ in range(parts):
            for _ in players:
                await fetched.get()
            assert front.tell_a_part()
        front.stage.running.take(ReelEnded("e001"))
        front.stage.running.take(Ended())


async def test_hundreds_of_players_get_their_media_from_the_cache(front: Front) -> None:
    fetched: asyncio.Queue[str] = asyncio.Queue()
    players = [
        Player(front.proxy.port, front.tls, front.base, front.stage.token(f"screen-{number}"), fetched)
        for number in range(PLAYERS)
    ]
    try:
        async with asyncio.timeout(120):
            for player in players:
                await player.start()
            await lecture(front, players, fetched, PARTS)
    finally:
        await asyncio.gather(*(player.close() for player in players))
    lines = front.proxy.log()
    media = [line for line in lines if line["path"].endswith((".m4s", ".mp4"))]
    playlists = [line for line in lines if line["path"].endswith(".m3u8")]
    assert {line["status"] for line in lines} == {200}
    assert len(media) >= PLAYERS * PARTS
    found = Counter(line["cache"] for line in media)
    assert found["HIT"] >= 0.95 * len(media), found
    assert len(playlists) >= PLAYERS * PARTS
    assert {line["cache"] for line in playlists} == {""}
    for line in lines:
        receipt = front.stage.receipts.verify(line["receipt"])
        assert receipt.lecture_id == front.stage.lecture_id
        assert receipt.begins_at <= NOW <= receipt.ends_at
    assert {front.stage.receipts.verify(line["receipt"]).subject for line in media} == {
        f"screen-{number}" for number in range(PLAYERS)
    }
    forged = lines[0]["receipt"].replace("screen-", "screen-9")
    with pytest.raises(BadReceipt):
        front.stage.receipts.verify(forged)


async def test_what_is_cached_is_given_to_nobody_without_a_right(front: Front) -> None:
    stage, name = front.stage, "e001.p1.m4s"
    good = front.bearer(stage.token())
    status, version, data = await front.curl(name, *good)
    assert (status, version) == (200, "2")
    assert (await front.curl(name, *good))[2] == data
    assert [line["cache"] for line in front.proxy.log()] == ["MISS", "HIT"]
    assert {line["protocol"] for line in front.proxy.log()} == {"HTTP/2.0"}
    other = front.bearer(stage.token(lecture_id="another"))
    expired = front.bearer(stage.token(seconds=-1))
    for options, refusal in [((), 401), (front.bearer("x"), 401), (expired, 401), (other, 403)]:
        status, _, body = await front.curl(name, *options)
        assert (status, data in body) == (refusal, False)
    cookie = ("-H", f"Cookie: jt_watch={stage.token('screen-2')}")
    assert (await front.curl(name, *cookie))[::2] == (200, data)
    assert (await front.curl("../../hls-auth", "--path-as-is", *good))[0] == 404
    for evil in (f"x/../{name}", f"%2e%2e/{stage.recording_id}/{name}", f"/{name}"):
        status, _, body = await front.curl(evil, "--path-as-is", *other)
        assert (status, data in body) == (403, False), evil


async def test_a_yes_for_what_runs_is_no_yes_for_what_is_finished(front: Front) -> None:
    """A screen may watch the lecture that runs; the whole file of it needs a release, in the same second too."""
    stage, good = front.stage, front.bearer(front.stage.token())
    assert (await front.curl("e001.init.mp4", *good))[0] == 200
    while front.tell_a_part():
        pass
    stage.end()
    assert (await front.curl("e001.mp4", *good))[0] == 403
    stage.state("ready", approved=True)
    status, _, body = await front.curl("vod.m3u8", *good)
    assert (status, body.startswith(b"#EXTM3U")) == (200, True)


async def test_ranges_of_a_finished_recording_come_from_the_server(front: Front) -> None:
    stage, good = front.stage, front.bearer(front.stage.token())
    while front.tell_a_part():
        pass
    stage.end(approved=True)
    file = (stage.deck.folder.path / "e001.mp4").read_bytes()
    for first, last in ((0, 99), (1000, 5000), (len(file) - 50, len(file) - 1)):
        status, _, data = await front.curl("e001.mp4", *good, "-r", f"{first}-{last}")
        assert (status, data) == (206, file[first : last + 1])
    assert "HIT" not in {line["cache"] for line in front.proxy.log()}


async def test_what_a_screen_was_sent_whole_is_seen_behind_the_proxy(front: Front) -> None:
    stage, good = front.stage, front.bearer(front.stage.token())
    while front.tell_a_part():
        pass
    stage.end(approved=True)
    size = (stage.deck.folder.path / "e001.mp4").stat().st_size
    for _ in range(2):
        assert (await front.curl("e001.mp4", *good, "-r", f"0-{size - 1}"))[0] == 206
        assert stage.replaying.take()
