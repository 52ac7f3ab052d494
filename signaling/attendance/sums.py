"""Adds the minutes of a lecture up, class by class. Pure.

Most classes of a prefecture went through a lecture in the same way: each way is added up once and looked up for the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from signaling.attendance.fold import (
    COUNTED,
    DELIVERED,
    HIDDEN,
    RENDERED,
    SILENT,
    STILL,
    TWICE,
    UNREPORTED,
    ClassDelivery,
    Folded,
    Minutes,
    Rules,
)
from signaling.attendance.minutes import Minute, Numbers

_Way = tuple[int, list[int], Minutes]
"""Credited milliseconds, the minutes that count, and all bits."""


def add_up(minutes: Mapping[int, Minute], numbers: Numbers, rules: Rules) -> Folded:
    """Return the sums of all minutes, which are given in order."""
    count = len(numbers.classes)
    for minute in minutes.values():
        _pad(minute, count)
    on_air = {number: ms for minute in minutes.values() for number, ms in minute.on_air.items()}
    by_minute = {number: minute.flowing for number, minute in minutes.items()}
    classes = _classes(minutes, list(numbers.classes), by_minute, on_air, rules) if minutes else {}
    return Folded(sum(on_air.values()), by_minute, classes, _unproven(minutes, numbers))


def _pad(minute: Minute, count: int) -> None:
    missing = count - len(minute.state)
    if missing > 0:
        minute.delivered.frombytes(bytes(4 * missing))
        for column in (minute.state, minute.first, minute.last):
            column.extend(bytes(missing))


def _classes(
    minutes: Mapping[int, Minute],
    names: Sequence[str],
    by_minute: Mapping[int, int],
    on_air: Mapping[int, int],
    rules: Rules,
) -> dict[str, ClassDelivery]:
    every = list(minutes.values())
    total, before = sum(on_air.values()), _elapsed(on_air)
    starts = [-(-number * 60 // rules.window_seconds) - 1 for number in minutes]
    times = list(map(sum, zip(*(minute.delivered for minute in every), strict=True)))
    firsts = _edges(times, starts, [minute.first for minute in every])
    lasts = _edges(times, starts[::-1], [minute.last for minute in every[::-1]])
    states = zip(*(minute.state for minute in every), strict=True)
    ways: dict[tuple[int, ...], _Way] = {}
    found: dict[str, ClassDelivery] = {}
    for name, time, state, first, last in zip(names, times, states, firsts, lasts, strict=True):
        if time:
            way = ways.get(state)
            if way is None:
                way = ways[state] = _way(state, by_minute)
            credited, counted, bits = way
            found[name] = ClassDelivery(time, credited, total - before[first] - time, counted, first, last, bits)
    return found


def _edges(times: Sequence[int], starts: Sequence[int], columns: Sequence[bytearray]) -> list[int]:
    """Return for each class with any time the number of its window in the first of the columns that has one."""
    found = [0] * len(times)
    missing = [one for one, time in enumerate(times) if time]
    for start, column in zip(starts, columns, strict=True):
        rest = []
        for one in missing:
            if column[one]:
                found[one] = start + column[one]
            else:
                rest.append(one)
        missing = rest
    return found


def _elapsed(on_air: Mapping[int, int]) -> dict[int, int]:
    """Return for each window the on-air time before it."""
    elapsed, before = 0, {}
    for number, flowing in on_air.items():
        before[number] = elapsed
        elapsed += flowing
    return before


def _way(state: Sequence[int], by_minute: Mapping[int, int]) -> _Way:
    counted = [minute for minute, one in zip(by_minute, state, strict=True) if one & COUNTED]
    return sum(by_minute[minute] for minute in counted), counted, _bits(state, list(by_minute))


def _bits(state: Sequence[int], minutes: Sequence[int]) -> Minutes:
    first = minutes[0]

    def mask(flag: int) -> int:
        return sum(1 << minute - first for minute, one in zip(minutes, state, strict=True) if one & flag)

    return Minutes(*map(mask, (DELIVERED, COUNTED, RENDERED, SILENT, HIDDEN, STILL, UNREPORTED, TWICE)))


def _unproven(minutes: Mapping[int, Minute], numbers: Numbers) -> dict[str, int]:
    """Count by screen the minutes it claims without a delivery in them or beside them: reports are not cut at the same second."""
    found: dict[str, int] = {}
    for number, minute in minutes.items():
        around = [minutes[n] for n in (number - 1, number + 1) if n in minutes]
        for screen in minute.claims:
            if not any(one.has(numbers, screen) for one in around):
                found[screen] = found.get(screen, 0) + 1
    return found
