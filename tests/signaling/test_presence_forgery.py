"""Forged reports are caught and named: replayed, foreign, faster than the clock, without delivery; and what was named outlives the server."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OctKey

from signaling.ledger.facts import Flags, RefusedReports, Rendered
from signaling.ledger.kinds import FORGERY, Reason
from signaling.live.states import State
from signaling.presence.refusals import Unwritten
from tests.support.devices import jwk_of
from tests.support.presence import LECTURE, MINUTE, Entry, World, seats
from tests.support.witness import signed


async def test_a_replayed_report_is_caught_and_named() -> None:
    world = World()
    a, _ = await seats(world)
    world.later(61)
    letter = a.letter(MINUTE)
    a.send(letter)
    refused = a.refused(letter)
    assert refused.reason is Reason.REPLAYED_COUNTER
    assert a.served.refusals.of(LECTURE) == {"a": {"replayed_counter": 1}}
    assert a.served.report(a.served.reporting.rooms[LECTURE], "a", letter, True)["accepted_ms"] == 0
    assert a.report(MINUTE + 1, rendered_ms=1000)["accepted_ms"] == 1000, "the screen itself is not disturbed"


async def test_the_key_of_another_screen_signs_nothing() -> None:
    world = World()
    a, b = await seats(world)
    assert a.key is not None
    world.later(61)
    for letter in (
        signed(b.key, a.said(MINUTE)),  # another key
        signed(b.key, a.said(MINUTE), shown=jwk_of(a.key)),  # the right key shown, signed with another
        a.said(MINUTE),  # not signed at all
        signed(a.key, a.said(MINUTE), typ="dpop+jwt"),
        a.letter(MINUTE)[:-6] + "AAAAAA",
    ):
        assert a.refused(letter).reason is Reason.BAD_SIGNATURE
    assert a.served.refusals.of(LECTURE) == {"a": {"bad_signature": 5}}
    assert a.report(MINUTE)["accepted_ms"] == 60_000


async def test_the_nonce_of_another_screen_is_worth_nothing() -> None:
    world = World()
    a, b = await seats(world)
    world.later(61)
    stolen = a.refused(a.letter(MINUTE, nonce=b.nonce))
    assert (stolen.reason, stolen.nonce) == (Reason.STALE_NONCE, None)


async def test_an_algorithm_that_the_report_brings_is_not_used() -> None:
    world = World()
    a, _ = await seats(world)
    world.later(61)
    secret = OctKey.generate_key(256)
    header = {"alg": "HS256", "typ": "report+jwt", "jwk": jwk_of(a.key)}
    forged = jws.serialize_compact(header, b'{"nonce": "x"}', secret, ["HS256"])
    assert a.refused(forged).reason is Reason.BAD_REPORT
    forged = jws.serialize_compact(header, json.dumps(a.said(MINUTE)).encode(), secret, ["HS256"])
    assert a.refused(forged).reason is Reason.BAD_SIGNATURE


async def test_a_header_that_changes_what_is_signed_is_refused() -> None:
    world = World()
    a, _ = await seats(world)
    world.later(61)
    said = json.dumps(a.said(MINUTE)).encode()
    header = {"alg": "ES256", "typ": "report+jwt", "jwk": jwk_of(a.key), "kid": "x"}
    assert a.refused(jws.serialize_compact(header, said, a.key, ["ES256"])).reason is Reason.BAD_SIGNATURE


async def test_another_broadcast_is_another_evidence() -> None:
    world = World()
    a, _ = await seats(world)
    world.later(61)
    assert a.refused(a.letter(MINUTE, broadcast_id="broadcast-0")).reason is Reason.WRONG_BROADCAST
    old = a.letter(MINUTE)
    world.entry = Entry(broadcast_id="broadcast-2")
    served = await world.process()
    assert replace(a, served=served).refused(old).reason is Reason.WRONG_BROADCAST


async def test_time_that_has_not_passed_does_not_count_and_is_named() -> None:
    world = World()
    a, b = await seats(world)
    world.later(61)
    assert a.report(MINUTE, rendered_ms=600_000)["accepted_ms"] == 60_000
    assert b.report(MINUTE, media_ms=240_000)["accepted_ms"] == 60_000
    assert a.served.refusals.of(LECTURE) == {"a": {"fast_forward": 1}, "b": {"fast_forward": 1}}
    assert a.refused(a.letter(MINUTE + 5)).reason is Reason.FAST_FORWARD


async def test_the_clock_of_a_screen_is_not_asked() -> None:
    world = World()
    a, _ = await seats(world)
    world.later(61)
    assert a.report(MINUTE, iat=1, date="1970-01-01", now=9e12)["accepted_ms"] == 60_000


async def test_a_report_without_delivery_is_marked_and_named() -> None:
    world = World()
    a, b = await seats(world)
    world.later(121)
    a.served.reporting.deliver(LECTURE, MINUTE + 1, ["b", "elsewhere"])
    for one in (a, b):
        one.report(MINUTE + 1)
    world.later(20)
    await a.served.round()
    [fact] = world.pages.of(Rendered)
    plain = Flags.VISIBLE | Flags.AUDIBLE
    assert fact.reports == (("a", 60_000, int(plain | Flags.UNPROVEN)), ("b", 60_000, int(plain)))
    assert a.served.refusals.of(LECTURE) == {"a": {"unproven": 1}}
    assert a.served.metrics()["refusals_total"] == {"unproven": 1}


# -- what is refused becomes a fact


async def test_who_forged_is_written_down_once_a_minute_for_each_reason() -> None:
    world = World()
    a, b = await seats(world)
    world.later(61)
    letter = a.letter(MINUTE)
    a.send(letter)
    for _ in range(30):
        a.refused(letter)
    for _ in range(3):
        b.refused(signed(a.key, b.said(MINUTE)))
    b.refused(b.letter(MINUTE, broadcast_id="another"))
    await a.served.round()
    assert world.pages.of(RefusedReports) == []
    world.later(79)  # a minute's end and its grace
    await a.served.round()
    rows = (("a", "replayed_counter", 30), ("b", "bad_signature", 3))
    totals = (("bad_signature", 3), ("replayed_counter", 30), ("wrong_broadcast", 1))
    assert world.pages.of(RefusedReports) == [RefusedReports(MINUTE + 1, rows, totals)]
    world.later(600)
    await a.served.round()
    assert len(world.pages.of(RefusedReports)) == 1, "quiet minutes are no facts"


async def test_a_restarted_server_still_names_who_forged() -> None:
    world = World()
    a, b = await seats(world)
    world.later(61)
    a.report(MINUTE, rendered_ms=600_000)
    b.refused(b.letter(MINUTE + 200))
    await a.served.stop()
    served = await world.process()
    assert served.forged(LECTURE) == {"a", "b"}
    known = {"a": {"fast_forward": 1}, "b": {"fast_forward": 1}}
    assert await served.refused(LECTURE) == known
    assert served.metrics()["refusals_total"] == {}, "totals are those of a process"
    b.served = served
    b.sit()
    b.refused(b.letter(MINUTE + 200))
    assert await served.refused(LECTURE) == known | {"b": {"fast_forward": 2}}
    await served.stop()
    world.entry.state, world.entry.ended_at = State.ENDED, world.now
    after = await world.process()  # the lecture is over: nobody takes reports of it any more
    assert await after.refused(LECTURE) == known | {"b": {"fast_forward": 2}}


async def test_a_ledger_that_takes_nothing_keeps_refusals_waiting() -> None:
    world = World()
    a, _ = await seats(world)
    world.later(61)
    a.report(MINUTE, rendered_ms=600_000)
    world.pages.shut = True
    world.later(120)
    await a.served.round()
    world.pages.shut = False
    await a.served.round()
    assert [fact.minute for fact in world.pages.of(RefusedReports)] == [MINUTE + 1]


async def test_a_clock_that_is_hours_off_changes_nothing_and_is_named() -> None:
    """A page that took the minute from its own clock, three hours ahead or behind; an honest one asks the server."""
    world = World()
    a, b = await seats(world)
    world.later(61)
    assert a.refused(a.letter(MINUTE + 180)).reason is Reason.FAST_FORWARD
    assert b.refused(b.letter(MINUTE - 180)).reason is Reason.WRONG_MINUTE
    await a.served.stop()
    assert world.pages.of(Rendered) == []
    [fact] = world.pages.of(RefusedReports)
    assert fact.reports == (("a", "fast_forward", 1),), (
        "the past is no forgery: a server that was away is told of it too"
    )
    assert fact.totals == (("fast_forward", 1), ("wrong_minute", 1))


FLOOD = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(["s1", "s2", "s3", "s4"]), st.sampled_from(list(Reason))), max_size=80
)


@given(FLOOD, st.integers(0, 12))
def test_a_flood_takes_no_more_rows_than_there_may_be_and_none_is_uncounted(
    flood: list[tuple[int, str, Reason]], most: int
) -> None:
    held = Unwritten(most, 20.0)
    for minute, screen, reason in flood:
        held.count(minute, screen, reason)
    facts = [held.cut(minute) for minute in held.due(1e9)]
    assert not held.waits
    rows = [(fact.minute, screen, reason) for fact in facts for screen, reason, _ in fact.reports]
    forged = [one for one in flood if one[2] in FORGERY]
    assert len(rows) == len(set(rows)) == min(most, len(set(forged)))
    assert {fact.minute: sum(n for _, n in fact.totals) for fact in facts} == Counter(minute for minute, _, _ in flood)
    if len(rows) == len(set(forged)):
        told = Counter({(f.minute, s, r): n for f in facts for s, r, n in f.reports})
        assert told == Counter((minute, screen, reason.value) for minute, screen, reason in forged)


def test_what_the_ledger_names_already_counts_towards_the_most() -> None:
    held = Unwritten(3, 20.0)
    held.restore(RefusedReports(1, (("s1", "unproven", 1), ("s2", "unproven", 1))))
    for screen in ("s1", "s2", "s3"):
        held.count(2, screen, Reason.UNPROVEN)
    assert held.cut(2) == RefusedReports(2, (("s1", "unproven", 1),), (("unproven", 3),))
    held.count(2, "s1", Reason.STALE_NONCE)
    assert held.cut(2).part == 1, "another part of the same minute has another key"
