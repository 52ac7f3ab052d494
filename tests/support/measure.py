"""What a test can tell from counters and beeps: order, completeness, latency, lip-sync."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.media import find_beeps, heard, shown_counters

Drawn = Sequence[tuple[int, float, float]]
Seen = Sequence[tuple[int | None, float, int]]


@dataclass(frozen=True)
class Watched:
    """How one screen showed a lecture; latencies in milliseconds.

    `share` is what the browser presented of the pictures drawn between the first and the last, by its own count; `read` is
    what the page came to look at.

    `repeated` counts pictures that were presented twice. A studio sends its last picture again while its camera is
    late (as a new picture, with a timestamp of its own): those are `resent`.
    """

    counters: tuple[int, ...]
    share: float
    read: float
    repeated: int
    resent: int
    backwards: int
    unreadable: int
    latency_median: float
    latency_p95: float


def watched(seen: Seen, presented: Sequence[int], drawn: Drawn, *, settle: int = 0) -> Watched:
    """Fold what a screen noted; the first `settle` pictures are left out (a receiver that fills its buffer)."""
    at = {counter: milliseconds for counter, _, milliseconds in drawn}
    shown = list(seen)[settle:]
    counters = [counter for counter, _, _ in shown if counter is not None]
    stamps = [(counter, stamp) for counter, _, stamp in shown]
    latencies = sorted(time - at[counter] for counter, time, _ in shown if counter in at)
    span, resent = max(counters) - min(counters) + 1, len(counters) - len(set(counters))
    count = presented[-1] - presented[settle] + 1
    return Watched(
        counters=tuple(counters),
        share=min(1.0, (count - resent) / span),
        read=len(set(counters)) / span,
        repeated=len(stamps) - len(set(stamps)),
        resent=resent,
        backwards=sum(later < earlier for earlier, later in itertools.pairwise(counters)),
        unreadable=sum(counter is None for counter, _, _ in shown),
        latency_median=statistics.median(latencies),
        latency_p95=latencies[int(len(latencies) * 0.95)],
    )


@dataclass(frozen=True)
class Recorded:
    """What a recording holds: its counters in order, and by how many seconds each beep comes after its picture."""

    counters: tuple[int | None, ...]
    offsets: tuple[float, ...]


def recorded(path: Path, drawn: Drawn) -> Recorded:
    """Decode a recording. The picture with counter n was drawn, and beep s begun, at known seconds of one sound clock."""
    clock = {counter: seconds for counter, seconds, _ in drawn}
    shown = shown_counters(path)
    picture = statistics.median(time - clock[counter] for time, counter in shown if counter in clock)
    start, samples = heard(path)
    beeps = [start + beep for beep in find_beeps(samples)]
    offsets = tuple(beep - picture - round(beep - picture) for beep in beeps)
    return Recorded(tuple(counter for _, counter in shown), offsets)
