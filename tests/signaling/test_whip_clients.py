"""Foreign publishers: FFmpeg's own `whip` muxer as a process, and the sequence of requests that OBS makes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from signaling.live.events import PublisherArrived, PublisherLost
from signaling.live.states import Event
from tests.support.live_web import SDP, Site, bearer, site
from tests.support.peer import Peer

FRAMES = 60


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Site]:
    async with site(tmp_path) as built:
        await built.home.at(Event.OPEN, Event.START)
        yield built


@pytest.mark.server
async def test_ffmpegs_whip_muxer_publishes_to_a_screen(served: Site, tmp_path: Path) -> None:
    url = f"{served.url}/whip/{served.home.lecture_id}"
    async with Peer("watch") as screen:
        await screen.connect(served.exchange("whep", served.home.watch()))
        arguments = ["-m", "tests.support.ffmpeg_whip", url, await served.home.key(), str(tmp_path), str(FRAMES)]
        ffmpeg = await asyncio.create_subprocess_exec(sys.executable, *arguments)
        try:
            async with asyncio.timeout(60):
                assert await ffmpeg.wait() == 0
        finally:
            if ffmpeg.returncode is None:
                ffmpeg.kill()
                await ffmpeg.wait()
        await screen.wait_for(lambda: len(screen.rtp) > FRAMES)
        async with asyncio.timeout(10):
            while not served.home.seen(PublisherLost):
                await asyncio.sleep(0.01)
    assert len(served.home.seen(PublisherArrived)) == 1
    kinds = {packet[1] & 0x7F for packet in screen.rtp}
    assert len(kinds) >= 2  # picture and sound


async def test_the_requests_that_obs_makes(served: Site) -> None:
    """POST without candidates, 201 with an absolute path, no PATCH, DELETE 200, and the same key again."""
    key = await served.home.key()
    endpoint = f"{served.url}/whip/{served.home.lecture_id}"
    async with ClientSession() as http:
        for fence in (1, 2):
            async with Peer("publish", style="obs") as obs:
                assert "a=candidate" not in obs.offer
                response = await http.post(endpoint, data=obs.offer, headers={**SDP, **bearer(key)})
                answer = await response.text()
                assert response.status == 201
                assert answer
                location = response.headers["Location"]
                assert location.startswith("/")
                assert "?" not in location
                assert "Link" not in response.headers

                async def given(offer: str, answer: str = answer) -> str:
                    return answer

                await obs.connect(given)
                obs.send_frame()
                async with asyncio.timeout(10):
                    while len(served.home.seen(PublisherArrived)) < fence:
                        await asyncio.sleep(0.01)
                gone = await http.delete(f"{served.url}{location}", headers=bearer(key))
                assert gone.status == 200
                await obs.wait_for(obs.closed.is_set)
    assert [event.fence for event in served.home.seen(PublisherArrived)] == [1, 2]
