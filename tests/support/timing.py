"""Processor time, measured so that a busy machine does not make an innocent call look slow."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress


def fastest(call: Callable[[], object], *expected: type[Exception], times: int = 5) -> float:
    """Return the least processor time of several calls, which may raise `expected`: what is slow is slow every time."""
    spent = []
    for _ in range(times):
        began = time.thread_time()
        with suppress(*expected):
            call()
        spent.append(time.thread_time() - began)
    return min(spent)
