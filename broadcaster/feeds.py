"""One native fan-out seen from Python: its plan, its terminals, what they acknowledge, what it counts.

1. **The rows that the worker uses lie in C.** The plan here hands out slots and writes rows; what a worker counts is read
   from its own memory, field by field, while it goes on counting.
2. When `leave` returns, the worker uses the terminal's context no more.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from broadcaster.drops import DropReason
from broadcaster.events import Delivery
from broadcaster.forward.layout import ROW_BYTES, Row, Stream
from broadcaster.forward.native_ring import NativeAcknowledgements
from broadcaster.forward.plan import Plan, Terminal
from broadcaster.rtp.sequence import low32
from broadcaster.session import Session
from broadcaster.subscription import ViewerStats
from broadcaster.transport.engine import Engine, Peer
from config.settings import Settings

LATENCY_BUCKETS: Final = 64
TRAIN_LENGTHS: Final = 17
SMALLEST_LATENCY: Final = 20e-6

WISHES: Final = ("", "forwarding", "sweep_queue_full", "would_block", "burst", "viewer", "join")


def latency_bounds() -> list[float]:
    """Return the upper bounds of the latency buckets in seconds; the last takes the rest."""
    return [SMALLEST_LATENCY * 2 ** (bucket / 4) for bucket in range(LATENCY_BUCKETS)]


class Counted(NamedTuple):
    """What a fan-out counted since it began. Histograms by bucket: sweeps by latency, trains by packets."""

    packets_out: int
    forwarded: int
    trains: int
    sends: int
    queued: int
    latency: tuple[int, ...]
    lengths: tuple[int, ...]


class Feed:
    """A fan-out on worker `worker` of the engine, for terminals of one room."""

    def __init__(self, engine: Engine, settings: Settings, worker: int, ntp_offset: float) -> None:
        ffi, lib = self._native = engine.native
        self._engine = engine
        forward, capacity = settings.forward, settings.media.sessions
        limits = {
            "capacity": capacity,
            "queue": forward.sweep_queue,
            "nack_share": forward.nack_budget,
            "wish_seconds": forward.viewer_wish_seconds,
            "burst_octets": forward.gop_burst_bytes,
            "egress_bits": forward.gop_egress_bits / engine.workers,
            "viewer_bits": forward.gop_viewer_bits,
        }
        self._pointer = lib.engine_adopt(
            engine.pointer, ffi.new("struct fanout_settings *", limits), worker, ntp_offset
        )
        if not self._pointer:
            raise MemoryError(f"no memory for a fan-out of {capacity} terminals")
        self.plan = Plan(capacity)
        fanout = lib.feed_fanout(self._pointer)
        self._rows = ffi.buffer(lib.fanout_rows(fanout), capacity * ROW_BYTES)
        self._acknowledged = lib.fanout_acknowledgements(fanout)
        self._counters = lib.fanout_counters(fanout)
        self._dropped = [0] * len(DropReason)

    def __len__(self) -> int:
        return len(self.plan)

    def release(self) -> None:
        """End the fan-out; nothing of it may be used afterwards."""
        self._native.lib.engine_release(self._engine.pointer, self._pointer)

    # -- terminals --------------------------------------------------------------------------------------------

    def join(self, terminal: Terminal, peer: Peer) -> Row:
        """Give a terminal a row; raises PlanError when there is none left."""
        row = self.plan.join(terminal)
        self._native.lib.engine_join(self._pointer, row.slot, peer.pointer, self._row(row.slot))
        self.plan.forget_copy(row.slot)
        return row

    def leave(self, slot: int) -> None:
        """Take a terminal's row away."""
        self.plan.leave(slot)
        self._native.lib.engine_leave(self._pointer, slot, self._native.ffi.NULL, self._row(slot))

    def move(self, slot: int, sockaddr: bytes, socket: int) -> None:
        """Send to another address from now on."""
        self.plan.move(slot, sockaddr, socket)
        self.plan.forget_copy(slot)
        self._native.lib.engine_move(self._pointer, slot, self._row(slot))

    def show(self, slot: int) -> bool:
        """Begin to send the cached pictures; False when there are none."""
        return bool(self._native.lib.engine_show(self._pointer, slot))

    def _row(self, slot: int) -> bytes:
        return bytes(self.plan.memory[slot * ROW_BYTES : (slot + 1) * ROW_BYTES])

    # -- media ------------------------------------------------------------------------------------------------

    def set_forwarding(self, on: bool) -> None:
        """Let media flow or not; when it returns, nothing more leaves."""
        self._native.lib.engine_set_forwarding(self._pointer, on)

    def follow(self, intake: Any, first_index: int) -> None:
        """Send what `intake` stores, from `first_index` on; None ends that."""
        self._native.lib.engine_feed(self._pointer, intake or self._native.ffi.NULL, first_index)

    def place(self, audio_origin: float, video_origin: float) -> None:
        """Say when timestamp 0 of both streams was, in monotonic seconds; NaN when that is not known."""
        self._native.lib.engine_clock(self._pointer, audio_origin, video_origin)

    def take_wish(self) -> str:
        """Return why a keyframe was wished since the last call, empty when none was."""
        return WISHES[self._native.lib.engine_wished(self._pointer)]

    # -- what was counted -------------------------------------------------------------------------------------

    def acknowledgements(self, slot: int) -> Any:
        """The `struct acknowledgements` of a slot, which goes on changing."""
        return self._acknowledged[slot]

    def streams(self, slot: int) -> tuple[Stream, Stream]:
        """Return what the worker's row says of a terminal now."""
        return Row.read(self._rows, slot).streams

    def counted(self) -> Counted:
        """Return all counters."""
        of = self._counters
        return Counted(
            of.packets_out,
            of.forwarded,
            of.trains,
            of.sends,
            self._native.lib.engine_queued(self._pointer),
            tuple(of.latency),
            tuple(of.lengths),
        )

    def take_drops(self) -> dict[DropReason, int]:
        """Return what was discarded since the last call."""
        found = {}
        for position, reason in enumerate(DropReason):
            count = self._counters.drops[position]
            if count != self._dropped[position]:
                found[reason] = count - self._dropped[position]
                self._dropped[position] = count
        return found


class NativeSubscription:
    """One WHEP session's media on a feed."""

    __slots__ = ("_acknowledged", "_measured", "_octets", "feed", "kbps", "session", "since", "slot")

    def __init__(self, session: Session, feed: Feed, slot: int, now: float) -> None:
        self.session = session
        self.feed = feed
        self.slot = slot
        self.since = self._measured = now
        self.kbps = 0.0
        self._octets = 0
        self._acknowledged = NativeAcknowledgements(feed.acknowledgements(slot), feed.streams(slot))

    @property
    def viewer(self) -> str:
        """The name that signaling gave this viewer."""
        return self.session.viewer

    def take_delivery(self, now: float) -> Delivery:
        """Return what was acknowledged since the last call."""
        streams = self.feed.streams(self.slot)
        self._measure(low32(sum(stream.octets for stream in streams)), now)
        return Delivery(self.viewer, *self._acknowledged.take(streams))

    def _measure(self, octets: int, now: float) -> None:
        if now > self._measured:
            arrived = low32(octets - self._octets) * (1 - self._acknowledged.fraction_lost)
            self.kbps = arrived * 8e-3 / (now - self._measured)
            self._octets, self._measured = octets, now

    def age(self, now: float) -> float | None:
        """Return how long ago this viewer last acknowledged a packet; None when it never did."""
        last = self._acknowledged.last_advance
        return None if last is None else now - last

    def stats(self) -> ViewerStats:
        """Return what is known of the reception."""
        told = self._acknowledged
        return ViewerStats(self.viewer, self.session.id, told.fraction_lost, told.rtt or None, self.kbps, self.since)
