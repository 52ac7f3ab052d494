"""Folds windows of delivery into delivered minutes by class. Pure: the same facts give the same figures, in any order.

The rules, as policy version 1 uses them:

1. **On-air time is flowing time**: seconds in which media came from the studio and forwarding was on. Pauses, cuts, silence of
   the studio and outages of the server are in no window, hence leave the denominator.
2. A screen's delivered time in a window is the flowing time times min(1, advance / published). Receiver reports lag: packets that
   a screen acknowledged in the next window beyond those published there fill up this one.
3. Delivered time in a window never exceeds the time for which the screen was connected in it (facts joined and left); that keeps
   the burst for late joiners from counting as time watched.
4. A minute in which a screen lost `loss_limit` or more of what was sent to it counts nothing for that screen.
5. A class has in each window what its best screen has: the union over screens and rejoins, never their sum.
6. A minute counts when `minute_seconds` of its 60 were delivered. A minute that was on the air only in part (begin, end, pause)
   counts when the same share of its on-air time was delivered, and weighs as much as it was on the air.

With several nodes the on-air time of a window is the longest of theirs. All times are milliseconds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby, zip_longest
from operator import attrgetter
from typing import Final

from signaling.attendance.packing import Columns

MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Rules:
    """What the fold needs to know of a policy and of the windows."""

    window_seconds: int
    minute_seconds: int
    loss_limit: Fraction


@dataclass(frozen=True, slots=True)
class Window:
    """One stored row: what a node published in a window, and `load`, which unpacks what its screens acknowledged.

    A prefecture's lecture has four million entries: only the rows of one minute are unpacked at a time.
    """

    node: str
    number: int
    boot: str
    part: int
    published: int
    flowing_ms: int
    load: Callable[[], Columns]

    @property
    def columns(self) -> Columns:
        """The unpacked columns."""
        return self.load()


@dataclass(frozen=True, slots=True)
class Stay:
    """One session of a screen, in Unix milliseconds; None where the fact is missing (crash, or still there)."""

    screen_id: str
    joined_ms: int | None
    left_ms: int | None


@dataclass(slots=True)
class ClassDelivery:
    """What was delivered to a class. `minutes` are the UTC minutes that count; `first` and `last` window numbers."""

    delivered_ms: int = 0
    credited_ms: int = 0
    interrupted_ms: int = 0
    minutes: list[int] = field(default_factory=list)
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Folded:
    """The result: on-air time, by UTC minute too, and what each class got of it."""

    on_air_ms: int
    on_air_by_minute: Mapping[int, int]
    classes: Mapping[str, ClassDelivery]


Roster = Mapping[tuple[str, int], tuple[str, str | None]]
"""(node, slot) -> (screen_id, class_id)"""


def fold(windows: Iterable[Window], roster: Roster, stays: Iterable[Stay], rules: Rules) -> Folded:
    """Return what each class got. Windows without a published packet are not on the air: they only fill up the one before."""
    every = sorted(windows, key=lambda w: (w.node, w.number, w.boot, w.part))
    pairs = [pair for pair in zip_longest(every, every[1:]) if pair[0].published > 0]
    screens = _Screens(roster)
    on_air = _on_air([row for row, _ in pairs])
    caps = _presence(stays, rules.window_seconds * 1000)
    by_minute: dict[int, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_minute[_minute(pair[0].number, rules)].append(pair)
    credit = _Credit(on_air, rules)
    for minute, its_pairs in sorted(by_minute.items()):
        delivered = _delivered(its_pairs, screens)
        _cap_by_presence(delivered, caps, screens, on_air)
        _disqualify([row for row, _ in its_pairs], delivered, screens, rules.loss_limit)
        credit.add(minute, {number: _best(times, screens.class_of) for number, times in sorted(delivered.items())})
    return credit.result()


class _Screens:
    """Numbers screens across nodes, and knows the class of each number; the last number stands for unknown screens."""

    def __init__(self, roster: Roster) -> None:
        self.number: dict[str, int] = {}
        self.class_of: list[str | None] = []
        self._by_node: dict[str, list[int]] = defaultdict(list)
        for (node, slot), (screen_id, class_id) in sorted(roster.items()):
            number = self.number.setdefault(screen_id, len(self.class_of))
            if number == len(self.class_of):
                self.class_of.append(class_id)
            known = self._by_node[node]
            known.extend([-1] * (slot - len(known)))
            known.append(number)
        self.class_of.append(None)

    def numbers(self, node: str, slots: Sequence[int]) -> list[int]:
        """Return the numbers of a row's screens; -1 for a slot that the roster does not know."""
        known = self._by_node[node]
        if slots and slots[-1] >= len(known):
            known.extend([-1] * (slots[-1] + 1 - len(known)))
        return list(map(known.__getitem__, slots))


Pair = tuple[Window, Window | None]
"""A row and the one that follows it on its node."""

Delivered = dict[int, dict[int, int]]
"""Window number -> screen number -> delivered milliseconds."""


def _delivered(pairs: Iterable[Pair], screens: _Screens) -> Delivered:
    result: Delivered = {}
    for row, following in pairs:
        times = _times(row, following)
        numbers = screens.numbers(row.node, row.columns.slots)
        there = result.setdefault(row.number, {})
        if there:
            for number, time in zip(numbers, times, strict=True):
                there[number] = there.get(number, 0) + time
        else:
            there.update(zip(numbers, times, strict=True))
    return result


def _times(row: Window, following: Window | None) -> list[int]:
    """Return rule 2 for each screen of a row."""
    flowing, published = row.flowing_ms, row.published
    late = _late(row, following)
    return [
        flowing - flowing * missing // published
        if (missing := (d if d > 0 else 0) + (e if e < 0 else 0)) > 0
        else flowing
        for d, e in zip(row.columns.deficits, late, strict=True)
    ]


def _late(row: Window, following: Window | None) -> Sequence[int]:
    """Return the deficits of the following row in the order of this row's slots; 0 where there is none."""
    if following is None or not _continues(row, following):
        return [0] * len(row.columns.slots)
    if row.columns.slots == following.columns.slots:
        return following.columns.deficits
    deficits = dict.fromkeys(row.columns.slots, 0)
    deficits.update(zip(following.columns.slots, following.columns.deficits, strict=True))
    return list(map(deficits.__getitem__, row.columns.slots))


def _continues(row: Window, following: Window) -> bool:
    same = row.node == following.node and row.boot == following.boot
    return same and following.number - row.number <= 1


def _on_air(rows: Sequence[Window]) -> dict[int, int]:
    longest: dict[int, int] = {}
    for (_, number), parts in groupby(rows, key=attrgetter("node", "number")):
        longest[number] = max(longest.get(number, 0), sum(part.flowing_ms for part in parts))
    return dict(sorted(longest.items()))


def _presence(stays: Iterable[Stay], window_ms: int) -> dict[int, dict[str, int]]:
    """Return for each window in which a screen came or went how long it was connected in that window."""
    by_screen: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for stay in stays:
        begin = float("-inf") if stay.joined_ms is None else stay.joined_ms
        end = float("inf") if stay.left_ms is None else stay.left_ms
        by_screen[stay.screen_id].append((begin, end))
    caps: dict[int, dict[str, int]] = defaultdict(dict)
    for screen_id, intervals in by_screen.items():
        edges = {int(edge // window_ms) for interval in intervals for edge in interval if abs(edge) != float("inf")}
        merged = _merge(intervals)
        for number in edges:
            caps[number][screen_id] = _overlap(merged, number * window_ms, (number + 1) * window_ms)
    return caps


def _merge(intervals: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for begin, end in sorted(intervals):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def _overlap(intervals: Iterable[tuple[float, float]], begin: int, end: int) -> int:
    return int(sum(max(0, min(last, end) - max(first, begin)) for first, last in intervals))


def _cap_by_presence(
    delivered: Delivered, caps: Mapping[int, Mapping[str, int]], screens: _Screens, on_air: Mapping[int, int]
) -> None:
    for number, times in delivered.items():
        limit = on_air[number]
        if times and max(times.values()) > limit:
            delivered[number] = times = {screen: min(time, limit) for screen, time in times.items()}
        for screen_id, connected in caps.get(number, {}).items():
            screen = screens.number.get(screen_id, -1)
            if times.get(screen, 0) > connected:
                times[screen] = connected


def _disqualify(rows: Sequence[Window], delivered: Delivered, screens: _Screens, limit: Fraction) -> None:
    """Apply rule 4 to the rows of one minute."""
    for screen in _lossy(rows, screens, limit):
        for times in delivered.values():
            times.pop(screen, None)


def _lossy(parts: Sequence[Window], screens: _Screens, limit: Fraction) -> set[int]:
    """Return the screens over the limit. Who is over it in the minute is so in one of its windows: most are not looked at."""
    top, bottom = limit.numerator, limit.denominator
    suspects: set[int] = set()
    for row in parts:
        slots, deficits, published = row.columns.slots, row.columns.deficits, row.published
        hit = [
            n for n, loss in enumerate(row.columns.losses) if loss and loss * bottom >= top * (published - deficits[n])
        ]
        suspects.update(screens.numbers(row.node, [slots[n] for n in hit]))
    if not suspects:
        return suspects
    lost, advanced = dict.fromkeys(suspects, 0), dict.fromkeys(suspects, 0)
    for row in parts:
        numbers = screens.numbers(row.node, row.columns.slots)
        for number, deficit, loss in zip(numbers, row.columns.deficits, row.columns.losses, strict=True):
            if number in suspects:
                advanced[number] += row.published - deficit
                lost[number] += loss
    return {number for number in suspects if lost[number] * bottom >= top * advanced[number]}


def _best(times: Mapping[int, int], class_of: Sequence[str | None]) -> dict[str, int]:
    named = list(map(class_of.__getitem__, times))
    if len(set(named)) == len(named):  # one screen a class, as nearly everywhere
        return {class_id: time for class_id, time in zip(named, times.values(), strict=True) if time and class_id}
    best: dict[str, int] = {}
    for class_id, time in zip(named, times.values(), strict=True):
        if class_id is not None and time > best.get(class_id, 0):
            best[class_id] = time
    return best


class _Credit:
    """Applies rule 6, minute by minute in order."""

    def __init__(self, on_air: Mapping[int, int], rules: Rules) -> None:
        self._on_air = on_air
        self._rules = rules
        self._by_minute: dict[int, int] = {}
        self._classes: dict[str, ClassDelivery] = {}
        self._last: dict[str, int] = {}

    def add(self, minute: int, windows: Mapping[int, Mapping[str, int]]) -> None:
        """Take what classes got in the windows of a minute."""
        for number, times in windows.items():
            for class_id in times.keys() - self._classes.keys():
                self._classes[class_id] = ClassDelivery(first=number)
            self._last.update(dict.fromkeys(times, number))
        flowing = self._by_minute[minute] = sum(self._on_air[number] for number in windows)
        enough = self._rules.minute_seconds * 1000 * flowing
        for class_id, time in _sums(list(windows.values())).items():
            one = self._classes[class_id]
            one.delivered_ms += time
            if time * MINUTE_MS >= enough:
                one.credited_ms += flowing
                one.minutes.append(minute)

    def result(self) -> Folded:
        """Return the sums."""
        for class_id, number in self._last.items():
            self._classes[class_id].last = number
        _interruptions(self._classes, self._on_air)
        return Folded(sum(self._on_air.values()), self._by_minute, self._classes)


def _sums(windows: Sequence[Mapping[str, int]]) -> dict[str, int]:
    sums = dict(windows[0])
    for times in windows[1:]:
        for class_id, time in times.items():
            sums[class_id] = sums.get(class_id, 0) + time
    return sums


def _interruptions(classes: Mapping[str, ClassDelivery], on_air: Mapping[int, int]) -> None:
    """Note the on-air time that a class missed from its first delivered window on."""
    total, before = sum(on_air.values()), {}
    elapsed = 0
    for number, flowing in on_air.items():
        before[number] = elapsed
        elapsed += flowing
    for one in classes.values():
        if one.first is not None:
            one.interrupted_ms = total - before[one.first] - one.delivered_ms


def _minute(number: int, rules: Rules) -> int:
    return number * rules.window_seconds // 60
