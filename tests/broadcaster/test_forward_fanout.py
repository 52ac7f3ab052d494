"""The fan-out: headers, trains, refusals, sound between slices, pauses and changes of the source."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broadcaster.drops import DropReason
from broadcaster.forward.fanout import EVERYBODY, SLICE_PACKETS
from broadcaster.forward.layout import Row, State
from broadcaster.media import Kind
from broadcaster.rtp.extensions import abs_send_time, decode_abs_send_time
from tests.support.forwarding import (
    MID_ID,
    TIME_ID,
    AnyFanout,
    Lecturer,
    NativeTwin,
    PythonTwin,
    Twin,
    Wire,
    drain,
    terminal,
)
from tests.support.native import needs_native

SLICE_ROWS = SLICE_PACKETS // 3  # of pictures with three packets


class TestFanout:
    """The Python twin."""

    twin: Twin = PythonTwin()

    def begun(self, count: int = 1, **options: Any) -> tuple[Wire, AnyFanout, Lecturer]:
        """Return a fan-out with `count` terminals that have got a keyframe and a packet of sound."""
        wire, lecturer = Wire(), Lecturer()
        fanout = self.twin.fanout(wire)
        for slot in range(count):
            fanout.join(terminal(slot, **options))
        fanout.offer(lecturer.frame(key=True))
        fanout.offer(lecturer.opus())
        drain(fanout)
        return wire, fanout, lecturer

    # What a terminal sees.

    def test_every_terminal_gets_its_own_numbers_and_the_same_picture(self) -> None:
        wire, lecturer = Wire(), Lecturer()
        fanout = self.twin.fanout(wire)
        for slot in range(3):
            fanout.join(terminal(slot, sequence=1000 * slot, timestamp=7 * slot))
        packets = lecturer.frame(key=True)
        fanout.offer(packets)
        drain(fanout, now=12.5)
        for slot in range(3):
            seen = wire.to(slot)
            assert [packet.payload for packet in seen] == [packet.payload for packet in packets]
            assert [packet.sequence for packet in seen] == [1000 * slot + number for number in range(3)]
            assert {packet.timestamp for packet in seen} == {packets[0].timestamp + 7 * slot & 0xFFFFFFFF}
            assert [packet.marker for packet in seen] == [False, False, True]
            assert {packet.payload_type for packet in seen} == {108}
            assert {packet.extension(MID_ID) for packet in seen} == {b"1"}
            assert {decode_abs_send_time(packet.extension(TIME_ID) or b"") for packet in seen} == {abs_send_time(12.5)}

    def test_a_train_is_padded_to_one_size_but_for_its_last_packet(self) -> None:
        wire, fanout, lecturer = self.begun()
        wire.datagrams.clear()
        fanout.offer(lecturer.frame(sizes=(1000, 998, 999, 300)))
        drain(fanout)
        lengths = [len(datagram) for _, datagram in wire.datagrams]
        assert lengths[0] == lengths[1] == lengths[2] > lengths[3]
        assert [len(packet.payload) for packet in wire.to(0)[-4:]] == [1000, 998, 999, 300]

    def test_without_retransmission_there_is_neither_padding_nor_send_time(self) -> None:
        wire, fanout, lecturer = self.begun(rtx=False)
        fanout.offer(lecturer.frame(sizes=(1000, 998, 999, 300)))
        drain(fanout)
        seen = wire.to(0)[-4:]
        assert [packet.padding for packet in seen] == [0, 0, 0, 0]
        assert {packet.extension(TIME_ID) for packet in seen} == {None}
        assert {packet.extension(MID_ID) for packet in seen} == {b"1"}

    def test_counters_for_sender_reports_stand_in_the_flat_row(self) -> None:
        wire, fanout, lecturer = self.begun()
        fanout.offer(lecturer.frame(sizes=(1000, 998, 999, 300)))
        drain(fanout)
        stream = Row.read(fanout.plan.memory, 0).streams[Kind.VIDEO]
        assert stream.packets == len(wire.to(0)) == 7
        assert stream.octets == sum(len(packet.payload) for packet in wire.to(0))

    @pytest.mark.parametrize("sequence", [32_000, 32_767])
    def test_numbers_go_on_across_the_wrap(self, sequence: int) -> None:
        wire, fanout, lecturer = self.begun(sequence=sequence, audio=False)
        for _ in range(1_700):
            fanout.offer(lecturer.frame(sizes=(5,) * 20))
            drain(fanout)
        assert wire.sequences(0) == [sequence + step & 0xFFFF for step in range(3 + 34_000)]
        assert wire.sequences(0)[-1] < sequence

    # Beginning.

    def test_video_begins_with_a_keyframe_and_sound_at_once(self) -> None:
        wire, lecturer = Wire(), Lecturer()
        fanout = self.twin.fanout(wire)
        fanout.join(terminal(0))
        fanout.offer(lecturer.frame())
        fanout.offer(lecturer.opus())
        drain(fanout)
        assert wire.to(0) == []
        assert len(wire.to(0, Kind.AUDIO)) == 1
        assert wire.dropped() == {DropReason.AWAITING_KEYFRAME: 3}
        fanout.offer(lecturer.frame(key=True))
        drain(fanout)
        assert wire.sequences(0) == [100, 101, 102]

    def test_a_train_with_a_keyframe_inside_begins_there(self) -> None:
        wire, lecturer = Wire(), Lecturer()
        fanout = self.twin.fanout(wire)
        fanout.join(terminal(0))
        fanout.offer(lecturer.frame() + lecturer.frame(key=True))
        drain(fanout)
        assert len(wire.to(0)) == 3
        assert wire.sequences(0) == [100, 101, 102]

    def test_a_terminal_without_sound_gets_none_and_nothing_is_counted(self) -> None:
        wire, _, _ = self.begun(audio=False)
        assert wire.to(0, Kind.AUDIO) == []
        assert wire.dropped() == {}

    def test_a_terminal_that_joins_during_a_sweep_waits_for_its_own_keyframe(self) -> None:
        wire, lecturer = Wire(), Lecturer()
        fanout = self.twin.fanout(wire)
        for slot in range(SLICE_ROWS + 1):
            fanout.join(terminal(slot))
        fanout.offer(lecturer.frame(key=True))
        fanout.turn(0.0)
        fanout.join(terminal(SLICE_ROWS + 1))
        drain(fanout)
        assert wire.to(SLICE_ROWS + 1) == []
        assert len(wire.to(SLICE_ROWS)) == 3

    def test_a_terminal_that_leaves_during_a_sweep_is_not_sealed_for(self) -> None:
        wire, lecturer = Wire(), Lecturer()
        fanout = self.twin.fanout(wire)
        for slot in range(SLICE_ROWS + 2):
            fanout.join(terminal(slot))
        fanout.offer(lecturer.frame(key=True))
        fanout.turn(0.0)
        fanout.leave(SLICE_ROWS)
        wire.closed.add(SLICE_ROWS + 1)
        drain(fanout)
        assert wire.to(SLICE_ROWS) == []
        assert len(wire.to(SLICE_ROWS + 1)) == 3

    def test_a_slot_that_is_given_away_during_a_sweep_gets_nothing_of_it(self) -> None:
        wire, lecturer = Wire(), Lecturer()
        fanout = self.twin.fanout(wire)
        for slot in range(SLICE_ROWS + 1):
            fanout.join(terminal(slot))
        fanout.offer(lecturer.frame(key=True))
        fanout.turn(0.0)
        fanout.leave(SLICE_ROWS)
        assert fanout.join(terminal(SLICE_ROWS)).slot == SLICE_ROWS
        drain(fanout)
        assert wire.to(SLICE_ROWS) == []

    # Late packets.

    def test_a_packet_that_comes_late_keeps_its_place(self) -> None:
        wire, fanout, lecturer = self.begun()
        packets = lecturer.frame()
        fanout.offer([packets[0], packets[2]])
        fanout.offer(lecturer.frame())
        fanout.offer([packets[1]])
        drain(fanout)
        assert wire.sequences(0) == [100, 101, 102, 103, 105, 106, 107, 108, 104]
        fanout.offer(lecturer.frame())
        drain(fanout)
        assert wire.sequences(0)[-3:] == [109, 110, 111]

    def test_a_packet_from_before_the_stream_began_is_dropped(self) -> None:
        wire, lecturer = Wire(), Lecturer()
        fanout = self.twin.fanout(wire)
        fanout.join(terminal(0))
        missing = lecturer.frame()
        fanout.offer(lecturer.frame(key=True))
        fanout.offer([missing[1]])
        late = lecturer.ring.since(0, Kind.VIDEO)[1]
        assert late is missing[1]
        drain(fanout)
        assert wire.sequences(0) == [100, 101, 102]

    # Refusals.

    def test_video_is_lost_to_the_end_of_the_frame_and_a_keyframe_wished(self) -> None:
        wire, fanout, lecturer = self.begun(2)
        wire.wishes.clear()
        packets = lecturer.frame(sizes=(9, 9, 9, 9))
        wire.refusing.add(0)
        fanout.offer(packets[:2])
        drain(fanout)
        assert wire.wishes == []
        wire.refusing.clear()
        fanout.offer(packets[2:])
        drain(fanout)
        assert wire.wishes == [(0, "would_block")]
        assert wire.dropped() == {DropReason.WOULD_BLOCK: 1, DropReason.FRAME_REMAINDER: 3}
        fanout.offer(lecturer.frame())
        drain(fanout)
        assert wire.sequences(0) == [100, 101, 102, 107, 108, 109]
        assert wire.sequences(1) == list(range(100, 110))

    def test_the_next_frame_ends_the_loss_when_the_last_packet_never_came(self) -> None:
        wire, fanout, lecturer = self.begun()
        wire.wishes.clear()
        wire.refusing.add(0)
        fanout.offer(lecturer.frame()[:2])
        drain(fanout)
        wire.refusing.clear()
        fanout.offer(lecturer.frame())
        drain(fanout)
        assert wire.wishes == [(0, "would_block")]
        assert wire.sequences(0)[-3:] == [106, 107, 108]

    def test_a_refusal_inside_a_train_of_two_frames_loses_one(self) -> None:
        wire, fanout, lecturer = self.begun()
        wire.wishes.clear()
        fanout.offer(lecturer.frame() + lecturer.frame())
        wire.room = 1
        fanout.turn(0.0)
        wire.room = None
        drain(fanout)
        assert wire.dropped()[DropReason.WOULD_BLOCK] == 2
        assert wire.sequences(0) == [100, 101, 102, 103]
        assert (0, "would_block") in wire.wishes

    def test_refusing_the_last_packet_of_a_frame_loses_that_packet_only(self) -> None:
        wire, fanout, lecturer = self.begun()
        wire.wishes.clear()
        wire.room = 2
        fanout.offer(lecturer.frame())
        fanout.turn(0.0)
        wire.room = None
        fanout.offer(lecturer.frame())
        drain(fanout)
        assert wire.dropped() == {DropReason.WOULD_BLOCK: 1}
        assert wire.sequences(0) == [100, 101, 102, 103, 104, 106, 107, 108]
        assert wire.wishes == [(0, "would_block")]

    def test_refused_sound_is_tried_once_more_with_the_same_bytes(self) -> None:
        wire, fanout, lecturer = self.begun()
        wire.refusing.add(0)
        fanout.offer(lecturer.opus())
        assert fanout.turn(1.0)
        wire.refusing.clear()
        assert not fanout.turn(2.0)
        sound = wire.to(0, Kind.AUDIO)
        assert [packet.sequence for packet in sound] == [100, 101]
        assert decode_abs_send_time(sound[1].extension(TIME_ID) or b"") == abs_send_time(1.0)
        assert wire.dropped() == {}

    def test_sound_refused_twice_is_dropped(self) -> None:
        wire, fanout, lecturer = self.begun()
        wire.refusing.add(0)
        fanout.offer(lecturer.opus())
        assert drain(fanout) == 2
        assert wire.dropped() == {DropReason.WOULD_BLOCK: 1}
        assert not fanout.busy

    def test_a_closed_session_costs_nobody_else_a_packet(self) -> None:
        wire, fanout, lecturer = self.begun(3)
        wire.closed.add(2)
        fanout.offer(lecturer.frame())
        drain(fanout)
        assert [len(wire.to(slot)) for slot in range(3)] == [6, 3, 6]
        assert wire.dropped() == {DropReason.SEAL_ERROR: 3}

    # Queues and slices.

    def test_sound_goes_between_the_slices_of_a_sweep(self) -> None:
        wire, fanout, lecturer = self.begun(3 * SLICE_ROWS // 2)
        wire.sent.clear()
        fanout.offer(lecturer.frame())
        fanout.turn(0.0)
        fanout.offer(lecturer.opus())
        drain(fanout)
        kinds = "".join("v" if packet.payload_type == 108 else "a" for _, packet in wire.sent)
        assert kinds == "vvv" * SLICE_ROWS + "a" * (3 * SLICE_ROWS // 2) + "vvv" * (SLICE_ROWS // 2)

    def test_a_large_picture_is_sent_in_as_large_slices_as_a_small_one(self) -> None:
        wire, fanout, lecturer = self.begun(5)
        wire.sent.clear()
        fanout.offer(lecturer.frame(sizes=(500,) * 64))
        assert fanout.turn(0.0)
        assert {slot for slot, _ in wire.sent} == {0, 1}
        assert drain(fanout) == 2

    def test_a_full_queue_drops_video_to_the_end_of_the_frame_for_everybody(self) -> None:
        wire, lecturer = Wire(), Lecturer()
        fanout = self.twin.fanout(wire, queue=6)
        fanout.join(terminal(0))
        fanout.offer(lecturer.frame(key=True))
        fanout.offer(lecturer.frame())
        crowded = lecturer.frame()
        fanout.offer(crowded[:1])
        drain(fanout)
        fanout.offer(crowded[1:])
        assert wire.dropped() == {DropReason.SWEEP_QUEUE_FULL: 3}
        fanout.offer(lecturer.frame())
        drain(fanout)
        assert wire.wishes == [(EVERYBODY, "sweep_queue_full")]
        assert wire.sequences(0) == [100, 101, 102, 103, 104, 105, 109, 110, 111]

    def test_a_full_queue_drops_the_oldest_sound(self) -> None:
        wire, lecturer = Wire(), Lecturer()
        small = self.twin.fanout(wire, queue=2)
        small.join(terminal(1))
        for _ in range(4):
            small.offer(lecturer.opus())
        assert wire.dropped() == {DropReason.SWEEP_QUEUE_FULL: 2}

    # Pauses and changes of the source.

    def test_nothing_flows_while_forwarding_is_off(self) -> None:
        wire, lecturer = Wire(), Lecturer()
        fanout = self.twin.fanout(wire, forwarding=False)
        fanout.join(terminal(0))
        fanout.offer(lecturer.frame(key=True))
        assert not fanout.busy
        assert wire.dropped() == {DropReason.NOT_FORWARDING: 3}
        assert fanout.forwarded == 0

    def test_turning_off_drops_what_waits_at_once(self) -> None:
        wire, fanout, lecturer = self.begun()
        fanout.offer(lecturer.frame())
        fanout.set_forwarding(False)
        assert not fanout.turn(0.0)
        assert wire.dropped() == {DropReason.NOT_FORWARDING: 3}

    def test_after_a_pause_numbers_are_contiguous_and_timestamps_tell_the_pause(self) -> None:
        wire, fanout, lecturer = self.begun()
        before = wire.to(0)[-1]
        fanout.set_forwarding(False)
        for _ in range(300):
            fanout.offer(lecturer.frame())
            fanout.offer(lecturer.opus())
        fanout.set_forwarding(True)
        assert wire.wishes[-1] == (EVERYBODY, "forwarding")
        fanout.offer(lecturer.frame())
        fanout.offer(lecturer.opus())
        fanout.offer(lecturer.frame(key=True))
        drain(fanout)
        after = wire.to(0)[3:]
        assert [packet.sequence for packet in after] == [103, 104, 105]
        assert after[0].timestamp - before.timestamp & 0xFFFFFFFF == 302 * 3000
        sound = wire.to(0, Kind.AUDIO)
        assert [packet.sequence for packet in sound] == [100, 101]
        assert sound[1].timestamp - sound[0].timestamp & 0xFFFFFFFF == 301 * 1920

    @pytest.mark.parametrize("other", [66_000, 65_536 + 65_533, 1 << 20])
    def test_another_source_goes_on_under_the_same_ssrc_numbers_and_clock(self, other: int) -> None:
        wire, fanout, lecturer = self.begun()
        last_video, last_sound = wire.to(0)[-1], wire.to(0, Kind.AUDIO)[-1]
        gone = lecturer.now - 1 / 30
        fanout.offer(lecturer.frame())
        fanout.source_changed()
        back = Lecturer(video=other, audio=other, timestamp=1 << 35, sound=5 << 33, now=gone + 7.0)
        fanout.offer(back.frame())
        fanout.offer(back.frame(key=True))
        fanout.offer(back.opus())
        drain(fanout)
        video, sound = wire.to(0)[3:], wire.to(0, Kind.AUDIO)[1:]
        assert [packet.sequence for packet in video] == [103, 104, 105]
        assert [packet.sequence for packet in sound] == [101]
        assert {packet.ssrc for packet in video} == {last_video.ssrc}
        elapsed = 7.0 + 1 / 30
        assert video[0].timestamp - last_video.timestamp & 0xFFFFFFFF == round(elapsed * 90_000)
        assert abs((sound[0].timestamp - last_sound.timestamp & 0xFFFFFFFF) - (elapsed) * 48_000) < 48 * 40
        assert wire.dropped() == {DropReason.BEFORE_SWITCH: 3, DropReason.AWAITING_KEYFRAME: 3}

    def test_a_source_that_comes_back_at_once_still_moves_the_clock(self) -> None:
        wire, fanout, lecturer = self.begun()
        last = wire.to(0)[-1]
        fanout.source_changed()
        back = Lecturer(video=90_000, now=lecturer.now - 1)
        fanout.offer(back.frame(key=True))
        drain(fanout)
        assert wire.to(0)[3].timestamp == last.timestamp + 1 & 0xFFFFFFFF

    def test_a_terminal_that_never_got_anything_begins_with_its_own_offset(self) -> None:
        wire, fanout, lecturer = self.begun()
        fanout.join(terminal(1, timestamp=77))
        fanout.source_changed()
        back = Lecturer(video=90_000, timestamp=1000, now=lecturer.now)
        fanout.offer(back.frame(key=True))
        drain(fanout)
        assert wire.to(1)[0].timestamp == 1077
        assert wire.sequences(1) == [100, 101, 102]

    def test_a_pause_during_a_change_of_source_does_not_forget_the_change(self) -> None:
        wire, fanout, lecturer = self.begun()
        last = wire.to(0)[-1]
        fanout.source_changed()
        fanout.set_forwarding(False)
        fanout.set_forwarding(True)
        back = Lecturer(video=90_000, timestamp=5, now=lecturer.now + 2 - 1 / 30)
        fanout.offer(back.frame(key=True))
        drain(fanout)
        assert wire.to(0)[3].timestamp - last.timestamp & 0xFFFFFFFF == 180_000

    EVENTS = st.sampled_from(
        ["frame", "frame", "frame", "key", "sound", "late", "refuse", "off", "on", "source", "turn", "gap"]
    )

    # The twins run the same function, and share nothing.
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    @given(st.lists(EVENTS, max_size=60), st.booleans(), st.integers(0, 32767))
    def test_whatever_happens_numbers_are_unique_and_time_goes_on(
        self, events: list[str], rtx: bool, sequence: int
    ) -> None:
        """The wire checks that no number is sealed with two contents; here: order, timestamps and the flat row."""
        wire, lecturer = Wire(), Lecturer()
        fanout = self.twin.fanout(wire, queue=40)
        fanout.join(terminal(0, sequence=sequence, rtx=rtx))
        held: list[Any] = []
        for event in events:
            if event in ("frame", "key"):
                packets = lecturer.frame(key=event == "key")
                held.append(packets[1])
                fanout.offer([packets[0], packets[2]])
            elif event == "late" and held:
                fanout.offer([held.pop()])
            elif event == "sound":
                fanout.offer(lecturer.opus())
            elif event == "gap":
                lecturer.video += 3
            elif event == "refuse":
                wire.room = 1
            elif event in ("on", "off"):
                fanout.set_forwarding(event == "on")
            elif event == "source":
                fanout.source_changed()
                held.clear()
                lecturer = Lecturer(video=lecturer.video * 3 % 65_536 + 65_536, timestamp=9, now=lecturer.now + 1)
            if event == "turn":
                wire.room = None
                drain(fanout, lecturer.now)
        wire.room = None
        drain(fanout, lecturer.now)
        for kind in Kind:
            seen = wire.to(0, kind)
            numbers = [packet.sequence - sequence & 0xFFFF for packet in seen]
            assert len(set(numbers)) == len(numbers)
            by_number = [
                packet.timestamp - 5000 & 0xFFFFFFFF
                for _, packet in sorted(zip(numbers, seen, strict=True), key=lambda pair: pair[0])
            ]
            steps = [later - earlier & 0xFFFFFFFF for earlier, later in pairwise(by_number)]
            assert all(step < 1 << 31 for step in steps)
            row = fanout.plan.row(0)
            assert row is not None
            assert Row.read(fanout.plan.memory, 0) == row
            assert row.streams[kind].packets == len(seen)
            if numbers and row.streams[kind].state is State.LIVE:
                assert (row.streams[kind].next_sequence - sequence) >= max(numbers) + 1


@needs_native
class TestNativeFanout(TestFanout):
    """The same of the native twin."""

    twin = NativeTwin()
