"""A fold that goes on while the lecture runs: facts come in any order, and only minutes that they touch are folded again. Pure.

1. **What was told does not depend on the order, nor on how often a row was told**: rows and stays have keys.
2. **A minute is folded once**, unless something later touches it: a row of its own, the row after its last (late acknowledgements),
   a stay that begins or ends in it, a report about it, a screen whose class was not known.
3. The whole lecture told at once (`fold.fold`) is this fold with everything in it: there is no second way to count.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from signaling.attendance.fold import Claim, Folded, Rules, Stay, Window
from signaling.attendance.minutes import Minute, Numbers, Pair, fold_minute
from signaling.attendance.sums import add_up
from signaling.ledger.ranges import union

_Key = tuple[int, str, int]
"""Number, boot and part of a row of one node."""


class Progress(NamedTuple):
    """What classes have reached, by number: `delivered` is not 0 where anything was, `states` all flags that any minute had.

    `late` are the states of the newest minute and of those before it, as many as reports may be late.
    """

    classes: Mapping[str, int]
    delivered: bytes
    states: bytes
    late: Sequence[bytes]


class RunningFold:
    """Takes rows, roster, stays and reports; `result` folds what they touched and adds up."""

    def __init__(self, rules: Rules, able: Iterable[str] = ()) -> None:
        self._rules = rules
        self._able = frozenset(able)
        self._numbers = Numbers()
        self._rows: dict[str, dict[_Key, Window]] = defaultdict(dict)
        self._order: dict[str, list[_Key]] = defaultdict(list)
        self._of_minute: dict[int, set[tuple[str, _Key]]] = defaultdict(set)
        self._presence = _Presence(rules.window_seconds * 1000)
        self._claims: dict[int, dict[str, Claim]] = defaultdict(dict)
        self._minutes: dict[int, Minute] = {}
        self._dirty: set[int] = set()
        self._result: Folded | None = None

    def window(self, row: Window) -> None:
        """Take a row of deliveries."""
        rows, order, key = self._rows[row.node], self._order[row.node], (row.number, row.boot, row.part)
        if key in rows:
            return
        rows[key] = row
        at = bisect_left(order, key)
        order.insert(at, key)
        if at and rows[order[at - 1]].published > 0:
            self._touch(self._minute(order[at - 1][0]))
        if row.published > 0:
            minute = self._minute(row.number)
            self._of_minute[minute].add((row.node, key))
            self._touch(minute)

    def number(self, node: str, slot: int, screen_id: str, class_id: str | None) -> None:
        """Take an entry of the roster."""
        if self._numbers.place(node, slot, screen_id, class_id):
            self._touch(*self._minutes)
        self._touch(*(number for number, minute in self._minutes.items() if minute.strangers))

    def stay(self, key: str, stay: Stay) -> None:
        """Take a stay; a later one with the same key takes its place."""
        self._touch(*map(self._minute, self._presence.take(key, stay)))

    def report(self, minute: int, screen_id: str, claim: Claim) -> None:
        """Take what a screen reported of a UTC minute; several reports add up."""
        claims = self._claims[minute]
        claims[screen_id] = claims[screen_id] + claim if screen_id in claims else claim
        self._touch(minute)

    def delivered_to(self, screen_id: str) -> bool:
        """Whether a screen stands in a row of deliveries, be it with nothing."""
        return self._numbers.screens.get(screen_id) in self._numbers.delivered

    def fold(self) -> None:
        """Fold the minutes that were touched, and add nothing up."""
        for minute in sorted(self._dirty):
            if self._of_minute.get(minute):
                self._minutes[minute] = self._fold(minute)
        self._dirty.clear()

    def progress(self, lag: int) -> Progress:
        """Return what classes have reached, without adding minutes up: a board asks every few seconds. `lag` as in `Progress`."""
        self.fold()
        classes = self._numbers.classes
        every = list(self._minutes.values())
        newest = max(self._minutes, default=0)
        late = [self._minutes[n] for n in range(newest, newest - lag - 1, -1) if n in self._minutes]
        ever = _union([one.first for one in every], len(classes)), _union([one.state for one in every], len(classes))
        return Progress(classes, *ever, [bytes(one.state.ljust(len(classes), b"\0")) for one in late])

    def result(self) -> Folded:
        """Return what each class got so far."""
        self.fold()
        if self._result is None:
            self._result = add_up(dict(sorted(self._minutes.items())), self._numbers, self._rules)
        return self._result

    def _fold(self, minute: int) -> Minute:
        pairs = [self._pair(node, key) for node, key in sorted(self._of_minute[minute])]
        claims = self._claims.get(minute, {})
        return fold_minute(pairs, self._numbers, self._presence.caps, self._rules, claims, self._able)

    def _pair(self, node: str, key: _Key) -> Pair:
        rows, order = self._rows[node], self._order[node]
        following = bisect_left(order, key) + 1
        return rows[key], rows[order[following]] if following < len(order) else None

    def _minute(self, number: int) -> int:
        return number * self._rules.window_seconds // 60

    def _touch(self, *minutes: int) -> None:
        if minutes:
            self._dirty.update(minutes)
            self._result = None


class _Presence:
    """How long each screen was connected in the windows in which it came or went (rule 3 of the fold)."""

    def __init__(self, window_ms: int) -> None:
        self._window_ms = window_ms
        self._stays: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
        self._edges: dict[str, set[int]] = {}
        self.caps: dict[int, dict[str, int]] = defaultdict(dict)

    def take(self, key: str, stay: Stay) -> set[int]:
        """Take a stay; return the windows whose caps it touches."""
        begin = float("-inf") if stay.joined_ms is None else stay.joined_ms
        end = float("inf") if stay.left_ms is None else stay.left_ms
        stays = self._stays[stay.screen_id]
        if stays.get(key) == (begin, end):
            return set()
        stays[key] = (begin, end)
        before = self._edges.get(stay.screen_id, set())
        for number in before:
            del self.caps[number][stay.screen_id]
        edges = {int(edge // self._window_ms) for one in stays.values() for edge in one if abs(edge) != float("inf")}
        merged = union(stays.values())
        for number in edges:
            self.caps[number][stay.screen_id] = _overlap(
                merged, number * self._window_ms, (number + 1) * self._window_ms
            )
        self._edges[stay.screen_id] = edges
        return before | edges


def _union(columns: Iterable[bytes | bytearray], length: int) -> bytes:
    """Return the columns with their bits together; a prefecture's hour takes a millisecond as long numbers."""
    united = 0
    for column in columns:
        united |= int.from_bytes(column, "little")
    return united.to_bytes(length, "little")


def _overlap(intervals: Iterable[tuple[float, float]], begin: int, end: int) -> int:
    return int(sum(max(0, min(last, end) - max(first, begin)) for first, last in intervals))
