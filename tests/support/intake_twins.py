"""Both twins of what comes in, side by side: whatever is handed to one is handed to the other, and they must agree.

`RtpTwins` are a publisher's packets and the ring behind them, `ReportTwins` what one terminal reports.
"""

from __future__ import annotations

from typing import Any, Final

from broadcaster.drops import DropReason, Drops
from broadcaster.forward.cache import Refused, Ring
from broadcaster.forward.layout import FLAG_ACTIVE, NO_SEND_TIME, ROW_BYTES, SLOT_BYTES, Row
from broadcaster.forward.native import Native
from broadcaster.forward.native_ring import REASONS, NativeAcknowledgements, NativeIntake, NativeRing
from broadcaster.intake import Intake
from broadcaster.media import Kind
from broadcaster.rtp.extensions import decode_abs_send_time
from broadcaster.rtp.packet import RtpError, RtpPacket, original_of
from broadcaster.rtp.rtcp import RtcpError, parse_compound
from broadcaster.subscription import Subscription

AUDIO, VIDEO, RTX = 111, 108, 109
FORMATS: Final = {AUDIO: Kind.AUDIO, VIDEO: Kind.VIDEO, RTX: Kind.VIDEO}
TIME_ID: Final = 3
MAX_ASKED: Final = 16
ASKED_AT_ONCE: Final = 64


class RtpTwins:
    """A publisher whose sound is `AUDIO`, whose pictures are `VIDEO`, with `RTX`; each tells its send time as `TIME_ID`."""

    def __init__(self, native: Native, slots: int = 32, seconds: float = 1000.0) -> None:
        self.ring = Ring(seconds, slots * SLOT_BYTES)
        self.native_ring = NativeRing(native, seconds, slots * SLOT_BYTES)
        self.native = NativeIntake(native, self.native_ring)
        self.native.listen(AUDIO, Kind.AUDIO, TIME_ID)
        self.native.listen(VIDEO, Kind.VIDEO, TIME_ID)
        self.native.listen(RTX, Kind.VIDEO, TIME_ID, original=VIDEO)
        self._drops = Drops()
        self._intakes = {Kind.AUDIO: Intake(Kind.AUDIO, self._drops), Kind.VIDEO: Intake(Kind.VIDEO, self._drops)}

    def receive(self, plain: bytes, now: float) -> int | DropReason | None:
        """Hand one packet to both; return its index, why it was dropped, or None for a probe."""
        expected, got = self._python(plain, now), self._native(plain, now)
        assert got == expected, plain.hex()
        if isinstance(got, int):
            self._compare_slot(got, plain)
        for kind in Kind:
            assert self.native.ssrc(kind) == self._intakes[kind].ssrc
            assert self.native_ring.newest(kind) == self.ring.newest(kind)
        assert len(self.native_ring) == len(self.ring)
        return got

    def _native(self, plain: bytes, now: float) -> int | DropReason | None:
        try:
            return self.native.receive(plain, now)
        except Refused as refusal:
            return refusal.reason

    def _python(self, plain: bytes, now: float) -> int | DropReason | None:
        """What `Publication.receive_rtp` does, without its statistics."""
        before = self._drops.as_dict()
        try:
            packet = RtpPacket.parse(plain)
            if packet.payload_type == RTX:
                ssrc = self._intakes[Kind.VIDEO].ssrc
                original = original_of(packet, ssrc, VIDEO) if ssrc else None
                if original is None:
                    return None
                packet = original
        except RtpError:
            return DropReason.RTP_MALFORMED
        if packet.payload_type not in FORMATS:
            return DropReason.UNKNOWN_PAYLOAD_TYPE
        stored = self._intakes[FORMATS[packet.payload_type]].take(packet, self.ring, now)
        if stored is not None:
            return stored.index
        return next(reason for reason in DropReason if self._drops[reason] > before[reason.value])

    def _compare_slot(self, index: int, plain: bytes) -> None:
        stored, expected = self.native_ring.read(index), self.ring.since(index, Kind.AUDIO)
        expected += self.ring.since(index, Kind.VIDEO)
        packet = RtpPacket.parse(plain)
        value = packet.extension(TIME_ID)
        assert stored is not None
        assert stored.packet == expected[0]
        assert stored.send_time == (decode_abs_send_time(value) if value else None)
        assert stored.wire_bytes == min(len(plain), 0xFFFF)
        assert stored.repaired == (packet.payload_type == RTX)
        assert stored.send_time != NO_SEND_TIME
        assert self.native_ring.find(stored.packet.kind, stored.packet.sequence) == stored.packet

    def compare_all(self) -> None:
        """Every packet that either holds, and the group of pictures."""
        for kind in Kind:
            assert self.native_ring.since(0, kind) == self.ring.since(0, kind)
        assert self.native_ring.gop() == self.ring.gop()


class ReportTwins:
    """One terminal in slot 2 of a fan-out of four; `row` is changed by the test and written by `feedback`."""

    SLOT: Final = 2

    def __init__(self, native: Native, row: Row) -> None:
        self._ffi, self._lib = native
        settings = self._ffi.new("struct fanout_settings *", {"capacity": 4, "queue": 16, "nack_share": 0.25})
        self._fanout = self._ffi.gc(self._lib.fanout_new(settings, self._ffi.NULL), self._lib.fanout_free)
        self._rows = self._lib.fanout_rows(self._fanout)
        self.row = row
        self._write()
        self.told = self._lib.fanout_acknowledgements(self._fanout)[self.SLOT]
        if row.flags & FLAG_ACTIVE:
            self._lib.fanout_join(self._fanout, self.SLOT)
        self.native = NativeAcknowledgements(self.told, row.streams)
        self.python = Subscription(None, row, 0.0)  # type: ignore[arg-type]  # its session is not asked here

    def _write(self) -> None:
        memory = bytearray(4 * ROW_BYTES)
        self.row.write(memory)
        self._ffi.memmove(self._rows, memory, len(memory))

    def feedback(self, plain: bytes, ntp: float, now: float) -> bool:
        """Hand one compound to both; return whether it was taken."""
        self._write()
        asked, count = self._ffi.new("struct asked[]", MAX_ASKED), self._ffi.new("uint32_t *", 77)
        keyframe = self._ffi.new("int *")
        status = self._lib.fanout_feedback(
            self._fanout, self.SLOT, plain, len(plain), ntp, now, asked, count, MAX_ASKED, keyframe
        )
        try:
            packets = parse_compound(plain)
        except RtcpError:
            assert REASONS[-status] is DropReason.RTCP_MALFORMED, plain.hex()
            assert (count[0], keyframe[0]) == (0, 0)
            self.compare()
            return False
        wanted = self.python.receive(packets, self.row, ntp, now)
        assert status == 0, plain.hex()
        assert bool(keyframe[0]) == wanted.keyframe, plain.hex()
        entries = [(nack.media_ssrc, list(part)) for nack in wanted.nacks for part in _parts(nack.lost)]
        assert [self._entry(asked[number]) for number in range(count[0])] == entries[:MAX_ASKED], plain.hex()
        self.compare()
        return True

    def _entry(self, entry: Any) -> tuple[int, list[int]]:
        assert (entry.slot, entry.generation, entry.rtt) == (self.SLOT, self.row.generation, self.python.rtt)
        return entry.ssrc, list(entry.lost[0 : entry.count])

    def compare(self) -> None:
        """Everything that either counts, unsampled."""
        python = self.python._acknowledged
        native = self.native
        assert (native.rtt, native.fraction_lost, native.jitter) == (python.rtt, python.fraction_lost, python.jitter)
        assert native.last_advance == python.last_advance
        assert native.estimate == (min(self.python.estimate or 0, 0xFFFFFFFF) or None)
        for theirs, ours in zip(self.told.streams, python._folds, strict=True):
            assert (theirs.highest, theirs.advance) == (ours.highest, ours.advance & 0xFFFFFFFF)
            assert (theirs.lost, theirs.worst) == (ours.lost & 0xFFFFFFFF, ours.worst)


def _parts(lost: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [lost[at : at + ASKED_AT_ONCE] for at in range(0, len(lost), ASKED_AT_ONCE)]
