"""Late joiners: the cached group of pictures first, then the live stream, without a seam."""

from __future__ import annotations

from typing import Any

import pytest

from broadcaster.drops import DropReason
from broadcaster.forward.pacing import MAX_BURST_SECONDS, MAX_GROUP_NUMBERS, TICK_SECONDS, TokenBucket
from broadcaster.media import Kind
from tests.support.forwarding import (
    AnyBursts,
    AnyFanout,
    Lecturer,
    Limits,
    NativeTwin,
    PythonTwin,
    Twin,
    Wire,
    drain,
    terminal,
)
from tests.support.native import needs_native


def run(bursts: AnyBursts, start: float, ticks: int = 10_000) -> float:
    """Let time go by until all have caught up; return when."""
    now = start
    for _ in range(ticks):
        if not len(bursts):
            return now
        bursts.handle_timer(now)
        now += TICK_SECONDS
    raise AssertionError("the bursts do not end")


class TestBursts:
    """The Python twin."""

    twin: Twin = PythonTwin()

    def running(self, frames: int = 30, **changed: Any) -> tuple[Wire, AnyFanout, Lecturer, AnyBursts]:
        """A lecture that has been running for some frames since its last keyframe, without viewers."""
        wire, lecturer, limits = Wire(), Lecturer(), Limits(**changed)
        fanout = self.twin.fanout(wire, limits=limits)
        lecturer.frame(key=True)
        for _ in range(frames):
            lecturer.frame()
        bursts = self.twin.bursts(fanout, lecturer.ring, limits)
        return wire, fanout, lecturer, bursts

    def test_a_late_joiner_gets_the_group_and_then_what_is_live(self) -> None:
        wire, fanout, lecturer, bursts = self.running()
        fanout.join(terminal(0))
        assert bursts.start(0, lecturer.now)
        run(bursts, lecturer.now)
        fanout.offer(lecturer.frame())
        drain(fanout)
        assert wire.sequences(0) == list(range(100, 100 + 3 * 32))
        assert wire.dropped() == {}

    def test_what_is_stored_during_the_burst_comes_once_and_in_order(self) -> None:
        wire, fanout, lecturer, bursts = self.running(frames=100, viewer_bits=20e6)
        fanout.join(terminal(0))
        bursts.start(0, lecturer.now)
        now, frames = lecturer.now, 101
        while len(bursts):
            bursts.handle_timer(now)
            fanout.offer(lecturer.frame())
            frames += 1
            drain(fanout)
            now += TICK_SECONDS
        fanout.offer(lecturer.frame())
        drain(fanout)
        assert wire.sequences(0) == list(range(100, 100 + 3 * (frames + 1)))
        assert wire.dropped() == {}

    def test_a_packet_that_waits_for_its_sweep_is_not_sent_twice(self) -> None:
        """The burst reads the ring, the sweep comes later: the sweep must pass over what the burst took."""
        wire, fanout, lecturer, bursts = self.running()
        fanout.join(terminal(0))
        fanout.offer(lecturer.frame())
        bursts.start(0, lecturer.now)
        run(bursts, lecturer.now)
        drain(fanout)
        assert wire.sequences(0) == list(range(100, 100 + 3 * 32))

    def test_a_burst_keeps_to_the_rate_of_its_viewer(self) -> None:
        _, fanout, _, bursts = self.running(frames=100, viewer_bits=8e6)
        fanout.join(terminal(0))
        bursts.start(0, 0.0)
        octets = 101 * 2600
        took = run(bursts, 0.0)
        assert took == pytest.approx(octets / 1e6, rel=0.15)

    def test_all_bursts_share_the_egress_budget_in_turn(self) -> None:
        wire, fanout, _, bursts = self.running(frames=50, egress_bits=8e6)
        for slot in range(4):
            fanout.join(terminal(slot))
            bursts.start(slot, 0.0)
        took = run(bursts, 0.0)
        assert took == pytest.approx(4 * 51 * 2600 / 1e6, rel=0.15)
        first = [slot for slot, _ in wire.sent[:40]]
        assert {first.count(slot) for slot in range(4)} == {10}

    def test_a_group_that_is_too_large_is_not_sent(self) -> None:
        _, fanout, lecturer, bursts = self.running(max_octets=10_000)
        fanout.join(terminal(0))
        assert not bursts.start(0, lecturer.now)
        assert len(bursts) == 0

    def test_a_group_full_of_holes_is_not_sent(self) -> None:
        """A source that jumps about in its numbers must not make anybody walk them."""
        _, fanout, lecturer, bursts = self.running(frames=1)
        lecturer.video += MAX_GROUP_NUMBERS
        lecturer.frame()
        fanout.join(terminal(0))
        assert not bursts.start(0, lecturer.now)

    def test_without_a_keyframe_or_without_forwarding_there_is_no_burst(self) -> None:
        wire, lecturer = Wire(), Lecturer()
        fanout = self.twin.fanout(wire)
        bursts = self.twin.bursts(fanout, lecturer.ring)
        fanout.join(terminal(0))
        lecturer.frame()
        assert not bursts.start(0, lecturer.now)
        lecturer.frame(key=True)
        fanout.set_forwarding(False)
        assert not bursts.start(0, lecturer.now)
        fanout.set_forwarding(True)
        assert bursts.start(0, lecturer.now)

    def test_a_stream_that_is_live_already_is_left_alone(self) -> None:
        wire, fanout, lecturer, bursts = self.running()
        fanout.join(terminal(0))
        fanout.offer(lecturer.frame(key=True))
        drain(fanout)
        assert not bursts.start(0, lecturer.now)
        assert wire.sequences(0) == [100, 101, 102]

    def test_a_refused_packet_goes_out_again_with_the_same_bytes(self) -> None:
        """The wire would notice other bytes under the same number, the send time among them."""
        wire, fanout, _, bursts = self.running(frames=3)
        fanout.join(terminal(0))
        bursts.start(0, 0.0)
        wire.room = 2
        bursts.handle_timer(0.0)
        wire.room = None
        run(bursts, 1.0)
        assert wire.sequences(0) == list(range(100, 112))
        assert wire.dropped() == {}

    def test_a_burst_that_does_not_end_is_given_up_for_a_keyframe(self) -> None:
        wire, fanout, lecturer, bursts = self.running()
        fanout.join(terminal(0))
        bursts.start(0, 0.0)
        wire.room = 5
        bursts.handle_timer(0.0)
        bursts.handle_timer(MAX_BURST_SECONDS + 0.01)
        assert len(bursts) == 0
        assert wire.wishes == [(0, "burst")]
        wire.room = None
        fanout.offer(lecturer.frame(key=True))
        drain(fanout)
        assert wire.sequences(0)[5:] == [106, 107, 108]

    def test_a_closed_session_ends_its_burst(self) -> None:
        wire, fanout, _, bursts = self.running()
        fanout.join(terminal(0))
        bursts.start(0, 0.0)
        wire.closed.add(1)
        bursts.handle_timer(0.0)
        assert len(bursts) == 0
        assert DropReason.SEAL_ERROR in wire.dropped()

    @pytest.mark.parametrize("end", ["leave", "pause", "source", "reused"])
    def test_what_ends_a_stream_ends_its_burst(self, end: str) -> None:
        wire, fanout, _, bursts = self.running()
        fanout.join(terminal(0))
        bursts.start(0, 0.0)
        wire.room = 4
        bursts.handle_timer(0.0)
        wire.room = None
        if end == "leave":
            fanout.leave(0)
        elif end == "pause":
            fanout.set_forwarding(False)
        elif end == "source":
            fanout.source_changed()
        else:
            fanout.leave(0)
            fanout.join(terminal(0, sequence=7))
        bursts.handle_timer(1.0)
        assert len(bursts) == 0
        assert len(wire.to(0)) == 4

    def test_after_an_interrupted_burst_numbers_go_on(self) -> None:
        wire, fanout, lecturer, bursts = self.running()
        fanout.join(terminal(0))
        bursts.start(0, 0.0)
        wire.room = 4
        bursts.handle_timer(0.0)
        wire.room = None
        fanout.source_changed()
        back = Lecturer(video=99_000, now=lecturer.now)
        bursts.source_changed(back.ring)
        fanout.offer(back.frame(key=True))
        drain(fanout)
        numbers = wire.sequences(0)
        assert numbers == [100, 101, 102, 103, 105, 106, 107]

    def test_a_burst_leaves_the_sound_alone(self) -> None:
        wire, fanout, lecturer, bursts = self.running()
        fanout.join(terminal(0))
        bursts.start(0, 0.0)
        fanout.offer(lecturer.opus())
        drain(fanout)
        run(bursts, 0.0)
        assert wire.sequences(0, Kind.AUDIO) == [100]


@needs_native
class TestNativeBursts(TestBursts):
    """The same of the native twin."""

    twin = NativeTwin()


def test_a_bucket_admits_a_burst_and_then_a_rate() -> None:
    bucket = TokenBucket(100, 100)
    assert sum(bucket.take(1, 0.0) for _ in range(200)) == 100
    assert not bucket.take(1, 0.005)
    assert bucket.wait(1, 0.005) == pytest.approx(0.005)
    assert sum(bucket.take(1, 1.0) for _ in range(200)) == 99 or bucket.wait(1, 1.0) > 0
    assert sum(bucket.take(1, 100.0) for _ in range(200)) == 100


def test_a_bucket_never_runs_backwards() -> None:
    bucket = TokenBucket(10, 1)
    assert bucket.take(1, 5.0)
    assert not bucket.take(1, 1.0)
    assert not bucket.take(1, 5.05)
    assert bucket.take(1, 5.2)
