"""Follows the chains by itself, so that a byte that was changed on the disk is known before somebody needs it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import structlog

from signaling.ledger.roots_service import RootsService
from signaling.operations.pulse import Pulse

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 600.0
"""Between two looks whether it is time, and quiet enough."""


class Watchman:
    """Verifies the whole ledger at the start and every `hours` after that, never while `busy`: a year of a prefecture is some gigabytes to be read.

    `damaged` is the sentence about the first wrong entry, "" when there is none.
    """

    def __init__(
        self,
        roots: RootsService,
        hours: float,
        busy: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.damaged = ""
        self._roots = roots
        self._seconds = hours * 3600
        self._busy = busy
        self._clock = clock
        self._looked: float | None = None
        self._entries = 0
        self._pulse = Pulse("ledger-watchman", self.round, LOOK_SECONDS)

    def start(self) -> None:
        """Begin to look."""
        self._pulse.start()

    async def stop(self) -> None:
        """End that; a look that is under way can be broken off anywhere."""
        await self._pulse.stop(grace=0.0)

    async def round(self) -> bool:
        """Verify if it is time; return whether it was."""
        now = self._clock()
        if self._busy() or (self._looked is not None and now - self._looked < self._seconds):
            return False
        verdict = await self._roots.verify()
        found = "" if verdict.fault is None else str(verdict.fault)
        if found and found != self.damaged:
            log.error("x the ledger is damaged", fault=found, advice="jiangtang ledger verify; restore from a backup")
        self.damaged, self._looked, self._entries = found, now, verdict.entries
        return True

    def metrics(self) -> dict[str, float]:
        """Return what `/metrics` shows."""
        return {"verified_entries": self._entries, "damaged": int(bool(self.damaged))}
