"""Which version of the policy holds for a lecture, and the versions that there are.

1. **The version that was in force when a broadcast opened holds for it**: its checks and head-counts are taken by it and its class results made by it, whatever
   the setting says later. The opening is a fact of the ledger (`Ruled`).
2. What was opened before that was written down keeps the version by which it was settled last; what was not settled yet goes by the one in force.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import structlog

from config.settings import AttendanceSettings
from signaling.attendance.credit import Credit
from signaling.attendance.decisions_service import DecisionsService
from signaling.attendance.policy import Policy, UnknownPolicy, all_policies
from signaling.ledger.errors import DamagedEntry
from signaling.ledger.facts import Kind, Ruled
from signaling.ledger.service import LedgerService

log = structlog.get_logger(__name__)

KEPT: Final = 512
"""Lectures whose version is remembered: those of a term with room to spare."""


class PoliciesService:
    """The versions of the program and of the prefecture's file. Raises `UnknownPolicy` when the one in force is not among them."""

    def __init__(self, settings: AttendanceSettings, ledger: LedgerService, decisions: DecisionsService) -> None:
        self._all = all_policies(settings.policies_file)
        self._version = settings.policy
        self._ledger = ledger
        self._decisions = decisions
        self._told: OrderedDict[str, int] = OrderedDict()
        self.policy()

    def policy(self, version: int | None = None) -> Policy:
        """Return a policy, the one in force when no version is named; raise `UnknownPolicy`."""
        try:
            return self._all[self._version if version is None else version]
        except KeyError as error:
            raise UnknownPolicy(f"there is no policy of version {error}") from None

    async def told(self, lecture_id: str) -> int | None:
        """Return the version that the ledger says was in force when a lecture opened, None when it says nothing."""
        known = self._told.get(lecture_id)
        if known is None:
            facts = [one.fact async for one in self._ledger.facts(lecture_id, {Kind.RULED})]
            first = min((fact for fact in facts if isinstance(fact, Ruled)), key=_place, default=None)
            if first is None:
                return None
            known = self._told[lecture_id] = first.version
            if len(self._told) > KEPT:
                self._told.popitem(last=False)
        return known

    async def of(self, lecture_id: str) -> Policy:
        """Return the policy that holds for a lecture; raise `UnknownPolicy` when it is among the versions no more."""
        version = await self.told(lecture_id)
        if version is None:
            version = await self._decisions.policy_version(lecture_id)
        return self.policy(version)

    async def covers(self, lecture_id: str, version: int) -> bool:
        """Return whether a lecture that was settled by a version counts for the coverage of a term: marked so, for an audience of
        that version, on the air for the minutes that it wants. A policy of delivery alone, and one that is gone, leave it to the mark.
        """
        policy, held = self._all.get(version), await self._decisions.session(lecture_id)
        if held is None or policy is None or policy.credit is None:
            return held is None or held[1]
        audience, marked, seconds = held
        sessions = policy.credit.sessions
        return sessions.covers(audience, marked) and seconds >= 60 * sessions.least_minutes

    async def credit(self, lecture_id: str) -> Credit | None:
        """Return the rules by which a lecture's checks and head-counts are taken; None when its policy asks for neither.

        A version that is gone, or an entry that cannot be read, costs no class its evidence: then the one in force says how it is taken.
        """
        try:
            return (await self.of(lecture_id)).credit
        except (UnknownPolicy, DamagedEntry) as error:
            log.error("x the policy of a lecture is gone", lecture=lecture_id, error=str(error))
            return self.policy().credit


def _place(fact: Ruled) -> tuple[object, int]:
    return fact.at, fact.version
