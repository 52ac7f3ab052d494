"""Late joiners see a picture at once: the cached group of pictures, sent ahead of what is live, within a budget.

1. **A burst ends where the live stream begins**: it walks the ring until nothing is left, then the sweeps take over;
   numbers are contiguous and no packet goes out twice.
2. All bursts together keep to `egress_bits`, each to `viewer_bits`; they take turns.
3. A destination that refuses is tried again with the very same bytes; a burst that is not done after
   `MAX_BURST_SECONDS` is given up and waits for a keyframe.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from broadcaster.drops import DropReason
from broadcaster.forward.cache import Ring
from broadcaster.forward.fanout import Fanout
from broadcaster.forward.layout import NEVER, Row, State
from broadcaster.forward.sending import SEAL_ERRORS
from broadcaster.media import Kind, MediaPacket

TICK_SECONDS: Final = 0.005
BUCKET_SECONDS: Final = 0.02
MAX_BURST_SECONDS: Final = 3.0
MAX_GROUP_NUMBERS: Final = 16_384


class TokenBucket:
    """Admits `rate` units a second and `burst` at once. It begins full."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at: float | None = None

    def take(self, amount: float, now: float) -> bool:
        """Take `amount` if it is there. **An empty bucket gives nothing**; what it lacks comes with time."""
        if self._filled(now) < amount:
            return False
        self._level -= amount
        return True

    def wait(self, amount: float, now: float) -> float:
        """Return after how many seconds `amount`, or a full bucket, will be there."""
        return max(0.0, (min(amount, self._burst) - self._filled(now)) / self._rate)

    def _filled(self, now: float) -> float:
        if self._at is not None and now > self._at:
            self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now if self._at is None else max(now, self._at)
        return self._level


class _Burst:
    """One terminal that catches up: the packets before the live ones, and the datagram that was refused."""

    __slots__ = ("bucket", "packets", "refused", "seen", "since", "slot", "ssrc")

    def __init__(self, row: Row, packets: list[MediaPacket], bucket: TokenBucket, now: float) -> None:
        self.slot = row.slot
        self.ssrc = row.streams[Kind.VIDEO].ssrc
        self.packets = deque(packets)
        self.seen = max(packet.index for packet in packets) + 1
        self.bucket = bucket
        self.since = now
        self.refused: bytes | None = None

    def owns(self, row: Row) -> bool:
        """Whether the slot still holds the same terminal, and its stream was neither interrupted nor handed back."""
        stream = row.streams[Kind.VIDEO]
        return stream.ssrc == self.ssrc and stream.state is State.LIVE and stream.from_index == NEVER


class GopBursts:
    """The terminals of one fan-out that catch up with its ring. At most one burst a terminal."""

    def __init__(self, fanout: Fanout, ring: Ring, *, max_octets: int, egress_bits: float, viewer_bits: float) -> None:
        self.fanout = fanout
        self.ring = ring
        self._max_octets = max_octets
        self._egress = _bucket(egress_bits)
        self._viewer_bits = viewer_bits
        self._bursts: dict[int, _Burst] = {}

    def __len__(self) -> int:
        return len(self._bursts)

    def start(self, slot: int, now: float) -> bool:
        """Begin a burst of video to a waiting terminal; False when there is none to send: then wish a keyframe."""
        gop = self.ring.gop() if self.fanout.forwarding else []
        if not gop or gop[-1].sequence - gop[0].sequence > MAX_GROUP_NUMBERS:
            return False
        if sum([len(packet.payload) for packet in gop]) > self._max_octets:
            return False
        row = self.fanout.take_over(slot, gop[0])
        if row is None:
            return False
        self._bursts[slot] = _Burst(row, gop, _bucket(self._viewer_bits), now)
        return True

    def cancel(self, slot: int) -> None:
        """Forget the burst of a terminal that left."""
        self._bursts.pop(slot, None)

    def source_changed(self, ring: Ring) -> None:
        """End all bursts: the terminals wait for the other source. Call it beside the fan-out's."""
        self._bursts.clear()
        self.ring = ring

    def stop(self) -> None:
        """End all bursts when forwarding ends."""
        self._bursts.clear()

    def next_timer(self, now: float) -> float | None:
        """Return when to call `handle_timer`; None while nobody catches up."""
        return now + TICK_SECONDS if self._bursts else None

    def handle_timer(self, now: float) -> None:
        """Send what the budgets allow, a packet a terminal in turn; who was served last begins last the next time."""
        ready = list(self._bursts.values())
        while ready:
            ready = [burst for burst in ready if self._step(burst, now)]

    def _step(self, burst: _Burst, now: float) -> bool:
        """Send one packet; return whether the burst may send more at once."""
        row = self.fanout.plan.row(burst.slot)
        if row is None or not burst.owns(row):
            self.cancel(burst.slot)
            return False
        if now - burst.since > MAX_BURST_SECONDS:
            self._give_up(burst)
            return False
        if not burst.packets and not self._catch_up(burst):
            return False
        return self._send(burst, row, now)

    def _catch_up(self, burst: _Burst) -> bool:
        """Take what was stored meanwhile; when there is nothing, hand the terminal to the sweeps."""
        burst.packets.extend(self.ring.since(burst.seen, Kind.VIDEO))
        if burst.packets:
            burst.seen = burst.packets[-1].index + 1
            return True
        del self._bursts[burst.slot]
        self.fanout.hand_back(burst.slot, Kind.VIDEO, burst.seen)
        return False

    def _send(self, burst: _Burst, row: Row, now: float) -> bool:
        packet, sender = burst.packets[0], self.fanout.sender
        size = len(packet.payload)
        if packet.sequence < row.streams[Kind.VIDEO].base_sequence:
            burst.packets.popleft()
            sender.drop(DropReason.BEFORE_SWITCH, 1)
            return True
        if not self._affordable(burst, size, now):
            return False
        try:
            datagram = burst.refused or sender.seal_one(row, packet, now)
        except SEAL_ERRORS:
            sender.drop(DropReason.SEAL_ERROR, len(burst.packets))
            self._give_up(burst)
            return False
        if not sender.send(burst.slot, datagram):
            burst.refused = datagram
            return False
        burst.refused = None
        burst.packets.popleft()
        sender.sent_one(row, packet)
        self._bursts[burst.slot] = self._bursts.pop(burst.slot)
        return True

    def _affordable(self, burst: _Burst, size: int, now: float) -> bool:
        if burst.bucket.wait(size, now) > 0 or self._egress.wait(size, now) > 0:
            return False
        return burst.bucket.take(size, now) and self._egress.take(size, now)

    def _give_up(self, burst: _Burst) -> None:
        del self._bursts[burst.slot]
        self.fanout.abandon(burst.slot, Kind.VIDEO)


def _bucket(bits: float) -> TokenBucket:
    octets = bits / 8
    return TokenBucket(octets, max(1500.0, octets * BUCKET_SECONDS))
