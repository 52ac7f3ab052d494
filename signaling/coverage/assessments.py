"""Assessments of pupils (考核): numbers that schools give by class, kind and day → how many of them count. Pure.

1. **A class, a kind and a day are one assessment**: what is entered again for them supersedes what stood there, and is kept beside it.
2. Of several entries for the same assessment the highest revision stands; one without a number takes the assessment back.
3. An assessment counts where at least a share of the class took part, of the size that the class had when the number was given.
4. Order and repetition of entries change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from signaling.coverage.obligations import Obligations
from signaling.coverage.sums import reaches


@dataclass(frozen=True, slots=True)
class Held:
    """Which assessment: one a class, kind and day."""

    class_id: str
    kind: str
    day: date


@dataclass(frozen=True, slots=True)
class Entry:
    """A number that was given: how many of a class of `size` took part and passed; None took part when it is taken back."""

    held: Held
    revision: int
    size: int
    took_part: int | None
    passed: int | None = None


def standing(entries: Iterable[Entry]) -> dict[Held, Entry]:
    """Return the entry that stands for each assessment, those that were taken back too."""
    found: dict[Held, Entry] = {}
    for one in entries:
        known = found.get(one.held)
        if known is None or one.revision > known.revision:
            found[one.held] = one
    return found


def counted(rules: Obligations, entries: Iterable[Entry]) -> dict[str, int]:
    """Return by class how many of its assessments count; nothing where the rules know no assessments."""
    share = rules.participation_ratio
    number: dict[str, int] = {}
    if share is None:
        return number
    for held, one in standing(entries).items():
        took_part = one.took_part or 0
        if held.kind in rules.assessments and took_part and reaches(took_part, one.size, share):
            number[held.class_id] = number.get(held.class_id, 0) + 1
    return number


def wrong(size: int, took_part: int | None, passed: int | None) -> str | None:
    """Return what is wrong with numbers, the word of a problem: `no_size`, `too_many`, `too_many_passed`; None when nothing is."""
    if took_part is None:
        return None if passed is None else "too_many_passed"
    if not size:
        return "no_size"
    if took_part > size:
        return "too_many"
    return "too_many_passed" if passed is not None and passed > took_part else None
