"""Facts that go up from a live broadcast: to the recorder, the attendance ledger and the realtime namespace.

They are values, in the order in which they happened; `at` is the server's UTC time of the fact.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from signaling.live.states import Event, State


@dataclass(frozen=True, slots=True)
class BroadcastChanged:
    """A transition was committed."""

    lecture_id: str
    broadcast_id: str
    at: datetime
    event: Event
    from_state: State
    to_state: State
    fence: int


@dataclass(frozen=True, slots=True)
class ScreenJoined:
    """A screen's transport is connected."""

    lecture_id: str
    broadcast_id: str
    at: datetime
    screen_id: str
    session: str


@dataclass(frozen=True, slots=True)
class ScreenLeft:
    """A screen's transport is closed; `reason` is a word of the media plane (`replaced`, `consent_lost`, ...)."""

    lecture_id: str
    broadcast_id: str
    at: datetime
    screen_id: str
    session: str
    reason: str


@dataclass(frozen=True, slots=True)
class PublisherArrived:
    """The lecturer's first packet has come in."""

    lecture_id: str
    broadcast_id: str
    at: datetime
    session: str
    fence: int


@dataclass(frozen=True, slots=True)
class PublisherLost:
    """The lecturer's transport is closed; with reason `taken_over` a newer one is already there."""

    lecture_id: str
    broadcast_id: str
    at: datetime
    session: str
    fence: int
    reason: str


@dataclass(frozen=True, slots=True)
class TakeoverRequested:
    """Another user, whose name is `by`, wants to publish: the user whose studio is live (`owner_id`) has to answer."""

    lecture_id: str
    broadcast_id: str
    at: datetime
    request_id: str
    owner_id: str
    by_id: str
    by: str


@dataclass(frozen=True, slots=True)
class TakeoverAnswered:
    """The live studio allowed or refused."""

    lecture_id: str
    broadcast_id: str
    at: datetime
    request_id: str
    by_id: str
    allowed: bool


@dataclass(frozen=True, slots=True)
class ScreenConflict:
    """One screen's session is replaced too often: two devices carry the same screen's token."""

    lecture_id: str
    broadcast_id: str
    at: datetime
    screen_id: str


LiveEvent = (
    BroadcastChanged
    | ScreenJoined
    | ScreenLeft
    | PublisherArrived
    | PublisherLost
    | TakeoverRequested
    | TakeoverAnswered
    | ScreenConflict
)
Listener = Callable[[LiveEvent], Awaitable[None]]
