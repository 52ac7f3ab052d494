"""What the media loop tells the recorder's worker. They are values; nothing in them is changed after they were handed over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from broadcaster.media import MediaPacket, SenderClock

Mark = Literal["pause", "resume", "cut"]


@dataclass(frozen=True, slots=True)
class Opened:
    """A source is there."""

    has_video: bool
    has_sound: bool


@dataclass(frozen=True, slots=True)
class Packets:
    """A train of packets."""

    train: Sequence[MediaPacket]


@dataclass(frozen=True, slots=True)
class Closed:
    """The source is gone."""

    reason: str


@dataclass(frozen=True, slots=True)
class Marked:
    """Somebody paused, resumed or cut the broadcast."""

    mark: Mark
    at: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """No more messages come. `final` is false when the process stops while the broadcast may go on."""

    final: bool


Message = Opened | Packets | SenderClock | Closed | Marked | Ended
