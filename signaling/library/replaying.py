"""What of finished recordings was sent whole to screens: as ranges of the broadcast's own time. Pure.

1. **A segment counts when one answer gave all of its bytes**; half of one, a `HEAD` and an answer that broke off are nothing.
2. The playlist that the screen plays says when a segment was on the air: EXT-X-PROGRAM-DATE-TIME of its reel and the durations since.
3. What a screen was sent twice within a minute counts once. At which pace it may have been sent is for attendance to say: the ranges
   are told by the minute of the server's clock in which they left.
4. **A screen has one pace, however many recordings it is sent**: each broadcast is told as well how much of others it was sent meanwhile.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from signaling.ledger.ranges import Range, length, union

SCREENS: Final = 20_000
"""Screens that are remembered of a minute; what others are sent then is not counted, and `refused` says how often."""
RANGES: Final = 500
"""Ranges of a screen and recording that do not touch, in one minute: nobody who watches comes near it."""
RECORDINGS: Final = 64
"""Recordings that a screen may be sent something of within `MINUTES`; what it is sent of others is not counted."""
MINUTES: Final = 60
"""After so long it is forgotten that a screen was sent a recording: what it may be sent at once is far less than that."""

_DATE: Final = re.compile(r"#EXT-X-PROGRAM-DATE-TIME:(\S+)")
_SECONDS: Final = re.compile(r"#EXTINF:([0-9.]+),")
_BYTES: Final = re.compile(r"#EXT-X-BYTERANGE:([0-9]+)@([0-9]+)")
_REEL: Final = re.compile(r"(e[0-9]{3,6})\.mp4")


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
    """Return the times (Unix milliseconds) of the segments that lie wholly in the bytes from `first` to before `end`."""
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


class Meanwhile:
    """How much a screen was sent of other broadcasts since each of its own was told last. Bounded, see `RECORDINGS` and `MINUTES`."""

    def __init__(self) -> None:
        self._told: dict[Watched, list[int]] = {}  # milliseconds of others, and the minute in which it was told

    def minute(self, number: int, sent: Mapping[Watched, int]) -> dict[Watched, int]:
        """Return the milliseconds of others for each broadcast that was sent something in this minute; those that are too many are left out."""
        self._told = {one: told for one, told in self._told.items() if number - told[1] < MINUTES}
        whole, free = sum(sent.values()), RECORDINGS - len(self._told)
        new = [one for one in sent if one not in self._told][: max(0, free)]
        self._told |= {one: [0, number] for one in new}
        for one, told in self._told.items():
            told[0] += whole - sent.get(one, 0)
        found = {one: self._told[one][0] for one in sent if one in self._told}
        self._told |= {one: [0, number] for one in found}
        return found

    def over(self, number: int) -> bool:
        """Whether all of it can be forgotten."""
        return all(number - minute >= MINUTES for _, minute in self._told.values())


class Replaying:
    """Gathers what screens were sent until it is taken, once a minute. Bounded, see `SCREENS` and `RANGES`."""

    def __init__(self) -> None:
        self._sent: dict[str, dict[Watched, list[Range]]] = {}
        self._meanwhile: dict[str, Meanwhile] = {}
        self._minute = 0
        self.refused = 0

    def sent(self, viewing: Viewing, first: int, end: int) -> None:
        """Take notice that a screen was sent the bytes from `first` to before `end` of a reel, in one answer."""
        ranges = inside(viewing.reel, first, end)
        if not ranges:
            return
        if viewing.screen_id not in self._sent and len(self._sent) >= SCREENS:
            self.refused += 1
            return
        of_screen = self._sent.setdefault(viewing.screen_id, {})
        joined = union([*of_screen.get(viewing.watched, ()), *ranges])
        self.refused += max(0, len(joined) - RANGES)
        of_screen[viewing.watched] = joined[:RANGES]

    def take(self) -> dict[tuple[str, str], tuple[tuple[str, int, int], ...]]:
        """Return (screen, begin, end) for each broadcast, since the call before; a range that begins at 0 is as much of other broadcasts."""
        self._minute += 1
        taken: dict[tuple[str, str], list[tuple[str, int, int]]] = {}
        for screen_id, of_screen in self._sent.items():
            sent = {watched: length(ranges) for watched, ranges in of_screen.items()}
            others = self._others(screen_id).minute(self._minute, sent)
            self.refused += len(of_screen) - len(others)
            for watched, elsewhere_ms in others.items():
                ranges = [(0, elsewhere_ms), *of_screen[watched]] if elsewhere_ms else of_screen[watched]
                taken.setdefault(watched, []).extend((screen_id, begin, end) for begin, end in ranges)
        self._sent.clear()
        if self._minute % MINUTES == 0:
            self._meanwhile = {one: kept for one, kept in self._meanwhile.items() if not kept.over(self._minute)}
        return {watched: tuple(every) for watched, every in taken.items()}

    def _others(self, screen_id: str) -> Meanwhile:
        """Return what is known of a screen; of all of them at most `SCREENS`, the oldest forgotten first."""
        known = self._meanwhile.pop(screen_id, None) or Meanwhile()
        self._meanwhile[screen_id] = known
        if len(self._meanwhile) > SCREENS:
            del self._meanwhile[next(iter(self._meanwhile))]
        return known
