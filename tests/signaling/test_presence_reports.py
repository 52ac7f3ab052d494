"""What the room does with reports: signatures, chains of nonces, restarts, a ledger that takes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from signaling.ledger.facts import Flags, Rendered
from signaling.ledger.kinds import Reason
from signaling.presence.reporting import due_in
from tests.support.presence import LECTURE, MINUTE, World, seats


@pytest.mark.parametrize("keys", [True, False])
async def test_a_minute_of_two_screens_comes_into_the_ledger_once(keys: bool) -> None:
    world = World()
    a, b = await seats(world, keys=keys)
    world.later(63)
    a.served.reporting.deliver(LECTURE, MINUTE, ["a", "b"])
    assert a.report(MINUTE)["accepted_ms"] == 60_000
    answer = b.report(MINUTE, rendered_ms=30_000, muted=True, audible_ms=0)
    assert answer["durable_until"] == MINUTE, "accepted is not durable, and the answer says so"
    assert (answer["boot_id"], answer["minute"], answer["repeated"]) == ("boot-1", MINUTE + 1, False)
    await a.served.round()
    assert world.pages.of(Rendered) == []
    world.later(18)
    await a.served.round()
    base = Flags.VISIBLE if keys else Flags.VISIBLE | Flags.UNSIGNED
    reports = (("a", 60_000, int(base | Flags.AUDIBLE)), ("b", 30_000, int(base | Flags.MUTED)))
    # The first minute that this process saw begins with the next: what was delivered in this one it cannot know whole.
    assert world.pages.of(Rendered) == [Rendered(MINUTE, reports)]
    assert a.report(MINUTE + 1)["durable_until"] == MINUTE + 1


async def test_each_report_brings_the_nonce_of_the_next() -> None:
    world = World()
    a, _ = await seats(world)
    for number in range(5):
        world.later(60)
        answer = a.report(MINUTE + number)
        assert answer["accepted_ms"] == 60_000
        assert 60 <= answer["next_in_s"] <= 70
        assert answer["minute_ends_in_s"] == 60
    assert a.served.refusals.of(LECTURE) == {}
    assert a.served.metrics()["reports"] == 5


def test_reports_are_spread_over_ten_seconds_and_a_screen_keeps_its_place() -> None:
    places = [due_in(f"screen-{n}", 0) - 60 for n in range(500)]
    assert min(places) < 0.5
    assert max(places) > 9.4
    assert places == [due_in(f"screen-{n}", 60) - 60 for n in range(500)]


@pytest.mark.parametrize(
    "letter", ["", "a.b", "a.b.c", "é.é.é", "x" * 3000, {}, {"nonce": 1}, "e30.W10.AA", "e30." + "W" * 1900 + ".AA"]
)
async def test_what_is_no_report_is_refused_as_such(letter: Any) -> None:
    world = World()
    a, _ = await seats(world)
    assert a.refused(letter).reason is Reason.BAD_REPORT


async def test_a_page_that_slept_goes_on_with_the_nonce_of_the_refusal() -> None:
    world = World()
    a, _ = await seats(world)
    world.later(61)
    a.report(MINUTE)
    world.later(4000)
    refused = a.refused(a.letter(MINUTE + 67))
    assert refused.reason is Reason.STALE_NONCE
    assert refused.nonce is not None
    a.nonce = refused.nonce
    assert a.report(MINUTE + 66)["accepted_ms"] == 60_000


# -- restarts and a ledger that takes nothing


async def test_what_was_not_durable_when_the_server_died_is_sent_again_and_counts_once() -> None:
    world = World()
    a, b = await seats(world)
    world.later(61)
    kept = {one.screen: one.letter(MINUTE) for one in (a, b)}
    a.send(kept["a"])
    world.later(20)
    await a.served.round()
    b.send(kept["b"])  # late, not written down yet: here the process dies
    served = await world.process()
    for one in (a, b):
        one.served = served
    assert a.send(kept["a"], again=True)["repeated"], "the ledger has it"
    assert b.send(kept["b"], again=True)["accepted_ms"] == 60_000, "it went down with the process"
    world.later(60)
    await served.round()
    assert [screen for fact in world.pages.of(Rendered) for screen, _, _ in fact.reports] == ["a", "b"]


async def test_a_ledger_that_takes_nothing_keeps_reports_waiting_and_loses_none() -> None:
    world = World()
    a, _ = await seats(world)
    world.pages.shut = True
    world.later(81)
    a.report(MINUTE)
    world.later(60)
    await a.served.round()
    a.report(MINUTE + 1)
    assert a.served.reporting.rooms[LECTURE].sheet.durable_until(world.now.timestamp()) == MINUTE
    world.pages.shut = False
    world.later(60)
    await a.served.round()
    assert [fact.minute for fact in world.pages.of(Rendered)] == [MINUTE, MINUTE + 1]
    assert a.served.reporting.rooms[LECTURE].sheet.durable_until(world.now.timestamp()) == MINUTE + 3


async def test_the_end_of_the_server_writes_down_what_there_is() -> None:
    world = World()
    a, _ = await seats(world)
    world.later(61)
    a.report(MINUTE)
    await a.served.stop()
    assert [fact.minute for fact in world.pages.of(Rendered)] == [MINUTE]
