"""Which screen was refused why, in memory, for the board, `/metrics` and the list of what looks strange. Nothing here is evidence of a class.

**Bounded**: of at most `lectures` lectures, the oldest forgotten first, and of `screens` screens each; what does not fit is counted in the totals only. A
restarted server begins anew.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why a report counted for nothing, or for less than it claimed."""

    BAD_REPORT = "bad_report"
    BAD_SIGNATURE = "bad_signature"
    STALE_NONCE = "stale_nonce"
    WRONG_BROADCAST = "wrong_broadcast"
    REPLAYED_COUNTER = "replayed_counter"
    WRONG_MINUTE = "wrong_minute"
    FAST_FORWARD = "fast_forward"
    UNPROVEN = "unproven"


FORGERY: Final = frozenset({Reason.BAD_SIGNATURE, Reason.REPLAYED_COUNTER, Reason.FAST_FORWARD, Reason.UNPROVEN})
"""Reasons that an honest screen does not give; the others come by restarts and lost answers too."""


class Refusals:
    """Counts by lecture, screen and reason."""

    def __init__(self, lectures: int = 64, screens: int = 20_000) -> None:
        self._most_lectures = lectures
        self._most_screens = screens
        self._of: OrderedDict[str, dict[str, Counter[Reason]]] = OrderedDict()
        self.totals: Counter[Reason] = Counter()

    def count(self, lecture_id: str, screen_id: str, reason: Reason) -> None:
        """Count one."""
        self.totals[reason] += 1
        screens = self._of.setdefault(lecture_id, {})
        if len(self._of) > self._most_lectures:
            self._of.popitem(last=False)
        if screen_id in screens or len(screens) < self._most_screens:
            screens.setdefault(screen_id, Counter())[reason] += 1

    def of(self, lecture_id: str) -> Mapping[str, Mapping[str, int]]:
        """Return screen -> reason -> how often."""
        return {
            screen: {reason.value: n for reason, n in found.items()}
            for screen, found in self._of.get(lecture_id, {}).items()
        }
