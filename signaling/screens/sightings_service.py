"""When a screen was last there and what its browser can do. **Hints of the browser, never evidence.**

A prefecture of screens comes back within a minute: a screen is written down once a minute at most, what its browser says when its page
is opened once in ten seconds at most.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import update

from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.models import Screen
from signaling.screens.documents import Capability

SEEN_SECONDS: Final = 60.0
TOLD_SECONDS: Final = 10.0


class SightingsService:
    """Writes down that screens are there; of `remembered` screens it is known when that was last done."""

    def __init__(
        self,
        db: Database,
        remembered: int,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._remembered = remembered
        self._clock = clock
        self._monotonic = monotonic
        self._written: dict[str, float] = {}

    async def seen(self, screen_id: str, agent: str, capability: Capability | None = None) -> None:
        """Note that a screen is there, with its User-Agent and with what its browser can do when it says so."""
        now = self._monotonic()
        pause = SEEN_SECONDS if capability is None else TOLD_SECONDS
        if now - self._written.get(screen_id, -SEEN_SECONDS) < pause:
            return
        if len(self._written) >= self._remembered:
            self._written.clear()
        self._written[screen_id] = now
        values: dict[str, Any] = {"last_seen_at": self._clock(), "agent": agent[:256]}
        if capability is not None:
            values |= {"tier": capability.tier, "capability": json.dumps(capability.model_dump(), sort_keys=True)}
        async with self._db.writing() as session:
            await session.execute(update(Screen).where(Screen.id == screen_id).values(values))
