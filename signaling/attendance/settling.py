"""Settles what lectures came to: at their end, when the ledger has something new about them, and when a time runs out.

1. **A recount from the ledger is the newest revision**: a round is due whenever that might not be so any more.
2. What came is gathered for a moment (the seconds between two rounds) rather than settled head-count by head-count; what classes
   make up for `MADE_UP`: they do for an hour, and every revision is kept for ever.
3. **A lecture is settled by the version of the policy that held when it opened**, at its end and ever after (`policies_service.py`).
4. Any server may settle any lecture; the one that comes second finds nothing to do.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import structlog

from signaling.attendance.decisions_service import DecisionsService, Overtaken, Settling
from signaling.attendance.keeper import EVERYWHERE
from signaling.attendance.policy import Policy, UnknownPolicy
from signaling.attendance.reports_service import ReportsService
from signaling.attendance.settled import SettledSchool, freeze, schools_of
from signaling.directory.queries import Scope
from signaling.ledger.errors import DamagedEntry
from signaling.ledger.events import Entry
from signaling.ledger.facts import Fault, Kind
from signaling.ledger.reading import tell
from signaling.ledger.service import LedgerService

log = structlog.get_logger(__name__)

EVERYTHING: Final = Scope(None)
MINUTE: Final = timedelta(minutes=1)
MADE_UP: Final = timedelta(minutes=10)
REPLAYED: Final = frozenset({Kind.MEDIA_DELIVERED})
KEPT: Final = timedelta(days=200)
"""Lectures are looked after for a term: corrections come until it is closed."""


class Cause(StrEnum):
    """Why a lecture was settled (again)."""

    ENDED = "ended"
    CORRECTED = "corrected"
    FAULT = "fault"
    MADE_UP = "made_up"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    FACTS = "facts"


CAUSE_OF: Final = (
    (Kind.CORRECTED, Cause.CORRECTED),
    (Kind.FAULT, Cause.FAULT),
    (Kind.CONFIRMED, Cause.CONFIRMED),
    (Kind.MEDIA_DELIVERED, Cause.MADE_UP),
)
"""The first kind that is new says why."""


class Settler:
    """Looks for lectures that are due, and settles them."""

    def __init__(
        self,
        reports: ReportsService,
        decisions: DecisionsService,
        ledger: LedgerService,
        clock: Callable[[], datetime],
        root: str = "",
    ) -> None:
        self._reports = reports
        self._decisions = decisions
        self._ledger = ledger
        self._clock = clock
        self._root = root
        self._seen: dict[str, tuple[str, datetime]] = {}  # lecture -> stamp and time when it was found settled

    async def round(self) -> list[str]:
        """Settle what is due; return the lectures."""
        now, settled = self._clock(), []
        faults = Faults(await self._ledger.entries(None, EVERYWHERE))
        recent = await self._decisions.recent(now - KEPT)
        ends = await self._ledger.ends([lecture_id for lecture_id, _, _ in recent])
        for lecture_id, started_at, ended_at in recent:
            inside = [_place(*one) for one in ends.get(lecture_id, ())]
            stamp = json.dumps([inside, faults.within(started_at, ended_at)], separators=(",", ":"))
            try:
                if await self._is_due(lecture_id, ended_at, stamp, now) and await self.settle(lecture_id, stamp):
                    settled.append(lecture_id)
            except (DamagedEntry, UnknownPolicy) as error:  # a lecture that cannot be judged must not keep the others
                log.error("x lecture not settled", lecture=lecture_id, error=str(error))
        return settled

    async def settle(self, lecture_id: str, stamp: str = "") -> bool:
        """Settle a lecture as things stand; return whether this server did it."""
        last = await self._decisions.last(lecture_id)
        made = await self._reports.report(lecture_id, EVERYTHING, self._root)
        frame = await self._reports.frame(lecture_id)
        if made is None or frame is None:
            return False
        cause = await self._cause(lecture_id, last, stamp)
        schools, frozen = await asyncio.to_thread(
            lambda: (list[SettledSchool](schools_of(lecture_id, made.report)), freeze(frame))
        )
        version = made.report.policy.version
        try:
            changed = await self._decisions.write(
                lecture_id, schools, policy_version=version, cause=cause, stamp=stamp, as_of=made.as_of, frame=frozen
            )
        except Overtaken:
            return False
        self._seen[lecture_id] = stamp, made.as_of
        log.info("- lecture settled", lecture=lecture_id, cause=str(cause), schools=len(schools), changed=changed)
        return True

    async def _is_due(self, lecture_id: str, ended_at: datetime, stamp: str, now: datetime) -> bool:
        known = self._seen.get(lecture_id)
        if known is None or known[0] != stamp:
            last = await self._decisions.last(lecture_id)
            if last is None:
                return True
            if last.stamp != stamp:
                return now - last.as_of >= MADE_UP or await self._new_kinds(lecture_id, last, stamp) != REPLAYED
            known = self._seen[lecture_id] = stamp, last.as_of
        policy = await self._reports.policies.of(lecture_id)
        return any(known[1] < deadline <= now for deadline in deadlines(policy, ended_at))

    async def _cause(self, lecture_id: str, last: Settling | None, stamp: str) -> Cause:
        if last is None:
            return Cause.ENDED
        if last.stamp == stamp:
            return Cause.EXPIRED
        new = await self._new_kinds(lecture_id, last, stamp)
        return next((cause for kind, cause in CAUSE_OF if kind in new), Cause.FACTS)

    async def _new_kinds(self, lecture_id: str, last: Settling, stamp: str) -> Collection[str]:
        inside, outside = json.loads(last.stamp or "[[],[]]")
        kinds = {entry.header.kind for entry in await self._ledger.entries(lecture_id, None, _heads(inside))}
        _, now = json.loads(stamp or "[[],[]]")
        kinds -= {Kind.ROSTER}
        return kinds | ({str(Kind.FAULT)} if set(now) - set(outside) else set())


class Faults:
    """The faults of no lecture, and which of them a lecture has to be settled anew for: those that overlap it, in any of their versions."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._every = [_place(entry.header.node, entry.header.number) for entry in entries]
        self._told: list[tuple[str, Fault]] | None = None
        with contextlib.suppress(
            DamagedEntry
        ):  # whoever reads the lecture is told; until then each fault may concern it
            told = [(_place(one.header.node, one.header.number), one.fact) for one in tell(entries)]
            self._told = [(place, fact) for place, fact in told if isinstance(fact, Fault)]

    def within(self, begin: datetime | None, end: datetime) -> list[str]:
        """Return the places of the faults that overlap a lecture; a fault takes the whole of a minute that it touches."""
        if self._told is None or begin is None:
            return self._every
        first, last = begin - MINUTE, end + MINUTE
        near = {one.fault_id for _, one in self._told if one.begin < last and (one.end is None or one.end > first)}
        return list(dict.fromkeys(place for place, one in self._told if one.fault_id in near))


def deadlines(policy: Policy, ended_at: datetime) -> list[datetime]:
    """Return when decisions change by themselves: nobody can confirm any more, nothing can be made up any more."""
    if policy.credit is None:
        return []
    hours, days = policy.credit.confirmation.closes_after_hours, policy.credit.make_up.days
    return [ended_at + timedelta(hours=hours), ended_at + timedelta(days=days)]


def _place(node: str, number: int) -> str:
    return f"{number}@{node}"


def _heads(places: Collection[str]) -> dict[str, int]:
    """Return the last number of each node."""
    heads: dict[str, int] = {}
    for place in places:
        number, _, node = place.partition("@")
        heads[node] = max(int(number), heads.get(node, 0))
    return heads
