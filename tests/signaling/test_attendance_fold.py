"""The fold: windows and stays become delivered minutes."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.attendance.fold import ClassDelivery, Folded, Rules, Stay, Window
from signaling.attendance.running import RunningFold
from signaling.ledger.packing import pack, unpack

RULES = Rules(10, 40, Fraction(1, 5))
FIRST = 177_000_000 // 6 * 6  # a window that begins a minute
RATE = 175  # packets a second
ROSTER = {("n", slot): (f"screen{slot}", f"class{slot // 2}") for slot in range(6)}  # two screens a class


def window(
    number: int,
    advances: Mapping[int, int | tuple[int, int]],
    *,
    flowing: int = 10_000,
    published: int | None = None,
    boot: str = "b",
    part: int = 0,
    node: str = "n",
) -> Window:
    sent = RATE * flowing // 1000 if published is None else published
    rows = [(slot, *(a if isinstance(a, tuple) else (a, 0))) for slot, a in advances.items()]
    return Window(node, FIRST + number, boot, part, sent, flowing, partial(unpack, pack(sent, rows)))


def full(numbers: Iterable[int], *slots: int) -> list[Window]:
    return [window(number, dict.fromkeys(slots, RATE * 10)) for number in numbers]


Roster = Mapping[tuple[str, int], tuple[str, str | None]]


def fold(windows: Iterable[Window], roster: Roster, stays: Iterable[Stay], rules: Rules) -> Folded:
    """Return what each class got of a whole lecture, told at once."""
    running = RunningFold(rules)
    for (node, slot), (screen_id, class_id) in roster.items():
        running.number(node, slot, screen_id, class_id)
    for row in windows:
        running.window(row)
    for number, stay in enumerate(stays):
        running.stay(str(number), stay)
    return running.result()


def folded(windows: Iterable[Window], stays: Iterable[Stay] = ()) -> Folded:
    return fold(windows, ROSTER, stays, RULES)


def test_a_screen_that_gets_everything_has_the_whole_time() -> None:
    result = folded(full(range(12), 0))
    assert result.on_air_ms == 120_000
    one = result.classes["class0"]
    assert (one.delivered_ms, one.credited_ms, one.interrupted_ms) == (120_000, 120_000, 0)
    assert one.minutes == [FIRST // 6, FIRST // 6 + 1]
    assert (one.first, one.last) == (FIRST, FIRST + 11)


@pytest.mark.parametrize(("seconds", "counts"), [(40, True), (39, False)])
def test_a_minute_counts_from_forty_seconds(seconds: int, counts: bool) -> None:
    windows = [window(n, {0: RATE * max(0, min(10, seconds - 10 * n))}) for n in range(6)]
    one = folded(windows).classes["class0"]
    assert one.delivered_ms == seconds * 1000
    assert one.credited_ms == (60_000 if counts else 0)


@pytest.mark.parametrize(("delivered", "credited"), [(20_000, 30_000), (19_000, 0)])
def test_a_minute_on_the_air_in_part_needs_the_same_share_and_weighs_less(delivered: int, credited: int) -> None:
    windows = [
        window(n, {0: RATE * max(0, min(10_000, delivered - 10_000 * n)) // 1000, 2: RATE * 10}) for n in range(3)
    ]
    result = folded(windows)
    assert result.on_air_ms == 30_000
    assert result.classes["class0"].credited_ms == credited


def test_pauses_and_outages_leave_the_denominator() -> None:
    result = folded([*full(range(6), 0), *full(range(30, 36), 0)])
    assert result.on_air_ms == 120_000
    assert result.classes["class0"].interrupted_ms == 0
    assert len(result.on_air_by_minute) == 2


def test_windows_without_a_packet_are_not_on_the_air() -> None:
    silent = window(6, {0: 0}, flowing=10_000, published=0)
    assert folded([*full(range(6), 0), silent]).on_air_ms == 60_000


def test_acknowledgements_that_come_a_window_late_fill_up_the_one_before() -> None:
    lagging = [window(0, {0: 1700}), window(1, {0: 1740}), window(2, {0: 1810}), window(3, {0: 0}, published=0)]
    assert folded(lagging).classes["class0"].delivered_ms == 10_000 - 10_000 * 50 // 1750 + 20_000
    tail = window(3, {0: 60}, flowing=0, published=0)
    early = [window(0, {0: 1750}), window(1, {0: 1750}), window(2, {0: 1690}), tail]
    assert folded(early).classes["class0"].delivered_ms == 30_000


def test_a_new_process_or_a_gap_fills_up_nothing() -> None:
    for after in (window(1, {0: 3500}, boot="c"), window(2, {0: 3500})):
        assert folded([window(0, {0: 875}), after]).classes["class0"].delivered_ms == 15_000


def test_a_screen_closed_for_ten_seconds_shows_it_in_spite_of_the_burst_at_its_return() -> None:
    begin = FIRST * 10_000
    stays = [Stay("screen0", begin, begin + 23_000), Stay("screen0", begin + 33_000, None)]
    windows = [
        *full(range(2), 0),
        window(2, {0: RATE * 3}),
        window(3, {0: RATE * 7 + 700}),  # seven seconds and a cached group of pictures
        *full(range(4, 6), 0),
    ]
    assert folded(windows, stays).classes["class0"].delivered_ms == 50_000
    assert folded(windows).classes["class0"].delivered_ms > 50_000


def test_stays_of_one_screen_are_united() -> None:
    begin = FIRST * 10_000
    stays = [Stay("screen0", begin + 2_000, begin + 5_000), Stay("screen0", begin + 4_000, begin + 6_000)]
    assert folded(full([0], 0), stays).classes["class0"].delivered_ms == 4_000


@pytest.mark.parametrize(("lost", "delivered"), [(RATE * 60 // 5, 0), (RATE * 60 // 5 - 1, 60_000)])
def test_a_fifth_of_loss_in_a_minute_disqualifies_it_for_that_screen_only(lost: int, delivered: int) -> None:
    windows = [*full(range(5), 0, 2), window(5, {0: (RATE * 10, lost), 2: RATE * 10})]
    result = folded(windows)
    assert result.classes.get("class0", ClassDelivery()).delivered_ms == delivered
    assert result.classes["class1"].delivered_ms == 60_000


def test_two_screens_of_a_class_are_a_union_never_a_sum() -> None:
    windows = [window(n, {n % 2: RATE * 10, 1 - n % 2: RATE * 5}) for n in range(6)]
    assert folded(windows).classes["class0"].delivered_ms == 60_000


def test_a_restart_within_a_window_adds_up_and_nodes_do_not() -> None:
    before, after = window(0, {0: RATE * 4}, flowing=4_000), window(0, {0: RATE * 3}, flowing=3_000, boot="c")
    result = folded([before, after])
    assert (result.on_air_ms, result.classes["class0"].delivered_ms) == (7_000, 7_000)
    roster = {**ROSTER, ("m", 0): ("screen0", "class0")}
    both = [window(0, {0: RATE * 4}), window(0, {0: RATE * 6}, node="m")]  # moved to another node after four seconds
    result = fold(both, roster, [], RULES)
    assert (result.on_air_ms, result.classes["class0"].delivered_ms) == (10_000, 10_000)


def test_a_screen_without_a_class_or_a_roster_entry_counts_for_nobody() -> None:
    roster = {("n", 0): ("stranger", None)}
    result = fold([window(0, {0: 1750, 5: 1750})], roster, [], RULES)
    assert (result.on_air_ms, result.classes) == (10_000, {})


facts = st.lists(
    st.tuples(
        st.integers(0, 20),
        st.sampled_from("bc"),
        st.integers(0, 10_000),
        st.dictionaries(st.integers(0, 5), st.tuples(st.integers(0, 3000), st.integers(0, 500)), max_size=6),
    ),
    max_size=25,
    unique_by=lambda fact: fact[:2],
)
stays_of = st.lists(
    st.builds(
        lambda slot, begin, length: Stay(f"screen{slot}", FIRST * 10_000 + begin, FIRST * 10_000 + begin + length),
        st.integers(0, 5),
        st.integers(0, 200_000),
        st.integers(0, 60_000),
    ),
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(facts=facts, stays=stays_of, seed=st.integers(0, 99))
def test_order_changes_nothing_and_nobody_gets_more_than_was_on_the_air(
    facts: list[tuple[int, str, int, dict[int, tuple[int, int]]]], stays: list[Stay], seed: int
) -> None:
    windows = [window(n, dict(a), flowing=f, boot=b) for n, b, f, a in facts]
    result = folded(windows, stays)
    random.Random(seed).shuffle(windows)
    random.Random(seed).shuffle(stays)
    assert folded(windows, stays) == result
    assert sum(result.on_air_by_minute.values()) == result.on_air_ms
    for one in result.classes.values():
        assert 0 <= one.delivered_ms <= result.on_air_ms
        assert 0 <= one.credited_ms <= result.on_air_ms
        assert one.interrupted_ms >= 0
