"""The board of evidence: which line a class has, what is pushed to whom, and what a whole prefecture costs."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from signaling.attendance.state import Reached
from signaling.auth.identity import Role
from signaling.auth.models import User
from signaling.live.audience import Sights
from signaling.live.board import ClassPlace, Presence
from signaling.live.states import Event
from signaling.wall.lines import Known, Line, changed, heads, lines, written
from tests.signaling.test_realtime_live import Make, Page
from tests.support.live import BEGIN
from tests.support.live_web import Site, bearer, site

PLACE = ClassPlace("522301", "兴义市", "2152230101", "第一小学", "one", "五(1)班", (("a", 1), ("b", 2)))
THERE = Presence(session="s", since=BEGIN)
GONE = Presence(session=None, since=BEGIN)


def hinted(**hints: Any) -> Presence:
    return Presence(session="s", since=BEGIN, hints={"playing": True, "sound": "on", "visible": True} | hints)


def line(
    receiving: dict[str, str], presence: dict[str, Presence], reached: Reached | None = None, **known: Any
) -> Line:
    told = {} if reached is None else {"one": reached}
    return lines([PLACE], Known(Sights(receiving, presence), told, **known), {})["one"]


def test_a_class_without_a_screen_never_had_one() -> None:
    bare = replace(PLACE, screens=())
    assert lines([bare], Known(Sights({}, {}), {}), {})["one"] == Line(0, "none", "unpaired", "", False)


@pytest.mark.parametrize(
    ("receiving", "presence", "reached", "wanted"),
    [
        ({}, {}, None, (0, "none", "absent")),
        ({}, {"a": THERE}, None, (1, "connected", "undelivered")),
        ({}, {"a": GONE}, None, (1, "lost", "lost")),
        ({}, {}, Reached(3), (3, "lost", "lost")),
        ({"a": "webrtc"}, {"a": THERE}, None, (2, "receiving", "")),
        ({"a": "webrtc"}, {"a": THERE}, Reached(5), (5, "receiving", "")),
        ({"a": "hls"}, {}, None, (2, "receiving", "hls")),
        ({"a": "webrtc"}, {"a": hinted(sound="blocked")}, None, (2, "receiving", "sound_blocked")),
        ({"a": "webrtc"}, {"a": hinted(sound="muted")}, None, (2, "receiving", "muted")),
        ({"a": "hls"}, {"a": hinted(sound="muted")}, None, (2, "receiving", "muted")),
        ({"a": "webrtc"}, {"a": hinted(visible=False)}, None, (2, "receiving", "hidden")),
        ({"a": "webrtc"}, {"a": hinted(playing=False)}, None, (2, "receiving", "still")),
        ({"a": "webrtc"}, {"a": hinted()}, Reached(3, "silent"), (3, "receiving", "")),
        ({"a": "webrtc"}, {"a": hinted()}, Reached(2, "unreported"), (2, "receiving", "unreported")),
        ({"a": "webrtc"}, {"a": THERE}, Reached(3, "silent"), (3, "receiving", "muted")),
        ({"b": "webrtc"}, {"a": hinted(sound="muted"), "b": hinted()}, None, (2, "receiving", "")),
        ({"a": "webrtc", "b": "webrtc"}, {"a": hinted(sound="muted"), "b": hinted()}, None, (2, "receiving", "")),
    ],
)
def test_the_line_of_a_class(
    receiving: dict[str, str], presence: dict[str, Presence], reached: Reached | None, wanted: tuple[int, str, str]
) -> None:
    assert line(receiving, presence, reached)[:3] == wanted


def test_a_signed_report_lifts_what_receives_and_nothing_else() -> None:
    assert line({"a": "webrtc"}, {"a": THERE}, shown=frozenset("a")).level == 3
    assert line({}, {"a": THERE}, shown=frozenset("a")).level == 1
    assert line({}, {"a": THERE}, forged=frozenset("a")).forged


def test_before_the_start_and_after_the_end_nobody_is_missing_who_came() -> None:
    assert line({}, {"a": THERE}, live=False)[:3] == (1, "connected", "")
    assert line({}, {}, Reached(4), live=False, running=False) == Line(4, "none", "", "", False)
    assert line({}, {}, live=False, running=False) == Line(0, "none", "absent", "", False)


def test_what_was_given_over_hls_and_stops_is_lost() -> None:
    came: set[str] = set()
    assert line({"a": "hls"}, {}, came=came).state == "receiving"
    assert line({}, {}, came=came)[1:3] == ("lost", "lost")


def test_changes_are_lines_that_are_another() -> None:
    shared: dict[Line, Line] = {}
    before = lines([PLACE], Known(Sights({}, {}), {}), shared)
    assert changed(before, lines([PLACE], Known(Sights({}, {}), {}), shared)) == {}
    after = lines([PLACE], Known(Sights({"a": "webrtc"}, {}), {}), shared)
    assert changed(before, after) == {"one": after["one"]}
    whole = json.loads(written([PLACE], after, heads([PLACE])))
    assert whole["totals"] == {
        "classes": 1,
        "receiving": 1,
        "schools": 1,
        "schools_receiving": 1,
        "levels": {"E0": 0, "E1": 0, "E2": 1, "E3": 0, "E4": 0, "E5": 0},
        "reasons": {},
        "forged": 0,
    }
    (county,) = whole["counties"]
    assert county["schools"][0]["classes"][0] == {
        "id": "one",
        "name": "五(1)班",
        "level": "E2",
        "state": "receiving",
        "reason": "",
        "path": "webrtc",
        "forged": False,
    }


# --- served -----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Site]:
    quick: dict[str, dict[str, object]] = {"realtime": {"viewers_push_seconds": 0.05, "board_push_seconds": 0.05}}
    async with site(tmp_path, real=False, overrides=quick) as made:
        made.home.live.clock = time.monotonic  # rounds are measured by a clock that goes
        await made.home.at(Event.OPEN)
        yield made


@pytest.fixture
async def pages() -> AsyncIterator[Make]:
    made: list[Page] = []

    def make(transport: str = "websocket") -> Page:
        made.append(Page(transport))
        return made[-1]

    yield make
    for page in made:
        await page.client.disconnect()


async def asked(served: Site, user: str) -> Any:
    path = f"/api/v1/lectures/{served.home.lecture_id}/evidence"
    response = await served.client.get(path, headers=await served.login(user))
    assert response.status == 200, await response.text()
    return await response.json()


def rows(told: Any) -> Iterator[dict[str, Any]]:
    for county in told["counties"]:
        for school in county["schools"]:
            yield from school["classes"]


async def test_what_changes_is_pushed_to_whom_it_concerns(served: Site, pages: Make) -> None:
    home = served.home
    async with home.db.writing() as session:
        keeper = await session.get(User, "county")
        assert keeper is not None
        keeper.role, keeper.node = Role.SCHOOL_ADMIN, (await home.live.audience.places(home.lecture_id))[-1].school_code
    await home.at(Event.START)
    admin, school = await pages().person(served, "admin"), await pages().person(served, "county")
    lecturer = await pages().person(served, "lecturer")
    before = await asked(served, "admin")
    assert before["totals"]["reasons"] == {"absent": 2, "unpaired": 2}
    screen = home.screens[0][0]
    await served.post("whep", "v=0", home.watch())
    home.room.connect(home.room.open("watch")[0])
    home.room.acknowledged = {screen: 1.0}
    message = await admin.wait("evidence", fits=lambda told: told["classes"][0]["state"] == "receiving")
    assert message["revision"] > before["revision"]
    (changed_line,) = message["classes"]
    assert (changed_line["level"], changed_line["reason"], changed_line["path"]) == ("E2", "", "webrtc")
    after = await asked(served, "admin")
    assert [one for one in rows(after) if one["id"] == changed_line["id"]] == [changed_line | {"name": _name(after)}]
    assert after["revision"] >= message["revision"]
    own = await asked(served, "county")
    seen = {one["id"] for one in rows(own)}
    assert len(seen) == 2
    assert changed_line["id"] not in seen
    assert school.all("evidence") == []
    assert lecturer.all("evidence") == []


def _name(told: Any) -> str:
    return next(one["name"] for one in rows(told) if one["state"] == "receiving")


async def test_who_may_not_read_the_board_gets_none(served: Site) -> None:
    path = f"/api/v1/lectures/{served.home.lecture_id}/evidence"
    assert (await served.client.get(path)).status == 401
    assert (await served.client.get(path, headers=await served.login("lecturer"))).status == 403
    assert (await served.client.get(path, headers=bearer(served.home.watch()))).status == 401


# --- a whole prefecture -----------------------------------------------------------------------------------------------


@pytest.mark.bench
def test_the_lines_of_a_whole_prefecture(capsys: pytest.CaptureFixture[str]) -> None:
    places = [
        ClassPlace(
            f"5223{n % 9:02}", "县", f"2152{n // 9:06}", f"第{n // 9}小学", f"class-{n}", "五(1)班", ((f"s-{n}", 1),)
        )
        for n in sorted(range(15_600), key=lambda n: (n % 9, n))
    ]
    receiving = {f"s-{n}": "webrtc" for n in range(15_000)}
    presence = {screen: hinted() for screen in receiving}
    reached = {f"class-{n}": Reached(2 + n % 4) for n in range(15_000)}
    shared: dict[Line, Line] = {}
    begun = time.process_time()
    made = lines(places, Known(Sights(receiving, presence), reached), shared)
    lined = time.process_time()
    again = lines(places, Known(Sights(receiving, presence), reached), shared)
    assert changed(made, again) == {}
    names = heads(places)
    compared = time.process_time()
    body = written(places, made, names).encode()
    ended = time.process_time()
    with capsys.disabled():
        print(f"\nCPU: lines {1000 * (lined - begun):.0f} ms, again and compared {1000 * (compared - lined):.0f} ms,")
        print(f"whole document {1000 * (ended - compared):.0f} ms, {len(body) / 1e6:.2f} MB")
    assert ended - compared < 0.2  # CPU of this process: asked <= 200 ms
