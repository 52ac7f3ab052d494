"""Room on the disk: what is said of it, and what a start makes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from recorder.capacity import Capacity
from signaling.api import openapi
from signaling.library.space import RecordingSpace, Running, Space, Uploads
from signaling.live.events import PublisherArrived
from signaling.live.states import Event, State
from signaling.operations import readings
from tests.support.library_stage import library_stage
from tests.support.live_web import Site, bearer, site
from tests.support.platform import log_in

SHORT = RecordingSpace(False, 5_000_000_000, 1.25, 2.0)
PLENTY = RecordingSpace(True, 90_000_000_000, 99.0, 2.0)


@pytest.fixture
async def short(tmp_path: Path) -> AsyncIterator[Site]:
    """A site without room for two hours."""
    async with site(tmp_path, real=False) as made:
        made.home.live.recording_space = lambda: SHORT
        await made.home.at(Event.OPEN)
        yield made


async def start(here: Site, user: str = "lecturer", **options: Any) -> tuple[int, Any]:
    path = f"/api/v1/lectures/{here.home.lecture_id}/start"
    answer = await here.client.post(path, headers=await here.login(user), **options)
    return answer.status, await answer.json()


def space(hours: float, running: Running, state: Any = "ok", uploads: Uploads | None = None) -> Space:
    disk = Capacity(3_000_000_000, 9_000_000_000, hours, state)
    return Space(2.0, lambda: disk, lambda: running, lambda: uploads or Uploads(0, 0))


@pytest.mark.parametrize(("running", "enough"), [(0, True), (1, True), (2, False)])
def test_every_lecture_that_runs_needs_its_hours(running: int, enough: bool) -> None:
    found = space(5.0, Running(running, 0)).for_another()
    assert (found.enough, found.hours_left) == (enough, round(5.0 / (running + 1), 2))


def test_the_report_and_the_metrics_say_the_same() -> None:
    made = space(1.234, Running(3, 1), "low", Uploads(4, 2))
    numbers = {"free_bytes": 3_000_000_000, "total_bytes": 9_000_000_000, "hours_left": 1.23, "open": 3, "degraded": 1}
    uploads = {"uploads_waiting": 4, "uploads_failed": 2}
    assert made.report() == {"state": "low"} | numbers | uploads
    assert readings.recordings(made) == numbers | uploads | {"low": 1, "full": 0}


def test_a_disk_that_cannot_be_asked_is_full() -> None:
    def gone() -> Capacity:
        raise OSError("no such disk")

    made = Space(2.0, gone, lambda: Running(0, 0))
    assert made.report()["state"] == "full"
    assert not made.for_another().enough


async def test_operators_read_the_recorder(tmp_path: Path) -> None:
    async with library_stage(tmp_path) as stage:
        await stage.event(State.OPEN, Event.START, 0)
        async with stage.here.client(stage.app) as client:
            await log_in(client, "admin")
            report = await (await client.get("/api/v1/recorder")).json()
    assert (report["state"], report["open"], report["degraded"], report["hours_left"]) == ("ok", 1, 0, 1000.0)


async def test_a_start_without_room_is_refused_until_somebody_accepts_it(short: Site) -> None:
    status, problem = await start(short)
    assert (status, problem["code"]) == (409, "recording_space")
    assert {name: problem[name] for name in SHORT.document()} == SHORT.document()
    assert short.home.live.state(short.home.lecture_id) is State.OPEN
    assert (await start(short, json={"accept_unrecorded": False}))[0] == 409
    status, lecture = await start(short, json={"accept_unrecorded": True})
    assert (status, lecture["state"]) == (200, "live")


async def test_a_start_with_room_asks_nothing(short: Site) -> None:
    short.home.live.recording_space = lambda: PLENTY
    status, lecture = await start(short)
    assert (status, lecture["state"]) == (200, "live")


async def test_a_start_that_is_not_possible_says_that_and_not_the_room(short: Site) -> None:
    await short.home.at(Event.START)
    status, problem = await start(short)
    assert (status, problem["code"]) == (409, "illegal_transition")


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ({"json": {"accept_unrecorded": "perhaps"}}, (422, "invalid")),
        ({"json": {"accept": True}}, (422, "invalid")),
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, (400, "malformed_json")),
        ({"data": b"x", "headers": {"Content-Type": "text/plain"}}, (415, "not_json")),
    ],
    ids=["no boolean", "another field", "no JSON", "text"],
)
async def test_a_start_reads_nothing_else(short: Site, options: dict[str, Any], refusal: tuple[int, str]) -> None:
    headers = await short.login("lecturer") | options.pop("headers", {})
    path = f"/api/v1/lectures/{short.home.lecture_id}/start"
    answer = await short.client.post(path, headers=headers, **options)
    assert (answer.status, (await answer.json())["code"]) == refusal
    assert short.home.live.state(short.home.lecture_id) is State.OPEN


async def test_what_starts_by_itself_is_not_held_up(tmp_path: Path) -> None:
    async with site(tmp_path, real=False, autostart=True) as here:
        here.home.live.recording_space = lambda: SHORT
        await here.home.at(Event.OPEN)
        broadcast_id = here.home.live.broadcast_id(here.home.lecture_id) or ""
        here.home.live.publish(PublisherArrived(here.home.lecture_id, broadcast_id, here.home.hands.wall(), "s", 1))
        await here.home.live.settled()
        assert here.home.live.state(here.home.lecture_id) is State.LIVE


@pytest.mark.parametrize(("user", "status"), [("lecturer", 200), ("admin", 200), ("guest", 404), ("county", 403)])
async def test_who_may_start_may_ask_for_the_room(short: Site, user: str, status: int) -> None:
    path = f"/api/v1/lectures/{short.home.lecture_id}/recording-space"
    answer = await short.client.get(path, headers=await short.login(user))
    assert answer.status == status
    if status == 200:
        assert await answer.json() == SHORT.document()


async def test_a_screen_is_told_of_hls_while_the_lecture_is_recorded(short: Site) -> None:
    screen, token = short.home.screens[0]
    lecture = short.home.lecture_id
    recorded: set[str] = set()
    short.home.live.watching.is_recorded = recorded.__contains__

    async def watch() -> Any:
        answer = await short.client.post(f"/api/v1/screens/{screen}/watch", headers=bearer(token))
        document = await answer.json()
        given = answer.cookies["jt_watch"]
        assert (given.value, given["path"]) == (document["token"], f"/hls/{lecture}/")
        return document["hls_url"]

    assert await watch() is None
    recorded.add(lecture)
    assert await watch() is None
    for step, url in [(Event.START, True), (Event.PAUSE, True), (Event.CUT, False)]:
        await short.home.at(step)
        assert await watch() == (f"/hls/{lecture}/index.m3u8" if url else None)


async def test_the_routes_describe_themselves(tmp_path: Path) -> None:
    async with library_stage(tmp_path) as stage:
        paths = openapi.document(stage.app.router.routes(), "0")["paths"]
    for path, method in [
        ("/api/v1/recordings/{recording_id}/approve", "post"),
        ("/api/v1/recordings/{recording_id}/withdraw", "post"),
        ("/api/v1/recordings/{recording_id}/watch", "post"),
        ("/api/v1/screens/{screen_id}/recordings", "get"),
        ("/api/v1/recorder", "get"),
    ]:
        assert " " in paths[path][method]["summary"]
