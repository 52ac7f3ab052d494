"""Facts that go up from the media plane. They are values: whoever receives them may store them.

Times `at` are monotonic seconds of this process; `room` is the lecture id, `session` the unguessable id of
a WHIP or WHEP session, `viewer` the name that signaling gave the subscription.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PublicationOpened:
    """A publisher's transport is connected and its first packet has arrived."""

    room: str
    session: str
    fence: int
    at: float


@dataclass(frozen=True, slots=True)
class PublicationClosed:
    """A publisher is gone: `reason` is one of the words of `broadcaster.transport` (for instance `consent_lost`)."""

    room: str
    session: str
    fence: int
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class SubscriptionOpened:
    """A viewer's transport is connected: media may flow to it."""

    room: str
    session: str
    viewer: str
    at: float


@dataclass(frozen=True, slots=True)
class SubscriptionClosed:
    """A viewer's transport is closed."""

    room: str
    session: str
    viewer: str
    reason: str
    at: float


MediaEvent = PublicationOpened | PublicationClosed | SubscriptionOpened | SubscriptionClosed


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one viewer acknowledged since the last sample of its room.

    `advance` is by how many packets the extended highest sequence numbers of its receiver reports (both
    kinds together, RFC 3550 section 6.4.1) grew, `lost` by how many the cumulative losses did, `expected` how
    many packets were sent to it in that time. All are >= 0.
    """

    viewer: str
    advance: int
    lost: int
    expected: int


@dataclass(frozen=True, slots=True)
class DeliverySample:
    """What happened in a room since the sample before: the numerators and the denominator of attendance.

    `published` packets of the lecture were forwarded, during `flowing` seconds in which media came from the studio
    and forwarding was on; `deliveries` has one entry for every viewer that was there in that time.
    """

    published: int
    flowing: float
    deliveries: tuple[Delivery, ...]
