"""When to ask the lecturer for an IDR picture. Every wish of a publication goes through one scheduler.

1. **Requests are at least `interval` apart**, however many terminals wish.
2. A wish is granted by the next IDR picture; until it comes, the request is repeated every `repeat` seconds.
3. An IDR picture is asked for when the last one is `longest` seconds old, wished or not.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

MAX_LIMITED: Final = 10_000


class KeyframeScheduler:
    """Coalesces the wishes of one publication. Times are monotonic seconds."""

    def __init__(self, interval: float, repeat: float, longest: float) -> None:
        self.reasons: Counter[str] = Counter()
        self.requests = 0
        self._interval = interval
        self._repeat = max(repeat, interval)
        self._longest = longest
        self._wished = False
        self._asked: float | None = None
        self._unanswered = False
        self._idr: float | None = None

    def wish(self, reason: str) -> None:
        """Want an IDR picture that begins after this call."""
        self.reasons[reason] += 1
        self._wished = True

    def idr(self, now: float) -> None:
        """Note that an IDR picture begins: it grants every wish so far."""
        self._idr = now
        self._wished = self._unanswered = False

    def due(self, now: float) -> bool:
        """Return whether to send a request now; True counts as sent."""
        at = self.next_timer()
        if at is None or now < at:
            return False
        self._asked, self._unanswered = now, True
        self.requests += 1
        return True

    def next_timer(self) -> float | None:
        """Return when `due` becomes True without a further wish; None before the first wish or picture."""
        if self._unanswered and self._asked is not None:
            return self._asked + self._repeat
        earliest = float("-inf") if self._asked is None else self._asked + self._interval
        if self._wished:
            return earliest
        return None if self._idr is None else max(earliest, self._idr + self._longest)


class WishLimiter:
    """Lets one terminal wish at most every `interval` seconds, so that a bad path costs the others few keyframes.

    It remembers at most 10,000 terminals; when full, those that may wish again anyway are forgotten.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._last: dict[int, float] = {}

    def allows(self, slot: int, now: float) -> bool:
        """Return whether `slot` may wish now; True counts as wished."""
        last = self._last.get(slot)
        if last is not None and now - last < self._interval:
            return False
        if len(self._last) >= MAX_LIMITED:
            self._last = {key: at for key, at in self._last.items() if now - at < self._interval}
        self._last[slot] = now
        return True

    def forget(self, slot: int) -> None:
        """Drop what is known of a terminal that left."""
        self._last.pop(slot, None)
