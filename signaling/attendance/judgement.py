"""What is known of a class, and what it came to: the values of a judgement. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Final

from signaling.attendance.policy import Flag, Result

NOTHING: Final[Mapping[str, str]] = {}
CAUSES: Final = ("silent", "hidden", "still", "unreported")
"""Why delivered minutes did not count, in the order in which they are told."""


@dataclass(frozen=True, slots=True)
class Headcount:
    """What a teacher confirmed. Who confirmed is kept for the office, and never stands in a reason."""

    present: int
    guests: int
    at: datetime
    by: str = ""


@dataclass(frozen=True, slots=True)
class ClassEvidence:
    """What is known of a class; times in milliseconds of the lecture's on-air time.

    `counted` are minutes that count live, `made_up` those live or by replay, `excused` those missed in a fault, of which `recovered`
    were replayed. `headcount` is the newest of the time for it, `late_headcount` the newest of the time for making up. `lost` says by
    cause (`CAUSES`) why delivered minutes did not count. `corrected_at` is when 实到 was corrected last.
    """

    expected: int = 0
    joined: bool = False
    on_air_ms: int = 0
    delivered_ms: int = 0
    counted_ms: int = 0
    rendered_ms: int = 0
    made_up_ms: int = 0
    excused_ms: int = 0
    recovered_ms: int = 0
    excused_causes: tuple[str, ...] = ()
    lost: tuple[int, int, int, int] = (0, 0, 0, 0)
    checked: bool = False
    asked: int = 0
    passed: int = 0
    headcount: Headcount | None = None
    late_headcount: Headcount | None = None
    ended_at: datetime | None = None
    replay_too_fast: bool = False
    corrections: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    corrected_at: datetime | None = None
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """A result with its reasons. `ratio` is None while nothing was on the air; `present` is None without a head-count.

    `covered` says whether the class counts for class coverage, `pending` whether that still waits for a head-count. `watched_ms` of
    `on_air_ms` make the ratio. `causes` are those of the faults in which the class missed something.
    """

    result: Result
    label: str
    reasons: tuple[str, ...]
    ratio: Fraction | None
    policy_version: int
    level: str
    expected: int
    present: int | None = None
    asked: int = 0
    passed: int = 0
    flags: tuple[Flag, ...] = ()
    covered: bool = False
    pending: bool = False
    corrected: bool = False
    watched_ms: int = 0
    on_air_ms: int = 0
    confirmed_by: str = ""
    confirmed_at: datetime | None = None
    causes: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """All sentences as one."""
        return "；".join(self.reasons)
