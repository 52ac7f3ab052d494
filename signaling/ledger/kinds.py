"""The closed sets that facts are made of: kinds, flags of a report, reasons of a refusal. Pure."""

from __future__ import annotations

from enum import IntFlag, StrEnum
from typing import Final


class Kind(StrEnum):
    """What an entry is about. **Closed**: what is not here is no fact."""

    ROSTER = "roster"
    JOINED = "joined"
    MEDIA_DELIVERED = "media_delivered"
    RENDERED = "rendered"
    REFUSED = "refused"
    CHALLENGED = "challenged"
    ANSWERED = "answered"
    CONFIRMED = "confirmed"
    LEFT = "left"
    ON_AIR = "on_air"
    RULED = "ruled"
    FAULT = "fault"
    CORRECTED = "corrected"


class Flags(IntFlag):
    """How a screen showed a minute."""

    VISIBLE = 1
    AUDIBLE = 2
    SOUND_BLOCKED = 4
    UNSIGNED = 8  # the screen has no device key
    MUTED = 16
    UNPROVEN = 32  # the server delivered nothing to the screen in this minute


class Reason(StrEnum):
    """Why a report counted for nothing, or for less than it claimed. **The order is what entries hold: a new one comes last.**"""

    BAD_REPORT = "bad_report"
    BAD_SIGNATURE = "bad_signature"
    STALE_NONCE = "stale_nonce"
    WRONG_BROADCAST = "wrong_broadcast"
    REPLAYED_COUNTER = "replayed_counter"
    WRONG_MINUTE = "wrong_minute"
    FAST_FORWARD = "fast_forward"
    UNPROVEN = "unproven"


FORGERY: Final = frozenset({Reason.BAD_SIGNATURE, Reason.REPLAYED_COUNTER, Reason.FAST_FORWARD, Reason.UNPROVEN})
"""Reasons that an honest screen does not give; the others come by restarts and lost answers too."""


ALONE: Final = frozenset({Kind.MEDIA_DELIVERED, Kind.RENDERED, Kind.REFUSED, Kind.CHALLENGED})
"""Kinds whose facts are an entry each: they are columns of many screens already."""

OF_PROCESS: Final = frozenset({Kind.MEDIA_DELIVERED, Kind.RENDERED, Kind.REFUSED})
"""Kinds that a process counts for itself: a restarted one begins anew within the same window."""
