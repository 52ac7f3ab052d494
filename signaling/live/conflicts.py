"""Notices two devices that carry one screen's token. Pure: `now` is monotonic seconds."""

from __future__ import annotations

from collections import OrderedDict, deque

_MINUTE = 60.0


class Conflicts:
    """Counts replacements of each screen's session. **Bounded**: the screen that was quiet longest is forgotten."""

    def __init__(self, per_minute: int, capacity: int = 20_000) -> None:
        self._per_minute = per_minute
        self._capacity = capacity
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def replaced(self, screen_id: str, now: float) -> bool:
        """Count a replacement; return True when it makes more than `per_minute` in a minute, then begin to count anew."""
        times = self._times.setdefault(screen_id, deque())
        self._times.move_to_end(screen_id)
        if len(self._times) > self._capacity:
            self._times.popitem(last=False)
        times.append(now)
        while now - times[0] >= _MINUTE:
            times.popleft()
        if len(times) <= self._per_minute:
            return False
        times.clear()
        return True
