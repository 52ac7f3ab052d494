"""Publishing and watching over HTTP with real transports: what reaches a screen in which state, replacement, takeover, cut, resume."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from signaling.live.events import PublisherArrived, PublisherLost, ScreenJoined, ScreenLeft
from signaling.live.states import Event, State
from tests.support.databases import once
from tests.support.lecture import Block
from tests.support.live_web import Site, bearer, site
from tests.support.peer import Peer

pytestmark = once

FRAME_SECONDS = 1 / 30
CUT_SECONDS = 0.2


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Site]:
    async with site(tmp_path) as built:
        await built.home.at(Event.OPEN)
        yield built


@asynccontextmanager
async def publishing(served: Site, token: str = "") -> AsyncIterator[Peer]:
    """Yield a publisher that sends a frame thirty times a second."""
    async with Peer("publish") as peer:
        await peer.connect(served.exchange("whip", token or await served.home.ticket()))
        task = asyncio.create_task(_film(peer))
        try:
            yield peer
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await task


async def _film(peer: Peer) -> None:
    while True:
        peer.send_frame()
        peer.send_sound()
        await asyncio.sleep(FRAME_SECONDS)


async def watching(served: Site, place: int = 0) -> Peer:
    return await Peer("watch").connect(served.exchange("whep", served.home.watch(place)))


async def eventually(condition: object, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.005)


async def test_media_reaches_a_screen_in_live_only(served: Site) -> None:
    async with publishing(served) as lecturer, await watching(served) as screen:
        await eventually(lambda: served.home.room.publisher() is not None)
        await eventually(lambda: served.home.room.packets_in > 60)
        assert screen.rtp == []  # open
        await served.home.at(Event.START)
        await screen.wait_for(lambda: len(screen.rtp) > 30)
        await served.home.at(Event.PAUSE)
        paused_at, received = served.home.room.packets_in, len(screen.rtp)
        await eventually(lambda: served.home.room.packets_in > paused_at + 30)
        assert len(screen.rtp) - received <= 12  # what was on its way
        await served.home.at(Event.RESUME)
        await screen.wait_for(lambda: len(screen.rtp) > received + 30)
        assert not screen.closed.is_set()
        assert not lecturer.closed.is_set()


async def test_autostart_begins_with_the_first_packet(tmp_path: Path) -> None:
    async with site(tmp_path, autostart=True) as served:
        await served.home.at(Event.OPEN)
        async with publishing(served), await watching(served) as screen:
            await screen.wait_for(lambda: len(screen.rtp) > 10)
        assert served.home.live.state(served.home.lecture_id) is State.LIVE


async def test_a_second_session_of_a_screen_closes_the_first_with_close_notify(served: Site) -> None:
    async with await watching(served) as first, await watching(served) as second:
        await first.wait_for(first.closed.is_set, 2.0)
        assert not second.closed.is_set()
        await eventually(lambda: len(served.home.seen(ScreenLeft)) == 1)
        assert served.home.seen(ScreenLeft)[0].reason == "replaced"
        assert len(served.home.seen(ScreenJoined)) == 2


async def test_the_lecturers_second_device_takes_over_without_a_gap(served: Site) -> None:
    await served.home.at(Event.START)
    async with publishing(served) as first, await watching(served) as screen:
        await screen.wait_for(lambda: len(screen.rtp) > 10)
        async with publishing(served):
            await first.wait_for(first.closed.is_set, 5.0)
            received = len(screen.rtp)
            await screen.wait_for(lambda: len(screen.rtp) > received + 30)
            assert not screen.closed.is_set()
        await served.home.live.settled()
        lost = served.home.seen(PublisherLost)
        assert [event.fence for event in served.home.seen(PublisherArrived)] == [1, 2]
        assert (lost[0].fence, lost[0].reason) == (1, "taken_over")


async def test_obs_reconnects_with_its_key_while_its_old_session_still_hangs(served: Site) -> None:
    key = await served.home.key()
    first = Peer("publish", style="obs")
    await first.connect(served.exchange("whip", key))
    first.send_frame()
    await eventually(lambda: len(served.home.seen(PublisherArrived)) == 1)
    first.vanish()  # the cable is pulled: no goodbye
    async with Peer("publish", style="obs") as second:
        await second.connect(served.exchange("whip", key))
        second.send_frame()
        await eventually(lambda: len(served.home.seen(PublisherArrived)) == 2)
        assert served.home.room.publisher().fence == 2


async def test_a_hundred_parallel_publishers_end_with_exactly_one(tmp_path: Path) -> None:
    async with site(tmp_path, overrides={"media": {"joins_per_second": 500}}) as served:
        await served.home.at(Event.OPEN)
        keys = [await served.home.key(f"user-{n}") for n in range(100)]
        peers = [Peer("publish", style="obs") for _ in keys]
        responses = await asyncio.gather(
            *(served.post("whip", peer.offer, key) for peer, key in zip(peers, keys, strict=True))
        )
        statuses = [response.status for response in responses]
        assert sorted(set(statuses)) == [201, 409]
        assert statuses.count(201) == 1
        winner = peers[statuses.index(201)]
        answer = await responses[statuses.index(201)].text()

        async def given(offer: str) -> str:
            return answer

        await winner.connect(given)
        winner.send_frame()
        await eventually(lambda: len(served.home.seen(PublisherArrived)) == 1)
        for peer in peers:
            peer.close()


@pytest.mark.server
@pytest.mark.quiet
async def test_a_cut_stops_forwarding_within_200_ms_and_says_goodbye_to_everybody(served: Site) -> None:
    await served.home.at(Event.START)
    async with (
        publishing(served) as lecturer,
        await watching(served, 0) as first,
        await watching(served, 1) as second,
    ):
        peers = (lecturer, first, second)
        for screen in (first, second):
            await screen.wait_for(lambda screen=screen: len(screen.rtp) > 30)
        admin = await served.login("admin")
        started = time.monotonic()
        cut = asyncio.create_task(served.client.post(f"/api/v1/lectures/{served.home.lecture_id}/cut", headers=admin))
        await asyncio.gather(*(peer.wait_for(peer.closed.is_set, 2.0) for peer in peers))
        elapsed = time.monotonic() - started
        received = [len(screen.rtp) for screen in (first, second)]
        assert (await cut).status == 200
        print(f"cut: close_notify at publisher and both screens after {elapsed * 1000:.0f} ms")
        assert elapsed <= CUT_SECONDS
        await asyncio.sleep(CUT_SECONDS)  # nothing that was queued may come out either
        assert [len(screen.rtp) for screen in (first, second)] == received
        refused = await served.post("whep", first.offer, served.home.watch())
        assert (refused.status, (await refused.json())["code"]) == (409, "cut")


async def test_resume_needs_a_new_ticket_and_brings_the_screens_back(served: Site) -> None:
    await served.home.at(Event.START)
    key, spare = await served.home.key(), await served.home.ticket()
    async with publishing(served, key):
        await eventually(lambda: served.home.room.publisher() is not None)
        await served.home.at(Event.CUT)
    await served.home.at(Event.RESUME)
    async with Peer("publish") as stale:
        assert [(await served.post("whip", stale.offer, token)).status for token in (key, spare)] == [401, 401]
    async with publishing(served), await watching(served) as screen:
        await screen.wait_for(lambda: len(screen.rtp) > 10)


async def test_what_a_viewer_sends_reaches_nobody(served: Site) -> None:
    await served.home.at(Event.START)
    async with publishing(served), await watching(served, 0) as honest, await watching(served, 1) as evil:
        await honest.wait_for(lambda: len(honest.rtp) > 10)
        canary = b"\x7fMAGENTA-CANARY\x7f"
        for frame in evil.lecture.next_frame() * 50:
            evil.send_rtp(frame[:12] + canary + frame[12 + len(canary) :])
        received = len(honest.rtp)
        await honest.wait_for(lambda: len(honest.rtp) > received + 30)
        assert not [packet for packet in honest.rtp + evil.rtp if canary in packet]


async def test_after_the_end_a_screen_is_told_to_go(served: Site) -> None:
    await served.home.at(Event.START)
    async with await watching(served) as screen:
        await served.home.at(Event.END)
        await screen.wait_for(screen.closed.is_set, 2.0)
    answer = await served.client.post(
        f"/api/v1/screens/{served.home.screens[0][0]}/watch", headers=bearer(served.home.screens[0][1])
    )
    document = await answer.json()
    assert (answer.status, document["state"], document["whep_url"], document["token"]) == (200, "ended", None, None)


async def test_an_ice_restart_over_http_keeps_the_picture(served: Site) -> None:
    await served.home.at(Event.START)
    token, locations = served.home.watch(), []  # type: ignore[var-annotated]
    async with publishing(served), Peer("watch") as screen:
        await screen.connect(served.exchange("whep", token, locations))
        await screen.wait_for(lambda: len(screen.rtp) > 10)
        headers = {**bearer(token), "Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*"}
        response = await served.client.patch(locations[0], data=screen.restart(), headers=headers)
        assert response.status == 200
        screen.rebind()
        screen.take_fragment(await response.text())
        received = len(screen.rtp)
        screen.send_raw(screen.check())
        await screen.wait_for(lambda: len(screen.rtp) > received + 30)
        assert not screen.closed.is_set()


async def test_viewers_are_counted_from_their_receiver_reports(served: Site) -> None:
    await served.home.at(Event.START)
    async with publishing(served), await watching(served) as screen:
        await screen.wait_for(lambda: len(screen.rtp) > 30)
        assert served.home.live.viewers(served.home.lecture_id) == set()  # sent is not delivered
        acknowledge(screen)
        await eventually(lambda: served.home.live.viewers(served.home.lecture_id) == {served.home.screens[0][0]})
        board = await served.client.get(
            f"/api/v1/lectures/{served.home.lecture_id}/board", headers=await served.login("admin")
        )
        document = await board.json()
        assert document["totals"] == {"classes": 4, "watching": 1, "schools": 2, "schools_watching": 1}
        rows = document["counties"][0]["schools_items"][0]["classes"][0]["screens"]
        assert [row["state"] for row in rows] == ["receiving"]


def acknowledge(screen: Peer) -> None:
    """Send a receiver report of everything that came in."""
    blocks = [
        Block(ssrc=ssrc, highest=max(screen.sequences(ssrc)))
        for ssrc in screen.answered_ssrcs()
        if screen.sequences(ssrc)
    ]
    screen.send_receiver_report(*blocks)
