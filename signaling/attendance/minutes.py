"""Folds the rows of one UTC minute: rules 2 to 7 of `fold.py`. Pure.

Screens and classes are small numbers here, because a prefecture has 15,600 of both; 0 is the screen that nobody knows.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import groupby
from operator import attrgetter
from typing import Final

from signaling.attendance.fold import (
    COUNTED,
    DELIVERED,
    HIDDEN,
    MINUTE_MS,
    RENDERED,
    SILENT,
    STILL,
    TWICE,
    UNREPORTED,
    Claim,
    Rules,
    Window,
)

UNKNOWN: Final = 0
NO_CLASS: Final = -1
_COUNTS: Final = 1 << 8  # a verdict only: this screen's time counts

Pair = tuple[Window, Window | None]
"""A row and the one that follows it on its node."""

Times = dict[int, int]
"""Screen or class number -> milliseconds."""

Delivered = dict[int, Times]
"""Window number -> times of screens."""


class Numbers:
    """Numbers screens across nodes, and classes; the lowest (node, slot) of a screen says its class, whatever came first."""

    def __init__(self) -> None:
        self.screens: dict[str, int] = {"": UNKNOWN}
        self.classes: dict[str, int] = {}
        self.class_of: list[int] = [NO_CLASS]
        self.delivered: set[int] = set()  # screens that stand in a folded row
        self._placed: list[tuple[str, int]] = [("", -1)]
        self._by_node: dict[str, list[int]] = {}

    def place(self, node: str, slot: int, screen_id: str, class_id: str | None) -> bool:
        """Take an entry of the roster; return whether it changes the class of a screen that was numbered before."""
        number = self.screens.setdefault(screen_id, len(self.class_of))
        known = self._by_node.setdefault(node, [])
        known.extend([UNKNOWN] * (slot + 1 - len(known)))
        known[slot] = number
        if number == len(self.class_of):
            self.class_of.append(self._class(class_id))
            self._placed.append((node, slot))
            return False
        if (node, slot) >= self._placed[number]:
            return False
        before, self.class_of[number] = self.class_of[number], self._class(class_id)
        self._placed[number] = (node, slot)
        return before != self.class_of[number]

    def of(self, node: str, slots: Sequence[int]) -> list[int]:
        """Return the numbers of a row's screens."""
        known = self._by_node.setdefault(node, [])
        if slots and slots[-1] >= len(known):
            known.extend([UNKNOWN] * (slots[-1] + 1 - len(known)))
        return list(map(known.__getitem__, slots))

    def _class(self, class_id: str | None) -> int:
        return NO_CLASS if class_id is None else self.classes.setdefault(class_id, len(self.classes))


class Minute:
    """What the classes got in one minute: columns by class number, as long as there were classes then.

    `first` and `last` are the class's first and last window of the minute, counted from 1; 0 where there is none.
    """

    __slots__ = ("claims", "delivered", "first", "last", "on_air", "state", "strangers", "there")

    def __init__(self, on_air: Mapping[int, int], classes: int, screens: int) -> None:
        self.on_air = on_air
        self.delivered = array("i", bytes(4 * classes))
        self.state = bytearray(classes)
        self.first = bytearray(classes)
        self.last = bytearray(classes)
        self.there = bytearray(screens)  # 1 for a screen that anything was delivered to
        self.claims: list[str] = []  # screens that claim to have shown what nobody delivered to them
        self.strangers = False  # rows name screens that the roster does not know yet

    def has(self, numbers: Numbers, screen_id: str) -> bool:
        """Whether anything was delivered to a screen."""
        number = numbers.screens.get(screen_id, UNKNOWN)
        return number < len(self.there) and bool(self.there[number])

    @property
    def flowing(self) -> int:
        """On-air milliseconds of the minute."""
        return sum(self.on_air.values())


def fold_minute(
    pairs: Sequence[Pair],
    numbers: Numbers,
    caps: Mapping[int, Mapping[str, int]],
    rules: Rules,
    claims: Mapping[str, Claim],
    able: frozenset[str],
) -> Minute:
    """Return a minute from its rows; `caps` are rule 3 by window and screen, `able` the screens that can report."""
    rows = [row for row, _ in pairs]
    on_air = _on_air(rows)
    delivered = _delivered(pairs, numbers)
    _cap_by_presence(delivered, caps, numbers, on_air)
    minute = Minute(on_air, len(numbers.classes), len(numbers.class_of))
    minute.strangers = any(UNKNOWN in times for times in delivered.values())
    if rules.render_share is not None:
        for number in set().union(*([s for s, time in times.items() if time] for times in delivered.values())):
            minute.there[number] = 1
        minute.claims = [
            screen for screen, claim in claims.items() if claim.shown_ms and not minute.has(numbers, screen)
        ]
    _disqualify(rows, delivered, numbers, rules.loss_limit)
    windows, twice = _by_class(delivered, numbers, on_air)
    _fill(minute, windows, rules)
    if rules.render_share is not None:
        verdicts = _verdicts(delivered, numbers, rules.render_share, minute.flowing, claims, able)
        _judge(minute, delivered, verdicts, numbers, rules)
        for class_number in twice:
            minute.state[class_number] |= TWICE
    return minute


def _on_air(rows: Sequence[Window]) -> dict[int, int]:
    longest: dict[int, int] = {}
    for (_, number), parts in groupby(rows, key=attrgetter("node", "number")):
        longest[number] = max(longest.get(number, 0), sum(part.flowing_ms for part in parts))
    return dict(sorted(longest.items()))


def _delivered(pairs: Iterable[Pair], numbers: Numbers) -> Delivered:
    result: Delivered = {}
    for row, following in pairs:
        times = _times(row, following)
        screens = numbers.of(row.node, row.columns.slots)
        numbers.delivered.update(screens)
        there = result.setdefault(row.number, {})
        if there:
            for screen, time in zip(screens, times, strict=True):
                there[screen] = there.get(screen, 0) + time
        else:
            there.update(zip(screens, times, strict=True))
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
    if following is None or not continues(row, following):
        return [0] * len(row.columns.slots)
    if row.columns.slots == following.columns.slots:
        return following.columns.deficits
    deficits = dict.fromkeys(row.columns.slots, 0)
    deficits.update(zip(following.columns.slots, following.columns.deficits, strict=True))
    return list(map(deficits.__getitem__, row.columns.slots))


def continues(row: Window, following: Window) -> bool:
    """Whether late acknowledgements of a row may be in the following one."""
    same = row.node == following.node and row.boot == following.boot
    return same and following.number - row.number <= 1


def _cap_by_presence(
    delivered: Delivered, caps: Mapping[int, Mapping[str, int]], numbers: Numbers, on_air: Mapping[int, int]
) -> None:
    for number, times in delivered.items():
        limit = on_air[number]
        if times and max(times.values()) > limit:
            delivered[number] = times = {screen: min(time, limit) for screen, time in times.items()}
        for screen_id, connected in caps.get(number, {}).items():
            screen = numbers.screens.get(screen_id, NO_CLASS)
            if times.get(screen, 0) > connected:
                times[screen] = connected


def _disqualify(rows: Sequence[Window], delivered: Delivered, numbers: Numbers, limit: Fraction) -> None:
    """Apply rule 4 to the rows of one minute."""
    for screen in _lossy(rows, numbers, limit):
        for times in delivered.values():
            times.pop(screen, None)


def _lossy(parts: Sequence[Window], numbers: Numbers, limit: Fraction) -> set[int]:
    """Return the screens over the limit. Who is over it in the minute is so in one of its windows: most are not looked at."""
    top, bottom = limit.numerator, limit.denominator
    suspects: set[int] = set()
    for row in parts:
        slots, deficits, published = row.columns.slots, row.columns.deficits, row.published
        hit = [
            n for n, loss in enumerate(row.columns.losses) if loss and loss * bottom >= top * (published - deficits[n])
        ]
        suspects.update(numbers.of(row.node, [slots[n] for n in hit]))
    if not suspects:
        return suspects
    lost, advanced = dict.fromkeys(suspects, 0), dict.fromkeys(suspects, 0)
    for row in parts:
        screens = numbers.of(row.node, row.columns.slots)
        for screen, deficit, loss in zip(screens, row.columns.deficits, row.columns.losses, strict=True):
            if screen in suspects:
                advanced[screen] += row.published - deficit
                lost[screen] += loss
    return {screen for screen in suspects if lost[screen] * bottom >= top * advanced[screen]}


def _by_class(delivered: Delivered, numbers: Numbers, on_air: Mapping[int, int]) -> tuple[dict[int, Times], set[int]]:
    """Return rule 5 by window, and the classes of which two screens must have been on at once."""
    twice: set[int] = set()
    windows = {n: _best(times, numbers.class_of, on_air[n], twice) for n, times in sorted(delivered.items())}
    return windows, twice


def _best(times: Times, class_of: Sequence[int], limit: int, twice: set[int]) -> Times:
    named = list(map(class_of.__getitem__, times))
    if len(set(named)) == len(named):  # one screen a class, as nearly everywhere
        return {one: time for one, time in zip(named, times.values(), strict=True) if time and one >= 0}
    best: Times = {}
    for one, time in zip(named, times.values(), strict=True):
        if one < 0 or not time:
            continue
        other = best.get(one, 0)
        if other and other + time > limit:  # they cannot have taken turns
            twice.add(one)
        if time > other:
            best[one] = time
    return best


def _sums(windows: Iterable[Times]) -> Times:
    sums: Times = {}
    for times in windows:
        if sums:
            for one, time in times.items():
                sums[one] = sums.get(one, 0) + time
        else:
            sums = dict(times)
    return sums


def _fill(minute: Minute, windows: Mapping[int, Times], rules: Rules) -> None:
    enough = rules.minute_seconds * 1000 * minute.flowing
    for one, time in _sums(windows.values()).items():
        minute.delivered[one] = time
        if time * MINUTE_MS >= enough:
            minute.state[one] = DELIVERED | COUNTED
    for column, order in ((minute.first, list(windows)[::-1]), (minute.last, list(windows))):
        places: Times = {}
        for number in order:
            places.update(dict.fromkeys(windows[number], place(number, rules)))
        for one, value in places.items():
            column[one] = value


def place(number: int, rules: Rules) -> int:
    """Return the place of a window in its minute, counted from 1."""
    return number - -(-(number * rules.window_seconds // 60) * 60 // rules.window_seconds) + 1


def _verdicts(
    delivered: Delivered,
    numbers: Numbers,
    share: Fraction,
    flowing: int,
    claims: Mapping[str, Claim],
    able: frozenset[str],
) -> Times:
    """Return rule 7 by screen: why its time does not count, or that it does, and whether signed."""
    told = {numbers.screens[one]: claim for one, claim in claims.items() if one in numbers.screens}
    dumb = {numbers.screens[one] for one in able if one in numbers.screens} - told.keys()
    verdicts = dict.fromkeys(
        [screen for times in delivered.values() for screen, time in times.items() if time], _COUNTS
    )
    verdicts.update(dict.fromkeys(dumb & verdicts.keys(), UNREPORTED))
    for screen, claim in told.items():
        if screen not in verdicts:
            continue
        if claim.shown_ms * share.denominator >= share.numerator * flowing:
            verdicts[screen] = _COUNTS | RENDERED if claim.signed else _COUNTS
        else:
            verdicts[screen] = claim.causes or STILL
    return verdicts


def _judge(minute: Minute, delivered: Delivered, verdicts: Times, numbers: Numbers, rules: Rules) -> None:
    """Take away minutes of which too little counts, with the reasons; mark the rendered ones."""
    refused = {numbers.class_of[screen] for screen, verdict in verdicts.items() if not verdict & _COUNTS}
    proven = {numbers.class_of[screen] for screen, verdict in verdicts.items() if verdict & RENDERED}
    dumb = {numbers.class_of[screen] for screen, verdict in verdicts.items() if not verdict & RENDERED}
    causes: Times = {}
    for screen, verdict in verdicts.items():
        if not verdict & _COUNTS:
            one = numbers.class_of[screen]
            causes[one] = causes.get(one, 0) | verdict
    for one in proven - dumb - {NO_CLASS}:  # all its screens: what counts is what is rendered
        if minute.state[one] & COUNTED:
            minute.state[one] |= RENDERED
    state = minute.state
    for one in _short(minute, delivered, verdicts, _COUNTS, refused, numbers, rules):
        if state[one] & DELIVERED:
            state[one] = state[one] & ~(COUNTED | RENDERED) | causes[one] & (SILENT | HIDDEN | STILL | UNREPORTED)
    mixed = (proven & dumb) - {NO_CLASS}
    for one in mixed - _short(minute, delivered, verdicts, RENDERED, mixed, numbers, rules):
        state[one] |= RENDERED


def _short(
    minute: Minute,
    delivered: Delivered,
    verdicts: Times,
    wanted: int,
    classes: set[int],
    numbers: Numbers,
    rules: Rules,
) -> set[int]:
    """Return those of the classes whose screens with the wanted verdict do not have enough of the minute."""
    if not classes:
        return set()
    class_of = numbers.class_of
    fit = {screen for screen, verdict in verdicts.items() if verdict & wanted and class_of[screen] in classes}
    windows = [
        _best({screen: times[screen] for screen in times.keys() & fit}, class_of, MINUTE_MS, set())
        for times in delivered.values()
    ]
    sums = _sums(windows)
    enough = rules.minute_seconds * 1000 * minute.flowing
    return {one for one in classes - {NO_CLASS} if sums.get(one, 0) * MINUTE_MS < enough}
