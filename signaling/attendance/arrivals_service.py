"""When a class came to lectures: read from the ledger once, and again when the lecture's part of the ledger has grown."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from signaling.attendance.arrivals import Arrivals
from signaling.ledger.facts import Kind
from signaling.ledger.service import LedgerService

KEPT: Final = 64
"""Lectures that are remembered: a quarter of a megabyte each when the whole prefecture was there. The one longest unused goes."""


class ArrivalsService:
    """Remembers arrivals by lecture."""

    def __init__(self, ledger: LedgerService) -> None:
        self._ledger = ledger
        self._known: OrderedDict[str, tuple[object, Arrivals]] = OrderedDict()

    async def of_class(self, class_id: str, lecture_ids: Sequence[str]) -> dict[str, datetime]:
        """Return when the first screen of a class came to each of the lectures; those to which none came are left out."""
        found = {}
        for lecture_id, ends in (await self._ledger.ends(lecture_ids)).items():
            at = (await self._arrivals(lecture_id, ends)).of(class_id)
            if at is not None:
                found[lecture_id] = at
        return found

    async def _arrivals(self, lecture_id: str, ends: object) -> Arrivals:
        there = self._known.get(lecture_id)
        if there is None or there[0] != ends:
            entries = await self._ledger.entries(lecture_id, {Kind.JOINED})
            there = ends, await asyncio.to_thread(Arrivals, entries)
            self._known[lecture_id] = there
        self._known.move_to_end(lecture_id)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return there[1]
