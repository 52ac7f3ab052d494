"""What the sampler tells of replays: once a minute, of the windows since it told last."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from signaling.attendance.sampler import MOST_WINDOWS, Replays, Sampler
from signaling.ledger.facts import ReplayDelivered
from tests.support.databases import once
from tests.support.roll import START, Rooms

pytestmark = once
WATCHED = ("lecture", "broadcast")


def sampler() -> Sampler:
    told: Replays = lambda: {WATCHED: (("a", 1000, 9000),)}  # noqa: E731  # a port of one line
    return Sampler(Rooms().room, window_seconds=10, replays=told)


def facts(made: Sampler, now: datetime, last: bool = False) -> list[tuple[int, int, int]] | None:
    notes = made.replayed(now, last)
    if notes is None:
        return None
    found = [note.fact for note in notes]
    assert all(isinstance(one, ReplayDelivered) for one in found)
    return [(one.window_no, one.windows, one.part) for one in found if isinstance(one, ReplayDelivered)]


def test_replays_are_told_when_a_minute_is_over() -> None:
    made, first = sampler(), int(START.timestamp()) // 10
    assert [facts(made, START + timedelta(seconds=10 * n)) for n in range(1, 6)] == [None] * 5
    assert facts(made, START + timedelta(seconds=60)) == [(first + 5, 6, 0)]
    assert facts(made, START + timedelta(seconds=120)) == [(first + 11, 6, 0)]


def test_the_last_sample_tells_what_there_is_and_the_next_process_of_its_own_windows_only() -> None:
    made, first = sampler(), int(START.timestamp()) // 10
    assert facts(made, START + timedelta(seconds=60)) == [(first + 5, 6, 0)]
    assert facts(made, START + timedelta(seconds=95), last=True) == [(first + 9, 4, 0)]
    assert facts(made, START + timedelta(seconds=96), last=True) == [(first + 9, 1, 1)]
    assert facts(sampler(), START + timedelta(seconds=83), last=True) == [(first + 8, 3, 0)]


@pytest.mark.parametrize("minutes", [3, 60, 6000])
def test_nobody_is_given_the_time_in_which_a_process_stood_still(minutes: int) -> None:
    made = sampler()
    facts(made, START + timedelta(seconds=60))
    ((_, windows, _),) = facts(made, START + timedelta(minutes=1 + minutes)) or []
    assert windows == MOST_WINDOWS
