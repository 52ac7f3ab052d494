"""The namespace /live with real Socket.IO clients, by WebSocket and by long polling."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import socketio
from aiohttp import ClientSession
from socketio.exceptions import ConnectionError as Refused

from signaling.auth import opaque
from signaling.live.states import Event, State
from tests.support.live_web import Site, site

QUICK: dict[str, dict[str, object]] = {"realtime": {"viewers_push_seconds": 0.05, "board_push_seconds": 0.05}}
EVENTS = (
    "hello",
    "lecture",
    "viewers",
    "board",
    "evidence",
    "restarting",
    "replaced",
    "conflict",
    "takeover_requested",
    "takeover_answered",
    "publisher",
    "disconnect",
)


class Page:
    """A client that keeps what it was told."""

    def __init__(self, transport: str = "websocket") -> None:
        self.transport = transport
        self.client = socketio.AsyncClient(reconnection=False)
        self.heard: list[tuple[str, Any]] = []
        self._news = asyncio.Event()
        for name in EVENTS:
            self.client.on(name, self._keep(name), namespace="/live")

    def _keep(self, name: str) -> Callable[..., Any]:
        async def keep(message: Any = None) -> None:
            self.heard.append((name, message))
            self._news.set()

        return keep

    async def join(self, served: Site, auth: dict[str, Any] | None, headers: dict[str, str] | None = None) -> Page:
        await self.client.connect(
            served.url,
            headers=headers or {},
            auth=auth,
            transports=[self.transport],
            namespaces=["/live"],
            wait_timeout=10,
        )
        return self

    async def screen(self, served: Site, place: int = 0) -> Page:
        await self.join(served, {"watch": served.home.watch(place)})
        await self.wait("hello")
        return self

    async def person(self, served: Site, user: str) -> Page:
        await self.join(served, {"lecture_id": served.home.lecture_id}, await served.login(user))
        await self.wait("hello")
        return self

    def all(self, name: str) -> list[Any]:
        return [message for heard, message in self.heard if heard == name]

    async def wait(self, name: str, count: int = 1, fits: Callable[[Any], bool] = lambda _: True) -> Any:
        async with asyncio.timeout(10):
            while len(found := [message for message in self.all(name) if fits(message)]) < count:
                self._news.clear()
                await self._news.wait()
        return found[-1]

    async def say(self, name: str, message: Any) -> Any:
        return await self.client.call(name, message, namespace="/live", timeout=10)

    async def leave(self) -> None:
        await self.client.disconnect()
        await self.client.shutdown()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Site]:
    async with site(tmp_path, real=False, overrides=QUICK) as built:
        await built.home.at(Event.OPEN)
        yield built


@pytest.fixture
async def pages() -> AsyncIterator[Callable[..., Page]]:
    made: list[Page] = []

    def make(transport: str = "websocket") -> Page:
        made.append(Page(transport))
        return made[-1]

    yield make
    for page in made:
        await page.leave()


Make = Callable[..., Page]


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_screen_is_greeted_with_its_part_of_the_lecture(served: Site, pages: Make, transport: str) -> None:
    page = await pages(transport).screen(served)
    hello = page.all("hello")[0]
    assert hello["boot_id"] == "boot"
    assert hello["server_time"].endswith("Z")
    assert hello["lecture"]["id"] == served.home.lecture_id
    assert hello["lecture"]["state"] == "open"
    assert not {"publisher", "viewers", "watching", "targets"} & set(hello["lecture"])


async def test_a_person_is_greeted_with_the_whole_lecture(served: Site, pages: Make) -> None:
    page = await pages().person(served, "admin")
    assert {"publisher", "viewers", "watching", "targets"} <= set(page.all("hello")[0]["lecture"])


async def test_a_login_cookie_is_enough_for_a_page(served: Site, pages: Make) -> None:
    cookie = await served.cookie("lecturer")
    page = await pages().join(served, {"lecture_id": served.home.lecture_id}, cookie)
    await page.wait("hello")


@pytest.mark.parametrize("kind", ["nothing", "no login", "another's lecture", "monitor", "ticket", "forged", "a list"])
async def test_who_has_no_business_here_is_refused(served: Site, pages: Make, kind: str) -> None:
    lecture = {"lecture_id": served.home.lecture_id}
    auth, headers, message = {
        "nothing": (None, {}, "no_credential"),
        "no login": (lecture, {}, "not_logged_in"),
        "another's lecture": (lecture, await served.login("guest"), "not_found"),
        "monitor": ({"watch": served.monitor()}, {}, "not_a_screen"),
        "ticket": ({"watch": await served.home.ticket()}, {}, "not_a_viewer"),
        "forged": ({"watch": "a.b.c"}, {}, "bad_watch_token"),
        "a list": (["watch"], {}, "no_credential"),
    }[kind]
    page = pages()
    refusals: list[Any] = []
    page.client.on("connect_error", refusals.append, namespace="/live")
    with pytest.raises(Refused):
        await page.join(served, auth, headers)  # type: ignore[arg-type]
    assert [refusal["message"] for refusal in refusals] == [message]
    assert len(served.realtime.peers) == 0


@pytest.mark.server
@pytest.mark.quiet
@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_cut_reaches_screens_within_a_second_by_either_transport(
    served: Site, pages: Make, transport: str
) -> None:
    await served.home.at(Event.START)
    page = await pages(transport).screen(served)
    started = time.monotonic()
    await served.home.at(Event.CUT)
    await page.wait("lecture", fits=lambda lecture: lecture["state"] == "cut")
    elapsed = time.monotonic() - started
    print(f"cut shown by {transport} after {elapsed * 1000:.0f} ms")
    assert elapsed <= 1.0


async def test_every_change_of_state_is_told_to_screens_and_people(served: Site, pages: Make) -> None:
    screen, person = await pages().screen(served), await pages().person(served, "lecturer")
    for event in (Event.START, Event.PAUSE, Event.RESUME, Event.END):
        await served.home.at(event)
    for page in (screen, person):
        await page.wait("lecture", fits=lambda lecture: lecture["state"] == "ended")
        assert [lecture["state"] for lecture in page.all("lecture")] == ["live", "paused", "live", "ended"]
    assert "targets" in person.all("lecture")[0]
    assert "targets" not in screen.all("lecture")[0]


async def test_a_publisher_that_comes_and_goes_is_told(served: Site, pages: Make) -> None:
    screen, person = await pages().screen(served), await pages().person(served, "lecturer")
    await served.post("whip", "v=0", await served.home.ticket())
    [first] = served.home.room.open("publish")
    served.home.room.connect(first)
    await served.post("whip", "v=0", await served.home.ticket())
    second = served.home.room.open("publish")[-1]
    served.home.room.connect(second)
    second.close("consent_lost")
    await person.wait("publisher", 4)
    await screen.wait("publisher", 3)
    assert [(m["state"], m["session"]) for m in person.all("publisher")] == [
        ("live", first.id[:8]),
        ("replaced", first.id[:8]),
        ("live", second.id[:8]),
        ("lost", second.id[:8]),
    ]
    assert screen.all("publisher") == [{"state": "live"}, {"state": "live"}, {"state": "lost"}]


@pytest.mark.parametrize("allow", [True, False])
async def test_another_user_asks_and_the_live_studio_answers(served: Site, pages: Make, allow: bool) -> None:
    studio, admin = await pages().person(served, "lecturer"), await pages().person(served, "admin")
    await served.post("whip", "v=0", await served.home.ticket())
    key = await served.home.key("admin")
    assert (await served.post("whip", "v=0", key)).status == 409
    request = await studio.wait("takeover_requested")
    assert request["by"] == "Admin"
    answer = {"request_id": request["request_id"], "allow": allow}
    assert await admin.say("takeover_answer", answer) == {"ok": False, "code": "no_such_request"}
    assert await studio.say("takeover_answer", answer) == {"ok": True}
    assert await admin.wait("takeover_answered") == {"request_id": request["request_id"], "allowed": allow}
    assert (await served.post("whip", "v=0", key)).status == (201 if allow else 409)
    assert admin.all("takeover_requested") == []


async def test_the_newest_page_of_a_screen_wins(served: Site, pages: Make) -> None:
    first, other = await pages().screen(served), await pages().screen(served, 1)
    second = await pages("polling").screen(served)
    assert await first.wait("replaced") == {}
    await first.wait("disconnect")
    await served.home.at(Event.START)
    await second.wait("lecture")
    await other.wait("lecture")
    assert first.all("lecture") == []
    assert len(served.realtime.peers) == 2


async def test_a_conflict_is_told_to_people(served: Site, pages: Make) -> None:
    person = await pages().person(served, "admin")
    for _ in range(served.home.settings.live.replacements_per_minute + 2):
        assert (await served.post("whep", "v=0", served.home.watch())).status == 201
    assert await person.wait("conflict") == {"screen_id": served.home.screens[0][0]}


async def test_counts_are_pushed_when_they_change(served: Site, pages: Make) -> None:
    await served.home.at(Event.START)
    person = await pages().person(served, "lecturer")
    first = await person.wait("viewers")
    assert first == {
        "lecture_id": served.home.lecture_id,
        "classes": 0,
        "classes_expected": 4,
        "schools": 0,
        "schools_expected": 2,
    }
    served.home.room.acknowledged = {served.home.screens[0][0]: 1.0}
    changed = await person.wait("viewers", 2)
    assert (changed["classes"], changed["schools"]) == (1, 1)
    assert len(person.all("viewers")) == 2


async def test_board_rows_are_pushed_when_they_change_to_those_who_may_see_all(served: Site, pages: Make) -> None:
    await served.home.at(Event.START)
    admin, county = await pages().person(served, "admin"), await pages().person(served, "county")
    screen_id = served.home.screens[0][0]
    await served.post("whep", "v=0", served.home.watch())
    served.home.room.connect(served.home.room.open("watch")[0])
    await admin.wait("board", fits=lambda board: states(board).get(screen_id) == "connected")
    served.home.room.acknowledged = {screen_id: 1.0}
    await admin.wait("board", fits=lambda board: states(board) == {screen_id: "receiving"})
    assert county.all("board") == []


def states(board: Any) -> dict[str, str]:
    """Return the state of every screen in a push; the first push to a page may hold them all."""
    return {row["id"]: row["state"] for row in board["screens"]}


REPORT = {"playing": True, "sound": "blocked", "visible": True, "frames": 300, "freezes": 1, "path": "webrtc"}


async def test_a_screens_report_is_a_hint_on_the_board(served: Site, pages: Make) -> None:
    admin, screen = await pages().person(served, "admin"), await pages().screen(served)
    assert await screen.say("report", REPORT) == {"ok": True}
    board = await admin.wait("board", fits=lambda board: any(row["hints"] == REPORT for row in board["screens"]))
    row = next(row for row in board["screens"] if row["hints"] == REPORT)
    assert row["state"] == "none"  # its word is no evidence
    assert (await served.home.live.facts(served.home.lecture_id))["viewers"] == 0


@pytest.mark.parametrize(
    "message",
    [
        None,
        [],
        "x",
        {},
        REPORT | {"sound": "loud"},
        REPORT | {"frames": -1},
        REPORT | {"path": "x" * 99},
        REPORT | {"playing": 1},
    ],
)
async def test_a_malformed_report_is_refused(served: Site, pages: Make, message: Any) -> None:
    screen = await pages().screen(served)
    assert await screen.say("report", message) == {"ok": False, "code": "invalid"}
    assert served.home.live.audience.rows(served.home.lecture_id, []) == {}


async def test_screens_do_not_answer_takeovers_and_people_do_not_report(served: Site, pages: Make) -> None:
    screen, person = await pages().screen(served), await pages().person(served, "lecturer")
    answer = {"request_id": "x", "allow": True}
    assert await screen.say("takeover_answer", answer) == {"ok": False, "code": "forbidden"}
    assert await person.say("report", REPORT) == {"ok": False, "code": "not_a_screen"}
    assert await person.say("takeover_answer", {"allow": 1}) == {"ok": False, "code": "invalid"}


async def test_a_message_that_calls_itself_connect_changes_nothing(served: Site, pages: Make) -> None:
    screen = await pages().screen(served)
    await screen.client.emit("connect", ({}, {"lecture_id": served.home.lecture_id}), namespace="/live")
    assert await screen.say("takeover_answer", {"request_id": "x", "allow": True}) == {"ok": False, "code": "forbidden"}
    assert len(served.realtime.peers) == 1


async def test_nothing_said_here_publishes_or_changes_a_state(served: Site, pages: Make) -> None:
    screen = await pages().screen(served)
    for name in ("publish", "start", "cut", "end", "ticket", "lecture", "hello"):
        await screen.client.emit(name, {"lecture_id": served.home.lecture_id}, namespace="/live")
    assert await screen.say("report", REPORT) == {"ok": True}
    assert served.home.live.state(served.home.lecture_id) is State.OPEN
    assert served.home.room.sessions == []


@pytest.mark.server
@pytest.mark.quiet
@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_a_restart_is_announced_before_everybody_is_disconnected(
    served: Site, pages: Make, transport: str
) -> None:
    page = await pages(transport).screen(served)
    started = time.monotonic()
    await served.realtime.stop()
    elapsed = time.monotonic() - started
    assert await page.wait("restarting") == {"window_seconds": served.home.settings.server.restart_window_seconds}
    await page.wait("disconnect")
    names = [name for name, _ in page.heard]
    assert names.index("restarting") < names.index("disconnect")
    assert elapsed < 1.0
    assert len(served.realtime.peers) == 0
    assert served.realtime.server.eio.sockets == {}


async def test_tasks_of_the_library_end_with_the_server(tmp_path: Path) -> None:
    async with site(tmp_path, real=False, overrides={"realtime": {"ping_seconds": 0.3}}) as served:
        before = asyncio.all_tasks()
        page = await Page().screen(served)
        await page.leave()
        await served.realtime.stop()
        async with asyncio.timeout(5):
            while left := asyncio.all_tasks() - before:
                await asyncio.wait(left)


async def test_polling_alone_works_when_websocket_is_blocked(served: Site) -> None:
    """A raw long poll, as a proxy without WebSocket lets through: connect, be greeted, report."""
    url = f"{served.url}/socket.io/?EIO=4&transport=polling"
    async with ClientSession() as http:
        opening = (await (await http.get(url)).text())[1:]
        sid = opening.split('"sid":"')[1].split('"')[0]
        token = served.home.live.watch_token(served.home.screens[0][0], served.home.lecture_id)
        await http.post(f"{url}&sid={sid}", data=f'40/live,{{"watch":"{token}"}}')
        heard = ""
        async with asyncio.timeout(10):
            while '"hello"' not in heard:
                heard += await (await http.get(f"{url}&sid={sid}")).text()
    assert opaque.digest(token) not in heard
