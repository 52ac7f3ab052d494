"""What coverage takes from the attendance of lectures: results of classes, school by school. Values and a port, no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from signaling.directory.queries import Scope

CREDITED: Final = frozenset({"qualified", "unconfirmed", "made_up"})
"""Results with which a class has had the lecture: 达标, 待确认, 补看达标."""
EXCUSED: Final = "excused"


@dataclass(frozen=True, slots=True)
class ClassResult:
    """What a lecture came to for one class; `present` is None while nobody has confirmed a number."""

    class_id: str
    result: str
    expected: int
    present: int | None


@dataclass(frozen=True, slots=True)
class SchoolResults:
    """The classes of a school that a lecture expected, as frozen at its opening."""

    lecture_id: str
    school_code: str
    region_code: str
    classes: Sequence[ClassResult]


class Results(Protocol):
    """The settled results of lectures, and the minutes behind them (`signaling.coverage.evidence`)."""

    async def stamps(self, lecture_ids: Sequence[str]) -> Mapping[str, str]:
        """Return for each lecture with results what differs as soon as one of them does."""

    async def decisions(
        self, lecture_ids: Sequence[str], scope: Scope, until: datetime | None = None
    ) -> Sequence[SchoolResults]:
        """Return the newest results of the lectures for what a scope covers; `until` leaves out what was settled later."""

    async def minutes(self, lecture_id: str, until: datetime | None = None) -> Mapping[str, Sequence[int]]:
        """Return for each class the UTC minutes (Unix seconds // 60) of a lecture that count for it."""
