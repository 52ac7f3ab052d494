"""Presence checks as the room puts them: when, to whom, answered once, by the policy that holds for the lecture."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from signaling.ledger.errors import LedgerUnavailable
from signaling.ledger.facts import Answered, Challenged
from signaling.live.states import State
from signaling.presence import checks
from signaling.presence.service import PresenceService
from tests.support.presence import LECTURE, MINUTE, Lecture, World, changed, seats


async def until_check(world: World, served: PresenceService) -> Challenged:
    before = len(world.pages.of(Challenged))
    for _ in range(2700):
        world.later(1)
        await served.round()
        if len(world.pages.of(Challenged)) > before:
            return world.pages.of(Challenged)[-1]
    raise AssertionError("no check came")


async def test_three_checks_of_a_lecture_are_put_pushed_and_answered() -> None:
    world = World()
    a, _ = await seats(world)
    served = a.served
    numbers = []
    for _ in range(3):
        world.pushed.clear()
        put = await until_check(world, served)
        numbers.append(put.number)
        assert put.screens == ("a", "b")
        assert put.deadline - put.at == timedelta(seconds=90)
        shown = dict(world.pushed)
        assert shown["c"] is None, "was not there"
        asked = shown["a"]
        assert asked is not None
        assert asked["ends_in_s"] == 90
        digit = asked["text"]["zh-CN"].removeprefix("请点击 ")
        assert digit in asked["tiles"]
        assert set(asked) == {"challenge_id", "text", "tiles", "begins_in_s", "ends_in_s"}
        world.later(8)
        assert await served.checking.answer(LECTURE, "a", put.challenge_id, digit, world.now) == 8000
    assert numbers == [1, 2, 3]
    assert [(fact.right, fact.delay_ms) for fact in world.pages.of(Answered)] == [(True, 8000)] * 3
    with pytest.raises(AssertionError, match="no check came"):
        await until_check(world, served)


async def test_how_often_and_how_long_is_asked_says_the_policy_of_the_lecture() -> None:
    world = World(credit=changed("checks", every_minutes=9, most=5, seconds=40, needed=[1, 1, 2, 2, 3]))
    a, _ = await seats(world)
    put = [await until_check(world, a.served) for _ in range(5)]
    assert [one.number for one in put] == [1, 2, 3, 4, 5]
    assert {one.deadline - one.at for one in put} == {timedelta(seconds=40)}
    with pytest.raises(AssertionError, match="no check came"):
        await until_check(world, a.served)


async def test_a_wrong_tile_is_kept_as_wrong_and_cannot_be_mended() -> None:
    world = World()
    a, _ = await seats(world)
    put = await until_check(world, a.served)
    asked = a.served.checking.shown(LECTURE, "a", world.now.timestamp())
    assert asked is not None
    right = asked["text"]["en"].removeprefix("Touch ")
    wrong = next(tile for tile in asked["tiles"] if tile != right)
    await a.served.checking.answer(LECTURE, "a", put.challenge_id, wrong, world.now)
    with pytest.raises(checks.Answered):
        await a.served.checking.answer(LECTURE, "a", put.challenge_id, right, world.now)
    assert [fact.right for fact in world.pages.of(Answered)] == [False]


async def test_an_open_check_outlives_the_server() -> None:
    world = World()
    a, _ = await seats(world)
    put = await until_check(world, a.served)
    await a.served.checking.answer(LECTURE, "a", put.challenge_id, "1", world.now)
    served = await world.process()
    world.later(30)
    assert served.checking.shown(LECTURE, "a", world.now.timestamp()) is None
    asked = served.checking.shown(LECTURE, "b", world.now.timestamp())
    assert asked is not None
    assert asked["ends_in_s"] == 60
    digit = asked["text"]["en"].removeprefix("Touch ")
    assert await served.checking.answer(LECTURE, "b", put.challenge_id, digit, world.now) == 30_000
    assert world.pages.of(Answered)[-1].right
    world.later(61)
    await served.round()
    assert len(world.pages.of(Challenged)) == 1


async def test_a_screen_without_a_socket_learns_of_a_check_before_it_begins() -> None:
    world = World()
    a, _ = await seats(world)
    told: list[dict[str, Any]] = []
    for minute in range(45):
        world.later(60)
        await a.served.round()
        challenge = a.report(MINUTE + minute)["challenge"]
        if challenge is not None and (not told or told[-1]["challenge_id"] != challenge["challenge_id"]):
            told.append(challenge)
    assert len(told) == 3
    assert all(one["begins_in_s"] <= 80 for one in told)


NOT_ASKED = {
    "parents": World(lecture=Lecture(audience_kind="parents")),
    "kindergartens": World(free=frozenset({"a", "b"})),
    "a lecture that does not count": World(lecture=Lecture(counts=False)),
    "an audience that does not count": World(credit=changed("sessions", audiences=["teachers"])),
    "a policy of delivery alone": World(credit=None),
}


@pytest.mark.parametrize("world", NOT_ASKED.values(), ids=NOT_ASKED)
async def test_who_is_not_judged_by_checks_is_not_asked(world: World) -> None:
    a, _ = await seats(world)
    with pytest.raises(AssertionError, match="no check came"):
        await until_check(world, a.served)


async def test_nobody_is_asked_in_a_pause_and_no_answer_is_believed_that_is_not_durable() -> None:
    world = World()
    a, _ = await seats(world)
    world.entry.state = State.PAUSED
    with pytest.raises(AssertionError, match="no check came"):
        await until_check(world, a.served)
    world.entry.state = State.LIVE
    put = await until_check(world, a.served)
    world.pages.shut = True
    with pytest.raises(LedgerUnavailable):
        await a.served.checking.answer(LECTURE, "a", put.challenge_id, "1", world.now)
    world.pages.shut = False
    await a.served.checking.answer(LECTURE, "a", put.challenge_id, "1", world.now)
    assert len(world.pages.of(Answered)) == 1
