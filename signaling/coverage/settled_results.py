"""The results of lectures as attendance settled them. What was unpacked is kept until one of a lecture's decisions is superseded.

**A lecture that does not count by the policy that it was settled by has no results here**: too short, or for an audience of which none is owed.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from signaling.attendance.settled import Brief, SettledSchool, brief
from signaling.coverage.results import ClassResult, SchoolResults
from signaling.directory.queries import Scope

KEPT: Final = 32
"""Lectures that are kept unpacked: those of a term with room to spare; more are read anew, the ones asked for last stay."""
TRAININGS: Final = 4
"""Lectures whose minutes are kept: only trainings are asked for them."""
EVERYTHING: Final = Scope(None)


class Decisions(Protocol):
    """The door to settled decisions (`signaling.attendance.decisions_service.DecisionsService`)."""

    async def stamps(self, lecture_ids: Sequence[str]) -> dict[str, str]: ...
    async def decisions(
        self, lecture_ids: Sequence[str], scope: Scope = EVERYTHING, until: datetime | None = None
    ) -> list[SettledSchool]: ...
    async def minutes(self, lecture_id: str, until: datetime | None = None) -> Mapping[str, Sequence[int]]: ...


Covers = Callable[[str, int], Awaitable[bool]]
"""Tells whether a lecture that was settled by a version of the policy counts (`signaling.attendance.policies_service.PoliciesService.covers`)."""


@dataclass(frozen=True, slots=True)
class _Kept:
    stamp: str
    schools: Sequence[SchoolResults]


@dataclass(frozen=True, slots=True)
class _Minutes:
    stamp: str
    by_class: Mapping[str, Sequence[int]]


class SettledResults:
    """Implements `signaling.coverage.results.Results`."""

    def __init__(self, decisions: Decisions, covers: Covers) -> None:
        self._decisions = decisions
        self._covers = covers
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._minutes: OrderedDict[str, _Minutes] = OrderedDict()

    async def stamps(self, lecture_ids: Sequence[str]) -> Mapping[str, str]:
        """Return what differs for each settled lecture as soon as one of its decisions does."""
        return await self._decisions.stamps(lecture_ids)

    async def decisions(
        self, lecture_ids: Sequence[str], scope: Scope, until: datetime | None = None
    ) -> Sequence[SchoolResults]:
        """Return the newest results of the lectures for what a scope covers; as of an earlier time they are read anew."""
        if until is not None:
            settled = await self._counting(await self._decisions.decisions(lecture_ids, scope, until))
            return (await asyncio.to_thread(_kept, "", settled)).schools
        found: list[SchoolResults] = []
        for lecture_id, stamp in (await self.stamps(lecture_ids)).items():
            kept = await self._of(lecture_id, stamp)
            found += [one for one in kept.schools if scope.includes(one.region_code, one.school_code)]
        return found

    async def minutes(self, lecture_id: str, until: datetime | None = None) -> Mapping[str, Sequence[int]]:
        """Return the counted minutes of a settled lecture, by class."""
        if until is not None:
            return await self._decisions.minutes(lecture_id, until)
        stamp = (await self.stamps([lecture_id])).get(lecture_id)
        if stamp is None:
            return {}
        kept = self._minutes.pop(lecture_id, None)
        if kept is None or kept.stamp != stamp:
            kept = _Minutes(stamp, await self._decisions.minutes(lecture_id))
        self._minutes[lecture_id] = kept
        if len(self._minutes) > TRAININGS:
            self._minutes.popitem(last=False)
        return kept.by_class

    async def _of(self, lecture_id: str, stamp: str) -> _Kept:
        kept = self._kept.pop(lecture_id, None)
        if kept is None or kept.stamp != stamp:
            settled = await self._counting(await self._decisions.decisions([lecture_id]))
            kept = await asyncio.to_thread(_kept, stamp, settled)
        self._kept[lecture_id] = kept
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return kept

    async def _counting(self, settled: Sequence[SettledSchool]) -> list[SettledSchool]:
        """Return the decisions about lectures that count; what was settled last says by which version."""
        versions: dict[str, int] = {}
        for one in settled:
            versions[one.lecture_id] = max(one.policy_version, versions.get(one.lecture_id, 0))
        left_out = [lecture for lecture, version in versions.items() if not await self._covers(lecture, version)]
        return [one for one in settled if one.lecture_id not in left_out]


def _kept(stamp: str, settled: Iterable[SettledSchool]) -> _Kept:
    return _Kept(
        stamp,
        [
            SchoolResults(one.lecture_id, one.school_code, one.region_code, [*map(_result, brief(one.packed))])
            for one in settled
        ],
    )


def _result(made: Brief) -> ClassResult:
    """Return a class's result: while a number is waited for it is not credited yet, without one it is not confirmed."""
    result = "unconfirmed" if made.result == "qualified" and made.present is None else made.result
    return ClassResult(made.class_id, "pending" if made.pending else result, made.expected, made.present)
