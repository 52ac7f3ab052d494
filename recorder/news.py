"""What a recording's worker tells of the stream that it writes, in order: values, nothing in them is changed afterwards.

    ReelBegun -> PartMade* -> ReelEnded -> ReelBegun ...      Ended

1. **A part is told when it is durable**, or at once with `stored = False` while the disk is full (DEGRADED): it then exists in
   memory only.
2. Times within a reel are ticks of 90 kHz from its first picture; `wall_ns` of a reel is the Unix time of tick 0.
3. Segments are numbered through the whole recording (the media sequence number of RFC 8216bis), never twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from recorder.segment import Part


@dataclass(frozen=True, slots=True)
class ReelBegun:
    """A reel begins: `name` as in `e001`, its initialisation section, the number of its first segment.

    `codecs` is in the form of RFC 6381; `width` and `height` are None for a reel of sound alone. What is in a `hidden` reel is
    shown to nobody.
    """

    name: str
    init: bytes
    first_segment: int
    wall_ns: int
    hidden: bool
    codecs: str
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True)
class PartMade:
    """The next part of a reel, with its bytes."""

    reel: str
    part: Part
    data: bytes
    stored: bool


@dataclass(frozen=True, slots=True)
class ReelEnded:
    """No part of this reel comes any more."""

    name: str


@dataclass(frozen=True, slots=True)
class Ended:
    """No reel comes any more: the broadcast is over."""


News = ReelBegun | PartMade | ReelEnded | Ended
Tell = Callable[[News], None]
