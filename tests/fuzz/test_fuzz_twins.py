"""Any programme of events does the same to both twins of the fan-out, byte for byte.

**A case is one event, applied to both twins and compared**: datagrams, drops, wishes, what the call returned, and all
rows. Every test counts its cases; together they are more than 100,000.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from broadcaster.drops import DropReason
from broadcaster.forward.cache import Ring
from broadcaster.forward.clock import LectureClock, ReportRound
from broadcaster.forward.native_fanout import NativeFanout
from broadcaster.forward.pacing import GopBursts
from broadcaster.forward.plan import Lane, PlanError, RtxLane, Terminal
from broadcaster.media import Kind, MediaPacket
from broadcaster.rtp.rtcp import Nack, Sdes, compound
from tests.support.forwarding import Lecturer, Limits, NativeTwin, PythonTwin, Twin, Wire
from tests.support.native import needs_native

CAPACITY, QUEUE = 6, 40
NTP_OFFSET = 3_900_000_000.0
LIMITS = Limits(max_octets=60_000, egress_bits=40e6, viewer_bits=8e6, share=0.25)
FEWEST_EVENTS, MOST_EVENTS = 64, 80


class Trunk(Wire):
    """A wire that seals by marking and only remembers: a programme may offer what no ring would store twice."""

    def seal(self, handle: int, packet: bytes) -> bytes:
        if handle in self.closed:
            raise LookupError(handle)
        return packet + handle.to_bytes(4, "big")

    def seal_rtcp(self, handle: int, compound: bytes) -> bytes:
        return self.seal(handle, compound) + b"rtcp"

    def send(self, slot: int, datagram: bytes) -> bool:
        if slot in self.refusing or self.room == 0:
            return False
        if self.room is not None:
            self.room -= 1
        self.datagrams.append((slot, datagram))
        return True


class Stage:
    """One twin with bursts, repair and reports, called as broadcaster/terminals.py calls them."""

    def __init__(self, twin: Twin, ring: Ring) -> None:
        self.wire = Trunk()
        self.fanout: Any = twin.fanout(self.wire, CAPACITY, QUEUE, False, LIMITS)
        self.bursts = twin.bursts(self.fanout, ring, LIMITS)
        self.answers = twin.answers(self.fanout, ring, self.wire, LIMITS)
        self.timeline = LectureClock(NTP_OFFSET)
        self.round = ReportRound()

    def state(self) -> tuple[Any, ...]:
        """Everything that must be equal."""
        wire, fanout = self.wire, self.fanout
        happened = wire.datagrams, wire.wishes, wire.dropped()
        numbers = fanout.busy, fanout.queued, fanout.forwarded, fanout.forwarding, len(self.bursts)
        return *happened, *numbers, bytes(fanout.plan.memory)

    def forget(self) -> None:
        self.wire.datagrams.clear()
        self.wire.wishes.clear()

    def leave(self, slot: int) -> None:
        if isinstance(self.bursts, GopBursts):
            self.bursts.cancel(slot)
        self.answers.forget(slot)
        self.round.forget(slot)
        self.fanout.leave(slot)

    def set_forwarding(self, on: bool) -> None:
        self.fanout.set_forwarding(on)
        if not on:
            self.bursts.stop()

    def source_changed(self, ring: Ring) -> None:
        self.timeline.source_changed()
        if not isinstance(self.fanout, NativeFanout):
            self.fanout.source_changed()
            self.answers.source_changed(ring)
        self.bursts.source_changed(ring)

    def report(self, slot: int, now: float) -> bool:
        """Send what broadcaster/subscription.py does."""
        row = self.fanout.plan.row(slot)
        if row is None:
            return False
        reports = [report for kind in Kind if (report := self.timeline.sender_report(row.streams[kind], kind, now))]
        if not reports:
            return False
        self.round.told(slot)
        try:
            sealed = self.wire.seal_rtcp(row.handle, compound(*reports, Sdes.cname(reports[0].ssrc, "jiangtang")))
        except LookupError:
            self.wire.drops(DropReason.SEAL_ERROR, 1)
        else:
            if not self.wire.send(slot, sealed):
                self.wire.drops(DropReason.WOULD_BLOCK, 1)
        return True

    def handle_reports(self, now: float) -> None:
        if not self.fanout.forwarding or all(self.timeline.origin(kind) is None for kind in Kind):
            return self.round.pause(now)
        for slot in self.round.due(sorted(self.fanout.plan.slots()), now):
            self.report(slot, now)


class NativeStage(Stage):
    """The native twin makes its own reports."""

    def report(self, slot: int, now: float) -> bool:
        self._place()
        return bool(self.fanout.report(slot, now))

    def handle_reports(self, now: float) -> None:
        self._place()
        self.fanout.handle_reports(now)

    def _place(self) -> None:
        self.fanout.clock(NTP_OFFSET, *(self.timeline.origin(kind) for kind in Kind))


class Programme:
    """The same events for both stages; `number` chooses what an event does in detail."""

    def __init__(self) -> None:
        self.lecturer = Lecturer(ring=Ring(1e6, 1 << 22))
        self.stages = Stage(PythonTwin(), self.lecturer.ring), NativeStage(NativeTwin(), self.lecturer.ring)
        self.held: list[MediaPacket] = []
        self.now = 100.0
        self.handle = 0
        self.cases = 0
        self.patience = 0  # events until what refuses accepts again

    def run(self, event: str, number: int) -> None:
        chance = random.Random(number)
        self.patience -= 1
        if not self.patience:
            self.accept(chance)
        getattr(self, event)(chance)
        python, native = self.stages
        assert native.state() == python.state(), event
        for stage in self.stages:
            stage.forget()
        self.cases += 1

    def both(self, call: Callable[[Stage], object]) -> None:
        results = [call(stage) for stage in self.stages]
        assert results[0] == results[1]

    # Who is there.

    def join(self, chance: random.Random) -> None:
        self.handle += 1
        times, mids = chance.choice((0, 0, 2, 15)), chance.choice((0, 4, 16))
        lanes = [
            Lane(
                1000 * (kind + 1) + self.handle,
                100 + kind,
                chance.choice((0, 100, 32_767, chance.randrange(1 << 15))),
                chance.randrange(1 << 32),
                times,
                mids,
                b"m" * chance.randint(1, 16),
            )
            for kind in Kind
        ]
        rtx = RtxLane(3000 + self.handle, 109, chance.choice((0, 32_767))) if chance.random() < 0.6 else None
        audio = lanes[0] if chance.random() < 0.8 else None
        terminal = Terminal(self.handle, audio, lanes[1] if chance.random() < 0.95 else None, rtx)
        self.both(lambda stage: _joined(stage, terminal))
        if chance.random() < 0.3:
            self.burst(chance)

    def leave(self, chance: random.Random) -> None:
        slot = chance.randrange(CAPACITY)
        self.both(lambda stage: stage.leave(slot))

    def close(self, chance: random.Random) -> None:
        """A session ends; its terminal is still there."""
        handle = chance.randint(1, self.handle + 1)
        for stage in self.stages:
            stage.wire.closed.add(handle)

    # Media.

    def _frame(self, chance: random.Random, key: bool) -> list[MediaPacket]:
        most = chance.choice((1, 3, 6, 20))
        size = chance.choice((0, 40, 700, 1200, 1472))
        spread = chance.choice((0, 1, 30, size))
        sizes = [max(0, size - chance.randint(0, spread)) for _ in range(chance.randint(1, most))]
        self.lecturer.now = self.now
        packets = self.lecturer.frame(sizes, key)
        for stage in self.stages:
            stage.timeline.packet(Kind.VIDEO, packets[0].timestamp, self.now)
        return packets

    def _offer(self, packets: list[MediaPacket]) -> None:
        if packets:
            self.both(lambda stage: stage.fanout.offer(packets))

    def frame(self, chance: random.Random, key: bool = False) -> None:
        packets = self._frame(chance, key)
        if chance.random() < 0.2:
            self.held += packets[1::3]
            del packets[1::3]
        if chance.random() < 0.1:
            chance.shuffle(packets)
        if chance.random() < 0.2:
            self._offer(packets[:2])
            del packets[:2]
        self._offer(packets)

    def key(self, chance: random.Random) -> None:
        self.frame(chance, key=True)

    def two_frames(self, chance: random.Random) -> None:
        """What arrived within 2 ms may be more than one picture."""
        first = self._frame(chance, chance.random() < 0.2)
        self._offer(first[-30:] + self._frame(chance, chance.random() < 0.5))

    def gap(self, chance: random.Random) -> None:
        self.lecturer.video += chance.randint(1, 4)

    def late(self, chance: random.Random) -> None:
        if self.held:
            self._offer(
                [self.held.pop(chance.randrange(len(self.held))) for _ in range(chance.randint(1, 2)) if self.held]
            )

    def duplicate(self, chance: random.Random) -> None:
        self._offer(self.lecturer.ring.since(max(0, self.lecturer.ring.next_index - 4), Kind.VIDEO))

    def sound(self, chance: random.Random) -> None:
        self.lecturer.now = self.now
        packets = [
            packet for _ in range(chance.choice((1, 1, 3))) for packet in self.lecturer.opus(chance.randint(0, 300))
        ]
        for stage in self.stages:
            stage.timeline.packet(Kind.AUDIO, packets[0].timestamp, self.now)
        self._offer(packets)

    def turn(self, chance: random.Random) -> None:
        self.now += chance.random() * 0.03
        self.both(lambda stage: stage.fanout.turn(self.now))

    def drain(self, chance: random.Random) -> None:
        for _ in range(50):
            self.turn(chance)

    # Interruptions.

    def on(self, chance: random.Random) -> None:
        self.both(lambda stage: stage.set_forwarding(True))

    def off(self, chance: random.Random) -> None:
        self.both(lambda stage: stage.set_forwarding(False))

    def source(self, chance: random.Random) -> None:
        self.now += chance.random()
        video, audio = chance.randint(1 << 16, 1 << 20), chance.randint(1 << 16, 1 << 20)
        self.lecturer = Lecturer(video, audio, chance.randrange(1 << 33), chance.randrange(1 << 33), self.now)
        self.lecturer.ring = Ring(1e6, 1 << 22)
        self.held.clear()
        self.both(lambda stage: stage.source_changed(self.lecturer.ring))

    def refuse(self, chance: random.Random) -> None:
        self.patience = chance.randint(2, 5)
        room, slot = chance.choice((0, 1, 2, 5, None)), chance.randrange(CAPACITY)
        for stage in self.stages:
            stage.wire.room = room
            if room is None:
                stage.wire.refusing.add(slot)

    def accept(self, chance: random.Random) -> None:
        for stage in self.stages:
            stage.wire.room = None
            stage.wire.refusing.clear()

    # What terminals ask for, and what they are told.

    def nack(self, chance: random.Random) -> None:
        slot = chance.randrange(CAPACITY)
        row = self.stages[0].fanout.plan.row(slot)
        stream = None if row is None else row.streams[chance.choice((Kind.VIDEO, Kind.VIDEO, Kind.AUDIO))]
        ssrc, newest = (5, 100) if stream is None else (stream.ssrc, stream.next_sequence)
        back = chance.choice((3, 30, 2000))
        lost = tuple([newest - chance.randint(-1, back) & 0xFFFF for _ in range(chance.randint(1, 40))])
        rtt = chance.choice((0.0, 0.05, 1.0))
        self.both(lambda stage: stage.answers.answer(slot, Nack(1, ssrc, lost), rtt, self.now))

    def burst(self, chance: random.Random) -> None:
        slot = chance.randrange(CAPACITY)
        self.both(lambda stage: stage.bursts.start(slot, self.now))

    def tick(self, chance: random.Random) -> None:
        self.now += chance.choice((0.0, 0.005, 0.005, 0.02, 1.1))
        self.both(lambda stage: stage.bursts.handle_timer(self.now))

    def report(self, chance: random.Random) -> None:
        slot = chance.randrange(CAPACITY)
        self.both(lambda stage: stage.report(slot, self.now))

    def reports(self, chance: random.Random) -> None:
        self.now += chance.choice((0.0, 0.02, 0.3))
        self.both(lambda stage: stage.handle_reports(self.now))


def _joined(stage: Stage, terminal: Terminal) -> int | str:
    try:
        return int(stage.fanout.join(terminal).slot)
    except PlanError as error:
        return str(error)


LECTURE = ("frame", "frame", "frame", "key", "two_frames", "gap", "late", "duplicate", "sound", "turn", "turn", "drain")
PEOPLE = ("join", "join", "join", "leave", "refuse")
CHANGES = ("on", "on", "on", "key", "off", "source", "close")
WISHES = ("nack", "nack", "burst", "burst", "tick", "tick", "tick", "report", "reports")
MIXES = {
    "lecture": LECTURE * 3 + PEOPLE + ("on",),
    "people": LECTURE + PEOPLE * 2 + CHANGES,
    "late joiners": LECTURE + PEOPLE + ("on", "key", "burst", "burst", "join", "tick", "tick", "tick", "tick"),
    "losses": LECTURE * 2 + ("join", "on", "refuse", "close") + ("nack",) * 8,
    "everything": LECTURE + PEOPLE + CHANGES + WISHES,
}


@needs_native
@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("part", range(2))
def test_both_twins_do_the_same(mix: str, part: int) -> None:
    cases = 0

    @settings(  # making a failing programme smaller takes longer than a test may
        max_examples=165,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.lists(
            st.tuples(st.sampled_from(MIXES[mix]), st.integers(0, (1 << 32) - 1)),
            min_size=FEWEST_EVENTS,
            max_size=MOST_EVENTS,
        )
    )
    def programme(events: list[tuple[str, int]]) -> None:
        nonlocal cases
        stage = Programme()
        for number in range(3 + part):
            stage.run("join", 1000 * part + number)
        stage.run("on", 0)
        for event, number in events:
            stage.run(event, number)
        cases += stage.cases

    programme()
    assert cases >= 10_000
