"""Rule 7 of the fold: what screens report counts where it was delivered; and what replays make up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from signaling.attendance.book import AUDIBLE, MUTED, SOUND_BLOCKED, UNSIGNED, VISIBLE, Answer, Book
from signaling.attendance.evidence import presence_of
from signaling.attendance.fold import ClassDelivery, Folded, Window
from signaling.attendance.frame import Frame, Target
from signaling.attendance.gather import decisions
from signaling.attendance.judgement import Headcount
from signaling.attendance.policy import load_policy
from signaling.attendance.replay import ELSEWHERE, Replays, by_class, minutes_of
from signaling.attendance.state import Reached, reached, states
from signaling.ledger.packing import pack, unpack

FIRST = 177_000_000 // 6 * 6  # a window that begins a minute
MINUTE = FIRST // 6
BEGIN = datetime.fromtimestamp(FIRST * 10, UTC)
RATE = 1750  # packets a window
GOOD = VISIBLE | AUDIBLE
A, B, C = "screen-a", "screen-b", "screen-c"  # A and B stand in one class, C in another
POLICY = load_policy(2)


def book(*able: str) -> Book:
    made = Book(POLICY, 10, able)
    for slot, (screen, class_id) in enumerate(((A, "one"), (B, "one"), (C, "two"))):
        made.number("n", slot, screen, class_id)
    return made


def deliver(made: Book, windows: Iterable[int], *slots: int) -> None:
    for number in windows:
        packed = pack(RATE, [(slot, RATE, 0) for slot in slots])
        made.window(Window("n", FIRST + number, "b", 0, RATE, 10_000, partial(unpack, packed)))


def one(made: Book, class_id: str = "one") -> ClassDelivery:
    return made.folded().classes[class_id]


def test_a_minute_that_a_screen_with_a_key_shows_and_signs_is_rendered() -> None:
    made = book(A)
    deliver(made, range(12), 0)
    made.report(MINUTE, A, 59_000, GOOD)
    bits = one(made).bits
    assert (bits.delivered, bits.counted, bits.rendered, bits.unreported) == (0b11, 0b01, 0b01, 0b10)
    assert one(made).credited_ms == 60_000


def test_a_screen_that_cannot_report_counts_by_delivery_alone() -> None:
    made = book()
    deliver(made, range(6), 0)
    assert (one(made).bits.counted, one(made).bits.rendered) == (1, 0)
    made.report(MINUTE, A, 60_000, GOOD | UNSIGNED)
    assert (one(made).bits.counted, one(made).bits.rendered) == (1, 0)


@pytest.mark.parametrize(
    ("flags", "shown_ms", "cause"),
    [
        (GOOD | MUTED, 60_000, "silent"),
        (GOOD | SOUND_BLOCKED, 60_000, "silent"),
        (VISIBLE, 60_000, "silent"),
        (AUDIBLE, 60_000, "hidden"),
        (GOOD, 29_999, "still"),
        (GOOD | MUTED | UNSIGNED, 60_000, "silent"),
    ],
)
def test_what_a_screen_owns_up_to_does_not_count(flags: int, shown_ms: int, cause: str) -> None:
    made = book(A)
    deliver(made, range(6), 0)
    made.report(MINUTE, A, shown_ms, flags)
    bits = one(made).bits
    assert (bits.delivered, bits.counted, bits.rendered) == (1, 0, 0)
    named = {name: getattr(bits, name) for name in ("silent", "hidden", "still", "unreported")}
    assert {name for name, value in named.items() if value} == {cause}


def test_half_of_a_minute_shown_is_enough() -> None:
    made = book(A)
    deliver(made, range(6), 0)
    made.report(MINUTE, A, 30_000, GOOD)
    assert one(made).bits.rendered == 1


def test_reports_of_one_minute_add_up() -> None:
    made = book(A)
    deliver(made, range(6), 0)
    made.report(MINUTE, A, 16_000, GOOD)
    made.report(MINUTE, A, 16_000, GOOD)
    assert one(made).bits.rendered == 1


def test_another_screen_of_the_class_saves_the_minute_but_is_not_added() -> None:
    made = book(A, B)
    deliver(made, range(6), 0, 1)
    made.report(MINUTE, A, 60_000, GOOD | MUTED)
    made.report(MINUTE, B, 60_000, GOOD)
    assert (one(made).bits.counted, one(made).bits.rendered, one(made).bits.silent) == (1, 1, 0)
    assert (one(made).credited_ms, one(made).delivered_ms) == (60_000, 60_000)
    assert one(made).bits.twice == 1


def test_screens_that_take_turns_are_no_conflict_and_only_what_counts_is_united() -> None:
    made = book(A, B)
    deliver(made, range(3), 0)
    deliver(made, range(3, 6), 1)
    made.report(MINUTE, A, 30_000, GOOD)
    made.report(MINUTE, B, 30_000, GOOD)
    assert (one(made).bits.counted, one(made).bits.rendered, one(made).bits.twice) == (1, 1, 0)
    muted = book(A, B)
    deliver(muted, range(3), 0)
    deliver(muted, range(3, 6), 1)
    muted.report(MINUTE, A, 30_000, GOOD)
    muted.report(MINUTE, B, 30_000, GOOD | MUTED)
    assert (one(muted).bits.delivered, one(muted).bits.counted, one(muted).bits.silent) == (1, 0, 1)


def test_a_report_without_a_delivery_proves_nothing_and_is_named() -> None:
    made = book(A, C)
    deliver(made, range(24), 0)  # C gets nothing in four minutes
    for minute in range(4):
        made.report(MINUTE + minute, C, 60_000, GOOD)
        made.report(MINUTE + minute, A, 60_000, GOOD)
    folded = made.folded()
    assert "two" not in folded.classes
    assert folded.unproven == {C: 4}


def test_a_report_beside_a_delivery_is_a_matter_of_cutting_not_of_forging() -> None:
    made = book(A, C)
    deliver(made, range(6), 0, 2)
    deliver(made, range(6, 12), 0)
    made.report(MINUTE + 1, C, 9_000, GOOD)
    folded = made.folded()
    assert folded.unproven == {}
    assert folded.classes["two"].bits.rendered == 0


def test_reports_before_their_deliveries_and_late_ones_give_the_same() -> None:
    early, late = book(A), book(A)
    early.report(MINUTE, A, 60_000, GOOD)
    deliver(early, range(6), 0)
    deliver(late, range(6), 0)
    assert one(late).bits.unreported == 1
    late.report(MINUTE, A, 60_000, GOOD)
    assert one(early).bits == one(late).bits


def test_the_state_of_a_class_names_the_trouble_of_its_newest_minute_and_waits_for_reports() -> None:
    targets = [
        Target(one, "01", one, "2152230101", "第一小学", "21", "121", "522301", 45) for one in ("one", "two", "three")
    ]
    frame = Frame(targets, [])
    made = book(A, C)
    assert {state.level for state in states(made, frame).values()} == {"E0"}
    deliver(made, range(12), 0, 2)
    assert [states(made, frame)[one].trouble for one in ("one", "two", "three")] == ["", "", ""]
    made.report(MINUTE, A, 60_000, GOOD)
    made.report(MINUTE + 1, A, 60_000, GOOD | MUTED)
    deliver(made, range(12, 18), 0, 2)
    found = states(made, frame)
    assert (found["one"].level, found["one"].trouble, found["one"].counted_ms) == ("E3", "silent", 60_000)
    assert (found["two"].level, found["two"].trouble) == ("E2", "unreported")
    assert (found["three"].level, found["three"].on_air_ms) == ("E0", 180_000)
    assert reached(made, frame, BEGIN) == {"one": Reached(3, "silent"), "two": Reached(2, "unreported")}


def test_a_board_has_the_levels_of_the_decisions() -> None:
    targets = [Target(one, "01", one, "2152230101", "第一小学", "21", "121", "522301", 45) for one in ("one", "two")]
    frame = Frame(targets, [], started_at=BEGIN)
    made = book(A, C)
    deliver(made, range(60), 0, 2)
    early, late = BEGIN + timedelta(minutes=1), BEGIN + timedelta(minutes=8)
    made.confirmed("one", 1, Headcount(40, 0, early))
    made.challenged("check", BEGIN + timedelta(minutes=5), [A, C])
    made.answered("check", C, Answer(BEGIN + timedelta(minutes=4), 1, 900, True))
    for confirmed, when, levels in ((False, early, [2, 2]), (False, late, [2, 5]), (True, late, [4, 5])):
        if confirmed:
            made.confirmed("one", 2, Headcount(41, 0, late))
        told = reached(made, frame, when)
        assert [told[one].level for one in ("one", "two")] == levels
        decided = decisions(made, frame, presence_of(made, made.folded(), {}, running=True), when)
        assert [decided[one].level for one in ("one", "two")] == [f"E{level}" for level in levels]


# --- replays ----------------------------------------------------------------------------------------------------------

LATER = FIRST + 10_000
BEGIN_MS = FIRST * 10_000
ON_AIR = Folded(600_000, dict.fromkeys(range(MINUTE, MINUTE + 10), 60_000), {})


def replayed(steps: Mapping[int, tuple[float, float]], buffer_seconds: int = 60) -> tuple[int, bool]:
    """Return the minutes, as a number, and whether it was too fast; steps are (begin, end) seconds of the lecture by window."""
    replays = Replays(10, POLICY.credit.make_up.speed, buffer_seconds) if POLICY.credit else None
    assert replays is not None
    for number, (begin, end) in steps.items():
        replays.take(A, LATER + number, BEGIN_MS + int(begin * 1000), BEGIN_MS + int(end * 1000))
    credited = replays.credited(A, FIRST, LATER + 10_000)
    ranges = (one for window in credited.ranges.values() for one in window)
    return minutes_of(ranges, ON_AIR, 40).bit_count(), credited.too_fast


def paced(step: float, until: int = 600) -> dict[int, tuple[float, float]]:
    """Return steps that go on at a steady pace of `step` seconds a window."""
    return {n: (n * step, (n + 1) * step) for n in range(int(until / step))}


def test_a_replay_at_its_pace_gives_every_minute_up_to_a_quarter_faster() -> None:
    assert replayed(paced(10)) == (10, False)
    assert replayed(paced(12.5)) == (10, False)


@pytest.mark.parametrize("step", [15, 20, 60])
def test_a_replay_that_goes_on_faster_stops_counting(step: float) -> None:
    minutes, too_fast = replayed(paced(step))
    assert too_fast
    assert minutes < 8


def test_without_a_store_the_border_is_exact() -> None:
    assert replayed(paced(12.5), buffer_seconds=0) == (10, False)
    assert replayed({0: (0, 13)}, buffer_seconds=0) == (0, True)


def test_a_player_may_fill_its_store_at_the_beginning_and_after_a_pause() -> None:
    steps = {0: (0, 60)} | {n: (60 + 10 * (n - 1), 60 + 10 * n) for n in range(1, 25)}
    steps |= {200: (300, 360), 206: (360, 420)}
    assert replayed(steps) == (7, False)


def test_what_was_skipped_is_not_there_and_what_was_seen_twice_counts_once() -> None:
    assert replayed({0: (0, 10), 1: (10, 20), 2: (540, 550)}) == (0, False)
    twice = {n: (10 * (n % 6), 10 * (n % 6) + 10) for n in range(12)}
    assert replayed(twice) == (1, False)


def test_two_screens_make_up_together() -> None:
    replays = Replays(10, POLICY.credit.make_up.speed, 60) if POLICY.credit else None
    assert replays is not None
    for n in range(3):
        replays.take(A, LATER + n, BEGIN_MS + 10_000 * n, BEGIN_MS + 10_000 * (n + 1))
        replays.take(B, LATER + n, BEGIN_MS + 30_000 + 10_000 * n, BEGIN_MS + 40_000 + 10_000 * n)
    found = by_class(
        replays, {A: "one", B: "one"}.get, ON_AIR, 40, (FIRST, LATER + 100), lambda number: number >= LATER + 3
    )
    assert (found["one"].minutes, found["one"].night, found["one"].too_fast) == (1, 0, False)


def test_a_replay_outside_of_its_time_does_not_count() -> None:
    replays = Replays(10, POLICY.credit.make_up.speed, 60) if POLICY.credit else None
    assert replays is not None
    for n in range(6):
        replays.take(A, LATER + n, BEGIN_MS + 10_000 * n, BEGIN_MS + 10_000 * (n + 1))
    assert replays.credited(A, FIRST, LATER).ranges == {}
    assert len(replays.credited(A, FIRST, LATER + 6).ranges) == 6


def test_a_player_that_is_opened_anew_pays_nothing_for_what_was_credited() -> None:
    """Each time it is opened it takes thirty seconds in advance, of which ten were played."""
    opened = {n: (10 * n, min(600, 10 * n + 30)) for n in range(60)}
    assert replayed(opened, buffer_seconds=30) == (10, False)


def test_what_was_too_fast_counts_when_it_is_delivered_again_in_its_time() -> None:
    haste = {0: (0.0, 300.0)}
    assert replayed(haste) == (0, True)
    assert replayed(haste | {n + 10: step for n, step in paced(10).items()}) == (10, True)


@pytest.mark.parametrize(("step", "minutes", "haste"), [(75, 10, False), (70, 10, False), (90, 8, True)])
def test_windows_that_were_written_down_together_count_together(step: int, minutes: int, haste: bool) -> None:
    """A minute of six windows, of which a player had so many seconds; the first one has its store."""
    replays = Replays(10, POLICY.credit.make_up.speed, 60) if POLICY.credit else None
    assert replays is not None
    for number, begin in enumerate(range(0, 600, step)):
        replays.take(A, LATER + 6 * number, BEGIN_MS + begin * 1000, BEGIN_MS + min(600, begin + step) * 1000, 6)
    credited = replays.credited(A, FIRST, LATER + 10_000)
    ranges = (one for window in credited.ranges.values() for one in window)
    assert credited.too_fast == haste
    assert minutes_of(ranges, ON_AIR, 40).bit_count() <= minutes
    assert haste or minutes_of(replays.credited(A, 0, LATER + 99).ranges[LATER], ON_AIR, 40).bit_count() == 1


@pytest.mark.parametrize(("step", "minutes", "haste"), [(6, 10, False), (12.5, 5, True)])
def test_two_lectures_at_once_have_one_pace(step: float, minutes: int, haste: bool) -> None:
    """A screen is sent another recording in every window as well, just as fast."""
    replays = Replays(10, POLICY.credit.make_up.speed, 60) if POLICY.credit else None
    assert replays is not None
    for number, (begin, end) in paced(step).items():
        replays.take(A, LATER + number, BEGIN_MS + int(begin * 1000), BEGIN_MS + int(end * 1000))
        replays.take(A, LATER + number, ELSEWHERE, int(step * 1000))
    credited = replays.credited(A, FIRST, LATER + 10_000)
    ranges = [one for window in credited.ranges.values() for one in window]
    assert all(begin >= BEGIN_MS for begin, _ in ranges)
    assert minutes_of(ranges, ON_AIR, 40).bit_count() <= minutes
    assert (minutes_of(ranges, ON_AIR, 40).bit_count() == 10, credited.too_fast) == (not haste, haste)
