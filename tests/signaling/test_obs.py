"""A client that behaves like OBS against a whole server, assertion by assertion, with a decoding viewer."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.support.crowd import offer_over_http
from tests.support.library import download, finished_recording
from tests.support.media import shown_counters
from tests.support.obs import FPS, Camera, Obs, OutputFailed
from tests.support.peer import Peer
from tests.support.pictures import shown, video_ssrc
from tests.support.server import Server

pytestmark = [pytest.mark.server, pytest.mark.quiet]

Demo = dict[str, Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("obs") / "data")
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture
def demo(server: Server) -> Demo:
    found = server.demo()
    assert found is not None
    return found


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def output(http: aiohttp.ClientSession, demo: Demo, query: str = "") -> Obs:
    return Obs(http, demo["whip_url"] + query, demo["whip_token"])


def camera() -> Camera:
    made = Camera(asyncio.get_running_loop().time())
    assert made.clip.pictures  # coded before the clock is looked at again
    return Camera(asyncio.get_running_loop().time())


async def viewer(http: aiohttp.ClientSession, demo: Demo) -> Peer:
    """A monitor that is connected."""
    watching = Peer("watch")
    return await watching.connect(lambda offer: offer_over_http(http, demo["whep_url"], demo["whep_token"], offer))


async def pictures(watching: Peer, count: int, seconds: float = 20.0) -> None:
    """Wait until the viewer has the packets of at least `count` pictures more."""
    ssrc = video_ssrc(watching).to_bytes(4, "big")

    def ends() -> int:
        return sum(packet[8:12] == ssrc and bool(packet[1] & 0x80) for packet in watching.rtp)

    target = ends() + count
    await watching.wait_for(lambda: ends() >= target, seconds)


async def publisher(server: Server, demo: Demo) -> Any:
    """The publisher in the lecture's document."""
    path = f"/api/v1/lectures/{demo['lecture_id']}"
    status, document = await asyncio.to_thread(server.call, "GET", path, demo["api_token"])
    assert status == 200
    return document["publisher"]


async def until_gone(server: Server, demo: Demo) -> None:
    async with asyncio.timeout(10):
        while await publisher(server, demo) is not None:
            await asyncio.sleep(0.05)


async def test_a_post_with_bearer_and_type_alone_is_answered_201_with_body_and_location(
    http: aiohttp.ClientSession, demo: Demo
) -> None:
    obs = output(http, demo)
    await obs.start()
    assert obs.response is not None
    sent = {name.lower() for name in obs.response.request_info.headers}
    assert sent <= {"authorization", "content-type", "user-agent", "host", "content-length"}
    assert (obs.response.status, obs.response.content_type) == (201, "application/sdp")
    assert obs.peer.answer.startswith("v=0\r\n")
    assert obs.response.headers["Location"]
    await obs.stop()


async def test_an_offer_without_candidates_connects_and_no_patch_is_needed(
    http: aiohttp.ClientSession, demo: Demo
) -> None:
    obs = output(http, demo)
    assert "a=candidate" not in obs.offer
    assert "a=end-of-candidates" not in obs.offer
    await obs.start()
    assert obs.peer.answer.count("a=candidate:") >= 1
    assert obs.peer.dtls_state == "connected"
    await obs.stop()
    assert obs.requests == ["POST", "DELETE"]


@pytest.mark.parametrize("query", ["", "?name=obs&quality=high"])
async def test_the_location_replaces_the_path_and_empties_the_query(
    http: aiohttp.ClientSession, demo: Demo, query: str
) -> None:
    obs = output(http, demo, query)
    await obs.start()
    assert obs.response is not None
    location = obs.response.headers["Location"]
    assert location.startswith("/")
    assert not urlsplit(location).query
    assert urlsplit(obs.resource).path == location
    assert await obs.stop() == 200


async def test_delete_answers_200_and_frees_the_air(server: Server, http: aiohttp.ClientSession, demo: Demo) -> None:
    obs = output(http, demo)
    await obs.start()
    async with obs.streaming(camera()):
        async with asyncio.timeout(10):
            while await publisher(server, demo) is None:
                await asyncio.sleep(0.05)
        assert await obs.stop() == 200
    await until_gone(server, demo)
    async with http.delete(obs.resource, headers={"Authorization": f"Bearer {demo['whip_token']}"}) as again:
        assert again.status == 404


async def test_link_headers_are_one_server_each_and_none_only_over_tls(http: aiohttp.ClientSession, demo: Demo) -> None:
    obs = output(http, demo)
    await obs.start()
    assert obs.response is not None
    links = obs.response.headers.getall("Link", [])
    assert all("," not in link for link in links)
    assert not links or any("<turn:" in link or "<stun:" in link for link in links)
    await obs.stop()


async def test_a_wrong_key_is_refused_without_a_location(http: aiohttp.ClientSession, demo: Demo) -> None:
    obs = Obs(http, demo["whip_url"], demo["whip_token"][:-4] + "AAAA")
    with pytest.raises(OutputFailed) as failure:
        await obs.start()
    assert failure.value.status == 401
    assert obs.response is not None
    assert "Location" not in obs.response.headers
    assert obs.response.headers["WWW-Authenticate"].startswith("Bearer")
    obs.peer.close()


async def test_keyframes_of_its_own_are_enough_and_requests_stay_few(http: aiohttp.ClientSession, demo: Demo) -> None:
    """OBS does not hear a PLI: a viewer that joins between two keyframes still sees pictures from its first packet on."""
    obs = output(http, demo)
    await obs.start()
    async with obs.streaming(camera()):
        first = await viewer(http, demo)
        await pictures(first, FPS * 2)
        late = await viewer(http, demo)
        await pictures(late, FPS)
        asked, began = obs.peer.plis, time.monotonic()
        await pictures(first, FPS * 4)
        assert obs.peer.plis - asked <= 2 * (time.monotonic() - began) + 1  # at most one in half a second
        for watching in (first, late):
            watching.close()
    for watching in (first, late):
        counters = shown(watching)
        assert None not in counters
        assert counters == sorted(set(counters))  # type: ignore[type-var]
        assert set(counters) <= set(obs.counters)
        assert counters[0] % FPS == 0, "the first picture is a keyframe"
    assert shown(late)[0] > shown(first)[0]  # type: ignore[operator]
    assert await obs.stop() == 200


async def test_a_new_post_with_the_same_key_takes_over_and_viewers_go_on(
    server: Server, http: aiohttp.ClientSession, demo: Demo
) -> None:
    scene = camera()
    old, new = output(http, demo), output(http, demo)
    await old.start()
    async with old.streaming(scene):
        watching = await viewer(http, demo)
        await pictures(watching, FPS)
        before = await publisher(server, demo)
        await new.start()  # 201, never 409, while the old session is alive
        async with new.streaming(scene):
            await asyncio.wait_for(old.peer.closed.wait(), 10)  # told by close_notify
            await pictures(watching, FPS * 2)
            after = await publisher(server, demo)
            assert not watching.closed.is_set()
            assert not new.peer.closed.is_set()
    assert before["session"] != after["session"]
    counters = [counter for counter in shown(watching) if counter is not None]
    assert counters == sorted(counters), "no picture of the old session after one of the new"
    assert len(counters) - len(set(counters)) <= 1, "the picture of the switch may have come from both"
    assert max(counters) in new.counters
    assert min(counters) in old.counters
    sequences = watching.sequences(video_ssrc(watching))
    assert set(range(sequences[0], sequences[-1] + 1)) == set(sequences), "the viewer's numbers go on without a gap"
    watching.close()
    assert await new.stop() == 200
    async with http.delete(old.resource, headers={"Authorization": f"Bearer {demo['whip_token']}"}) as response:
        assert response.status == 404
    old.peer.close()


async def test_after_a_lost_network_a_new_post_goes_on_at_once(
    server: Server, http: aiohttp.ClientSession, demo: Demo
) -> None:
    scene = camera()
    lost, back = output(http, demo), output(http, demo)
    await lost.start()
    async with lost.streaming(scene):
        watching = await viewer(http, demo)
        await pictures(watching, FPS)
    lost.peer.vanish()
    await back.start()
    async with back.streaming(scene):
        await pictures(watching, FPS)
    assert not watching.closed.is_set()
    assert await back.stop() == 200
    watching.close()
    await until_gone(server, demo)


async def test_reconnects_in_a_row_are_never_refused_for_a_living_session(
    http: aiohttp.ClientSession, demo: Demo
) -> None:
    """Each POST finds the session before it alive."""
    outputs = [output(http, demo) for _ in range(8)]
    for obs in outputs:
        await obs.start()
    for older in outputs[:-1]:
        await asyncio.wait_for(older.peer.closed.wait(), 10)
    assert not outputs[-1].peer.closed.is_set()
    assert await outputs[-1].stop() == 200
    for older in outputs[:-1]:
        older.peer.close()


async def test_both_sessions_of_a_takeover_are_in_one_recording(
    tmp_path_factory: pytest.TempPathFactory, http: aiohttp.ClientSession
) -> None:
    folder = tmp_path_factory.mktemp("taken-over")
    server = Server(folder / "data")
    try:
        demo = await asyncio.to_thread(server.start)
        old, new = output(http, demo), output(http, demo)
        scene = camera()
        await old.start()
        async with old.streaming(scene):
            await old.until_sent(3 * FPS)
            await new.start()
            async with new.streaming(scene):
                await asyncio.wait_for(old.peer.closed.wait(), 10)
                await new.until_sent(3 * FPS)
        await new.stop()
        old.peer.close()
        path = f"/api/v1/lectures/{demo['lecture_id']}/end"
        assert (await asyncio.to_thread(server.call, "POST", path, demo["api_token"]))[0] == 200
        entry = await asyncio.to_thread(finished_recording, server, demo)
        film = await asyncio.to_thread(download, server, demo, entry["mp4_url"], folder / "lecture.mp4")
    finally:
        server.close()
    counters = [counter for _, counter in shown_counters(film) if counter is not None]
    assert all(later > earlier for earlier, later in itertools.pairwise(counters))
    assert set(counters) & (set(old.counters) - set(new.counters))
    assert set(counters) & (set(new.counters) - set(old.counters))
    sent = set(old.counters) | set(new.counters)
    assert len(sent - set(counters)) <= 2 * FPS, "hardly more than the pictures between two keyframes may be missing"
