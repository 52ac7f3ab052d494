"""Ranges of time as facts tell them: begin and end, excluded. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

Range = tuple[int, int]
Number = TypeVar("Number", int, float)


def union(ranges: Iterable[tuple[Number, Number]]) -> list[tuple[Number, Number]]:
    """Return the same time as ranges in order that do not touch each other."""
    merged: list[tuple[Number, Number]] = []
    for begin, end in sorted(ranges):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged


def length(ranges: Iterable[Range]) -> int:
    """Return the sum of their lengths."""
    return sum(end - begin for begin, end in ranges)
