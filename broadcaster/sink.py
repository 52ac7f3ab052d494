"""What may receive the packets of a publication. **This page is the architecture of the media plane.**

A lecturer's packets arrive on one UDP port, are unprotected and parsed once, and stored once in the
publication's ring. From there every consumer is a `Sink`: the terminals (one fan-out over one flat plan
stands for all of them), the recorder, and the pipe to another node. The publication knows nothing else of
them, so there is no `if recorder` anywhere.

    udp -> demux -> dtls/srtp -> Publication -> Sink.receive(train)   media goes down, in trains
                                     ^   Source.wish_keyframe()       the only thing a sink may ask for

1. **A packet is immutable once stored.** Sinks keep references, never change bytes.
2. **A sink never blocks and never raises**: what it cannot take it drops and counts.
3. **Feedback ends at the sink** that a terminal belongs to; nothing is forwarded raw to the lecturer.
4. `opened` comes before the first packet, `closed` after the last; a lecturer who comes back is a new Source.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from broadcaster.forward.clock import LectureClock
from broadcaster.forward.native_ring import AnyRing
from broadcaster.media import Kind, MediaPacket, SenderClock


class Source(Protocol):
    """A publication as its sinks see it: what was said lately is in `ring`, when it was said tells `timeline`."""

    id: str
    ring: AnyRing
    timeline: LectureClock

    def wish_keyframe(self, reason: str) -> None:
        """Ask for an IDR picture; wishes are coalesced by the publication's keyframe scheduler."""

    def has(self, kind: Kind) -> bool:
        """Whether the lecturer offered this kind of media."""


class Sink(Protocol):
    """A consumer of a publication."""

    def opened(self, source: Source) -> None:
        """Begin: `source` is live from now on; a previous source is already closed."""

    def receive(self, train: Sequence[MediaPacket], now: float) -> None:
        """Take packets of one kind that arrived together, at least one; retransmissions may come out of order."""

    def clock(self, clock: SenderClock) -> None:
        """Take the lecturer's latest sender report of one kind (RFC 3550 section 6.4.1)."""

    def closed(self, reason: str) -> None:
        """End: no packet of this source comes any more."""
