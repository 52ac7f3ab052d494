"""Which screen was refused why: in memory for boards and `/metrics`, and minute by minute until it is in the ledger. Pure.

1. **Who forged is a fact**: the reasons of `FORGERY` go into the ledger by screen, reason and minute of the server, with how often; of the other reasons how
   often all screens together gave them.
2. **No flood grows the ledger**: a screen takes a row a minute for each reason, a broadcast `most` rows in all; what exceeds that is counted without a name.
3. Nothing here is evidence of a class, and nothing of it is acknowledged: a killed server forgets the refusals of the minute that ran.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from signaling.ledger.facts import RefusedReports
from signaling.ledger.kinds import FORGERY, Reason


class Refusals:
    """Counts by lecture, screen and reason. **Bounded**: of at most `lectures` lectures, the oldest forgotten first, and of `screens` screens each;
    what does not fit is counted in the totals only.
    """

    def __init__(self, lectures: int = 64, screens: int = 20_000) -> None:
        self._most_lectures = lectures
        self._most_screens = screens
        self._of: OrderedDict[str, dict[str, Counter[str]]] = OrderedDict()
        self.totals: Counter[Reason] = Counter()

    def count(self, lecture_id: str, screen_id: str, reason: Reason) -> None:
        """Count one."""
        self.totals[reason] += 1
        self._add(lecture_id, screen_id, reason, 1)

    def restore(self, lecture_id: str, fact: RefusedReports) -> None:
        """Take over what the ledger knows of a lecture; the totals are those of this process."""
        for screen_id, reason, times in fact.reports:
            self._add(lecture_id, screen_id, reason, times)

    def _add(self, lecture_id: str, screen_id: str, reason: str, times: int) -> None:
        screens = self._of.setdefault(lecture_id, {})
        if len(self._of) > self._most_lectures:
            self._of.popitem(last=False)
        if screen_id in screens or len(screens) < self._most_screens:
            screens.setdefault(screen_id, Counter())[str(reason)] += times

    def knows(self, lecture_id: str) -> bool:
        """Whether something is known of a lecture."""
        return lecture_id in self._of

    def of(self, lecture_id: str) -> Mapping[str, Mapping[str, int]]:
        """Return screen -> reason -> how often."""
        return {screen: dict(found) for screen, found in self._of.get(lecture_id, {}).items()}


@dataclass(slots=True)
class _Minute:
    named: Counter[tuple[str, str]] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)


class Unwritten:
    """What was refused in one broadcast and is not in the ledger yet, by minute; `most` rows of it may name a screen."""

    def __init__(self, most: int, grace: float) -> None:
        self._left = most
        self._grace = grace
        self._minutes: dict[int, _Minute] = {}
        self._parts: Counter[int] = Counter()

    def count(self, minute: int, screen_id: str, reason: Reason) -> None:
        """Count one that came in a minute of the server's clock."""
        held = self._minutes.setdefault(minute, _Minute())
        held.totals[reason.value] += 1
        row = screen_id, reason.value
        if reason in FORGERY and (row in held.named or self._left > 0):
            self._left -= row not in held.named
            held.named[row] += 1

    def restore(self, fact: RefusedReports) -> None:
        """Take over that the ledger names screens already."""
        self._left -= len(fact.reports)

    def due(self, now: float) -> list[int]:
        """Return the minutes that are to be written down, the oldest first; `now` is Unix seconds."""
        return sorted(minute for minute in self._minutes if (minute + 1) * 60 + self._grace <= now)

    def cut(self, minute: int) -> RefusedReports:
        """Take a minute out, as the fact to record."""
        held = self._minutes.pop(minute)
        part, self._parts[minute] = self._parts[minute], self._parts[minute] + 1
        rows = tuple((screen, reason, times) for (screen, reason), times in sorted(held.named.items()))
        return RefusedReports(minute, rows, tuple(sorted(held.totals.items())), part)

    @property
    def waits(self) -> bool:
        """Whether something is not written down."""
        return bool(self._minutes)
