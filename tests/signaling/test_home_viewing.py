"""Households at home, pure: what was delivered to them, at which pace, who counts, who is let in, what wants a look."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.auth.tokens import WatchClaims
from signaling.home import tokens, viewing
from signaling.home.doorman import Arrival, Doorman, Full, Limits, Suspicion, Wait, suspicion
from signaling.home.tokens import Household
from signaling.home.viewing import Audience, Range, Seen, counts, joined, seen_ms
from tests.support.platform import NOON

KEY = b"key"
ONE, OTHER = Household("l", "c", "one"), Household("l", "c", "other")
BEGIN = 1_774_000_800_000  # a whole minute
MINUTE = BEGIN // 60_000
LESSON = {MINUTE + number: 60_000 for number in range(45)}
SHARE = Fraction(3, 5)


def watched(seconds: float, *, at: int = BEGIN, part_ms: int = 500) -> Audience:
    """Return an audience to which a household was sent so many seconds as they were on the air."""
    made = Audience(10, 120)
    for number in range(int(seconds * 1000) // part_ms):
        begin = at + number * part_ms
        made.sent(ONE, [(begin, begin + part_ms)], number * part_ms / 1000)
    return made


def windows(facts: list[Seen]) -> int:
    return sum(bits.bit_count() for bits in joined((one.block, one.bits) for one in facts).values())


def test_what_was_sent_at_the_pace_of_the_clock_is_seen() -> None:
    facts = watched(600).take(600, everything=True)
    assert windows(facts) == 60
    assert seen_ms(joined((one.block, one.bits) for one in facts), LESSON) == 600_000


def test_three_fifths_of_a_lecture_count_and_a_window_less_does_not() -> None:
    for seconds, enough in ((27 * 60, True), (27 * 60 - 10, False)):
        blocks = joined((one.block, one.bits) for one in watched(seconds).take(9_999, everything=True))
        assert counts(blocks, LESSON, SHARE) is enough
    assert not counts(blocks, {}, SHARE)


def test_live_and_replay_are_one() -> None:
    made = watched(900)
    for number in range(300):  # from the beginning again and on
        begin = BEGIN + number * 4000
        made.sent(ONE, [(begin, begin + 4000)], 1000 + number * 4)
    facts = made.take(9_999, everything=True)
    assert windows(facts) == 120


def test_a_download_at_once_is_worth_its_seconds_on_the_clock() -> None:
    made = Audience(10, 120)
    for number in range(60):
        made.sent(ONE, [(BEGIN + number * 8000, BEGIN + (number + 1) * 8000)], 0.0)
    assert windows(made.take(0, everything=True)) == 1  # the first eight seconds
    for second in range(0, 4000, 20):  # the page stays open, and asks now and then
        made.hear(ONE, float(second))
    assert windows(made.take(4000, everything=True)) == 47


def test_who_fetched_everything_and_went_away_gets_nothing_more() -> None:
    made = Audience(10, 120)
    made.sent(ONE, [(BEGIN + n * 8000, BEGIN + (n + 1) * 8000) for n in range(60)], 0.0)
    made.take(100)
    made.hear(ONE, 3600.0)  # an hour later
    assert windows(made.take(3600, everything=True)) <= 4


def test_half_a_window_is_none_and_what_lies_beside_the_lecture_is_nothing() -> None:
    made = Audience(10, 120)
    made.sent(ONE, [(BEGIN, BEGIN + 7_000)], 0.0)
    assert made.take(0, everything=True) == []
    made.sent(ONE, [(BEGIN + 7_000, BEGIN + 8_000)], 30.0)
    assert windows(made.take(30, everything=True)) == 1
    early = watched(60, at=BEGIN - 3_600_000).take(60, everything=True)
    assert seen_ms(joined((one.block, one.bits) for one in early), LESSON) == 0


def test_facts_are_given_away_in_time_and_once() -> None:
    made = watched(60)
    assert made.take(60) == []
    told = made.take(130)
    assert windows(told) == 6
    assert made.take(130, everything=True) == []


def test_the_audience_is_bounded() -> None:
    made = Audience(1, 120)
    made.hear(ONE, 0)
    assert made.full(OTHER, 5)
    assert not made.full(ONE, 1)
    made.sent(OTHER, [(BEGIN, BEGIN + 4000)], 0)
    assert (len(made), made.refused) == (1, 1)
    made.take(viewing.GONE_SECONDS)
    assert (len(made), made.watching("l")) == (0, 0)
    made.hear(OTHER, 200)
    assert made.full(ONE, 5)
    assert Audience(9, 1).full(ONE, 0)


RANGES = st.lists(
    st.tuples(st.integers(0, 300), st.integers(1, 8)).map(lambda one: (BEGIN + one[0] * 1000, BEGIN + sum(one) * 1000)),
    min_size=1,
    max_size=40,
)


@settings(max_examples=80)
@given(RANGES, st.lists(st.floats(0, 30), min_size=40, max_size=40))
def test_nobody_sees_more_than_was_sent_nor_faster_than_the_clock(ranges: list[Range], gaps: list[float]) -> None:
    made, now = Audience(10, 120), 0.0
    for one, gap in zip(ranges, gaps, strict=False):
        now += gap
        made.sent(ONE, [one], now)
    blocks = joined((one.block, one.bits) for one in made.take(now, everything=True))
    seen = seen_ms(blocks, LESSON)
    sent = {second for begin, end in ranges for second in range(begin // 1000, end // 1000)}
    assert seen <= len(sent) * 1000 * Fraction(10, 8)
    assert seen <= (now + viewing.FIRST_SECONDS) * 1000 * Fraction(10, 8) + 1
    assert 0 <= seen <= sum(LESSON.values())


FACTS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2**60 - 1)), min_size=1, max_size=12)


@settings(max_examples=80)
@given(FACTS, st.randoms(use_true_random=False))
def test_order_and_repetition_of_facts_change_nothing(facts: list[tuple[int, int]], random: object) -> None:
    block = MINUTE * 6 // viewing.BLOCK
    told = [(block + one, bits) for one, bits in facts]
    mixed = [*told, told[0]]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert joined(mixed) == joined(told)
    assert 0 <= seen_ms(joined(told), LESSON) <= sum(LESSON.values())


def test_codes_and_tokens_are_long_and_ours() -> None:
    lecture, room = str(uuid4()), str(uuid4())
    code = tokens.code(KEY, lecture, room, 1)
    assert tokens.is_code(code)
    assert len(code) >= 15 + len(tokens.PREFIX)
    assert len({code, tokens.code(KEY, lecture, room, 2), tokens.code(b"x", lecture, room, 1)}) == 3
    token = tokens.mint(KEY, bytes(range(16)))
    assert tokens.is_ours(KEY, token)
    for wrong in (
        "",
        "x",
        token[:-1],
        token + "A",
        "A" * len(token),
        "ü" * 38,
        token[:-1] + ("A" if token[-1] != "A" else "B"),
    ):
        assert not tokens.is_ours(KEY, wrong)
    assert not tokens.is_ours(b"other", token)
    with pytest.raises(ValueError, match="16 random bytes"):
        tokens.mint(KEY, b"short")


def test_a_household_is_another_at_every_class_and_travels_in_its_watch_token() -> None:
    lecture, rooms = str(uuid4()), [str(uuid4()), str(uuid4())]
    token = tokens.mint(KEY, bytes(16))
    made = [tokens.household(token, lecture, room) for room in rooms]
    assert made[0].digest != made[1].digest
    subject = tokens.subject(made[0])
    assert len(subject) <= 64
    assert tokens.of_subject(lecture, subject) == made[0]
    claims = WatchClaims(subject, lecture, 0.0, "x")
    assert claims.is_home
    assert not (claims.is_screen)
    assert not (claims.is_person)
    assert not (claims.is_monitor)
    for wrong in ("home:", "home:x", rooms[0], "home:AAAA.x"):
        with pytest.raises(ValueError, match=r".+"):
            tokens.of_subject(lecture, wrong)


def test_an_address_is_known_again_at_one_lecture_only() -> None:
    same = {tokens.origin(KEY, "l", one) for one in ("10.0.0.1", "::ffff:10.0.0.1")}
    assert len(same) == 1
    assert tokens.origin(KEY, "l", "2001:db8::1") == tokens.origin(KEY, "l", "2001:db8::2:1")
    assert tokens.origin(KEY, "l", "10.0.0.1") != tokens.origin(KEY, "m", "10.0.0.1")
    assert "10.0" not in tokens.origin(KEY, "l", "10.0.0.1")


def arrival(number: int, origin: str = "a", seconds: float = 0) -> Arrival:
    return Arrival(Household("l", "c", f"h{number}"), 1, origin, NOON + timedelta(seconds=seconds))


def doorman(**known: int) -> Doorman:
    made = Doorman(Limits(**({"per_pupil": 2, "least": 4, "burst": 3, "per_minute": 6} | known)))
    made.open(("l", "c", 1), [])
    return made


def test_an_address_waits_after_a_burst_and_who_is_known_does_not() -> None:
    made = doorman()
    for number in range(3):
        made.admit(arrival(number), 40, 0.0)
    with pytest.raises(Wait) as caught:
        made.admit(arrival(3), 40, 0.0)
    assert caught.value.seconds == 10
    made.admit(arrival(0), 40, 0.0)
    made.admit(arrival(3, "b"), 40, 0.0)
    made.admit(arrival(4), 40, 10.0)
    assert [one.household.digest for one in made.take()] == ["h0", "h1", "h2", "h3", "h4"]
    assert made.take() == []


def test_a_link_is_full_at_twice_its_pupils() -> None:
    made = doorman(burst=99)
    for number in range(20):
        made.admit(arrival(number), 10, 0.0)
    with pytest.raises(Full):
        made.admit(arrival(20), 10, 0.0)
    made.admit(arrival(7), 10, 0.0)
    made.open(("l", "c", 2), [])
    made.admit(arrival(20)._replace(number=2), 10, 0.0)  # a new link begins anew
    assert made.refused == 1


def test_a_link_that_is_opened_again_knows_its_households() -> None:
    made = Doorman(Limits(2, 4, 1, 6))
    assert not made.is_open(("l", "c", 1))
    made.open(("l", "c", 1), ["h0", "h1", "h2", "h3"])
    made.admit(arrival(2), 1, 0.0)
    with pytest.raises(Full):
        made.admit(arrival(9), 1, 0.0)


def test_many_from_one_address_within_a_minute_want_a_look() -> None:
    crowd = [("a", NOON + timedelta(seconds=5 * number)) for number in range(9)]
    assert suspicion(crowd, 8, 60) == Suspicion(9, 60)
    spread = [("a", NOON + timedelta(minutes=number)) for number in range(30)]
    assert suspicion(spread, 8, 60) is None
    assert suspicion([(f"{number}", NOON) for number in range(30)], 8, 60) is None
    assert suspicion([], 8, 60) is None
