"""Nonces, minutes, checks and head-counts by themselves: no clock, no database, no browser."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.attendance.policy import load_policy
from signaling.ledger.facts import Flags
from signaling.ledger.kinds import Reason
from signaling.presence import checks, schedule
from signaling.presence.checks import Checks
from signaling.presence.claims import Claims
from signaling.presence.headcounts import HeadCount, HeadCounts, Impossible, NotYet, Over, judge, window
from signaling.presence.minutes import Bits, Full, Refused, Sheet
from signaling.presence.nonces import LENGTH, Chain, ForeignNonce, Link, OldNonce, Place
from signaling.presence.refusals import Refusals
from tests.support.witness import claims

SESSION = b"sessions"
BEGAN = 600_000_000
MINUTE = BEGAN // 60
PLACE = Place("broadcast-1", "screen-1")
CHAIN = Chain(b"key", 3600)


# -- nonces


def test_a_nonce_says_what_was_written_into_it() -> None:
    nonce = CHAIN.begin(PLACE, "thumb", SESSION, BEGAN + 0.9)
    assert len(nonce) == LENGTH
    link = CHAIN.read(PLACE, nonce, BEGAN + 5)
    assert (link.session, link.began, link.number, link.given, link.signed) == (SESSION, BEGAN, 1, BEGAN, True)
    after = CHAIN.read(PLACE, CHAIN.after(PLACE, link, 1, BEGAN + 67), BEGAN + 70)
    assert (after.began, after.number, after.given) == (BEGAN, 2, BEGAN + 67)
    assert not CHAIN.read(PLACE, CHAIN.begin(PLACE, None, SESSION, BEGAN), BEGAN).signed


@pytest.mark.parametrize(
    "other", [Place("broadcast-2", "screen-1"), Place("broadcast-1", "screen-2"), Place("broadcast-1 ", "screen-1")]
)
def test_a_nonce_is_worth_nothing_elsewhere(other: Place) -> None:
    nonce = CHAIN.begin(PLACE, None, SESSION, BEGAN)
    with pytest.raises(ForeignNonce):
        CHAIN.read(other, nonce, BEGAN)
    with pytest.raises(ForeignNonce):
        Chain(b"another", 3600).read(PLACE, nonce, BEGAN)


@given(place=st.integers(0, LENGTH - 1), letter=st.sampled_from("AZaz09-_"))
def test_a_changed_nonce_is_no_nonce(place: int, letter: str) -> None:
    nonce = CHAIN.begin(PLACE, "thumb", SESSION, BEGAN)
    changed = nonce[:place] + letter + nonce[place + 1 :]
    if changed != nonce:
        with pytest.raises(ForeignNonce):
            CHAIN.read(PLACE, changed, BEGAN)


@given(st.text(max_size=200))
def test_any_text_is_read_without_another_error(text: str) -> None:
    with pytest.raises(ForeignNonce):
        CHAIN.read(PLACE, text, BEGAN)


def test_an_old_nonce_tells_its_session_so_that_it_can_go_on() -> None:
    nonce = CHAIN.begin(PLACE, "thumb", SESSION, BEGAN)
    CHAIN.read(PLACE, nonce, BEGAN + 3600)
    with pytest.raises(OldNonce) as caught:
        CHAIN.read(PLACE, nonce, BEGAN + 3601)
    assert caught.value.link.session == SESSION


# -- minutes


def link_of(number: int = 1, *, began: int = BEGAN, session: bytes = SESSION, key: bytes = b"k" * 16) -> Link:
    return Link(session, began, number, began, key)


def said(number: int = 1, minute: int = MINUTE, **changes: object) -> Claims:
    return Claims.model_validate(claims(counter=number, minute=minute, **changes))


def sheet(capacity: int = 100) -> Sheet:
    return Sheet(MINUTE - 30, grace=20, back=30, capacity=capacity)


def test_reports_of_a_minute_become_one_fact_twenty_seconds_after_its_end() -> None:
    made = sheet()
    for screen in ("a", "b"):
        assert made.take(screen, link_of(), said(), BEGAN + 61).rendered_ms == 60_000
    assert made.due(BEGAN + 79) == []
    assert made.durable_until(BEGAN + 79) == MINUTE
    assert made.due(BEGAN + 81) == [MINUTE]
    fact = made.cut(MINUTE)
    both = int(Flags.VISIBLE | Flags.AUDIBLE)
    assert (fact.minute, fact.part, fact.reports) == (MINUTE, 0, (("a", 60_000, both), ("b", 60_000, both)))
    assert made.durable_until(BEGAN + 82) == MINUTE, "cut is not recorded"
    made.recorded(MINUTE)
    assert made.durable_until(BEGAN + 82) == MINUTE + 1
    assert not made.waits
    assert made.waiting == 0


def test_a_late_report_makes_another_part() -> None:
    made = sheet()
    made.take("a", link_of(), said(), BEGAN + 61)
    made.cut(MINUTE)
    made.take("b", link_of(), said(), BEGAN + 90)
    assert made.due(BEGAN + 200) == [], "one part at a time"
    made.recorded(MINUTE)
    assert made.due(BEGAN + 109) == []
    assert made.due(BEGAN + 110) == [MINUTE]
    assert made.cut(MINUTE).part == 1


@pytest.mark.parametrize(
    ("now", "claimed", "counted", "fast"),
    [
        (BEGAN + 61, 60_000, 60_000, False),
        (BEGAN + 61, 64_000, 60_000, False),  # a busy machine's timers
        (BEGAN + 61, 66_000, 60_000, True),
        (BEGAN + 61, 3_600_000, 60_000, True),
        (BEGAN + 20, 60_000, 20_000, True),
        (BEGAN + 20, 21_000, 20_000, False),
        (BEGAN, 60_000, 0, True),
    ],
)
def test_nobody_shows_more_of_a_minute_than_has_passed(now: float, claimed: int, counted: int, fast: bool) -> None:
    taken = sheet().take("a", link_of(), said(rendered_ms=claimed, media_ms=0), now)
    assert (taken.rendered_ms, taken.fast) == (counted, fast)


def test_a_screen_that_plays_faster_is_named_though_it_claims_a_minute() -> None:
    assert sheet().take("a", link_of(), said(media_ms=90_000), BEGAN + 61).fast


def test_nothing_counts_from_before_the_session_began() -> None:
    taken = sheet().take("a", link_of(began=BEGAN + 45), said(), BEGAN + 61)
    assert (taken.rendered_ms, taken.fast) == (15_000, True)


def test_two_pages_of_a_screen_together_show_a_minute_at_most() -> None:
    made = sheet()
    made.take("a", link_of(), said(rendered_ms=40_000), BEGAN + 61)
    second = made.take("a", link_of(session=b"another!"), said(rendered_ms=40_000), BEGAN + 62)
    assert second.rendered_ms == 20_000
    assert made.cut(MINUTE).reports[0][1] == 60_000


@given(
    st.lists(
        st.tuples(
            st.integers(0, 300),
            st.integers(0, 200_000),
            st.integers(-3, 3),
            st.sampled_from([b"11111111", b"22222222"]),
        ),
        max_size=40,
    )
)
def test_the_sum_of_all_that_counts_never_exceeds_the_time_that_passed(
    reports: list[tuple[int, int, int, bytes]],
) -> None:
    made, now, total = sheet(), float(BEGAN), 0
    numbers: Counter[bytes] = Counter()
    for wait, claimed, minute, session in reports:
        now += wait
        numbers[session] += 1
        number = numbers[session]
        try:
            total += made.take(
                "a", link_of(number, session=session), said(number, int(now) // 60 + minute, rendered_ms=claimed), now
            ).rendered_ms
        except Refused:  # about a minute that is none of the session's
            numbers[session] -= 1
        assert total <= 1000 * (now - BEGAN)


@pytest.mark.parametrize(
    ("minute", "good"), [(MINUTE - 1, False), (MINUTE, True), (MINUTE + 1, True), (MINUTE + 2, False)]
)
def test_a_report_is_about_a_minute_of_its_session(minute: int, good: bool) -> None:
    if good:
        sheet().take("a", link_of(), said(minute=minute), BEGAN + 61)
        return
    with pytest.raises(Refused) as caught:
        sheet().take("a", link_of(), said(minute=minute), BEGAN + 61)
    assert caught.value.reason is (Reason.WRONG_MINUTE if minute < MINUTE else Reason.FAST_FORWARD)


def test_after_half_an_hour_it_is_too_late() -> None:
    made = sheet()
    made.take("a", link_of(), said(), BEGAN + 30 * 60)
    with pytest.raises(Refused):
        made.take("b", link_of(), said(), BEGAN + 31 * 60)


def test_a_report_works_once_and_the_same_again_changes_nothing() -> None:
    made = sheet()
    made.take("a", link_of(), said(), BEGAN + 61)
    with pytest.raises(Refused) as caught:
        made.take("a", link_of(), said(), BEGAN + 62)
    assert caught.value.reason is Reason.REPLAYED_COUNTER
    assert made.take("a", link_of(), said(), BEGAN + 62, again=True).repeated
    assert made.cut(MINUTE).reports[0][1] == 60_000


def test_a_number_that_is_not_the_nonces_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        sheet().take("a", link_of(1), said(2), BEGAN + 61)
    assert caught.value.reason is Reason.REPLAYED_COUNTER


def test_what_the_ledger_has_is_not_counted_again_by_a_new_process() -> None:
    made = sheet()
    made.filled.add(["a"], MINUTE)
    assert made.take("a", link_of(7), said(7), BEGAN + 90, again=True).repeated
    with pytest.raises(Refused):
        made.take("a", link_of(8), said(8), BEGAN + 91)
    assert made.take("b", link_of(), said(), BEGAN + 92).rendered_ms == 60_000


def test_more_than_there_is_room_for_is_not_taken() -> None:
    made = sheet(capacity=2)
    for screen in ("a", "b"):
        made.take(screen, link_of(), said(), BEGAN + 61)
    with pytest.raises(Full):
        made.take("c", link_of(), said(), BEGAN + 61)
    made.cut(MINUTE)
    with pytest.raises(Full):
        made.take("c", link_of(), said(), BEGAN + 61)
    made.recorded(MINUTE)
    assert made.take("c", link_of(), said(), BEGAN + 61).rendered_ms == 60_000, "and was not used up by being refused"


@pytest.mark.parametrize(
    ("changes", "key", "flags"),
    [
        ({}, b"k" * 16, Flags.VISIBLE | Flags.AUDIBLE),
        ({"visible_ms": 29_999}, b"k" * 16, Flags.AUDIBLE),
        ({"audible_ms": 0, "muted": True}, b"k" * 16, Flags.VISIBLE | Flags.MUTED),
        ({"audible_ms": 60_000, "volume": 0}, b"k" * 16, Flags.VISIBLE),
        ({"audible_ms": 0, "blocked": True}, b"k" * 16, Flags.VISIBLE | Flags.SOUND_BLOCKED),
        ({}, bytes(16), Flags.VISIBLE | Flags.AUDIBLE | Flags.UNSIGNED),
    ],
)
def test_flags_say_how_it_was_shown(changes: dict[str, object], key: bytes, flags: Flags) -> None:
    made = sheet()
    made.take("a", link_of(key=key), said(**changes), BEGAN + 61)
    assert made.cut(MINUTE).reports[0][2] == flags


@given(st.sets(st.integers(-3, 200)), st.integers(-3, 200))
def test_bits_are_a_set(minutes: set[int], asked: int) -> None:
    bits = Bits(0)
    for minute in minutes:
        bits.add(["a"], minute)
    assert bits.has("a", asked) == (asked in minutes and asked >= 0)
    assert not bits.has("b", asked)


# -- the plan of checks


CREDIT = load_policy(2).credit
assert CREDIT is not None
CHECKS = CREDIT.checks


@given(st.integers(0, 300), st.floats(0, 1, exclude_max=True))
def test_each_part_of_a_lecture_has_one_check_with_time_to_answer(minutes: int, chance: float) -> None:
    planned = schedule.moments(minutes, CHECKS, lambda place: chance)
    assert len(planned) == min(3, ceil(minutes / 15))
    for place, moment in enumerate(planned):
        part = minutes * 60 / len(planned)
        assert place * part < moment < (place + 1) * part
        if part >= 60 + 90:
            assert place * part + 60 <= moment
            assert moment + 90 <= (place + 1) * part + 0.001


@given(st.integers(1, 300), st.lists(st.floats(0, 1, exclude_max=True), min_size=9, max_size=9), st.integers(0, 400))
def test_two_checks_are_as_far_apart_as_the_policy_says(minutes: int, chances: list[float], lead: int) -> None:
    rules = CHECKS.model_copy(update={"lead_seconds": lead, "most": 9, "every_minutes": 10})
    planned = schedule.moments(minutes, rules, lambda place: chances[place])
    assert len(planned) == min(9, ceil(minutes / 10))
    if minutes * 60 >= len(planned) * (lead + 90):
        assert all(after - before >= lead + 90 - 0.001 for before, after in pairwise(planned))


def test_the_moments_are_spread_and_nobody_guesses_them() -> None:
    firsts = {round(schedule.moments(45, CHECKS, schedule.drawing(b"key", f"b{n}"))[0]) for n in range(300)}
    assert len(firsts) > 200
    again = [schedule.moments(45, CHECKS, schedule.drawing(b"key", "b1")) for _ in range(2)]
    assert again[0] == again[1], "a restarted server goes on with the same plan"
    assert again[0] != schedule.moments(45, CHECKS, schedule.drawing(b"other", "b1"))


def test_each_screen_has_digits_of_its_own() -> None:
    asked = [schedule.question(b"key", "b-1", f"screen-{n}") for n in range(500)]
    assert all(len(set(one.tiles)) == 4 and one.right in one.tiles and "0" not in one.tiles for one in asked)
    assert min(Counter(one.right for one in asked).values()) > 25
    assert min(Counter(one.tiles.index(one.right) for one in asked).values()) > 80
    assert asked[0] == schedule.question(b"key", "b-1", "screen-0")
    assert [one.right for one in asked] != [schedule.question(b"key", "b-2", f"screen-{n}").right for n in range(500)]


# -- the checks


def planned() -> Checks:
    return Checks("b", [100, 400], 90)


def test_a_check_is_due_at_its_moment_on_the_air_and_is_put_once() -> None:
    made = planned()
    assert made.due(99, 1000) is None
    assert made.seconds_to_next(99) == 1
    assert made.due(100, 1000) == 1
    made.begin(1, ["a", "b"], 1000)
    assert made.due(100, 1001) is None
    assert made.due(400, 1089) is None, "one at a time"
    assert made.due(400, 1090) == 2
    made.begin(2, ["a"], 1090)
    assert made.due(9999, 9999) is None
    assert made.seconds_to_next(9999) is None


def test_a_screen_answers_once_and_in_time() -> None:
    made = planned()
    check = made.begin(1, ["a", "b"], 1000)
    assert made.for_screen("a", 1000) is check
    assert made.answer("b-1", "a", 1007.25)[1] == 7250
    assert made.for_screen("a", 1008) is None
    with pytest.raises(checks.Answered):
        made.answer("b-1", "a", 1008)
    with pytest.raises(checks.TooLate):
        made.answer("b-1", "b", 1090)
    for check_id, screen in (("b-1", "c"), ("b-2", "a"), ("x", "a")):
        with pytest.raises(checks.NoSuchCheck):
            made.answer(check_id, screen, 1001)


def test_a_new_process_goes_on_with_an_open_check() -> None:
    made = planned()
    made.asked("b-1", 1, 1000, 1090, ["a", "b"])
    made.answered("b-1", "a")
    made.answered("b-7", "a")
    assert made.due(100, 1020) is None
    assert made.for_screen("a", 1020) is None
    assert made.answer("b-1", "b", 1020)[1] == 20_000
    assert made.due(400, 2000) == 2


# -- head-counts


START = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
FIVE, DAY = timedelta(minutes=5), timedelta(hours=24)


def test_head_counts_are_taken_from_five_minutes_after_the_start_to_a_day_after_the_end() -> None:
    running = window(START, None, FIVE, DAY)
    with pytest.raises(NotYet):
        running.require(START + FIVE - timedelta(milliseconds=1))
    running.require(START + FIVE)
    running.require(START + 9 * DAY)
    over = window(START, START + timedelta(minutes=45), FIVE, DAY)
    over.require(START + timedelta(minutes=45) + DAY - timedelta(milliseconds=1))
    with pytest.raises(Over):
        over.require(START + timedelta(minutes=45) + DAY)
    short = window(START, START + timedelta(minutes=2), FIVE, timedelta(minutes=1))
    with pytest.raises(NotYet):
        short.require(START + timedelta(minutes=3))


@given(st.integers(0, 2100), st.integers(0, 2100), st.integers(0, 2100))
def test_present_are_at_most_the_expected_and_the_guests(expected: int, present: int, guests: int) -> None:
    if present <= expected + guests and present <= 2000 and guests <= 2000:
        judge(expected, present, guests)
    else:
        with pytest.raises(Impossible):
            judge(expected, present, guests)


@given(st.permutations(range(1, 6)), st.lists(st.integers(1, 5)))
def test_the_newest_counts_whatever_the_order_and_however_often(order: list[int], again: list[int]) -> None:
    made = HeadCounts({"c": 40})
    first = HeadCount(0, 0, "room", START, 0)
    for version in [*order, *again]:
        made.take("c", replace(first, present=version, version=version))
    newest = made.of("c")
    assert newest is not None
    assert newest.present == made.version("c") == 5
    assert made.of("d") is None


# -- refusals


def test_refusals_are_counted_by_lecture_screen_and_reason_and_bounded() -> None:
    made = Refusals(lectures=2, screens=2)
    for lecture in ("l1", "l2", "l3"):
        for screen in ("a", "a", "b", "c"):
            made.count(lecture, screen, Reason.UNPROVEN)
    assert made.of("l1") == {}
    assert made.of("l3") == {"a": {"unproven": 2}, "b": {"unproven": 1}}
    assert made.totals[Reason.UNPROVEN] == 12
