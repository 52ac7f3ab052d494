"""Finds what is to be looked at (待核). Pure.

**Never a punishment**: no result depends on a flag. A likeness among the classes of a school marks all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from signaling.attendance.credit import Outliers
from signaling.attendance.policy import Flag
from signaling.ledger.kinds import Reason

NOTHING: Final[Mapping[str, int]] = {}
FORGED: Final = {
    Flag.BAD_SIGNATURE: Reason.BAD_SIGNATURE,
    Flag.REPLAYED: Reason.REPLAYED_COUNTER,
    Flag.FAST_FORWARD: Reason.FAST_FORWARD,
}
"""Reasons of refusals that are looked at. `UNPROVEN` is none: the fold itself says what was reported without delivery, with the minutes around it."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What there is to be looked at in a class. `answers` are the delays in milliseconds; `made_up_ms` is all of its credit; `refused` says how often
    its screens' reports were refused for which reason; `replacements` how often in a minute, at most, two pages of one screen took each other's place.
    """

    present: int | None = None
    expected: int = 0
    joined_at: datetime | None = None
    answers: Sequence[int] = ()
    made_up_ms: int = 0
    night_ms: int = 0
    rendered_minutes: int = 0
    unreported_minutes: int = 0
    twice_minutes: int = 0
    replacements: int = 0
    unproven_minutes: int = 0
    too_fast: bool = False
    refused: Mapping[str, int] = field(default_factory=lambda: NOTHING)


def flags(school: Mapping[str, Signs], limits: Outliers) -> dict[str, tuple[Flag, ...]]:
    """Return the flags of each class of a school; those without any are left out."""
    of_school = _of_school(list(school.values()), limits)
    found = {}
    for class_id, signs in school.items():
        own = {*_of_class(signs, limits)} | {flag for flag in of_school if _concerns(flag, signs)}
        if own:
            found[class_id] = tuple(flag for flag in Flag if flag in own)
    return found


def _of_class(signs: Signs, limits: Outliers) -> list[Flag]:
    found = {
        Flag.PRESENT_OVER_EXPECTED: signs.present is not None and signs.present > signs.expected,
        Flag.QUICK_ANSWERS: any(delay < limits.answer_ms for delay in signs.answers),
        Flag.UNRENDERED: not signs.rendered_minutes and signs.unreported_minutes >= limits.unrendered_minutes,
        Flag.TWO_SCREENS: signs.twice_minutes >= limits.twice_minutes
        or (limits.replacements is not None and signs.replacements >= limits.replacements),
        Flag.UNPROVEN: signs.unproven_minutes >= limits.unproven_minutes,
        Flag.TOO_FAST: signs.too_fast,
    } | {flag: signs.refused.get(reason, 0) >= limits.refused_reports for flag, reason in FORGED.items()}
    found[Flag.REFUSED] = any(found[flag] for flag in FORGED)
    return [flag for flag, true in found.items() if true]


def _of_school(classes: Sequence[Signs], limits: Outliers) -> set[Flag]:
    found = set()
    present = [signs.present for signs in classes if signs.present is not None]
    if len(present) >= limits.classes and len(present) == len(classes) and len(set(present)) == 1:
        found.add(Flag.SAME_HEADCOUNTS)
    seconds = [int(signs.joined_at.timestamp()) for signs in classes if signs.joined_at is not None]
    together = bool(seconds) and max(seconds) - min(seconds) < limits.joined_seconds
    if len(seconds) >= limits.classes and len(seconds) == len(classes) and together:
        found.add(Flag.JOINED_TOGETHER)
    delays = Counter(delay for signs in classes for delay in signs.answers)
    if delays and max(delays.values()) >= limits.same_delays:
        found.add(Flag.SAME_DELAYS)
    credit = sum(signs.made_up_ms for signs in classes)
    if credit and sum(signs.night_ms for signs in classes) >= limits.night_share * credit:
        found.add(Flag.NIGHT_REPLAY)
    return found


def _concerns(flag: Flag, signs: Signs) -> bool:
    """Whether a likeness of a school concerns one of its classes."""
    if flag is Flag.SAME_DELAYS:
        return bool(signs.answers)
    return flag is not Flag.NIGHT_REPLAY or signs.night_ms > 0
