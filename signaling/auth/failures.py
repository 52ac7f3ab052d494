"""How failures are told in the audit log without drowning it: the first ones of an hour each, then how many there were.

1. **The first failures of each key are told one by one, then the tenth, hundredth, thousandth** and so on.
2. **At most `most` rows an hour are told for keys**; beyond that only how many failures there were in all, at once and at powers of ten.
3. Known and unknown accounts are counted alike, so that the time it takes tells nothing.
"""

from __future__ import annotations

from typing import NamedTuple

HOUR = 3600.0
FIRST = 5


class Told(NamedTuple):
    """What a row says: it was the failure with this number in its hour, of its key or (`of_all`) of all."""

    number: int
    of_all: bool


class Failures:
    """Counts; `now` is monotonic seconds. Forgets everything every hour; at most `capacity` keys are known at a time."""

    def __init__(self, most: int, first: int = FIRST, capacity: int = 10_000) -> None:
        self._most = most
        self._first = first
        self._capacity = capacity
        self._began = float("-inf")
        self._counts: dict[str, int] = {}
        self._all = self._rows = 0
        self._is_full = False

    def count(self, key: str, now: float, first: int | None = None) -> Told | None:
        """Count a failure; return what is to be told of it, or None. `first` says for how many each one is told."""
        if now - self._began >= HOUR:
            self._began, self._counts, self._all, self._rows, self._is_full = now, {}, 0, 0, False
        self._all += 1
        if self._rows < self._most and (key in self._counts or len(self._counts) < self._capacity):
            count = self._counts[key] = self._counts.get(key, 0) + 1
            if count > (self._first if first is None else first) and not _is_power_of_ten(count):
                return None
            self._rows += 1
            return Told(count, of_all=False)
        is_first, self._is_full = not self._is_full, True
        return Told(self._all, of_all=True) if is_first or _is_power_of_ten(self._all) else None


def _is_power_of_ten(count: int) -> bool:
    return count >= 10 and int("1" + "0" * (len(str(count)) - 1)) == count
