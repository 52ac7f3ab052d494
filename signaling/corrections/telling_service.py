"""Tells the ledger what was approved, and again what a crash kept from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from signaling.api.problems import Problem
from signaling.corrections import queries
from signaling.corrections.effect import CLASS, Aired
from signaling.corrections.models import Correction, CorrectionOutcome
from signaling.corrections.reasons import reasons
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.ledger.errors import LedgerUnavailable
from signaling.ledger.events import Subject
from signaling.ledger.facts import Corrected, Fault, Kind
from signaling.ledger.service import LedgerService
from signaling.live.states import OVER
from signaling.operations.pulse import Pulse
from signaling.presence.api import busy

log = structlog.get_logger(__name__)

LOOKED_BACK: Final = timedelta(days=200)
"""How far back what was approved is looked for in the ledger at a start: a term."""
TOLD: Final = frozenset({Kind.CORRECTED, Kind.FAULT})


class TellingService:
    """Knows what the ledger has of the approved corrections; looks every `mend_seconds` for what it has not."""

    def __init__(
        self, db: Database, ledger: LedgerService, mend_seconds: float, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._db = db
        self._ledger = ledger
        self._clock = clock
        self._told: set[str] = set()  # what was seen in the ledger
        self._pulse = Pulse("corrections", self.mend, mend_seconds)

    def start(self) -> None:
        """Begin to look."""
        self._pulse.start()

    async def stop(self) -> None:
        """End that."""
        await self._pulse.stop()

    async def aired(self, lecture_id: str) -> Aired:
        """Return when a lecture was on the air; raise 409 `not_ended` before it was."""
        async with self._db.reading() as session:
            found = (await session.execute(queries.broadcast(lecture_id))).one_or_none()
        if found is None:
            raise Problem(409, "not_ended", "the lecture has not ended yet")
        broadcast_id, state, started_at, ended_at = found
        return Aired(broadcast_id, started_at, ended_at if state in OVER else None)

    async def tell(self, row: Correction, outcome: CorrectionOutcome, aired: Aired) -> None:
        """Tell what was approved; raise 503 `busy` when the ledger does not take it now: `mend` will."""
        fact = fact_of(row, outcome, aired)
        try:
            await self._ledger.record(Subject(row.lecture_id, aired.broadcast_id), fact)
        except LedgerUnavailable:
            raise busy("the correction is approved and counts as soon as facts can be written down") from None
        self._told.add(row.id)

    async def mend(self) -> list[str]:
        """Tell the ledger what was approved and is not in it; return the corrections. Raises `LedgerUnavailable`."""
        async with self._db.reading() as session:
            rows = (await session.execute(queries.approved_since(self._clock() - LOOKED_BACK))).all()
        missing = [(row, outcome) for row, outcome in rows if row.id not in self._told]
        for lecture_id in {row.lecture_id for row, _ in missing}:
            self._told |= await self._known(lecture_id)
        told = []
        for row, outcome in missing:
            if row.id not in self._told:
                await self.tell(row, outcome, await self.aired(row.lecture_id))
                log.warning("- a correction was approved and not told, told now", correction=row.id)
                told.append(row.id)
        return told

    async def _known(self, lecture_id: str) -> set[str]:
        found = set()
        async for told in self._ledger.facts(lecture_id, TOLD):
            match told.fact:
                case Corrected() as fact:
                    found.add(fact.correction_id)
                case Fault() as fault:
                    found.add(fault.fault_id)
        return found


def fact_of(row: Correction, outcome: CorrectionOutcome, aired: Aired) -> Corrected | Fault:
    """Return what the ledger is told of an approved correction."""
    if row.level == CLASS:
        people = (row.requested_by, outcome.decided_by)
        values = (row.field, outcome.old, row.new, row.reason)
        return Corrected(row.id, row.scope, *values, *people, outcome.at, outcome.supersedes)
    cause, begin = reasons()[row.reason].cause or "closed", aired.started_at or outcome.at
    return Fault(row.id, cause, row.scope, begin, aired.ended_at, outcome.decided_by, row.reason, outcome.at, 1)
