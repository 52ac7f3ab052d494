"""Reports, presence checks and head-counts over HTTP, down to the ledger, on the database of the run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from signaling.attendance.reports_service import ReportsService
from signaling.attendance.tables import TABLES
from signaling.auth.identity import Role
from signaling.auth.models import User
from signaling.directory.queries import Scope
from signaling.ledger.facts import Answered, Challenged, Confirmed, Flags, Kind, Rendered
from signaling.live.states import Event
from signaling.screens.proofs import thumbprint
from tests.support.devices import jwk_of
from tests.support.live_web import Site, presence_of, site
from tests.support.paired import Paired
from tests.support.platform import SAME_ORIGIN
from tests.support.witness import signed


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Site]:
    async with site(tmp_path, real=False) as made:
        # The clock is moved by hand, and so is the round that a node makes every second.
        task = made.presence._task
        assert task is not None
        task.cancel()
        yield made


class Wall(Paired):
    """A class screen of the stage, which shares the clock of the server."""

    def __init__(self, served: Site, place: int = 0, key: ECKey | None = None) -> None:
        base = str(served.client.make_url("")).rstrip("/")
        super().__init__(
            served.client, base, *served.home.screens[place], key, lambda: served.home.hands.wall().timestamp()
        )

    @classmethod
    async def with_key(cls, served: Site, place: int = 0) -> Wall:
        made = cls(served, place, ECKey.generate_key("P-256"))
        await served.home.bind(made.id, thumbprint(jwk_of(made.key)))
        return made


async def facts(served: Site, kind: Kind) -> list[Any]:
    """Return the facts of a kind that the ledger has of the lecture."""
    found = []
    async for told in served.ledger.facts(served.home.lecture_id, {kind}):
        found.append(told.fact.whole(told.roster.screens) if kind in {Kind.RENDERED, Kind.REFUSED} else told.fact)
    return found


async def school_admin(served: Site, school: str = "3400000001") -> dict[str, str]:
    """Return the header of a school's administrator."""
    name = f"school-{school[-1]}"
    async with served.home.db.writing() as session:
        session.add(User(id=name, login=name, name=name, role=Role.SCHOOL_ADMIN, node=school, password_hash="x"))
    return await served.login(name)


async def on_air(served: Site) -> None:
    await served.home.at(Event.OPEN, Event.START)


async def test_before_the_opening_there_is_nothing_to_report(served: Site) -> None:
    screen = await Wall.with_key(served)
    told = await screen.sit()
    assert told["reporting"] is None
    assert told["confirmation"] is None
    status, problem = await screen.send({}, token=served.home.watch())
    assert (status, problem["code"]) == (409, "not_on_air")


@pytest.mark.parametrize("keys", [True, False])
async def test_reports_of_a_minute_are_one_fact_in_the_ledger(served: Site, keys: bool) -> None:
    await on_air(served)
    walls = [await Wall.with_key(served, place) if keys else Wall(served, place) for place in (0, 1)]
    for wall in walls:
        await wall.sit()
    served.home.hands.advance(61)
    minute = walls[0].said()["minute"]
    answers = [await wall.report() for wall in walls]
    assert {answer["accepted_ms"] for answer in answers} == {60_000}
    assert {answer["durable_until"] for answer in answers} == {minute}
    served.home.hands.advance(20)
    await served.presence.round()
    flags = int(Flags.VISIBLE | Flags.AUDIBLE) | (0 if keys else Flags.UNSIGNED)
    [fact] = await facts(served, Kind.RENDERED)
    assert fact == Rendered(minute, tuple(sorted(((wall.id, 60_000, flags) for wall in walls), key=lambda row: row[0])))
    served.home.hands.advance(40)
    assert (await walls[0].report())["durable_until"] == minute + 1


async def test_every_refusal_has_its_code_and_is_told_to_those_who_watch(served: Site) -> None:
    await on_air(served)
    a, b = await Wall.with_key(served), await Wall.with_key(served, 1)
    for wall in (a, b):
        await wall.sit()
    served.home.hands.advance(61)
    good = a.letter()
    assert (await a.send(good))[0] == 200
    cases = [
        (good, 409, "replayed_counter"),
        (signed(b.key, a.said()), 403, "bad_signature"),  # type: ignore[arg-type]
        (a.said(), 403, "bad_signature"),
        (a.letter(nonce=b.nonce), 409, "stale_nonce"),
        (a.letter(broadcast_id="another"), 409, "wrong_broadcast"),
        (a.letter(minute=1), 409, "wrong_minute"),
        ("no report", 422, "bad_report"),
    ]
    for letter, status, code in cases:
        got, problem = await a.send(letter)
        assert (got, problem["code"]) == (status, code)
    fast = await b.report(rendered_ms=9_000_000)
    assert fast["accepted_ms"] == 60_000
    answer = await served.client.get(
        f"/api/v1/lectures/{served.home.lecture_id}/refused-reports", headers=await served.login("admin")
    )
    rows = {row["screen_id"]: row for row in (await answer.json())["items"]}
    assert rows[a.id]["reasons"] == {
        "replayed_counter": 1,
        "bad_signature": 2,
        "stale_nonce": 1,
        "wrong_broadcast": 1,
        "wrong_minute": 1,
        "bad_report": 1,
    }
    assert rows[b.id] == {"screen_id": b.id, "reasons": {"fast_forward": 1}, "forged": True}
    own = await served.client.get(
        f"/api/v1/lectures/{served.home.lecture_id}/refused-reports", headers=await school_admin(served)
    )
    assert [row["screen_id"] for row in (await own.json())["items"]] == [a.id]


async def test_who_forged_is_named_by_the_tables_and_by_a_server_that_was_restarted(served: Site) -> None:
    await on_air(served)
    a, b = await Wall.with_key(served), await Wall.with_key(served, 1)
    for wall in (a, b):
        await wall.sit()
    served.home.hands.advance(61)
    good = a.letter()
    await a.send(good)
    for _ in range(20):
        await a.send(good)
    await b.send(signed(a.key, b.said()))  # type: ignore[arg-type]
    before = served.home.hands.wall()
    served.home.hands.advance(80)
    await served.presence.round()
    [fact] = await facts(served, Kind.REFUSED)
    assert set(fact.reports) == {(a.id, "replayed_counter", 20), (b.id, "bad_signature", 1)}
    known = {a.id: {"replayed_counter": 20}, b.id: {"bad_signature": 1}}
    restarted = presence_of(served.home, served.ledger)
    await restarted.start()
    assert restarted.forged(served.home.lecture_id) == {a.id, b.id}, "what a board asks"
    assert await restarted.refused(served.home.lecture_id) == known
    await restarted.stop()
    reports = ReportsService(served.home.db, served.home.settings.attendance, served.ledger, served.home.hands.wall)
    assert await suspected(reports, served) == {
        "播放报告或应答被拒收、重复提交播放报告",
        "播放报告或应答被拒收、报告签名与终端不符",
    }
    assert await suspected(reports, served, before) == set(), "as of a time when nothing was written down"


async def suspected(reports: ReportsService, served: Site, as_of: datetime | None = None) -> set[Any]:
    """Return what stands under 待核 in export 03, after a look whether 02 counts as many classes."""
    made = await reports.report(served.home.lecture_id, Scope(None), "522300", as_of=as_of)
    assert made is not None
    two, three = (TABLES[number](made.report, ("522300", "全州"), UTC) for number in ("02", "03"))
    place = [column.header for column in three.columns].index("待核")
    found = [row[place] for row in three.rows if row[place]]
    count = [column.header for column in two.columns].index("待核数")
    assert sum(int(row[count] or 0) for row in two.rows) == len(found)
    return set(found)


async def test_a_watch_token_reports_for_its_own_screen_only(served: Site) -> None:
    await on_air(served)
    a, b = Wall(served), Wall(served, 1)
    for wall in (a, b):
        await wall.sit()
    served.home.hands.advance(61)
    status, problem = await a.send(a.letter(), token=b.told["token"])
    assert (status, problem["code"]) == (403, "not_this_screen")
    status, problem = await a.send(a.letter(), token=served.monitor())
    assert (status, problem["code"]) == (403, "not_this_screen")
    assert (await a.send(a.letter(), token="jtd_no"))[0] in {401, 403}


async def test_a_screen_that_reports_like_mad_is_slowed_down(served: Site) -> None:
    await on_air(served)
    screen = Wall(served)
    await screen.sit()
    answers = [(await screen.send("no report"))[0] for _ in range(45)]
    assert answers[:40] == [422] * 40
    assert set(answers[41:]) == {429}
    served.home.hands.advance(4)
    assert (await screen.send("no report"))[0] == 422


async def test_a_check_is_put_answered_and_kept(served: Site) -> None:
    await on_air(served)
    walls = [await Wall.with_key(served), Wall(served, 1)]
    for wall in walls:
        await wall.sit()
    served.home.room.acknowledged.update(dict.fromkeys((wall.id for wall in walls), 0.1))
    for _ in range(2400):
        served.home.hands.advance(1)
        await served.presence.round()
        if await_check := served.presence.checking.of[served.home.lecture_id].checks.put:
            break
    assert await_check
    check = (await walls[0].report())["challenge"]
    digit = check["text"]["zh-CN"][-1]
    served.home.hands.advance(5)
    status, receipt = await walls[0].post("answers", {"challenge_id": check["challenge_id"], "tile": digit})
    assert (status, receipt) == (201, {"delay_ms": 5000}), "whether it was right is not told"
    for body, expected in (
        ({"challenge_id": check["challenge_id"], "tile": digit}, (409, "already_answered")),
        ({"challenge_id": "x-1", "tile": digit}, (404, "not_found")),
        ({"challenge_id": check["challenge_id"], "tile": "17"}, (422, "invalid")),
    ):
        status, problem = await walls[0].post("answers", body)
        assert (status, problem["code"]) == expected
    served.home.hands.advance(90)
    status, problem = await walls[1].post("answers", {"challenge_id": check["challenge_id"], "tile": "1"})
    assert (status, problem["code"]) == (410, "too_late")
    [put] = await facts(served, Kind.CHALLENGED)
    [answered] = await facts(served, Kind.ANSWERED)
    assert isinstance(put, Challenged)
    assert set(put.screens) == {wall.id for wall in walls}
    assert isinstance(answered, Answered)
    assert (answered.screen_id, answered.delay_ms, answered.right) == (walls[0].id, 5000, True)


async def test_the_room_counts_heads(served: Site) -> None:
    await on_air(served)
    screen = await Wall.with_key(served)
    await screen.sit()
    lecture = served.home.lecture_id
    status, problem = await screen.post("confirmation", {"lecture_id": lecture, "present": 40})
    assert (status, problem["code"]) == (409, "too_early")
    served.home.hands.advance(301)
    assert (await screen.report())["confirmation"]["expected"] == 40
    for body, code in (
        ({"present": 41}, "impossible_count"),
        ({"present": -1}, "invalid"),
        ({"present": 2001}, "invalid"),
    ):
        status, problem = await screen.post("confirmation", {"lecture_id": lecture} | body)
        assert (status, problem["code"]) == (422, code)
    status, document = await screen.post("confirmation", {"lecture_id": lecture, "present": 41, "guests": 1})
    assert (status, document["present"], document["guests"]) == (200, 41, 1)
    await served.home.at(Event.END)
    assert (await screen.sit())["confirmation"]["present"] == 41
    served.home.hands.advance(24 * 3600)
    status, problem = await screen.post("confirmation", {"lecture_id": lecture, "present": 40})
    assert (status, problem["code"]) == (409, "headcount_over")
    [fact] = await facts(served, Kind.CONFIRMED)
    assert isinstance(fact, Confirmed)
    assert (fact.class_id, fact.expected, fact.present, fact.guests, fact.by) == ("class-11", 40, 41, 1, "room")


async def test_a_class_that_made_the_lecture_up_counts_heads_until_that_time_is_over(served: Site) -> None:
    await on_air(served)
    lecture, hands = served.home.lecture_id, served.home.hands
    await served.home.at(Event.END)
    hands.advance(3 * 24 * 3600)
    served.presence.counting.forget_old()
    screen, other = await Wall.with_key(served), await Wall.with_key(served, 1)
    assert (await screen.sit())["confirmation"] is None
    until = hands.wall() + timedelta(days=1)
    await served.presence.counting.open_late(lecture, "class-11", until)
    served.presence.counting.forget_old()
    assert (await screen.sit())["confirmation"]["closes_in_s"] == 24 * 3600
    assert (await other.sit())["confirmation"] is None
    status, document = await screen.post("confirmation", {"lecture_id": lecture, "present": 39})
    assert (status, document["present"]) == (200, 39)
    hands.advance(24 * 3600)
    served.presence.counting.forget_old()
    status, problem = await screen.post("confirmation", {"lecture_id": lecture, "present": 40})
    assert (status, problem["code"]) == (409, "headcount_over")
    [fact] = await facts(served, Kind.CONFIRMED)
    assert (fact.class_id, fact.present) == ("class-11", 39)


async def test_the_schools_administrator_counts_heads_and_mends(served: Site) -> None:
    await on_air(served)
    served.home.hands.advance(301)
    head = await school_admin(served)
    lecture = served.home.lecture_id
    listed = await (await served.client.get("/api/v1/head-counts", headers=head)).json()
    assert [(row["class_name"], row["expected"], row["present"]) for row in listed["items"]] == [
        ("七年级1班", 40, None),
        ("七年级2班", 40, None),
    ]
    path = f"/api/v1/lectures/{lecture}/classes/class-11/confirmation"

    async def confirm(present: int, if_match: str | None, where: str = path, **more: Any) -> tuple[int, Any, str]:
        headers = SAME_ORIGIN | head | ({} if if_match is None else {"If-Match": if_match})
        answer = await served.client.post(where, json={"present": present} | more, headers=headers)
        return answer.status, await answer.json(), answer.headers.get("ETag", "")

    assert (await confirm(39, None))[0] == 428
    read = await served.client.get(path, headers=head)
    assert read.headers["ETag"] == '"0"'
    status, document, tag = await confirm(39, '"0"')
    assert (status, document["present"], document["by"], tag) == (200, 39, "school-1", '"1"')
    assert (await confirm(38, '"0"'))[0] == 412
    assert (await confirm(50, tag))[1]["code"] == "impossible_count"
    status, document, tag = await confirm(38, tag, guests=2)
    assert (document["present"], document["guests"], tag) == (38, 2, '"2"')
    assert (await confirm(30, '"0"', path.replace("class-11", "class-21")))[0] == 404, "another school's"
    found = [(fact.present, fact.counter) for fact in await facts(served, Kind.CONFIRMED)]
    assert found == [(39, 1), (38, 2)]


async def test_a_head_count_after_its_time_names_the_way_on(served: Site) -> None:
    await on_air(served)
    served.home.hands.advance(301)
    head = SAME_ORIGIN | await school_admin(served)
    lecture = served.home.lecture_id
    assert (
        await served.client.post(f"/api/v1/lectures/{lecture}/end", headers=SAME_ORIGIN | await served.login("admin"))
    ).status == 200

    async def confirm(class_id: str) -> tuple[int, str]:
        path = f"/api/v1/lectures/{lecture}/classes/{class_id}/confirmation"
        answer = await served.client.post(path, json={"present": 39}, headers=head | {"If-Match": '"0"'})
        return answer.status, (await answer.json()).get("code", "")

    served.home.hands.advance(24 * 3600 - 60)
    assert await confirm("class-11") == (200, "")
    served.home.hands.advance(61)
    assert await confirm("class-12") == (409, "headcount_over")
    served.presence.counting.forget_old()
    assert await confirm("class-12") == (409, "headcount_over")
    assert await confirm("class-21") == (404, "not_found"), "another school's"
    read = await served.client.get(f"/api/v1/lectures/{lecture}/classes/class-12/confirmation", headers=head)
    assert (read.status, (await read.json())["code"]) == (409, "headcount_over")


async def test_a_node_above_sees_sums_with_denominators_and_what_waits(served: Site) -> None:
    await on_air(served)
    served.home.hands.advance(301)
    head, admin = await school_admin(served), await served.login("admin")

    async def sums(headers: dict[str, str], query: str = "") -> Any:
        answer = await served.client.get(f"/api/v1/head-counts/schools{query}", headers=headers)
        return await answer.json() if answer.status == 200 else answer.status

    path = f"/api/v1/lectures/{served.home.lecture_id}/classes/class-11/confirmation"
    order = {"present": 38, "guests": 1}
    assert (await served.client.post(path, json=order, headers=SAME_ORIGIN | head | {"If-Match": '"0"'})).status == 200
    told = await sums(admin)
    assert told["lecture_id"] == served.home.lecture_id
    own = next(one for one in told["items"] if one["code"] == "3400000001")
    assert own["sums"] == {"classes": 2, "confirmed": 1, "expected": 80, "counted": 40, "present": 38, "guests": 1}
    for name, value in told["sums"].items():
        assert value == sum(one["sums"][name] for one in told["items"]), name
    assert (told["schools"], told["waiting"]) == (len(told["items"]), len(told["items"]))
    assert sum(one["schools"] for one in told["counties"]) == told["schools"]
    assert [one["code"] for one in (await sums(head))["items"]] == ["3400000001"]
    assert len((await sums(admin, "?waiting=true&size=1"))["items"]) == 1
    assert (await sums(admin, "?lecture_id=elsewhere"), await sums(await served.login("lecturer"))) == (404, 403)


async def test_who_keeps_nothing_of_the_school_confirms_nothing(served: Site) -> None:
    await on_air(served)
    served.home.hands.advance(301)
    path = f"/api/v1/lectures/{served.home.lecture_id}/classes/class-11/confirmation"
    # Whoever keeps the data of a node above may do it for a school.
    for user, status in (("lecturer", 403), ("admin", 200)):
        headers = SAME_ORIGIN | await served.login(user) | {"If-Match": '"0"'}
        assert (await served.client.post(path, json={"present": 1}, headers=headers)).status == status
    headers = SAME_ORIGIN | await school_admin(served, "3400000001") | {"If-Match": '"1"'}
    assert (await served.client.post(path, json={"present": 1}, headers=headers)).status == 200
    assert (await served.client.post(path, json={"present": 1}, headers=SAME_ORIGIN)).status == 401
    read = await served.client.get("/api/v1/head-counts?school=3400000002", headers=await served.login("admin"))
    assert len((await read.json())["items"]) == 2
    assert (await served.client.get("/api/v1/head-counts", headers=await served.login("admin"))).status == 400
    own = await served.login("school-1")
    foreign = await served.client.get("/api/v1/head-counts?school=3400000002", headers=own)
    assert foreign.status == 404


async def test_reports_of_the_last_minute_are_taken_after_the_end(served: Site) -> None:
    await on_air(served)
    screen = await Wall.with_key(served)
    await screen.sit()
    served.home.hands.advance(60)
    await served.home.at(Event.END)
    served.home.hands.advance(2)
    assert (await screen.report())["accepted_ms"] == 60_000
    served.home.hands.advance(30)
    await served.presence.round()
    assert len(await facts(served, Kind.RENDERED)) == 1
    served.home.hands.advance(181)
    await served.presence.round()
    status, problem = await screen.send(screen.letter())
    assert (status, problem["code"]) == (409, "not_on_air")
