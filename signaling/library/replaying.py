"""What of finished recordings was sent whole to screens: as ranges of the broadcast's own time. Pure.

1. **A segment counts when one answer gave all of its bytes**; half of one, a `HEAD` and an answer that broke off are nothing.
2. The playlist that the screen plays says when a segment was on the air: EXT-X-PROGRAM-DATE-TIME of its reel and the durations since.
3. What a screen was sent twice within a window counts once. At which pace it may have been sent is for attendance to say: the ranges
   are told by the window of the server's clock in which they left.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

SCREENS: Final = 20_000
"""Screens that are remembered between two windows; what others are sent then is not counted, and `refused` says how often."""
RANGES: Final = 500
"""Ranges of a screen and recording that do not touch, in one window: more than its limit of requests lets through."""

_DATE: Final = re.compile(r"#EXT-X-PROGRAM-DATE-TIME:(\S+)")
_SECONDS: Final = re.compile(r"#EXTINF:([0-9.]+),")
_BYTES: Final = re.compile(r"#EXT-X-BYTERANGE:([0-9]+)@([0-9]+)")
_REEL: Final = re.compile(r"(e[0-9]{3,6})\.mp4")

Range = tuple[int, int]
"""Begin and end, excluded: Unix milliseconds of the broadcast's time."""


class Stretch(NamedTuple):
    """A segment: its bytes in the reel's file, and when it was on the air."""

    offset: int
    size: int
    begin_ms: int
    end_ms: int


class Watched(NamedTuple):
    """The broadcast that a recording is of."""

    lecture_id: str
    broadcast_id: str


Stretches = Mapping[str, tuple[Stretch, ...]]
"""The segments of each reel in the order of their bytes."""


def stretches(vod: str) -> Stretches:
    """Return where in the files of a finished recording which time of its broadcast is; reels without a date have none."""
    found: dict[str, list[Stretch]] = {}
    at: float | None = None
    seconds, place = 0.0, (0, 0)
    for line in vod.splitlines():
        if line.startswith("#EXT-X-MAP"):
            at = None
        elif match := _DATE.fullmatch(line):
            at = datetime.fromisoformat(match[1]).timestamp()
        elif match := _SECONDS.fullmatch(line):
            seconds = float(match[1])
        elif match := _BYTES.fullmatch(line):
            place = int(match[2]), int(match[1])
        elif (match := _REEL.fullmatch(line)) and at is not None:
            found.setdefault(match[1], []).append(Stretch(*place, round(at * 1000), round((at + seconds) * 1000)))
            at += seconds
    return {reel: tuple(sorted(every)) for reel, every in found.items()}


def inside(every: tuple[Stretch, ...], first: int, end: int) -> list[Range]:
    """Return the times of the segments that lie wholly in the bytes from `first` to before `end`."""
    start = bisect_left(every, first, key=lambda one: one.offset)
    return [(one.begin_ms, one.end_ms) for one in every[start:] if one.offset + one.size <= end and one.size]


def place_of(every: Stretches, time_ms: int) -> float:
    """Return where in the recording a time lies, in seconds from its beginning: what is missing there begins where it goes on."""
    gone_ms = 0
    for one in (stretch for reel in every.values() for stretch in reel):
        if time_ms < one.end_ms:
            return (gone_ms + max(0, time_ms - one.begin_ms)) / 1000
        gone_ms += one.end_ms - one.begin_ms
    return gone_ms / 1000


@dataclass(frozen=True, slots=True)
class Viewing:
    """Which screen is sent something of which broadcast, and where in its files which time is."""

    watched: Watched
    screen_id: str
    reel: tuple[Stretch, ...]


class Replaying:
    """Gathers what screens were sent until it is taken. Bounded, see `SCREENS` and `RANGES`."""

    def __init__(self) -> None:
        self._sent: dict[tuple[Watched, str], list[Range]] = {}
        self.refused = 0

    def sent(self, viewing: Viewing, first: int, end: int) -> None:
        """Take notice that a screen was sent the bytes from `first` to before `end` of a reel, in one answer."""
        ranges = inside(viewing.reel, first, end)
        if not ranges:
            return
        key = viewing.watched, viewing.screen_id
        if key not in self._sent and len(self._sent) >= SCREENS:
            self.refused += 1
            return
        joined = union([*self._sent.get(key, ()), *ranges])
        self.refused += max(0, len(joined) - RANGES)
        self._sent[key] = joined[:RANGES]

    def take(self) -> dict[tuple[str, str], tuple[tuple[str, int, int], ...]]:
        """Return (screen, begin, end) for each broadcast, since the call before."""
        taken: dict[tuple[str, str], list[tuple[str, int, int]]] = {}
        for (watched, screen_id), ranges in self._sent.items():
            taken.setdefault(watched, []).extend((screen_id, begin, end) for begin, end in ranges)
        self._sent.clear()
        return {watched: tuple(every) for watched, every in taken.items()}


def union(ranges: Iterable[Range]) -> list[Range]:
    """Return the same time as ranges that do not touch each other."""
    merged: list[Range] = []
    for begin, end in sorted(ranges):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged
