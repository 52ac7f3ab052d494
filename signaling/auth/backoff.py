"""Waiting times after failed logins, by account. Never by address: a whole school shares one.

1. **An account is never locked**: the wait doubles with every failure and ends at `longest` seconds.
2. **Unknown accounts wait like known ones**, so that the wait tells nothing.
3. **An attempt counts when it begins** (`failed`), so that a thousand guesses at once are not a thousand guesses: the right password
   makes them all forgotten, one that could not be checked is taken back.
4. The table is bounded: when full, the account whose failure is oldest is forgotten.
"""

from __future__ import annotations

from collections import OrderedDict

FIRST = 1.0
FORGET = 3600.0


class Backoff:
    """Counts failures; `now` is monotonic seconds."""

    def __init__(self, free_attempts: int, longest: float, capacity: int = 10_000) -> None:
        self._free = free_attempts
        self._longest = longest
        self._capacity = capacity
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, account: str, now: float) -> float:
        """Return the seconds until the account may try again; 0.0 when it may now."""
        count, last = self._failures.get(account, (0, now))
        if count < self._free or now - last > FORGET:
            return 0.0
        pause = min(self._longest, FIRST * 2.0 ** min(count - self._free, 16))
        return max(0.0, last + pause - now)

    def failed(self, account: str, now: float) -> float:
        """Count an attempt that has failed, or that counts as failed until it is known better; return when the one before was."""
        count, last = self._failures.pop(account, (0, now))
        self._failures[account] = (1 if now - last > FORGET else count + 1, now)
        if len(self._failures) > self._capacity:
            self._failures.popitem(last=False)
        return last

    def withdrawn(self, account: str, before: float | None = None) -> None:
        """Take one attempt back, which was none; with `before` (of `failed`) the wait goes on as it was."""
        count, last = self._failures.get(account, (0, 0.0))
        if count > 1:
            self._failures[account] = (count - 1, last if before is None else before)
        else:
            self._failures.pop(account, None)

    def succeeded(self, account: str) -> None:
        """Forget the failures of an account."""
        self._failures.pop(account, None)
