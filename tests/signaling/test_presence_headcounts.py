"""Head-counts as the room takes them: when, by whom, which one counts."""

from __future__ import annotations

import asyncio

import pytest

from signaling.ledger.facts import Confirmed
from signaling.live.states import State
from signaling.presence import headcounts
from signaling.presence.counting import NotExpected
from signaling.presence.headcounts import Impossible
from tests.support.presence import LECTURE, World, changed, seats


async def test_a_head_count_is_prefilled_confirmed_and_mended_by_a_newer_one() -> None:
    world = World()
    a, _ = await seats(world)
    counting = a.served.counting
    with pytest.raises(headcounts.NotYet):
        await counting.confirm(LECTURE, "class-a", 40, 0, "room")
    world.later(300)
    told = a.served.seat("a", None, "class-a", LECTURE)["confirmation"]
    assert (told["title"], told["audience"]) == ("珍爱生命", "pupils")
    assert (told["expected"], told["present"], told["opens_in_s"], told["closes_in_s"]) == (40, None, 0, None)
    await counting.confirm(LECTURE, "class-a", 38, 0, "room")
    await counting.confirm(LECTURE, "class-a", 38, 0, "room")
    with pytest.raises(Impossible):
        await counting.confirm(LECTURE, "class-a", 41, 0, "room")
    await counting.confirm(LECTURE, "class-a", 42, 2, "user-1")
    facts = world.pages.of(Confirmed)
    assert [(fact.present, fact.guests, fact.by, fact.counter) for fact in facts] == [
        (38, 0, "room", 1),
        (42, 2, "user-1", 2),
    ]
    with pytest.raises(NotExpected):
        await counting.confirm(LECTURE, "class-z", 1, 0, "room")
    again = (await world.process()).counting.slip(LECTURE, "class-a")
    assert again.found is not None
    assert (again.found.present, again.found.version) == (42, 2)


async def test_head_counts_close_a_day_after_the_end() -> None:
    world = World()
    a, _ = await seats(world)
    world.later(2700)
    world.entry.state, world.entry.ended_at = State.ENDED, world.now
    world.later(24 * 3600 - 1)
    await a.served.counting.confirm(LECTURE, "class-a", 40, 0, "room")
    world.later(1)
    with pytest.raises(NotExpected):
        await a.served.counting.confirm(LECTURE, "class-a", 39, 0, "room")
    await a.served.round()
    assert a.served.counting.of == {}
    assert (await world.process()).counting.of == {}


async def test_two_that_confirm_at_once_are_two_facts() -> None:
    world = World()
    a, _ = await seats(world)
    world.later(300)
    await asyncio.gather(*(a.served.counting.confirm(LECTURE, "class-a", n, 0, "room") for n in (38, 39, 40)))
    assert sorted(fact.counter for fact in world.pages.of(Confirmed)) == [1, 2, 3]


async def test_when_heads_are_counted_says_the_policy_of_the_lecture() -> None:
    world = World(credit=changed("confirmation", opens_after_minutes=1, closes_after_hours=2))
    a, _ = await seats(world)
    world.later(60)
    await a.served.counting.confirm(LECTURE, "class-a", 40, 0, "room")
    world.later(2640)
    world.entry.state, world.entry.ended_at = State.ENDED, world.now
    world.later(2 * 3600 - 1)
    await a.served.counting.confirm(LECTURE, "class-a", 39, 0, "room")
    world.later(1)
    with pytest.raises(NotExpected):
        await a.served.counting.confirm(LECTURE, "class-a", 38, 0, "room")


async def test_a_policy_of_delivery_alone_counts_no_heads() -> None:
    world = World(credit=None)
    a, _ = await seats(world)
    world.later(600)
    assert a.served.seat("a", None, "class-a", LECTURE)["confirmation"] is None
    with pytest.raises(NotExpected):
        await a.served.counting.confirm(LECTURE, "class-a", 40, 0, "room")
