"""The fan-out: packet train x plan -> datagrams. With `sending.py` it is the specification; a faster twin sends the same bytes.

1. **What a terminal gets counts on**: its SSRCs, sequence numbers and the line of its timestamps outlive pauses,
   losses and a change of the source.
2. **A sweep over the terminals is cut into slices**, and sound goes between them.
3. A terminal begins video with a keyframe, sound with any packet.
4. Time is an argument; the same calls give the same datagrams.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from broadcaster.drops import DropReason
from broadcaster.forward.layout import NEVER, NEVER_SENT, Row, State, Stream
from broadcaster.forward.plan import Plan, Terminal
from broadcaster.forward.sending import Drop, Seal, Send, Sender, Wish
from broadcaster.forward.trains import Train
from broadcaster.media import Kind, MediaPacket
from broadcaster.rtp.extensions import encode_abs_send_time

SLICE_PACKETS: Final = 144
MAX_OFFER: Final = 64
EVERYBODY: Final = -1


class _Sweep:
    """A train on its way to the terminals that were there when it came: slots in ascending order, and the last joiner."""

    __slots__ = ("position", "serial", "slots", "train")

    def __init__(self, train: Train, slots: Sequence[int], serial: int) -> None:
        self.train = train
        self.slots = slots
        self.serial = serial
        self.position = 0


class Fanout:
    """Sends trains to all terminals of a plan.

    At most `queue` packets of video wait for their sweep; more are dropped to the end of their frame for everybody, and
    a keyframe is wished. Of sound at most `queue` packets wait, then the oldest train is dropped. The callbacks
    are those of `Sender`; a wish for all terminals has slot EVERYBODY.
    """

    def __init__(self, plan: Plan, *, seal: Seal, send: Send, drop: Drop, wish: Wish, queue: int) -> None:
        self.plan = plan
        self.sender = Sender(plan, seal, send, drop, wish)
        self.forwarding = False
        self.forwarded = 0
        self._queue = queue
        self._lanes: tuple[deque[_Sweep], deque[_Sweep]] = (deque(), deque())
        self._queued = [0, 0]
        self._overrun = -1
        self._waiting: tuple[set[int], set[int]] = (set(), set())
        self._joined: dict[int, int] = {}
        self._serial = 0

    # Who is there.

    def join(self, terminal: Terminal) -> Row:
        """Add a viewer; raises PlanError. Video waits for a keyframe, or for a burst that takes it over."""
        row = self.plan.join(terminal)
        self._serial += 1
        self._joined[row.slot] = self._serial
        for kind in Kind:
            if row.streams[kind].state is not State.OFF:
                self._waiting[kind].add(row.slot)
        return row

    def leave(self, slot: int) -> None:
        """Remove a viewer; nothing is sealed or sent for it from now on."""
        self.plan.leave(slot)
        self._joined.pop(slot, None)
        self.sender.forget(slot)
        for waiting in self._waiting:
            waiting.discard(slot)

    # Whether and whence media flows.

    def set_forwarding(self, on: bool) -> None:
        """Let media flow or not. Off takes effect at once: what waits is dropped. On wishes a keyframe."""
        if on == self.forwarding:
            return
        self.forwarding = on
        if on:
            self.sender.wish(EVERYBODY, "forwarding")
        else:
            self._discard(DropReason.NOT_FORWARDING)
            self._interrupt(State.WAITING)

    def source_changed(self) -> None:
        """Expect packets of another source: other sequence numbers and timestamps, and a keyframe first."""
        self._discard(DropReason.BEFORE_SWITCH)
        self._interrupt(State.SWITCHING)

    def _interrupt(self, state: State) -> None:
        for row in self.plan.rows():
            for kind in Kind:
                stream = row.streams[kind]
                if stream.state is not State.OFF:
                    stream.state, stream.from_index = _interrupted(stream, state), NEVER
                    self._waiting[kind].add(row.slot)
                    self.plan.save(row, kind)

    def _discard(self, reason: DropReason) -> None:
        for kind in Kind:
            self._lanes[kind].clear()
            if self._queued[kind]:
                self.sender.drop(reason, self._queued[kind])
            self._queued[kind] = 0
        self._overrun = -1
        self.sender.forget()

    # Media comes in.

    def offer(self, packets: Sequence[MediaPacket]) -> None:
        """Queue packets of one kind, at least one and at most MAX_OFFER, for their sweep; `turn` sends them."""
        if not self.forwarding:
            self.sender.drop(DropReason.NOT_FORWARDING, len(packets))
            return
        kind = packets[0].kind
        taken = self._fitting(packets) if kind is Kind.VIDEO else packets
        if not taken:
            return
        self.forwarded += len(taken)
        self._begin_waiting(kind, taken)
        self._lanes[kind].append(_Sweep(Train(taken), sorted(self._joined), self._serial))
        self._queued[kind] += len(taken)
        self._shorten_sound()

    def _fitting(self, packets: Sequence[MediaPacket]) -> Sequence[MediaPacket]:
        """Return the video packets that the queue takes: after one that it does not, none of the same frame."""
        room = self._queued[Kind.VIDEO] + len(packets) <= self._queue
        if room and self._overrun < 0:
            return packets
        if not room:
            self._overrun = max([packet.timestamp for packet in packets])
        kept = [packet for packet in packets if packet.timestamp > self._overrun]
        if kept:
            self._overrun = -1
            self.sender.wish(EVERYBODY, "sweep_queue_full")
        self.sender.drop(DropReason.SWEEP_QUEUE_FULL, len(packets) - len(kept))
        return kept

    def _shorten_sound(self) -> None:
        sound = self._lanes[Kind.AUDIO]
        while self._queued[Kind.AUDIO] > self._queue and len(sound) > 1:
            self.sender.drop(DropReason.SWEEP_QUEUE_FULL, len(sound[0].train.segments))
            self._finish(sound)

    def _begin_waiting(self, kind: Kind, packets: Sequence[MediaPacket]) -> None:
        waiting = self._waiting[kind]
        if not waiting:
            return
        first = next((packet for packet in packets if kind is Kind.AUDIO or packet.starts_keyframe), None)
        if first is None:
            return
        for slot in waiting:
            row = self.plan.row(slot)
            if row is not None:
                begin(row.streams[kind], first)
                self.plan.save(row, kind)
        waiting.clear()

    # Media goes out.

    @property
    def queued(self) -> int:
        """How many packets of video wait for their sweep."""
        return self._queued[Kind.VIDEO]

    @property
    def busy(self) -> bool:
        """Whether `turn` has anything to do."""
        return bool(self._lanes[Kind.AUDIO] or self._lanes[Kind.VIDEO] or self.sender.waiting)

    def turn(self, now: float) -> bool:
        """Send the sound that waits, then one slice of video: the terminals that make up some 144 packets.

        Returns whether more is to be done.
        """
        self.sender.retry()
        time = encode_abs_send_time(now)
        sound, video = self._lanes[Kind.AUDIO], self._lanes[Kind.VIDEO]
        while sound:
            self._slice(sound, len(sound[0].slots), time)
        if video:
            self._slice(video, max(1, SLICE_PACKETS // len(video[0].train.segments)), time)
        return self.busy

    def _slice(self, lane: deque[_Sweep], rows: int, time: bytes) -> None:
        """Serve the next `rows` terminals; who left is passed over, and who came after the train."""
        sweep = lane[0]
        train, row_of, deliver, joined, serial = (
            sweep.train,
            self.plan.row,
            self.sender.deliver,
            self._joined,
            sweep.serial,
        )
        for position in range(sweep.position, len(sweep.slots)):
            slot = sweep.slots[position]
            if joined.get(slot, NEVER) > serial:
                continue
            if not rows:
                sweep.position = position
                return
            rows -= 1
            row = row_of(slot)
            if row is not None:
                deliver(row, train, time)
        self._finish(lane)

    def _finish(self, lane: deque[_Sweep]) -> None:
        train = lane.popleft().train
        self._queued[train.kind] -= len(train.segments)

    # Bursts (pacing.py) take a terminal over until it has caught up with the ring.

    def take_over(self, slot: int, first: MediaPacket) -> Row | None:
        """Begin a waiting stream with `first`, from the ring; the sweeps pass over it until `hand_back`.

        None when the terminal is gone, does not take this kind, or does not wait.
        """
        row = self.plan.row(slot)
        if row is None or slot not in self._waiting[first.kind]:
            return None
        self._waiting[first.kind].discard(slot)
        stream = row.streams[first.kind]
        begin(stream, first)
        stream.from_index = NEVER
        self.plan.save(row, first.kind)
        return row

    def hand_back(self, slot: int, kind: Kind, index: int) -> None:
        """Let sweeps send what the ring stored at `index` and later."""
        row = self.plan.row(slot)
        if row is not None and row.streams[kind].state is State.LIVE:
            row.streams[kind].from_index = index
            self.plan.save(row, kind)

    def abandon(self, slot: int, kind: Kind) -> None:
        """Give a burst up: the stream waits for a keyframe, which is wished."""
        row = self.plan.row(slot)
        if row is not None and row.streams[kind].state is State.LIVE:
            row.streams[kind].state, row.streams[kind].from_index = State.WAITING, NEVER
            self._waiting[kind].add(slot)
            self.plan.save(row, kind)
            self.sender.wish(slot, "burst")


def _interrupted(stream: Stream, state: State) -> State:
    """A stream that never sent has no timestamps to go on with; one that waits for a source goes on waiting for it."""
    if stream.last_arrival == NEVER_SENT:
        return State.WAITING
    return State.SWITCHING if State.SWITCHING in (stream.state, state) else state


def begin(stream: Stream, packet: MediaPacket) -> None:
    """Let `stream` go on with `packet`."""
    stream.begin(packet.sequence, packet.timestamp, packet.index, packet.arrival, packet.kind.clock_rate)
