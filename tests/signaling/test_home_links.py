"""Parents at home over HTTP: links of classes, what a page behind one is told, who counts, what survives a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from signaling.auth.identity import Role
from signaling.auth.models import AuditEntry
from signaling.auth.tokens import WatchClaims
from signaling.coverage.models import HomeView
from signaling.home.models import HomeArrival, HomeLink, HomeSeen
from signaling.library.shelf import Item
from signaling.live.events import BroadcastChanged
from signaling.live.models import Broadcast
from signaling.live.states import Event, State
from tests.signaling.test_coverage_api import lines, read
from tests.signaling.test_coverage_training import ask
from tests.support.platform import NOON
from tests.support.terms import CODES, TERM, TermStage, term_stage

VISITS = "/api/v1/home/visits"
LATE = NOON + timedelta(hours=2)
MINUTE = int(NOON.timestamp()) // 60
Client = TestClient[Any, Any]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[TermStage]:
    async with term_stage(tmp_path) as made:
        yield made


@pytest.fixture
async def client(stage: TermStage) -> AsyncIterator[Client]:
    async with stage.house.client() as made:
        yield made


async def parents(stage: TermStage, state: str = "live") -> str:
    """Hold a parents' lecture of 45 minutes; both classes of the first school have met with nobody."""
    lecture = await stage.held("parents", "家长课堂", over=state == "ended")
    stage.tell(lecture, CODES[0], ("qualified", 0), ("absent", None))
    house = stage.house
    house.states[lecture] = state
    house.on_air[lecture] = {MINUTE + number: 60_000 for number in range(45)}
    if state == "live":
        house.shelf.put(Item("r1", lecture, "recording", approved=False, broadcast_id="b1"))
    return lecture


def base(lecture: str, school: str = CODES[0]) -> str:
    return f"/api/v1/schools/{school}/homes/{lecture}"


async def issue(stage: TermStage, client: Client, lecture: str, *, renew: bool = False, room: int = 1) -> str:
    """Return the code of a class's link."""
    class_id = stage.classes[CODES[0]][room].id
    order = {"class_ids": [class_id], "renew": renew}
    made = await ask(client, "POST", f"{base(lecture)}/links", headers=stage.tokens["school"], json=order)
    (url,) = (one["url"] for one in made["items"] if one["class_id"] == class_id)
    return str(url).rpartition("/home/")[2]


async def visit(client: Client, code: str, status: int = 200, household: str | None = None) -> Any:
    return await ask(client, "POST", VISITS, status, json={"code": code, "household": household})


def watch(stage: TermStage, told: Any, minutes: float, *, first: int = 0) -> None:
    """Send the household behind an answer so many minutes of the lecture, at the pace of the clock."""
    house, token = stage.house, told["watch"]["token"]
    claims = house.watch_tokens.signer.check(token, now=house.wall().timestamp())
    for number in range(int(minutes * 15)):
        begin = (MINUTE + first) * 60_000 + number * 4000
        house.monotonic.now += 4
        house.home.sent(claims, [(begin, begin + 4000)])


async def end(stage: TermStage, lecture: str) -> None:
    """End the lecture and let the keeper look."""
    stage.house.states[lecture] = "ended"
    async with stage.house.db.writing() as session:
        row = (await session.scalars(select(Broadcast).where(Broadcast.lecture_id == lecture))).one()
        row.ended_at, row.state = NOON + timedelta(minutes=45), "ended"
    stage.house.home.visits.forget()
    await stage.house.home.keeper.tick(everything=True)


async def total(stage: TermStage, table: Any) -> int:
    async with stage.house.db.reading() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


# -- links


async def test_an_administrator_gives_a_class_its_link_and_a_new_one(stage: TermStage, client: Client) -> None:
    lecture, me = await parents(stage), stage.tokens["school"]
    listed = await ask(client, "GET", f"/api/v1/schools/{CODES[0]}/homes", headers=me)
    assert [(one["id"], one["title"]) for one in listed["items"]] == [(lecture, "家长课堂")]
    before = await ask(client, "GET", base(lecture), headers=me)
    assert [(one["class_name"], one["url"], one["number"]) for one in before["items"]] == [
        ("二(1)班", None, 0),
        ("二(2)班", None, 0),
    ]
    code = await issue(stage, client, lecture)
    assert await issue(stage, client, lecture) == code
    after = await ask(client, "GET", base(lecture), headers=me)
    assert after["items"][1]["svg"].startswith("<svg")
    assert (await visit(client, code))["class_name"] == "二(2)班"
    new = await issue(stage, client, lecture, renew=True)
    assert new != code
    assert (await visit(client, code, 410))["code"] == "link_replaced"
    assert (await visit(client, new))["phase"] == "live"
    assert await total(stage, HomeLink) == 2
    async with stage.house.db.reading() as session:
        told = await session.scalars(select(AuditEntry.action).where(AuditEntry.action.startswith("home.")))
        assert sorted(told) == ["home.link_made", "home.link_renewed"]
        digests = await session.scalars(select(HomeLink.digest))
        assert all(code not in digest and new not in digest for digest in digests)


@pytest.mark.parametrize(
    ("name", "school", "status"),
    [("school", 1, 404), ("county", 2, 404), ("auditor", 0, 403), ("operator", 0, 403)],
)
async def test_only_administrators_whose_school_it_is_see_links(
    stage: TermStage, client: Client, name: str, school: int, status: int
) -> None:
    lecture, me = await parents(stage), stage.tokens[name]
    await ask(client, "GET", base(lecture, CODES[school]), status, headers=me)
    order = {"class_ids": [stage.classes[CODES[school]][0].id]}
    await ask(client, "POST", f"{base(lecture, CODES[school])}/links", status, headers=me, json=order)
    await ask(client, "GET", f"/api/v1/schools/{CODES[school]}/homes", status, headers=me)
    await ask(client, "GET", base(lecture), 401)


async def test_only_parents_lectures_have_links(stage: TermStage, client: Client) -> None:
    pupils, me = await stage.held("pupils", "学生课"), stage.tokens["school"]
    assert (await ask(client, "GET", base(pupils), 409, headers=me))["code"] == "not_for_parents"
    order = {"class_ids": [stage.classes[CODES[0]][0].id]}
    assert (await ask(client, "POST", f"{base(pupils)}/links", 409, headers=me, json=order))[
        "code"
    ] == "not_for_parents"
    lecture = await parents(stage)
    foreign = {"class_ids": [stage.classes[CODES[1]][0].id]}
    assert (await ask(client, "POST", f"{base(lecture)}/links", 422, headers=me, json=foreign))["code"] == "no_class"
    await ask(client, "GET", base("00000000-0000-7000-8000-000000000000"), 404, headers=me)


async def test_no_link_is_made_when_it_is_too_late(stage: TermStage, client: Client) -> None:
    lecture = await parents(stage, "ended")
    order = {"class_ids": [stage.classes[CODES[0]][0].id]}
    stage.house.wall.now = NOON + timedelta(days=14, minutes=46)
    late = await stage.house.person("late", Role.SCHOOL_ADMIN, CODES[0])
    await stage.house.auth.keep_api_token("jta_late", late.id, "test")
    me = {"Authorization": "Bearer jta_late"}
    assert (await ask(client, "POST", f"{base(lecture)}/links", 409, headers=me, json=order))["code"] == "home_over"


# -- the page


async def test_a_page_is_told_of_its_lecture_from_before_to_after(stage: TermStage, client: Client) -> None:
    lecture = await parents(stage, "scheduled")
    code, house = await issue(stage, client, lecture), stage.house
    before = await visit(client, code)
    assert (before["phase"], before["watch"], before["school"]) == ("before", None, "01校")
    token = before["household"]
    assert len(token) >= 22
    house.states[lecture] = "live"
    assert (await visit(client, code))["watch"] is None, "nothing to play before the first segment"
    house.shelf.put(Item("r1", lecture, "recording", approved=False, broadcast_id="b1"))
    live = await visit(client, code)
    assert live["household"] is None, "the cookie was kept"
    assert live["watch"]["hls_url"] == f"/hls/{lecture}/index.m3u8"
    for state, phase in (("paused", "paused"), ("cut", "cut")):
        house.states[lecture] = state
        assert (await visit(client, code))["phase"] == phase
    house.shelf.put(Item("r1", lecture, "ready", approved=False, broadcast_id="b1"))
    await end(stage, lecture)
    assert (await visit(client, code))["phase"] == "preparing"
    house.shelf.put(Item("r1", lecture, "ready", approved=True, broadcast_id="b1"))
    replay = await visit(client, code)
    assert (replay["phase"], replay["watch"]["hls_url"]) == ("replay", f"/hls/{lecture}/r1/index.m3u8")
    house.wall.now = NOON + timedelta(days=14, minutes=46)
    house.home.visits.forget()
    assert (await visit(client, code))["phase"] == "over"


async def test_the_cookie_and_the_token_are_the_same_household(stage: TermStage, client: Client) -> None:
    code = await issue(stage, client, await parents(stage))
    first = await visit(client, code)
    cookies = client.session.cookie_jar
    kept = {cookie.key: cookie for cookie in cookies}
    assert kept["jt_home"]["httponly"]
    assert kept["jt_home"].value == first["household"]
    assert kept["jt_watch"]["path"].startswith("/hls/")
    cookies.clear()
    again = await visit(client, code, household=first["household"])
    assert again["household"] is None
    cookies.clear()
    forged = await visit(client, code, household="A" * 38)
    assert forged["household"] not in (None, "A" * 38, first["household"])
    await stage.house.home.keeper.tick()
    assert await total(stage, HomeArrival) == 2


async def test_wrong_codes_are_told_and_then_stopped(stage: TermStage, client: Client) -> None:
    await parents(stage)
    for wrong in ("x", "jth_" + "a" * 24):
        assert (await visit(client, wrong, 404))["code"] == "no_such_link"
    for _ in range(stage.house.settings.home.wrong_codes_burst - 2):
        await visit(client, "y", 404)
    assert (await visit(client, "y", 429))["code"] == "too_many_requests"


async def test_a_lecture_that_was_called_off_says_so(stage: TermStage, client: Client) -> None:
    lecture = await parents(stage, "scheduled")
    code = await issue(stage, client, lecture)
    async with stage.house.db.writing() as session:
        await session.execute(text("UPDATE lectures SET called_off_at = scheduled_at"))
    stage.house.home.visits.forget()
    told = await visit(client, code)
    assert (told["phase"], told["household"], told["watch"]) == ("called_off", None, None)


# -- who counts


async def test_a_household_that_has_seen_its_share_counts(stage: TermStage, client: Client) -> None:
    lecture = await parents(stage)
    code = await issue(stage, client, lecture)
    watch(stage, await visit(client, code), 30)
    client.session.cookie_jar.clear()
    watch(stage, await visit(client, code), 10)
    await end(stage, lecture)
    assert await total(stage, HomeView) == 1
    document = await read(client, stage.tokens["county"], f"?term={TERM}&node={CODES[0]}")
    assert [(one["at_home"], one["reached"], one["households"]) for one in document["classes"]] == [
        (0, 0, 40),
        (1, 1, 40),
    ]
    assert (document["totals"]["at_home"], document["lectures"][0]["at_home"]) == (1, 1)
    rows = await lines(client, stage.tokens["county"], "07.csv", f"?term={TERM}&node={CODES[0]}")
    assert rows[-1][2:] == ["二(2)班", "家长课堂", "线上", "1", "40", "2.50%", ""]
    mine = await ask(client, "GET", base(lecture), headers=stage.tokens["school"])
    assert [(one["came"], one["counted"]) for one in mine["items"]] == [(0, 0), (2, 1)]


async def test_what_was_seen_before_a_restart_and_in_the_replay_is_joined(stage: TermStage, client: Client) -> None:
    lecture, house = await parents(stage), stage.house
    code = await issue(stage, client, lecture)
    watch(stage, await visit(client, code), 20)
    await house.home.keeper.tick()  # no orderly end: what is not written by now is lost
    assert await total(stage, HomeSeen) > 0
    house.home.audience._viewers.clear()
    await end(stage, lecture)
    assert await total(stage, HomeView) == 0
    house.shelf.put(Item("r1", lecture, "ready", approved=True, broadcast_id="b1"))
    watch(stage, await visit(client, code), 10, first=20)
    await house.home.keeper.tick(everything=True)
    assert await total(stage, HomeView) == 1
    await house.home.keeper.tick(everything=True)
    watch(stage, await visit(client, code), 5, first=30)
    await house.home.keeper.tick(everything=True)
    assert await total(stage, HomeView) == 1


async def test_two_phones_count_twice_and_a_class_never_more_than_its_pupils(stage: TermStage, client: Client) -> None:
    lecture, house = await parents(stage), stage.house
    code = await issue(stage, client, lecture)
    for _ in range(45):
        client.session.cookie_jar.clear()
        house.wall.now += timedelta(minutes=1)
        house.monotonic.now += 60
        told = await visit(client, code)
        claims = house.watch_tokens.signer.check(told["watch"]["token"], now=house.wall().timestamp())
        facts = [(MINUTE * 60_000 + n * 10_000, MINUTE * 60_000 + (n + 1) * 10_000) for n in range(45 * 6)]
        for one in facts:
            house.monotonic.now += 10
            house.home.sent(claims, [one])
    await end(stage, lecture)
    assert await total(stage, HomeView) == 45
    document = await read(client, stage.tokens["school"], f"?term={TERM}")
    assert [(one["at_home"], one["reached"]) for one in document["classes"]] == [(0, 0), (40, 40)]
    assert document["cells"]["parents"]["ratio"] == 0.5
    rows = await lines(client, stage.tokens["school"], "07.csv", f"?term={TERM}")
    assert rows[-1][5:] == ["40", "40", "100.00%", "收看45户，按学生数计"]


async def test_who_throws_the_cookie_away_again_and_again_is_stopped_and_named(
    stage: TermStage, client: Client
) -> None:
    lecture, house = await parents(stage), stage.house
    code, limits = await issue(stage, client, lecture), house.settings.home
    for _ in range(limits.new_households_burst):
        client.session.cookie_jar.clear()
        house.monotonic.now += 1
        await visit(client, code)
    client.session.cookie_jar.clear()
    while (await answer(client, code))[0] == 200:
        client.session.cookie_jar.clear()
    assert (await answer(client, code))[1] == "too_many_new"
    await end(stage, lecture)
    mine = await ask(client, "GET", base(lecture), headers=stage.tokens["school"])
    found = mine["items"][1]["suspicion"]
    assert found["households"] >= limits.new_households_burst
    rows = await lines(client, stage.tokens["county"], "07.csv", f"?term={TERM}&node={CODES[0]}")
    assert rows[-1][4:6] == ["线上", "0"]
    assert rows[-1][-1] == f"待核：同一网络地址60秒内新增{found['households']}户"


async def answer(client: Client, code: str) -> tuple[int, str]:
    headers = {"Sec-Fetch-Site": "same-origin"}
    async with client.post(VISITS, json={"code": code}, headers=headers) as response:
        return response.status, str((await response.json()).get("code", ""))


async def test_a_lecture_has_room_for_so_many(stage: TermStage, client: Client) -> None:
    code = await issue(stage, client, await parents(stage))
    house = stage.house
    object.__setattr__(house.settings.home, "watching_per_lecture", 1)
    first = await visit(client, code)
    assert first["watch"] is not None
    client.session.cookie_jar.clear()
    assert (await visit(client, code, 503))["code"] == "home_busy"
    assert (await visit(client, code, household=first["household"]))["watch"] is not None


async def test_a_lecture_that_ended_is_judged_until_its_last_facts_are_there(stage: TermStage, client: Client) -> None:
    lecture, house = await parents(stage), stage.house
    watch(stage, await visit(client, await issue(stage, client, lecture)), 30)
    keeper, measure = house.home.keeper, house.on_air.pop(lecture)
    await keeper.tick(everything=True)
    house.states[lecture] = "ended"
    await keeper.handle(BroadcastChanged(lecture, "b1", NOON, Event.END, State.LIVE, State.ENDED, 1))
    await keeper.tick()
    house.on_air[lecture] = measure
    await keeper.tick()
    assert await total(stage, HomeView) == 0, "not at every turn"
    house.monotonic.now += 31
    await keeper.tick()
    assert await total(stage, HomeView) == 1
    house.monotonic.now += 200
    await keeper.tick()
    assert keeper._ended == {}


async def test_what_a_crash_kept_from_being_judged_is_judged_at_the_next_start(
    stage: TermStage, client: Client
) -> None:
    lecture, house = await parents(stage), stage.house
    watch(stage, await visit(client, await issue(stage, client, lecture)), 30)
    await house.home.keeper.tick(everything=True)
    house.home.keeper._touched.clear()  # as another process does not know them
    await end(stage, lecture)
    assert await total(stage, HomeView) == 0
    await house.home.keeper.start()
    await house.home.keeper.tick()
    await house.home.keeper.stop()
    await house.home.keeper.stop()
    assert await total(stage, HomeView) == 1


async def test_a_database_that_is_away_loses_nothing(
    stage: TermStage, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    lecture, house = await parents(stage), stage.house
    code = await issue(stage, client, lecture)
    watch(stage, await visit(client, code), 30)
    written = house.home.facts.write

    async def away(*rows: Any) -> None:
        raise SQLAlchemyError("away")

    monkeypatch.setattr(house.home.facts, "write", away)
    with pytest.raises(SQLAlchemyError):
        await house.home.keeper.tick(everything=True)
    monkeypatch.setattr(house.home.facts, "write", written)
    await house.home.keeper.tick()
    await house.home.keeper.tick()
    await end(stage, lecture)
    assert (await total(stage, HomeArrival), await total(stage, HomeView)) == (1, 1)


async def test_a_fact_that_is_written_twice_is_there_once(stage: TermStage, client: Client) -> None:
    lecture, house = await parents(stage), stage.house
    code = await issue(stage, client, lecture)
    watch(stage, await visit(client, code), 12)
    arrivals, facts = house.home.doorman.take(), house.home.audience.take(house.monotonic(), everything=True)
    for _ in range(2):
        await house.home.facts.write(arrivals, facts)
    assert (await total(stage, HomeArrival), await total(stage, HomeSeen)) == (1, len(facts))
    for table in ("home_links", "home_arrivals", "home_seen"):
        for change in (f"DELETE FROM {table}", f"UPDATE {table} SET lecture_id = 'x'"):
            with pytest.raises(SQLAlchemyError, match="append-only"):
                async with house.db.writing() as session:
                    await session.execute(text(change))


async def test_old_rules_count_nobody_at_home(stage: TermStage, client: Client) -> None:
    lecture, house = await parents(stage), stage.house
    house.home.keeper._ratio = None
    code = await issue(stage, client, lecture)
    watch(stage, await visit(client, code), 45)
    await end(stage, lecture)
    assert await total(stage, HomeView) == 0


async def test_media_of_another_subject_is_nobodys(stage: TermStage) -> None:
    stage.house.home.sent(WatchClaims("home:wrong", "l", 0.0, "x"), [(0, 4000)])
    assert len(stage.house.home.audience) == 0
