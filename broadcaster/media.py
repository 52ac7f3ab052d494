"""The values that pass between the rooms of the media plane."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

VIDEO_CLOCK_RATE: Final = 90_000
AUDIO_CLOCK_RATE: Final = 48_000


class Kind(IntEnum):
    """Which of the two streams of a lecture a packet belongs to."""

    AUDIO = 0
    VIDEO = 1

    @property
    def clock_rate(self) -> int:
        """RTP timestamp units a second."""
        return VIDEO_CLOCK_RATE if self is Kind.VIDEO else AUDIO_CLOCK_RATE


@dataclass(frozen=True, slots=True)
class MediaPacket:
    """One RTP packet of a publication, unprotected and parsed once.

    `index` counts the packets stored by the publication and is never reused; `sequence` and `timestamp` are
    unwrapped (RFC 3550 appendix A.1), so that they only grow within one source; `arrival` is monotonic
    seconds; `payload` has neither header, extensions nor padding. `keyframe` is true for every packet of an
    access unit from the first one that carries SPS or IDR data on; `starts_keyframe` only for that first one.
    """

    index: int
    kind: Kind
    sequence: int
    timestamp: int
    marker: bool
    keyframe: bool
    starts_keyframe: bool
    arrival: float
    payload: bytes


@dataclass(frozen=True, slots=True)
class SenderClock:
    """One sender report of the lecturer: `ntp` seconds since 1900 correspond to the unwrapped `timestamp`.

    `arrival` is the monotonic second at which the report came in.
    """

    kind: Kind
    ntp: float
    timestamp: int
    arrival: float
