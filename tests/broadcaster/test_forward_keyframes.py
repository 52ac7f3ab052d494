"""When an IDR picture is asked for."""

from __future__ import annotations

import itertools

import pytest

from broadcaster.forward.keyframes import MAX_LIMITED, KeyframeScheduler, WishLimiter


def scheduler() -> KeyframeScheduler:
    return KeyframeScheduler(interval=0.5, repeat=0.6, longest=4.0)


def requests(keyframes: KeyframeScheduler, start: float, end: float, step: float = 0.01) -> list[float]:
    """Poll every ten milliseconds; return when requests went out."""
    ticks = [round(start + step * tick, 3) for tick in range(int((end - start) / step))]
    return [now for now in ticks if keyframes.due(now)]


def test_nothing_is_asked_for_before_a_wish() -> None:
    assert requests(scheduler(), 0, 10) == []
    assert scheduler().next_timer() is None


def test_a_wish_is_granted_at_once() -> None:
    keyframes = scheduler()
    keyframes.wish("join")
    assert keyframes.due(100.0)
    assert not keyframes.due(100.0)


def test_a_storm_of_wishes_costs_two_requests_a_second() -> None:
    """Two hundred terminals, ten wishes a second each, and a lecturer who answers every request after 100 ms."""
    keyframes, sent, picture = scheduler(), [], None
    for tick in range(500):
        now = tick / 100
        if tick % 10 == 0:
            for _ in range(200):
                keyframes.wish("pli")
        if picture is not None and now >= picture:
            keyframes.idr(now)
            picture = None
        if keyframes.due(now):
            sent.append(now)
            picture = now + 0.1
    assert all(later - earlier >= 0.499 for earlier, later in itertools.pairwise(sent))
    assert 9 <= len(sent) <= 10
    assert keyframes.reasons == {"pli": 10_000}


def test_without_a_picture_the_request_is_repeated() -> None:
    keyframes = scheduler()
    keyframes.wish("loss")
    assert requests(keyframes, 0, 2) == [0.0, 0.6, 1.2, 1.8]
    keyframes.idr(2.0)
    assert requests(keyframes, 2, 5.9) == []


def test_a_picture_grants_all_wishes_before_it() -> None:
    keyframes = scheduler()
    keyframes.wish("join")
    keyframes.idr(1.0)
    assert requests(keyframes, 1, 4) == []


def test_a_wish_after_the_picture_needs_another_one() -> None:
    keyframes = scheduler()
    keyframes.wish("join")
    keyframes.due(0.0)
    keyframes.idr(0.1)
    keyframes.wish("join")
    assert requests(keyframes, 0.1, 1.0) == [0.5]


def test_a_picture_is_due_every_four_seconds_in_any_case() -> None:
    keyframes = scheduler()
    keyframes.idr(10.0)
    assert keyframes.next_timer() == 14.0
    assert requests(keyframes, 10, 14.3) == [14.0]


def test_the_timer_tells_when_to_come_again() -> None:
    keyframes = scheduler()
    keyframes.wish("join")
    assert keyframes.next_timer() == float("-inf")
    keyframes.due(1.0)
    assert keyframes.next_timer() == pytest.approx(1.6)
    keyframes.idr(1.1)
    keyframes.wish("join")
    assert keyframes.next_timer() == pytest.approx(1.5)
    assert keyframes.requests == 1


def test_a_terminal_may_wish_once_an_interval() -> None:
    limiter = WishLimiter(1.0)
    assert limiter.allows(3, 0.0)
    assert not limiter.allows(3, 0.99)
    assert limiter.allows(4, 0.99)
    assert limiter.allows(3, 1.0)
    limiter.forget(3)
    assert limiter.allows(3, 1.0)


def test_the_limiter_forgets_those_who_may_wish_anyway() -> None:
    limiter = WishLimiter(1.0)
    for slot in range(MAX_LIMITED):
        limiter.allows(slot, 0.0)
    assert limiter.allows(-5, 2.0)
    assert len(limiter._last) == 1
