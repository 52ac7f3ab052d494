"""Distributions of durations that add, subtract and travel as JSON: a bucket for every 2 %, so percentiles are that exact."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Final

_GROWTH: Final = math.log(1.02)
_SMALLEST: Final = 1e-6
PERCENTILES: Final = (50, 90, 95, 99)


class Histogram:
    """Counts of seconds, from a microsecond on; smaller and negative values count as one microsecond."""

    __slots__ = ("buckets",)

    def __init__(self, buckets: Mapping[int, int] | None = None) -> None:
        self.buckets: Counter[int] = Counter(buckets or {})

    def add(self, seconds: float) -> None:
        """Count one value."""
        self.buckets[round(math.log(max(seconds, _SMALLEST) / _SMALLEST) / _GROWTH)] += 1

    @property
    def count(self) -> int:
        """How many values there are."""
        return sum(self.buckets.values())

    def percentile(self, percent: float) -> float:
        """Return the value in seconds that `percent` of all do not exceed (nearest rank); nan without values."""
        rank, seen = max(1, math.ceil(self.count * percent / 100)), 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= rank:
                return _SMALLEST * math.exp(bucket * _GROWTH)
        return math.nan

    def document(self) -> dict[str, float | None]:
        """Percentiles in milliseconds, for a report; None where there are no values."""
        found = {f"p{percent}": self.percentile(percent) for percent in PERCENTILES} | {"max": self.percentile(100)}
        rounded = {name: None if math.isnan(value) else round(value * 1e3, 3) for name, value in found.items()}
        return {"count": self.count, **rounded}

    def __add__(self, other: Histogram) -> Histogram:
        return Histogram(self.buckets + other.buckets)

    def __sub__(self, other: Histogram) -> Histogram:
        return Histogram(self.buckets - other.buckets)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self.buckets == other.buckets

    __hash__ = None  # type: ignore[assignment]  # it changes
