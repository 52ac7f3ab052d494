"""Loss repair: what is asked of the lecturer, and what a terminal may have again."""

from __future__ import annotations

from typing import Any

import pytest

from broadcaster.drops import DropReason
from broadcaster.forward.cache import Ring
from broadcaster.forward.nack import FIRST_BUDGET_OCTETS, MAX_MISSING, MAX_TRIES, NackGenerator
from broadcaster.media import Kind
from broadcaster.rtp.packet import original_of
from broadcaster.rtp.rtcp import Nack
from tests.support.forwarding import (
    AUDIO_SSRC,
    VIDEO_SSRC,
    AnyFanout,
    AnyRetransmitter,
    Lecturer,
    NativeTwin,
    PythonTwin,
    Twin,
    Wire,
    drain,
    terminal,
)
from tests.support.native import needs_native

# Upstream.


@pytest.mark.parametrize("start", [0, 65_533, 65_535, 65_536, 131_070])
def test_what_is_missing_is_asked_for_after_a_moment(start: int) -> None:
    nack = NackGenerator()
    nack.received(start, 0.0)
    nack.received(start + 3, 0.0)
    assert nack.due(0.001, 0.1) == ()
    assert nack.due(0.006, 0.1) == (start + 1 & 0xFFFF, start + 2 & 0xFFFF)


def test_reordering_is_not_asked_for() -> None:
    nack = NackGenerator()
    nack.received(10, 0.0)
    nack.received(12, 0.0)
    assert nack.received(11, 0.001)
    assert nack.due(1.0, 0.1) == ()
    assert nack.next_timer() is None


def test_a_request_is_repeated_every_round_trip_and_a_half() -> None:
    nack = NackGenerator()
    nack.received(10, 0.0)
    nack.received(12, 0.0)
    assert nack.due(0.01, 0.1) == (11,)
    assert nack.due(0.1, 0.1) == ()
    assert nack.next_timer() == pytest.approx(0.16)
    assert nack.due(0.161, 0.1) == (11,)


def test_a_packet_that_never_comes_is_given_up_and_told() -> None:
    nack, now, asked = NackGenerator(), 0.0, 0
    nack.received(10, now)
    nack.received(12, now)
    while len(nack):
        now += 0.021
        asked += len(nack.due(now, 0.0))
    assert asked == MAX_TRIES
    assert nack.take_lost() == 1
    assert nack.take_lost() == 0


def test_giving_up_takes_a_second_at_most() -> None:
    nack = NackGenerator()
    nack.received(10, 0.0)
    nack.received(12, 0.0)
    nack.due(0.5, 5.0)
    assert nack.due(1.0, 5.0) == ()
    assert nack.take_lost() == 1


def test_a_great_hole_is_not_asked_for() -> None:
    nack = NackGenerator()
    nack.received(10, 0.0)
    nack.received(10 + MAX_MISSING + 2, 0.0)
    assert len(nack) == 0
    assert nack.take_lost() == MAX_MISSING + 1
    nack.received(10 + MAX_MISSING + 4, 0.0)
    assert nack.due(0.1, 0.1) == (10 + MAX_MISSING + 3,)


def test_old_and_repeated_packets_open_no_gap() -> None:
    nack = NackGenerator()
    for sequence in (10, 11, 5, 11, 12):
        assert not nack.received(sequence, 0.0)
    assert len(nack) == 0


# Downstream.


def nack_of(*lost: int, slot: int = 0, ssrc: int = VIDEO_SSRC) -> Nack:
    return Nack(1, ssrc + slot, lost)


class TestRetransmitter:
    """The Python twin."""

    twin: Twin = PythonTwin()

    def watching(self, frames: int = 40, **options: Any) -> tuple[Wire, AnyFanout, Lecturer, AnyRetransmitter]:
        """Two terminals that have got `frames` pictures; the ring holds twelve seconds."""
        wire, lecturer = Wire(), Lecturer(ring=Ring(12.0, 4 << 20))
        fanout = self.twin.fanout(wire)
        for slot in range(2):
            fanout.join(terminal(slot, **options))
        answers = self.twin.answers(fanout, lecturer.ring, wire)
        for number in range(frames):
            fanout.offer(lecturer.frame(key=number == 0))
            fanout.offer(lecturer.opus())
            drain(fanout, now=number / 30)
        return wire, fanout, lecturer, answers

    @pytest.mark.parametrize("sequence", [0, 100, 32_700])
    def test_a_retransmission_is_the_packet_under_a_number_of_its_own(self, sequence: int) -> None:
        wire, _, _, answers = self.watching(sequence=sequence)
        wanted = wire.to(0)[5]
        assert answers.answer(0, nack_of(wanted.sequence), 0.1, 2.0) == 1
        assert answers.answer(0, nack_of(wanted.sequence + 1), 0.1, 2.0) == 1
        assert [packet.sequence for packet in wire.rtx(0)] == [sequence, sequence + 1]
        assert {packet.payload_type for packet in wire.rtx(0)} == {109}
        original = original_of(wire.rtx(0)[0], VIDEO_SSRC, 108)
        assert original is not None
        assert (original.sequence, original.timestamp, original.payload, original.marker) == (
            wanted.sequence,
            wanted.timestamp,
            wanted.payload,
            wanted.marker,
        )

    def test_without_rtx_the_very_same_packet_goes_out_again(self) -> None:
        """The wire would notice other bytes under the same number."""
        wire, _, _, answers = self.watching(rtx=False)
        wanted = wire.to(0)[5]
        assert answers.answer(0, nack_of(wanted.sequence), 0.1, 2.0) == 1
        assert wire.to(0)[-1] == wanted

    def test_without_rtx_nothing_older_than_a_thousand_packets(self) -> None:
        wire, _, _, answers = self.watching(rtx=False, frames=340)
        numbers = wire.sequences(0)
        assert answers.answer(0, nack_of(numbers[-1001]), 0.1, 20.0) == 0
        assert answers.answer(0, nack_of(numbers[-1000]), 0.1, 20.0) == 1
        assert wire.dropped() == {DropReason.RING_EXPIRED: 1}

    def test_sound_with_send_time_cannot_be_the_same_again(self) -> None:
        _, _, _, answers = self.watching()
        assert answers.answer(0, nack_of(110, ssrc=AUDIO_SSRC), 0.1, 2.0) == 0
        _, _, _, answers = self.watching(times=False)
        assert answers.answer(0, nack_of(110, ssrc=AUDIO_SSRC), 0.1, 2.0) == 1

    def test_a_packet_is_sent_again_once_per_round_trip(self) -> None:
        wire, _, _, answers = self.watching()
        assert answers.answer(0, nack_of(105, 105), 0.1, 2.0) == 1
        assert answers.answer(0, nack_of(105), 0.1, 2.05) == 0
        assert answers.answer(0, nack_of(105), 0.1, 2.11) == 1
        assert wire.dropped() == {DropReason.NACK_REPEATED: 2}

    def test_a_storm_takes_its_share_and_others_lose_nothing(self) -> None:
        wire, _, _, answers = self.watching(frames=200)
        everything = nack_of(*wire.sequences(0))
        for round_trip in range(50):
            answers.answer(0, everything, 0.01, 100.0 + round_trip)
        again = sum(len(packet.payload) for packet in wire.rtx(0))
        sent = sum(len(packet.payload) for packet in wire.to(0))
        assert again <= FIRST_BUDGET_OCTETS + 0.25 * sent
        assert DropReason.NACK_BUDGET in wire.dropped()
        other = wire.to(1)[-1].sequence
        assert answers.answer(1, nack_of(other, slot=1), 0.01, 200.0) == 1

    def test_the_budget_comes_back_with_what_is_sent(self) -> None:
        wire, fanout, lecturer, answers = self.watching(frames=200)
        everything = nack_of(*wire.sequences(0))
        for round_trip in range(5):
            answers.answer(0, everything, 0.0, 100.0 + round_trip)
        assert answers.answer(0, nack_of(wire.sequences(0)[-1]), 0.0, 200.0) == 0
        for _ in range(10):
            fanout.offer(lecturer.frame())
            drain(fanout)
        assert answers.answer(0, nack_of(wire.sequences(0)[-1]), 0.0, 201.0) == 1

    def test_what_the_ring_lost_is_counted(self) -> None:
        wire, _, _, answers = self.watching(frames=600)
        assert answers.answer(0, nack_of(101), 0.1, 2.0) == 0
        assert wire.dropped() == {DropReason.RING_EXPIRED: 1}

    @pytest.mark.parametrize("sequence", [99, 60_000, 100 + 120])
    def test_numbers_that_never_went_out_are_refused(self, sequence: int) -> None:
        wire, _, _, answers = self.watching()
        assert answers.answer(0, nack_of(sequence), 0.1, 2.0) == 0
        assert wire.dropped() == {DropReason.BEFORE_SWITCH: 1}

    def test_numbers_from_before_a_change_of_the_source_name_nothing(self) -> None:
        wire, fanout, lecturer, answers = self.watching()
        fanout.source_changed()
        back = Lecturer(video=70_000, now=lecturer.now)
        answers.source_changed(back.ring)
        assert answers.answer(0, nack_of(150), 0.1, 2.0) == 0
        fanout.offer(back.frame(key=True))
        drain(fanout)
        assert answers.answer(0, nack_of(150), 0.1, 2.0) == 0
        assert answers.answer(0, nack_of(221), 0.1, 2.0) == 1
        assert wire.dropped() == {DropReason.NOT_FORWARDING: 1, DropReason.BEFORE_SWITCH: 1}

    def test_requests_about_streams_of_others_are_passed_over(self) -> None:
        wire, _, _, answers = self.watching()
        assert answers.answer(0, nack_of(105, slot=1), 0.1, 2.0) == 0
        assert answers.answer(77, nack_of(105), 0.1, 2.0) == 0
        assert wire.dropped() == {}

    def test_a_slot_that_was_given_away_has_a_new_account(self) -> None:
        _, fanout, lecturer, answers = self.watching()
        answers.answer(0, nack_of(105), 0.1, 2.0)
        answers.forget(0)
        fanout.leave(0)
        fanout.join(terminal(0, sequence=5000))
        fanout.offer(lecturer.frame(key=True))
        drain(fanout)
        assert answers.answer(0, nack_of(5001), 0.1, 2.0) == 1

    def test_refusals_and_closed_sessions_are_counted(self) -> None:
        wire, _, _, answers = self.watching()
        wire.refusing.add(0)
        assert answers.answer(0, nack_of(105), 0.1, 2.0) == 0
        wire.closed.add(2)
        assert answers.answer(1, nack_of(105, slot=1), 0.1, 2.0) == 0
        assert wire.dropped() == {DropReason.WOULD_BLOCK: 1, DropReason.SEAL_ERROR: 1}

    def test_a_packet_lost_to_a_refusal_can_be_had_again(self) -> None:
        wire, fanout, lecturer, answers = self.watching(rtx=False)
        wire.refusing.add(0)
        fanout.offer(lecturer.frame())
        drain(fanout)
        wire.refusing.clear()
        assert answers.answer(0, nack_of(220, 221, 222), 0.1, 20.0) == 3
        assert wire.sequences(0)[-3:] == [220, 221, 222]
        assert wire.to(0, Kind.AUDIO)


@needs_native
class TestNativeRetransmitter(TestRetransmitter):
    """The same of the native twin."""

    twin = NativeTwin()
