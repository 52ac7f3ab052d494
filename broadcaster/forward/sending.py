"""Sending to one terminal: the header it sees, and what it loses when it refuses.

1. **A number is sealed once, or again with the very same bytes.** SRTP must never protect two different packets under
   one sequence number; what a terminal asks for again goes out as RTX (RFC 4588), or, without RTX, without
   padding and send time, so that it is the same packet.
2. **A terminal that refuses loses video to the end of the frame**, then a keyframe is wished for it. Sound that is
   refused is tried once more before the next slice, and dropped then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from broadcaster.drops import DropReason
from broadcaster.forward.layout import NEVER, Row, State, Stream
from broadcaster.forward.plan import Plan
from broadcaster.forward.trains import Segment, Train, segment
from broadcaster.media import Kind, MediaPacket
from broadcaster.rtp.extensions import encode_abs_send_time
from broadcaster.rtp.packet import EXTENSION_BIT, HEADER
from broadcaster.rtp.sequence import MASK16, MASK32

Seal: TypeAlias = Callable[[int, bytes], bytes]
Send: TypeAlias = Callable[[int, bytes], bool]
Drop: TypeAlias = Callable[[DropReason, int], None]
Wish: TypeAlias = Callable[[int, str], None]

SEAL_ERRORS: Final = (LookupError, ValueError)


class Sender:
    """Seals and sends packets to terminals of a plan, one terminal at a time.

    `seal(handle, packet)` protects; when it raises LookupError (the session is gone) or ValueError, this terminal loses
    the rest of the train. `send(slot, datagram)` returns False when it would block and never raises, `drop` counts,
    `wish(slot, reason)` asks for a keyframe on behalf of a terminal.
    """

    def __init__(self, plan: Plan, seal: Seal, send: Send, drop: Drop, wish: Wish) -> None:
        self.plan = plan
        self.seal = seal
        self.send = send
        self.drop = drop
        self.wish = wish
        self._again: dict[int, tuple[bytes, int]] = {}

    def deliver(self, row: Row, train: Train, time: bytes) -> None:
        """Send one train to one terminal; `time` are the three bytes of abs-send-time."""
        stream = row.streams[train.kind]
        if stream.state is not State.LIVE:
            if stream.state is not State.OFF:
                self.drop(DropReason.AWAITING_KEYFRAME, len(train.segments))
            return
        segments = train.segments if row.rtx_ssrc else train.bare
        if stream.from_index > train.first_index or stream.base_sequence > train.low:
            segments = self._eligible(stream, segments)
        self._send_all(row, train, segments, time)
        self.plan.save(row, train.kind)

    def _send_all(self, row: Row, train: Train, segments: Sequence[Segment], time: bytes) -> None:
        """Send what is not the rest of a lost frame; one by one while there is such a frame."""
        stream, position = row.streams[train.kind], 0
        while position < len(segments):
            if stream.skip_timestamp != NEVER and self._is_lost(row.slot, stream, segments[position]):
                position += 1
                continue
            stop = len(segments) if stream.skip_timestamp == NEVER else position + 1
            stream.advance(train.high, train.timestamp, train.arrival)
            sent, datagram = self._emit(row, stream, segments[position:stop], time)
            position += sent
            if position == stop:
                continue
            if datagram is None:
                return self.drop(DropReason.SEAL_ERROR, len(segments) - position)
            self._refused(row.slot, stream, train.kind, segments[position], datagram)
            position += 1

    def _emit(self, row: Row, stream: Stream, segments: Sequence[Segment], time: bytes) -> tuple[int, bytes | None]:
        """Seal and send; return how many were sent, and the datagram that was refused then. The innermost loop."""
        slot, handle, seal, send = row.slot, row.handle, self.seal, self.send
        sequence_offset, timestamp_offset = stream.sequence_offset, stream.timestamp_offset
        payload_type, ssrc, pack = stream.payload_type, stream.ssrc, HEADER.pack
        extension, bit = timed(stream, time), EXTENSION_BIT if stream.extension else 0
        position = octets = 0
        try:
            for position, (_, sequence, timestamp, first, second, tail, size) in enumerate(segments):
                header = pack(
                    first | bit,
                    second | payload_type,
                    (sequence + sequence_offset) & MASK16,
                    (timestamp + timestamp_offset) & MASK32,
                    ssrc,
                )
                datagram = seal(handle, header + extension + tail)
                if not send(slot, datagram):
                    count(stream, position, octets)
                    return position, datagram
                octets += size
        except SEAL_ERRORS:
            count(stream, position, octets)
            return position, None
        count(stream, len(segments), octets)
        return len(segments), None

    # Sound that was refused.

    @property
    def waiting(self) -> bool:
        """Whether `retry` has anything to do."""
        return bool(self._again)

    def _keep(self, slot: int, datagram: bytes, part: Segment) -> None:
        if slot in self._again:
            self.drop(DropReason.WOULD_BLOCK, 1)
        self._again[slot] = (datagram, part.octets)

    def retry(self) -> None:
        """Try refused sound once more: the same sealed bytes, one packet a terminal."""
        again, self._again = self._again, {}
        for slot, (datagram, size) in again.items():
            row = self.plan.row(slot)
            if row is None:
                continue
            if self.send(slot, datagram):
                count(row.streams[Kind.AUDIO], 1, size)
                self.plan.save(row, Kind.AUDIO)
            else:
                self.drop(DropReason.WOULD_BLOCK, 1)

    def forget(self, slot: int | None = None) -> None:
        """Give up the refused sound of one terminal, or of all."""
        if slot is None:
            self._again.clear()
        else:
            self._again.pop(slot, None)

    # Packets that a terminal does not get.

    def _eligible(self, stream: Stream, segments: Sequence[Segment]) -> list[Segment]:
        """Return what no burst sends or has sent, and comes after the stream's beginning."""
        fresh = [part for part in segments if part.packet >= stream.from_index]
        kept = [part for part in fresh if part.sequence >= stream.base_sequence]
        if len(kept) < len(fresh):
            self.drop(DropReason.BEFORE_SWITCH, len(fresh) - len(kept))
        if len(fresh) < len(segments) and stream.from_index != NEVER:
            self._count_earlier(stream, segments)
        return kept

    def _count_earlier(self, stream: Stream, segments: Sequence[Segment]) -> None:
        """Count what came before the packet that the stream began with; the rest went out in a burst."""
        earlier = [
            part for part in segments if part.packet < stream.from_index and part.sequence < stream.base_sequence
        ]
        if earlier:
            self.drop(DropReason.AWAITING_KEYFRAME, len(earlier))

    def _is_lost(self, slot: int, stream: Stream, part: Segment) -> bool:
        """Whether a packet belongs to the frame being skipped; at that frame's end wish a keyframe."""
        lost = part.timestamp == stream.skip_timestamp
        if lost:
            self.drop(DropReason.FRAME_REMAINDER, 1)
        if part.second if lost else part.timestamp > stream.skip_timestamp:
            stream.skip_timestamp = NEVER
            self.wish(slot, "would_block")
        return lost

    def _refused(self, slot: int, stream: Stream, kind: Kind, part: Segment, datagram: bytes) -> None:
        """Keep sound for another try; of video skip the rest of the frame, or wish a keyframe when that was the rest."""
        if kind is Kind.AUDIO:
            return self._keep(slot, datagram, part)
        self.drop(DropReason.WOULD_BLOCK, 1)
        if part.second:
            self.wish(slot, "would_block")
        else:
            stream.skip_timestamp = part.timestamp

    # One packet outside of a sweep.

    def seal_one(self, row: Row, packet: MediaPacket, now: float) -> bytes:
        """Return `packet` sealed for one terminal, without padding, under the number that it has there; may raise as `seal`."""
        stream = row.streams[packet.kind]
        stream.advance(packet.sequence, packet.timestamp, packet.arrival)
        self.plan.save(row, packet.kind)
        return self.seal(row.handle, plain(stream, segment(packet), encode_abs_send_time(now)))

    def sent_one(self, row: Row, packet: MediaPacket) -> None:
        """Count a packet that left outside of a sweep."""
        count(row.streams[packet.kind], 1, len(packet.payload))
        self.plan.save(row, packet.kind)


def count(stream: Stream, packets: int, octets: int) -> None:
    """Add to what sender reports say; `octets` of payload, without header and padding (RFC 3550 section 6.4.1)."""
    stream.packets = (stream.packets + packets) & MASK32
    stream.octets = (stream.octets + octets) & MASK32


def timed(stream: Stream, time: bytes) -> bytes:
    """Return the stream's extension block with the send time filled in."""
    at = stream.time_offset
    return stream.extension[:at] + time + stream.extension[at + 3 :] if at else stream.extension


def plain(stream: Stream, part: Segment, time: bytes) -> bytes:
    """Return the RTP packet, not yet sealed, that a terminal gets for `part`."""
    header = HEADER.pack(
        part.first | (EXTENSION_BIT if stream.extension else 0),
        part.second | stream.payload_type,
        (part.sequence + stream.sequence_offset) & MASK16,
        (part.timestamp + stream.timestamp_offset) & MASK32,
        stream.ssrc,
    )
    return header + timed(stream, time) + part.tail
