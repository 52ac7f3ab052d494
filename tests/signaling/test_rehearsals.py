"""Rehearsals: who may begin and watch one, and that no screen, no recording and no attendance ever learns of it."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from signaling.api.problems import Problem
from signaling.app import Node
from signaling.auth import opaque
from signaling.auth.tokens import MONITOR
from signaling.ledger.models import LedgerEntry
from signaling.library.models import RecordingEntry
from signaling.live.broadcasts import SYSTEM
from signaling.live.events import BroadcastChanged, LiveEvent
from signaling.live.rehearsal_service import RehearsalService
from signaling.live.rehearsals import is_rehearsal, new_id
from signaling.live.sessions import is_monitor
from signaling.live.states import Event, State
from tests.support.live import House, house
from tests.support.peer import Exchange, Peer
from tests.support.platform import SAME_ORIGIN
from tests.support.rights_scene import Scene, scene

SDP = {"Content-Type": "application/sdp"}


class Stand:
    """A whole node with people and screens, asked over HTTP."""

    def __init__(self, made: Scene, client: TestClient[Any, Any]) -> None:
        self.made, self.client, self.node = made, client, made.node
        self.lecture: str = made.samples["own"].values["lecture_id"]

    async def call(self, who: str, method: str, path: str) -> tuple[int, Any]:
        headers = SAME_ORIGIN | {"Authorization": f"Bearer {self.made.people[who]}"}
        async with self.client.request(method, f"/api/v1{path}", headers=headers) as answer:
            return answer.status, await answer.json()

    async def screen(self) -> dict[str, Any]:
        """What the class's screen is told."""
        screen = self.made.samples["own"].values["screen_id"]
        status, told = await self.call("screen", "POST", f"/screens/{screen}/watch")
        assert status == 200
        return dict(told)

    def exchange(self, path: str, token: str) -> Exchange:
        async def send(offer: str) -> str:
            headers = SDP | {"Authorization": f"Bearer {token}"}
            async with self.client.post(path, data=offer, headers=headers) as answer:
                assert answer.status == 201, await answer.text()
                return await answer.text()

        return send

    async def refused(self, path: str, token: str) -> tuple[int, str]:
        headers = SDP | {"Authorization": f"Bearer {token}"}
        async with Peer("watch") as peer, self.client.post(path, data=peer.offer, headers=headers) as answer:
            return answer.status, (await answer.json())["code"]


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    async with scene(tmp_path) as (made, client):
        yield Stand(made, client)


@asynccontextmanager
async def filming(peer: Peer) -> AsyncIterator[None]:
    async def film() -> None:
        while True:
            peer.send_frame()
            await asyncio.sleep(1 / 30)  # the time between two pictures

    task = asyncio.create_task(film())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await task


async def counts(node: Node) -> list[int]:
    """How many rows there are that a rehearsal must not add to."""
    async with node.db.reading() as session:
        tables = (LedgerEntry, RecordingEntry)
        return [await session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


async def test_the_lecturer_is_seen_by_the_reviewer_and_by_no_screen(stand: Stand) -> None:
    before = await counts(stand.node)
    status, made = await stand.call("lecturer", "POST", f"/lectures/{stand.lecture}/rehearsal")
    assert (status, made["state"], made["rehearsal_of"]) == (201, "open", stand.lecture)
    assert made["targets"]["classes"] == 0
    one, path = made["id"], f"/rehearsals/{made['id']}"
    ticket = (await stand.call("lecturer", "POST", f"{path}/ticket"))[1]
    watch = (await stand.call("reviewer", "POST", f"{path}/watch"))[1]
    async with Peer("publish") as lecturer, Peer("watch") as reviewer:
        await lecturer.connect(stand.exchange(ticket["whip_url"], ticket["ticket"]))
        await reviewer.connect(stand.exchange(watch["whep_url"], watch["token"]))
        async with filming(lecturer):
            assert (await stand.call("lecturer", "POST", f"{path}/start"))[1]["state"] == "live"
            await reviewer.wait_for(lambda: len(reviewer.rtp) > 30)
            told = await stand.screen()
            assert (told["lecture_id"], told["state"], told["hls_url"]) == (stand.lecture, "scheduled", None)
            assert await stand.refused(f"/whep/{one}", told["token"]) == (403, "wrong_lecture")
            assert await stand.refused(f"/whep/{stand.lecture}", told["token"]) == (409, "not_open")
            screen = stand.made.samples["own"].values["screen_id"]
            forged = stand.node.live.watch_token(screen, one)
            assert await stand.refused(f"/whep/{one}", forged) == (403, "not_a_viewer")
            await stand.node.live.settled()
            assert not stand.node.library.is_recorded(one)
            headers = {"Authorization": f"Bearer {watch['token']}"}
            assert (await stand.client.get(f"/hls/{one}/index.m3u8", headers=headers)).status == 404
            assert stand.node.live.viewers(one) == set()
        assert (await stand.call("lecturer", "POST", f"{path}/end"))[1]["state"] == "ended"
        await reviewer.wait_for(reviewer.closed.is_set)
    await stand.node.attendance.tick(stand.node.attendance.clock())
    assert await counts(stand.node) == before


async def test_the_lecture_opens_as_if_there_had_been_no_rehearsal(stand: Stand) -> None:
    made = (await stand.call("lecturer", "POST", f"/lectures/{stand.lecture}/rehearsal"))[1]
    again = await stand.call("lecturer", "POST", f"/lectures/{stand.lecture}/rehearsal")
    assert (again[0], again[1]["id"]) == (201, made["id"]), "one at a time"
    ticket = (await stand.call("lecturer", "POST", f"/rehearsals/{made['id']}/ticket"))[1]
    status, opened = await stand.call("prefecture_admin", "POST", f"/lectures/{stand.lecture}/open")
    assert (status, opened["state"]) == (200, "open")
    await stand.node.live.settled()
    assert stand.node.live.state(made["id"]) is State.ENDED, "the rehearsal is over when the lecture opens"
    assert await stand.refused(f"/whip/{stand.lecture}", ticket["ticket"]) == (403, "wrong_lecture")
    refusal = await stand.call("lecturer", "POST", f"/lectures/{stand.lecture}/rehearsal")
    assert (refusal[0], refusal[1]["code"]) == (409, "has_begun")
    own = (await stand.call("lecturer", "POST", f"/lectures/{stand.lecture}/ticket"))[1]
    told = await stand.screen()
    async with Peer("publish") as lecturer, Peer("watch") as screen:
        await lecturer.connect(stand.exchange(own["whip_url"], own["ticket"]))
        await screen.connect(stand.exchange(told["whep_url"], told["token"]))
        async with filming(lecturer):
            assert (await stand.call("lecturer", "POST", f"/lectures/{stand.lecture}/start"))[1]["state"] == "live"
            await screen.wait_for(lambda: len(screen.rtp) > 30)


async def test_what_is_not_approved_may_be_rehearsed_and_not_opened(stand: Stand) -> None:
    lecture = await stand.made.add_lecture(stand.made.samples["own"].values["lecturer_id"], approved=False)
    made = (await stand.call("lecturer", "POST", f"/lectures/{lecture}/rehearsal"))[1]
    assert (made["approved"], made["state"]) == (False, "open")
    assert [
        one["id"] for one in (await stand.call("reviewer", "GET", f"/lectures/{lecture}/rehearsal"))[1]["items"]
    ] == [made["id"]]
    status, refusal = await stand.call("lecturer", "POST", f"/lectures/{lecture}/open")
    assert (status, refusal["code"]) == (409, "not_approved")


def routes(lecture: str, rehearsal: str) -> list[tuple[str, str]]:
    """Methods and paths of what is about a rehearsal."""
    orders = ("watch", "start", "ticket", "end")
    paths = [f"/lectures/{lecture}/rehearsal", f"/rehearsals/{rehearsal}"]
    return [*(("GET", path) for path in paths), *(("POST", f"{paths[1]}/{order}") for order in orders)]


async def test_nobody_else_learns_of_it(stand: Stand) -> None:
    made = (await stand.call("lecturer", "POST", f"/lectures/{stand.lecture}/rehearsal"))[1]
    others = {"county_admin": 403, "school_admin": 403, "auditor": 403, "screen": 401}
    for (who, refused), (method, path) in product(others.items(), routes(stand.lecture, made["id"])):
        assert (await stand.call(who, method, path))[0] == refused, (who, path)
    assert (await stand.call("reviewer", "POST", f"/rehearsals/{made['id']}/start"))[0] == 403
    assert (await stand.call("lecturer", "GET", f"/rehearsals/{new_id()}"))[0] == 404
    assert (await stand.call("lecturer", "GET", f"/rehearsals/{stand.lecture}"))[0] == 404


# -- the service, without media


@asynccontextmanager
async def rehearsing(folder: Path, **overrides: Any) -> AsyncIterator[tuple[House, RehearsalService]]:
    """Yield a house whose live service knows of rehearsals."""
    async with house(folder, overrides=overrides) as home:
        await home.live.stop()
        rehearsals = RehearsalService(home.db, home.live, home.lectures, home.settings.live, home.hands.wall)
        await home.live.start()
        await rehearsals.start()
        try:
            yield home, rehearsals
        finally:
            await rehearsals.stop()


async def test_a_rehearsal_goes_on_after_a_crash_and_ends_in_time(tmp_path: Path) -> None:
    async with rehearsing(tmp_path) as (home, rehearsals):
        made = await rehearsals.begin(home.lecture_id, "lecturer")
    async with rehearsing(tmp_path) as (home, rehearsals):
        assert home.live.state(made.id) is State.OPEN
        assert (await rehearsals.begin(home.lecture_id, "lecturer")).id == made.id
    async with house(tmp_path) as home:
        home.hands.advance(home.settings.live.rehearsal_minutes * 60)
        late = RehearsalService(home.db, home.live, home.lectures, home.settings.live, home.hands.wall)
        told: asyncio.Queue[LiveEvent] = asyncio.Queue()
        await home.live.stop()
        home.live.rehearsal_listeners.append(told.put)
        await home.live.start()
        await late.start()
        async with asyncio.timeout(5):
            over = await told.get()
        assert isinstance(over, BroadcastChanged)
        assert (over.lecture_id, over.to_state, home.live.state(made.id)) == (made.id, State.ENDED, State.ENDED)
        await late.stop()


async def test_there_are_not_too_many(tmp_path: Path) -> None:
    async with rehearsing(tmp_path, live={"rehearsals": 1}) as (home, rehearsals):
        other = await home.add_lecture()
        first = await rehearsals.begin(home.lecture_id, "lecturer")
        with pytest.raises(Problem) as refused:
            await rehearsals.begin(other, "lecturer")
        assert (refused.value.status, refused.value.code) == (409, "too_many_rehearsals")
        await rehearsals.end(first.id)
        await rehearsals.begin(other, "lecturer")


ORDERS = ("begin", "start", "pause", "resume", "end", "publish", "monitor", "screen")
LECTURE_ORDERS = ("lecture:open", "lecture:start", "lecture:pause", "lecture:resume", "lecture:cut", "lecture:end")


class Story:
    """Orders to a lecture and its rehearsals, and what must hold after each."""

    def __init__(self, home: House, rehearsals: RehearsalService) -> None:
        self.home, self.rehearsals = home, rehearsals
        self.known: list[str] = []
        self.tokens: list[str] = []

    async def take(self, order: str) -> None:
        """Give an order; one that is refused changes nothing."""
        with contextlib.suppress(Problem):
            await self._take(order)
        await self.home.live.settled()
        await self.check()

    async def _take(self, order: str) -> None:
        live = self.home.live
        if order.startswith("lecture:"):
            await live.transition(self.home.lecture_id, Event(order.removeprefix("lecture:")), SYSTEM)
        elif order == "begin":
            self.known.append((await self.rehearsals.begin(self.home.lecture_id, "lecturer")).id)
        elif order == "end" and self.known:
            await self.rehearsals.end(self.known[-1])
        elif order == "screen":
            await self._screen()
        elif self.known:
            await self._to_last(order, self.known[-1])

    async def _to_last(self, order: str, one: str) -> None:
        live = self.home.live
        if order == "publish":
            token = await live.publishing.ticket(one, "lecturer", 60)
            held = await live.publishing.publish(await live.publishing.right(token, one), "v=0")
            self.home.plane.room(one).connect(held.session)
        elif order == "monitor":
            await self._subscribe(live.watch_token(MONITOR, one), one)
        else:
            await live.transition(one, Event(order), SYSTEM)

    async def _told(self, screen: str) -> dict[str, Any]:
        paired = await self.home.directory.screen(screen)
        assert paired is not None
        return await self.home.live.watching.answer(paired, "boot")

    async def _screen(self) -> None:
        screen = self.home.screens[0][0]
        told = await self._told(screen)
        if told["token"]:
            self.tokens.append(told["token"])
            with contextlib.suppress(Problem):
                await self._subscribe(told["token"], self.home.lecture_id)

    async def _subscribe(self, token: str, lecture_id: str) -> None:
        watching = self.home.live.watching
        held = await watching.subscribe(watching.claims(token), opaque.digest(token), lecture_id, "v=0")
        self.home.plane.room(lecture_id).connect(held.session)

    async def check(self) -> None:
        """No screen is told of a rehearsal, gets into one, or leaves a trace of one."""
        screen = self.home.screens[0][0]
        told = await self._told(screen)
        assert told["lecture_id"] == self.home.lecture_id
        assert told["state"] == self.home.live.state(self.home.lecture_id)
        for one in self.known:
            for token in (*self.tokens, self.home.live.watch_token(screen, one)):
                with pytest.raises(Problem) as refused:
                    await self._subscribe(token, one)
                assert refused.value.status == 403
            assert all(is_monitor(session.viewer) for session in self.home.plane.room(one).open("watch"))
            assert self.home.live.viewers(one) == set()
        assert not [event for event in self.home.events if is_rehearsal(event.lecture_id)]
        if self.home.live.state(self.home.lecture_id) is not State.SCHEDULED:
            assert await self.rehearsals.going_on(self.home.lecture_id) is None
        room = self.home.room
        assert room.open("publish") == [], "what is rehearsed is published to the rehearsal"


@pytest.mark.usefixtures("tmp_path_factory")  # it has a database
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(orders=st.lists(st.sampled_from(ORDERS + LECTURE_ORDERS), max_size=14))
@example(orders=["begin", "publish", "start", "screen", "lecture:open", "screen", "lecture:start", "screen", "begin"])
@example(
    orders=["begin", "start", "monitor", "end", "begin", "publish", "start", "lecture:open", "lecture:end", "begin"]
)
def test_no_sequence_of_orders_shows_a_rehearsal_to_a_screen(orders: list[str]) -> None:
    async def tell() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with rehearsing(Path(folder)) as (home, rehearsals):
                story = Story(home, rehearsals)
                for order in orders:
                    await story.take(order)

    asyncio.run(tell())
