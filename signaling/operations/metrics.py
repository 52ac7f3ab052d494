"""`/metrics` in Prometheus' text form.

Everything is read at the scrape from those who count anyway: **the media loop never touches a metrics library**. The registry is
ours, so that two servers in one process (tests) do not meet.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from signaling.operations.loop_lag import BOUNDS, LoopLag

PREFIX = "jiangtang"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Numbers = Callable[[], Mapping[str, object]]


class Histogram(NamedTuple):
    """How many values there were up to each bound, and above the one before; the last bound stands for infinity."""

    bounds: Sequence[float]
    counts: Sequence[int]


class Readings(Collector):
    """Turns dictionaries of numbers into metrics.

    A number becomes a gauge `jiangtang_<part>_<name>`, or a counter when its name ends in `_total`; a dictionary of numbers
    becomes one metric whose label `kind` is the key; a `Histogram` becomes one.
    """

    def __init__(self, part: str, read: Numbers) -> None:
        self._part = part
        self._read = read

    def describe(self) -> list[Metric]:
        """Tell the registry nothing in advance: names depend on what is read."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics as they are now."""
        for name, value in self._read().items():
            full = re.sub(r"[^a-z0-9_]", "_", f"{PREFIX}_{self._part}_{name}".lower())
            if isinstance(value, Histogram):
                yield _histogram(full, value)
            elif isinstance(value, Mapping):
                family = _family(full, ["kind"])
                for kind, number in value.items():
                    family.add_metric([str(getattr(kind, "value", kind))], float(number))
                yield family
            elif isinstance(value, int | float):
                family = _family(full, [])
                family.add_metric([], float(value))
                yield family


def _histogram(name: str, value: Histogram) -> HistogramMetricFamily:
    """Prometheus wants how many there were up to each bound in all; what they add up to nobody counted."""
    bounds = [*(f"{bound:g}" for bound in value.bounds[:-1]), "+Inf"]
    family = HistogramMetricFamily(name, name.removeprefix(f"{PREFIX}_").replace("_", " "))
    family.add_metric([], list(zip(bounds, accumulate(value.counts), strict=True)), sum_value=None)
    return family


def _family(name: str, labels: list[str]) -> CounterMetricFamily | GaugeMetricFamily:
    documentation = name.removeprefix(f"{PREFIX}_").replace("_", " ")
    if name.endswith("_total"):
        return CounterMetricFamily(name.removesuffix("_total"), documentation, labels=labels)
    return GaugeMetricFamily(name, documentation, labels=labels)


class Metrics:
    """The registry of one server."""

    def __init__(self, lag: LoopLag) -> None:
        self._registry = CollectorRegistry()
        self._lag = lag
        self.add("process", self._process)

    def add(self, part: str, read: Numbers) -> None:
        """Read numbers of a part of the server at every scrape."""
        self._registry.register(Readings(part, read))

    def _process(self) -> dict[str, object]:
        return {
            "loop_lag": Histogram(BOUNDS, self._lag.counts),
            "loop_lag_seconds": self._lag.last(),
            "loop_lag_worst_seconds": self._lag.worst(),
            "tasks": float(len(asyncio.all_tasks())),
            "open_fds": float(open_descriptors()),
            "resident_bytes": float(resident_bytes()),
        }

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a scrape."""
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE})


def resident_bytes() -> int:
    """Return the resident memory of this process; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def open_descriptors() -> int:
    """Return the number of open descriptors; 0 where the system does not tell."""
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return 0
