"""What can go wrong in the media plane, split by who is at fault.

    BroadcasterError
    +-- OfferError            the remote peer sent an offer that cannot be answered   (ValueError)
    |   +-- MalformedOffer    not SDP, or larger than the caps: 400
    |   +-- UnacceptableOffer valid, but not a publisher's or viewer's offer: 422
    |   +-- NoCommonCodec     no H.264 constrained baseline, or no Opus: 406
    +-- FragmentError         a trickle or restart fragment that does not fit the session: 400 (ValueError)
    +-- Busy                  too many joins at once, or too many sessions: 503, `retry_after` seconds
    +-- TwinUnavailable       the settings ask for the native fan-out, which cannot be used here
    +-- RoomClosed            the room was cut or closed while the call was under way: 409

Messages are whole diagnoses: they name the offending line or number and the limit.
"""

from __future__ import annotations


class BroadcasterError(Exception):
    """Root of the tree."""


class OfferError(BroadcasterError, ValueError):
    """The offer cannot be answered."""


class MalformedOffer(OfferError):
    """The offer is not SDP, or exceeds a cap."""


class UnacceptableOffer(OfferError):
    """The offer is SDP, but asks for something that this endpoint does not do."""


class NoCommonCodec(OfferError):
    """The offer has no codec that the server relays."""


class FragmentError(BroadcasterError, ValueError):
    """An SDP fragment (RFC 8840) that does not fit the session."""


class Busy(BroadcasterError):
    """Try again later."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RoomClosed(BroadcasterError):
    """The room does not take sessions any more."""


class TwinUnavailable(BroadcasterError):
    """The settings ask for the native fan-out, and it cannot be used; the message says why."""
