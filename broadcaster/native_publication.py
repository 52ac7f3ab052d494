"""A lecturer whose packets a thread in C receives: this side only reads what was stored.

    SRTP -> receive thread -> ring -> workers            (forward/_engine.c; Python takes no part)
                               |
                               v
                            observe -> statistics, repair upstream, the other sinks

1. **What is on the air begins with `begins_at`**, the index of the first packet of the picture that made it ready: the
   workers send from there, however late this side notices.
2. Who reads too late loses what the ring no longer holds; it is counted as `sink_queue_full`.
"""

from __future__ import annotations

from typing import Any

from broadcaster.drops import DropReason
from broadcaster.forward.native import Native
from broadcaster.forward.native_ring import AnyRing, NativeIntake, NativeRing, Stored
from broadcaster.publication import Publication
from broadcaster.transport.sdp import Offer
from config.settings import ForwardSettings


class NativePublication(Publication):
    """One WHIP session's media, received natively. Construct as `Publication`, with the extension first."""

    def __init__(self, native: Native, *args: Any, **options: Any) -> None:
        self._native = native
        self._seen = 0
        super().__init__(*args, **options)
        self.session.transport.intake = self.intake.pointer

    def _new_ring(self, settings: ForwardSettings) -> AnyRing:
        self._stored = NativeRing(self._native, settings.ring_seconds, settings.ring_bytes)
        self.intake = NativeIntake(self._native, self._stored)
        return self._stored

    def _listen(self, offer: Offer) -> None:
        super()._listen(offer)
        for payload_type, intake in self._intakes.items():
            self.intake.listen(payload_type, intake.kind, self._send_time_ids[payload_type] or 0)
        for payload_type, original in self._retransmissions.items():
            kind = self._intakes[original].kind
            self.intake.listen(payload_type, kind, self._send_time_ids[payload_type] or 0, original=original)

    def observe(self) -> None:
        """Take what was stored since the last time."""
        stored, end = self._stored.read_from(self._seen)
        lost, self._seen = end - self._seen - len(stored), end
        for each in stored:
            self._observe(each)
        if lost:
            self._drops(DropReason.SINK_QUEUE_FULL, lost)
        if self._pending:
            self._flush()

    def _observe(self, stored: Stored) -> None:
        packet = stored.packet
        intake = next(intake for intake in self._intakes.values() if intake.kind is packet.kind)
        ssrc = intake.ssrc or self.intake.ssrc(packet.kind)  # every call into C gives the interpreter's lock away
        self._bandwidth.packet(stored.send_time, stored.wire_bytes, ssrc, packet.arrival)
        intake.observe(packet, ssrc)
        self._note(packet, packet.arrival, repaired=stored.repaired)
