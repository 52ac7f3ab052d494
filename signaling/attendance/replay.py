"""What of a recording was delivered to screens afterwards, as minutes of the lecture. Pure; times are Unix milliseconds.

1. A range counts only if it was delivered: what was skipped is in no fact.
2. **Faster than `speed` against the clock counts nothing.** Each screen has an account: every window of the clock pays in its length times `speed`,
   what is delivered is paid out, be it of this lecture or of another one. Between two deliveries it never holds more than `buffer` in advance, nor
   owes more than that. What leaves it in debt is not credited; windows that were written down together count together. What was credited before costs nothing when it is delivered again: a player that is
   opened anew begins some seconds before the place where it stopped.
3. A class has the union of what its screens got, ranges told twice count once. A minute counts when as much of it was delivered as live.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from signaling.attendance.fold import MINUTE_MS, Folded
from signaling.ledger.ranges import Range, length, union

ELSEWHERE: Final = 0
"""Where a range begins that is no time of this lecture: what the screen was sent of others meanwhile."""


@dataclass(frozen=True, slots=True)
class Credited:
    """What of a screen's replays counts: ranges by window of the clock, and whether some was too fast."""

    ranges: Mapping[int, tuple[Range, ...]]
    too_fast: bool


class Replays:
    """Takes ranges in any order."""

    def __init__(self, window_seconds: int, speed: Fraction, buffer_seconds: int) -> None:
        self._window_ms = window_seconds * 1000
        self._speed = speed
        self._buffer = buffer_seconds * 1000 * speed.denominator
        self._ranges: dict[str, dict[tuple[int, int], set[Range]]] = defaultdict(lambda: defaultdict(set))

    def take(self, screen_id: str, window_no: int, begin_ms: int, end_ms: int, windows: int = 1) -> None:
        """Take a range of the original broadcast's time that was delivered in windows of the clock, `window_no` the last of them."""
        if begin_ms < end_ms:
            self._ranges[screen_id][window_no, windows].add((begin_ms, end_ms))

    @property
    def screens(self) -> Iterable[str]:
        """The screens that replayed something."""
        return self._ranges.keys()

    def credited(self, screen_id: str, first: int, last: int) -> Credited:
        """Return what counts of a screen's replays in the windows from `first` to before `last`."""
        balance, before = self._buffer, None
        credited: dict[int, tuple[Range, ...]] = {}
        known: list[Range] = []
        too_fast = False
        for (number, windows), told in sorted(self._ranges.get(screen_id, {}).items()):
            ranges, elsewhere_ms = _own(told), sum(end for begin, end in told if begin == ELSEWHERE)
            passed = windows if before is None else number - before
            idle = max(0, passed - windows)
            balance = min(self._buffer, balance + idle * self._pay - elsewhere_ms * self._speed.denominator)
            whole = union([*known, *ranges])
            balance += (passed - idle) * self._pay - (length(whole) - length(known)) * self._speed.denominator
            before = number
            if balance < 0:
                too_fast, balance = True, max(-self._buffer, balance)
                continue
            known = whole
            if first <= number < last:
                credited[number] = credited.get(number, ()) + ranges
        return Credited(credited, too_fast)

    @property
    def _pay(self) -> int:
        return self._window_ms * self._speed.numerator


def minutes_of(ranges: Iterable[Range], folded: Folded, minute_seconds: int) -> int:
    """Return as bits (as in `fold.Minutes`) the minutes of which enough lies in the union of the ranges."""
    got: dict[int, int] = defaultdict(int)
    for begin, end in union(ranges):
        for minute in range(begin // MINUTE_MS, -(-end // MINUTE_MS)):
            got[minute] += min(end, (minute + 1) * MINUTE_MS) - max(begin, minute * MINUTE_MS)
    bits, first = 0, folded.first_minute
    for minute, time in got.items():
        on_air = folded.on_air_by_minute.get(minute, 0)
        if on_air and min(time, on_air) * MINUTE_MS >= minute_seconds * 1000 * on_air:
            bits |= 1 << minute - first
    return bits


def _own(told: Iterable[Range]) -> tuple[Range, ...]:
    return tuple(sorted(one for one in told if one[0] != ELSEWHERE))


@dataclass(frozen=True, slots=True)
class MadeUp:
    """What a class made up: minutes, those of them in the night, and whether something was too fast."""

    minutes: int = 0
    night: int = 0
    too_fast: bool = False


def by_class(
    replays: Replays,
    class_of: Callable[[str], str | None],
    folded: Folded,
    minute_seconds: int,
    span: tuple[int, int],
    is_night: Callable[[int], bool],
) -> dict[str, MadeUp]:
    """Return what each class made up in the windows of `span`; `is_night` is asked about windows."""
    screens: dict[str, list[Credited]] = defaultdict(list)
    for screen_id in replays.screens:
        class_id = class_of(screen_id)
        if class_id is not None:
            screens[class_id].append(replays.credited(screen_id, *span))
    found = {}
    for class_id, credited in screens.items():
        windows = [(number, ranges) for one in credited for number, ranges in one.ranges.items()]
        every = minutes_of((one for _, ranges in windows for one in ranges), folded, minute_seconds)
        dark = minutes_of((one for n, ranges in windows if is_night(n) for one in ranges), folded, minute_seconds)
        found[class_id] = MadeUp(every, dark, any(one.too_fast for one in credited))
    return found
