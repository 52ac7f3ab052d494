"""Windows and minutes of UTC. Pure arithmetic: restarts and nodes agree because nobody counts from an own beginning."""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil


def window_ending(now: datetime, seconds: int) -> int:
    """Return the number of the window that a sample taken at `now` closes: at a boundary the one that ends there."""
    return ceil(now.timestamp() / seconds) - 1


def next_boundary(now: datetime, seconds: int) -> datetime:
    """Return the first boundary after `now`."""
    return window_start(int(now.timestamp() // seconds) + 1, seconds)


def window_start(number: int, seconds: int) -> datetime:
    """Return the begin of a window."""
    return datetime.fromtimestamp(number * seconds, UTC)


def sample_time(boundary: datetime, woken: datetime, seconds: int) -> datetime:
    """Return the time that a sample planned for `boundary` counts for.

    A timer wakes a little late (or, by rounding, early), which must not move the sample to another window. When it is off by
    half a window the clock was stepped, or the process stood still: then the clock of now counts.
    """
    return boundary if abs((woken - boundary).total_seconds()) < seconds / 2 else woken
