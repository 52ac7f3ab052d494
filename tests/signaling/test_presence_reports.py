"""What the room does with reports: signatures, chains of nonces, forgery by name, restarts, a ledger that takes nothing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jws
from joserfc.jwk import ECKey, OctKey

from config.settings import load
from signaling.ledger.errors import LedgerUnavailable
from signaling.ledger.facts import Answered, Challenged, Confirmed, Flags, Rendered
from signaling.live.states import State
from signaling.presence import checks, headcounts
from signaling.presence.counting import NotExpected
from signaling.presence.headcounts import Impossible
from signaling.presence.refusals import Reason
from signaling.presence.reporting import Rejected, due_in
from signaling.presence.service import PresenceService
from signaling.screens.proofs import thumbprint
from tests.support.devices import jwk_of
from tests.support.witness import Pages, claims, signed

BEGIN = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
MINUTE = int(BEGIN.timestamp()) // 60
LECTURE, BROADCAST = "lecture-1", "broadcast-1"


@dataclass
class Entry:
    """A broadcast as the live service shows it."""

    lecture_id: str = LECTURE
    broadcast_id: str | None = BROADCAST
    state: State = State.LIVE
    started_at: datetime | None = BEGIN
    ended_at: datetime | None = None

    def on_air(self, now: datetime) -> float:
        return (now - BEGIN).total_seconds()


@dataclass
class Lecture:
    title: str = "珍爱生命"
    minutes: int = 45
    audience_kind: str = "pupils"


@dataclass
class World:
    """A lecture on the air, two screens and a ledger in memory; `process` is a server, which may be another one later."""

    pages: Pages = field(default_factory=Pages)
    entry: Entry = field(default_factory=Entry)
    lecture: Lecture = field(default_factory=Lecture)
    now: datetime = BEGIN
    watching: set[str] = field(default_factory=lambda: {"a", "b"})
    free: frozenset[str] = frozenset()
    pushed: list[tuple[str, dict[str, Any] | None]] = field(default_factory=list)
    boots: int = 0

    def peek(self, lecture_id: str) -> Entry:
        return self.entry if lecture_id == self.entry.lecture_id else Entry(lecture_id, None, State.SCHEDULED, None)

    def known(self) -> list[Entry]:
        return [self.entry]

    async def info(self, lecture_id: str) -> Lecture:
        return self.lecture

    async def sizes(self, lecture_id: str) -> dict[str, int]:
        return {"class-a": 40, "class-b": 38}

    async def screens_of_kinds(self, lecture_id: str, kinds: Iterable[str]) -> frozenset[str]:
        return self.free if "11" in kinds else frozenset()

    async def process(self) -> PresenceService:
        """Start a server, without its clockwork."""
        self.boots += 1
        made = PresenceService(
            load().presence,
            self.pages,
            self,
            self,
            lambda lecture_id: self.watching,
            key=b"key",
            boot_id=f"boot-{self.boots}",
            clock=lambda: self.now,
        )
        for entry in self.known():
            await made._restore(entry)

        async def push(lecture_id: str, message_of: Any) -> None:
            self.pushed += [(screen, message_of(screen)) for screen in ("a", "b", "c")]

        made.checking.push = push
        return made

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Seat:
    """A screen's page: it keeps the nonce and signs, when it has a key."""

    world: World
    served: PresenceService
    screen: str
    key: ECKey | None = None
    nonce: str = ""
    counter: int = 1

    def sit(self) -> None:
        thumb = None if self.key is None else thumbprint(jwk_of(self.key))
        told = self.served.seat(self.screen, thumb, f"class-{self.screen}", LECTURE)
        self.nonce, self.counter = told["reporting"]["nonce"], 1

    def said(self, minute: int, **changes: Any) -> dict[str, Any]:
        return claims(nonce=self.nonce, broadcast_id=BROADCAST, counter=self.counter, minute=minute) | changes

    def letter(self, minute: int, **changes: Any) -> str | dict[str, Any]:
        said = self.said(minute, **changes)
        return said if self.key is None else signed(self.key, said)

    def send(self, letter: Any, again: bool = False) -> dict[str, Any]:
        answer = self.served.report(self.served.reporting.rooms[LECTURE], self.screen, letter, again)
        self.nonce, self.counter = answer["nonce"], self.counter + 1
        return answer

    def report(self, minute: int, **changes: Any) -> dict[str, Any]:
        return self.send(self.letter(minute, **changes))

    def refused(self, letter: Any, again: bool = False) -> Rejected:
        with pytest.raises(Rejected) as caught:
            self.served.report(self.served.reporting.rooms[LECTURE], self.screen, letter, again)
        return caught.value


async def seats(world: World, *, keys: bool = True) -> tuple[Seat, Seat]:
    served = await world.process()
    pair = tuple(Seat(world, served, name, ECKey.generate_key("P-256") if keys else None) for name in ("a", "b"))
    for one in pair:
        one.sit()
    return pair[0], pair[1]


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


# -- forgery


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


# -- presence checks


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


@pytest.mark.parametrize("world", [World(lecture=Lecture(audience_kind="parents")), World(free=frozenset({"a", "b"}))])
async def test_parents_and_kindergartens_are_not_asked(world: World) -> None:
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


# -- head-counts


async def test_a_head_count_is_prefilled_confirmed_and_mended_by_a_newer_one() -> None:
    world = World()
    a, _ = await seats(world)
    counting = a.served.counting
    with pytest.raises(headcounts.NotYet):
        await counting.confirm(LECTURE, "class-a", 40, 0, "room")
    world.later(300)
    told = a.served.seat("a", None, "class-a", LECTURE)["confirmation"]
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


# -- cost


def verifications(seats: list[Seat]) -> float:
    """Return the CPU milliseconds of checking one signature of P-256 and nothing else: about 0.1 on a quiet core of 2020."""
    checked = []
    for one in seats:
        assert one.key is not None
        signature = one.key.get_op_key("sign").sign(b"report", ec.ECDSA(hashes.SHA256()))
        checked.append((one.key.get_op_key("sign").public_key(), signature))
    before = time.process_time()
    for key, signature in checked:
        key.verify(signature, b"report", ec.ECDSA(hashes.SHA256()))
    return 1000 * (time.process_time() - before) / len(checked)


async def test_a_report_costs_less_than_half_a_millisecond(capsys: pytest.CaptureFixture[str]) -> None:
    """Told against a signature that is checked in the same run: five times its cost is half a millisecond on a quiet machine."""
    world = World()
    served = await world.process()
    made = [Seat(world, served, f"screen-{n}", ECKey.generate_key("P-256")) for n in range(500)]
    for one in made:
        one.sit()
    rounds = []
    for minute in range(4):
        world.later(61)
        letters = [one.letter(MINUTE + minute) for one in made]
        floor = verifications(made)
        before = time.process_time()
        for one, letter in zip(made, letters, strict=True):
            one.send(letter)
        rounds.append((1000 * (time.process_time() - before) / len(made), floor))
    with capsys.disabled():
        told = ", ".join(f"{ms:.3f} ({ms / floor:.1f} signatures)" for ms, floor in rounds)
        print(f"\na signed report, ms of CPU: {told}; keys are imported in the first minute")
    assert min(ms / floor for ms, floor in rounds) <= 5
