"""The null twin: one node, its own memory, no Redis."""

from __future__ import annotations

import time
from collections.abc import Callable

CAPACITY = 10_000


class SingleNode:
    """A cluster of one. The table of claims is bounded: when it is full of claims that still hold, new ones are refused."""

    def __init__(self, node: str, monotonic: Callable[[], float] = time.monotonic, capacity: int = CAPACITY) -> None:
        self.node = node
        self._monotonic = monotonic
        self._capacity = capacity
        self._claims: dict[str, float] = {}

    async def claim_once(self, key: str, seconds: float) -> bool:
        """Return True for the first caller of a key within `seconds`."""
        now = self._monotonic()
        if self._claims.get(key, now) > now:
            return False
        if len(self._claims) >= self._capacity:
            self._claims = {held: until for held, until in self._claims.items() if until > now}
        if len(self._claims) >= self._capacity:
            return False
        self._claims[key] = now + seconds
        return True

    async def place(self, lecture_id: str) -> str:
        """Return this node."""
        return self.node

    async def release(self, lecture_id: str) -> None:
        """Nothing is held."""

    async def close(self) -> None:
        """Nothing is open."""
