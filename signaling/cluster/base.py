"""What nodes must agree on.

**Never authoritative**: fencing numbers and facts live in the database. Losing the cluster costs cross-node freshness only: watching
goes on, and new publishing tickets fail closed.
"""

from __future__ import annotations

from typing import Protocol


class Cluster(Protocol):
    """The nodes of one prefecture, seen from one of them."""

    node: str

    async def claim_once(self, key: str, seconds: float) -> bool:
        """Return True for the first caller of a key within `seconds`, False for everybody after (single-use tickets)."""

    async def place(self, lecture_id: str) -> str:
        """Return the node that carries a lecture; the first to ask takes it."""

    async def release(self, lecture_id: str) -> None:
        """Give a lecture back."""

    async def close(self) -> None:
        """Leave."""
