"""Histograms that the server tells of itself at `/metrics` (Prometheus text), their differences and quantiles."""

from __future__ import annotations

import math
import re
from collections import Counter

BUCKET = re.compile(r'^(\w+)_bucket\{(?:[^}]*,)?le="([^"]+)"[^}]*\} (\S+)', re.M)


class Histogram:
    """How many values were at most `bound`, by bound, the infinite one included; empty when the server tells no such thing."""

    def __init__(self, cumulative: dict[float, float] | None = None) -> None:
        self.cumulative = cumulative or {}

    @classmethod
    def read(cls, text: str, name: str) -> Histogram:
        """Read one metric, all its label sets together."""
        found: Counter[float] = Counter()
        for metric, bound, count in BUCKET.findall(text):
            if metric == name:
                found[float(bound.replace("+Inf", "inf"))] += float(count)  # type: ignore[assignment]
        return cls(dict(sorted(found.items())))

    def __sub__(self, earlier: Histogram) -> Histogram:
        return Histogram({bound: count - earlier.cumulative.get(bound, 0) for bound, count in self.cumulative.items()})

    @property
    def count(self) -> float:
        """How many values there are."""
        return max(self.cumulative.values(), default=0.0)

    def quantile(self, share: float) -> float | None:
        """Return the value that `share` of all do not exceed, interpolated within its bucket; None without values.

        Beyond the last finite bound that bound is returned.
        """
        if self.count == 0:
            return None
        rank, below, passed = share * self.count, 0.0, 0.0
        for bound, count in self.cumulative.items():
            if count >= rank:
                if math.isinf(bound):
                    return below
                return below + (bound - below) * (rank - passed) / (count - passed) if count > passed else bound
            below, passed = bound, count
        return below

    def median_step(self) -> float | None:
        """Return the smallest bound that half of all values do not exceed: the median of whole numbers."""
        half = self.count / 2
        return next((bound for bound, count in self.cumulative.items() if count >= half), None) if half else None
