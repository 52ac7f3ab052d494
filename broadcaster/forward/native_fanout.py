"""The native fan-out with the interface of its Python twin: for tests that compare both, and for the self-test at start.

1. **Packets are sealed and sent one by one through Python**, in the order of the twin; an engine does neither.
2. The C ring is a mirror of what Python packets say; drops are handed on after each call, as differences.
3. What a callback raises is raised again by the call that it interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final, cast

from broadcaster.drops import DropReason
from broadcaster.forward.cache import Ring
from broadcaster.forward.layout import FLAG_KEYFRAME, FLAG_MARKER, FLAG_STARTS_KEYFRAME, ROW_BYTES, Row
from broadcaster.forward.native import Native, load
from broadcaster.forward.pacing import TICK_SECONDS
from broadcaster.forward.plan import Plan, Terminal
from broadcaster.forward.sending import SEAL_ERRORS, Drop, Seal, Send, Wish
from broadcaster.media import Kind, MediaPacket
from broadcaster.rtp.rtcp import Nack

REASONS: Final = tuple(DropReason)
WISHES: Final = ("", "forwarding", "sweep_queue_full", "would_block", "burst", "viewer", "join")
RING_SLOTS: Final = 8192
RING_SECONDS: Final = 1e9


class NativePlan(Plan):
    """A plan over the rows of the native fan-out, **read anew each time**: the numbers change without a generation."""

    def __init__(self, memory: bytearray, capacity: int) -> None:
        super().__init__(0)
        self.memory, self.capacity = memory, capacity
        self._words = memoryview(memory).cast("B").cast("I")

    def row(self, slot: int) -> Row | None:
        """Return the terminal at `slot` as the native twin sees it; None when there is none."""
        return Row.read(self.memory, slot) if slot in self._rows else None


class NativeFanout:
    """`fanout.Fanout` in C. `share` and the limits are those of `nack.Retransmitter` and `pacing.GopBursts`.

    Raises NativeUnavailable. `seal_rtcp` protects sender reports. With `outlet` it sends as in an engine: the addresses of
    srtp_protect and srtp_protect_rtcp, and the descriptors that rows number; `seal` and `send` are not called then.
    """

    def __init__(
        self,
        capacity: int,
        *,
        seal: Seal,
        send: Send,
        drop: Drop,
        wish: Wish,
        queue: int,
        seal_rtcp: Seal | None = None,
        share: float = 0.25,
        max_octets: int = 1_000_000,
        egress_bits: float = 400e6,
        viewer_bits: float = 40e6,
        outlet: tuple[int, int, Sequence[int]] | None = None,
    ) -> None:
        self._ffi, self._lib = _bound()
        self.seal, self.send, self.drop, self.wish = seal, send, drop, wish
        self.seal_rtcp = seal_rtcp or seal
        self._error: BaseException | None = None
        self._context = self._ffi.new_handle(self)
        settings = self._ffi.new(
            "struct fanout_settings *", (capacity, queue, share, 0.0, max_octets, egress_bits, viewer_bits)
        )
        one_by_one = (self._lib.on_seal, self._lib.on_send) if outlet is None else (self._ffi.NULL, self._ffi.NULL)
        callbacks = self._ffi.new("struct callbacks *", (self._context, *one_by_one, self._lib.on_wish))
        self.pointer = self._ffi.gc(self._lib.fanout_new(settings, callbacks), self._lib.fanout_free)
        memory = self._ffi.buffer(self._lib.fanout_rows(self.pointer), capacity * ROW_BYTES)
        self.plan = NativePlan(cast(bytearray, memory), capacity)
        self._drops = self._ffi.buffer(self._ffi.addressof(self.counters, "drops"))
        self._dropped = bytes(self._drops)
        self._rings: list[Any] = []
        if outlet is not None:
            self._connect(*outlet)
        self.source_changed()

    def _connect(self, protect: int, protect_rtcp: int, descriptors: Sequence[int]) -> None:
        ffi = self._ffi
        self._sockets = ffi.new("int[]", list(descriptors))
        functions = [ffi.cast("srtp_function", address) for address in (protect, protect_rtcp)]
        self.outlet = ffi.new("struct outlet *", (*functions, self._sockets, len(descriptors), False, False))
        self._lib.fanout_set_outlet(self.pointer, self.outlet)

    @property
    def counters(self) -> Any:
        """The native struct counters."""
        return self._lib.fanout_counters(self.pointer)

    def call(self, name: str, *arguments: object) -> Any:
        """Call a native function of this fan-out; hand its drops on and raise what a callback raised."""
        result = getattr(self._lib, name)(self.pointer, *arguments)
        if self._drops != self._dropped:
            before, self._dropped = memoryview(self._dropped).cast("Q"), bytes(self._drops)
            for reason, old, new in zip(REASONS, before, memoryview(self._dropped).cast("Q"), strict=False):
                if new > old:
                    self.drop(reason, new - old)
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        return result

    def guarded(self, callback: Callable[[], bool]) -> int:
        """Run what a callback asks for; 0 when it succeeded. No exception passes through C."""
        try:
            return 0 if callback() else 1
        except SEAL_ERRORS:
            return 1
        except BaseException as error:
            self._error = error
            return 1

    # Who is there, and whether and whence media flows.

    def join(self, terminal: Terminal) -> Row:
        """Add a viewer; raises PlanError."""
        row = self.plan.join(terminal)
        self.call("fanout_join", row.slot)
        return row

    def leave(self, slot: int) -> None:
        """Remove a viewer."""
        self.call("fanout_leave", slot)
        self.plan.leave(slot)

    @property
    def forwarding(self) -> bool:
        """Whether media flows."""
        return bool(self.call("fanout_forwarding"))

    def set_forwarding(self, on: bool) -> None:
        """Let media flow or not; off ends all bursts too."""
        self.call("fanout_set_forwarding", on)

    def source_changed(self, ring: Ring | None = None) -> None:
        """Expect packets of another source, which stores them in `ring`; bursts and repair need to know it."""
        seconds, slots = (RING_SECONDS, RING_SLOTS) if ring is None else (ring.seconds, ring.slots)
        self._rings.append(self._ffi.gc(self._lib.ring_new(seconds, slots), self._lib.ring_free))
        self._ring, self._python_ring = self._rings[-1], ring
        self._mirrored: set[int] = set()
        self._stored = 0
        self.call("fanout_source_changed", self._ring)
        del self._rings[:-1]
        self.mirror()

    def mirror(self) -> None:
        """Store natively what was stored in Python since the last call."""
        if self._python_ring is None:
            return
        for packet in sorted(chain(*(self._python_ring.since(self._stored, kind) for kind in Kind)), key=_index):
            self._store(packet)
            self._stored = packet.index + 1

    def _store(self, packet: MediaPacket) -> None:
        if packet.index in self._mirrored:
            return
        self._mirrored.add(packet.index)
        flags = packet.marker * FLAG_MARKER | packet.keyframe * FLAG_KEYFRAME
        flags |= packet.starts_keyframe * FLAG_STARTS_KEYFRAME
        head = (
            packet.kind,
            packet.sequence,
            packet.timestamp,
            packet.payload,
            len(packet.payload),
            flags,
            packet.arrival,
        )
        if packet.index == self._lib.ring_next_index(self._ring):
            self._lib.ring_store(self._ring, *head, (1 << 32) - 1, 0)
        else:
            self._lib.ring_put(self._ring, packet.index, *head)

    # Media.

    def offer(self, packets: Sequence[MediaPacket]) -> None:
        """Queue packets of one kind, at least one and at most MAX_OFFER."""
        self.mirror()
        for packet in packets:
            self._store(packet)
        self.call("fanout_offer", [packet.index for packet in packets], len(packets))

    def turn(self, now: float) -> bool:
        """Send sound and one slice of video; return whether more is to be done."""
        return bool(self.call("fanout_turn", now))

    @property
    def forwarded(self) -> int:
        """Packets that were forwarded to whoever was there."""
        return int(self.counters.forwarded)

    @property
    def queued(self) -> int:
        """How many packets of video wait for their sweep."""
        return int(self.counters.queued)

    @property
    def busy(self) -> bool:
        """Whether `turn` has anything to do."""
        return bool(self.call("fanout_busy"))

    # Sender reports (clock.py).

    def clock(self, ntp_offset: float, audio: float | None, video: float | None) -> None:
        """Set the server's NTP seconds at monotonic second 0, and where the timestamps of both streams begin."""
        unknown = float("nan")
        self.call("fanout_clock", ntp_offset, unknown if audio is None else audio, unknown if video is None else video)

    def report(self, slot: int, now: float) -> bool:
        """Send one terminal its reports; False when there is nothing to tell."""
        return bool(self.call("fanout_report", slot, now))

    def handle_reports(self, now: float) -> None:
        """Send the reports that are due."""
        self.call("fanout_handle_reports", now)


class NativeBursts:
    """`pacing.GopBursts` in C; the limits are those of the fan-out."""

    def __init__(self, fanout: NativeFanout, ring: Ring) -> None:
        self.fanout = fanout
        self.source_changed(ring)

    def __len__(self) -> int:
        return int(self.fanout.call("fanout_bursts"))

    def start(self, slot: int, now: float) -> bool:
        """Begin a burst; False when there is none to send."""
        self.fanout.mirror()
        return bool(self.fanout.call("fanout_burst", slot, now))

    def source_changed(self, ring: Ring) -> None:
        """End all bursts; the fan-out waits for the other source."""
        self.fanout.source_changed(ring)

    def stop(self) -> None:
        """End all bursts."""
        self.fanout.call("fanout_stop_bursts")

    def next_timer(self, now: float) -> float | None:
        """Return when to call `handle_timer`."""
        return now + TICK_SECONDS if len(self) else None

    def handle_timer(self, now: float) -> None:
        """Send what the budgets allow."""
        self.fanout.mirror()
        self.fanout.call("fanout_handle_bursts", now)


class NativeRetransmitter:
    """`nack.Retransmitter` in C; its share is that of the fan-out."""

    def __init__(self, fanout: NativeFanout, ring: Ring) -> None:
        self.fanout = fanout
        self.source_changed(ring)

    def source_changed(self, ring: Ring) -> None:
        """Answer from another ring."""
        self.fanout.source_changed(ring)

    def forget(self, slot: int) -> None:
        """A terminal that leaves is forgotten by `NativeFanout.leave`."""

    def answer(self, slot: int, request: Nack, rtt: float, now: float) -> int:
        """Send what `request` asks for and may have; return how many packets that were."""
        self.fanout.mirror()
        lost = request.lost
        return int(self.fanout.call("fanout_answer", slot, request.media_ssrc, lost, len(lost), rtt, now))


def _index(packet: MediaPacket) -> int:
    return packet.index


@cache
def _bound() -> Native:
    """Load the extension and give it the callbacks, once."""
    native = load()
    ffi = native.ffi

    @ffi.def_extern(name="on_seal")  # type: ignore[untyped-decorator]  # cffi has no types
    def seal(context: Any, handle: int, packet: Any, length: Any, rtcp: int) -> int:
        fanout = ffi.from_handle(context)

        def protect() -> bool:
            plain = bytes(ffi.buffer(packet, length[0]))
            sealed = (fanout.seal_rtcp if rtcp else fanout.seal)(handle, plain)
            ffi.memmove(packet, sealed, len(sealed))
            length[0] = len(sealed)
            return True

        return int(fanout.guarded(protect))

    @ffi.def_extern(name="on_send")  # type: ignore[untyped-decorator]
    def send(context: Any, slot: int, datagram: Any, length: int) -> int:
        fanout = ffi.from_handle(context)
        return int(fanout.guarded(lambda: fanout.send(slot, bytes(ffi.buffer(datagram, length)))))

    @ffi.def_extern(name="on_wish")  # type: ignore[untyped-decorator]
    def wish(context: Any, slot: int, reason: int) -> None:
        fanout = ffi.from_handle(context)
        fanout.guarded(lambda: fanout.wish(slot, WISHES[reason]) is None)

    return native
