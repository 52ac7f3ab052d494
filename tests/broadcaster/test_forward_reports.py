"""Reception statistics upstream, and what a terminal's reports are worth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.forward.layout import State, Stream
from broadcaster.forward.reports import Acknowledged, Acknowledgements, Reception, middle_ntp
from broadcaster.rtp.rtcp import ReportBlock

NTP = 3_900_000_000.0


# Upstream.


@pytest.mark.parametrize("start", [65_536, 65_536 + 65_530, 131_071])
def test_a_report_tells_loss_since_the_last_one(start: int) -> None:
    reception = Reception(7, 90_000)
    for number in range(100):
        if number % 4:
            reception.packet(start + number, number * 3000, 1000, number / 30)
    block = reception.block(4.0)
    assert block is not None
    assert block.highest == start + 99
    assert block.cumulative_lost == 24
    assert block.fraction_lost == (24 * 256) // 99
    for number in range(100, 200):
        reception.packet(start + number, number * 3000, 1000, number / 30)
    block = reception.block(8.0)
    assert block is not None
    assert (block.fraction_lost, block.cumulative_lost) == (0, 24)


def test_duplicates_make_the_loss_negative() -> None:
    reception = Reception(7, 90_000)
    for _ in range(3):
        reception.packet(70_000, 0, 10, 0.0)
    block = reception.block(0.0)
    assert block is not None
    assert (block.cumulative_lost, block.fraction_lost) == (-2, 0)


def test_no_report_before_the_first_packet() -> None:
    assert Reception(7, 90_000).block(1.0) is None


def test_a_late_first_packet_moves_the_beginning() -> None:
    reception = Reception(7, 90_000)
    reception.packet(70_001, 0, 10, 0.0)
    reception.packet(70_000, 0, 10, 0.0)
    assert (reception.expected, reception.lost) == (2, 0)


def test_jitter_follows_appendix_a_8() -> None:
    """Packets 10 ms too late by turns: the estimate runs towards 10 ms in units of the clock."""
    reception = Reception(7, 48_000)
    for number in range(400):
        reception.packet(70_000 + number, number * 960, 100, number * 0.02 + (0.01 if number % 2 else 0.0))
    assert reception.jitter == pytest.approx(480, rel=0.02)


def test_the_last_sender_report_is_named_with_its_age() -> None:
    reception = Reception(7, 90_000)
    reception.packet(70_000, 0, 10, 0.0)
    reception.sender_report(0x0123_4567_89AB_CDEF, 10.0)
    block = reception.block(12.5)
    assert block is not None
    assert (block.last_sr, block.delay) == (0x4567_89AB, int(2.5 * 65_536))


# Downstream.


def send(stream: Stream, packets: int) -> None:
    stream.next_sequence += packets - (1 if not stream.packets else 0)
    stream.packets += packets


def told(highest: int, lost: int = 0, ssrc: int = 5, last_sr: int = 0, delay: int = 0) -> ReportBlock:
    return ReportBlock(ssrc, 0, lost, highest & 0xFFFFFFFF, 0, last_sr, delay)


def fold(first: int = 100) -> tuple[Stream, Acknowledgements, tuple[Stream, Stream]]:
    """Return a stream that has sent nothing yet, and what folds its reports."""
    stream = Stream(ssrc=5, state=State.WAITING, next_sequence=first)
    streams = (Stream(), stream)
    acknowledgements = Acknowledgements(streams)
    stream.begin(70_000, 0, 0, 0.0, 90_000)
    return stream, acknowledgements, streams


def test_the_advance_of_the_highest_number_counts() -> None:
    stream, acknowledged, streams = fold()
    send(stream, 50)
    acknowledged.report(told(149), streams, NTP, 1.0)
    assert acknowledged.take(streams) == Acknowledged(50, 0, 50)
    send(stream, 30)
    acknowledged.report(told(169, lost=3), streams, NTP, 2.0)
    assert acknowledged.take(streams) == Acknowledged(20, 3, 30)
    assert acknowledged.take(streams) == Acknowledged(0, 0, 0)
    assert acknowledged.last_advance == 2.0


@pytest.mark.parametrize("first", [0, 32_767])
def test_the_advance_crosses_the_wrap(first: int) -> None:
    stream, acknowledged, streams = fold(first)
    total = 0
    for _ in range(50):
        send(stream, 4_000)
        acknowledged.report(told(stream.next_sequence - 1), streams, NTP, 1.0)
        total += acknowledged.take(streams).advance
    assert total == 200_000


@pytest.mark.parametrize("claim", [1 << 20, 0x7FFFFFFF, 150])
def test_more_than_was_sent_counts_as_what_was_sent(claim: int) -> None:
    stream, acknowledged, streams = fold()
    send(stream, 40)
    acknowledged.report(told(claim), streams, NTP, 1.0)
    assert acknowledged.take(streams).advance == 40
    send(stream, 10)
    acknowledged.report(told(149), streams, NTP, 1.0)
    assert acknowledged.take(streams).advance == 10


@pytest.mark.parametrize("claim", [0, 99, 120, 0xFFFFFFFF])
def test_going_back_counts_nothing(claim: int) -> None:
    stream, acknowledged, streams = fold()
    send(stream, 40)
    acknowledged.report(told(139), streams, NTP, 1.0)
    acknowledged.take(streams)
    acknowledged.report(told(claim), streams, NTP, 2.0)
    assert acknowledged.take(streams) == Acknowledged(0, 0, 0)
    assert acknowledged.last_advance == 1.0


def test_negative_and_sinking_losses_count_nothing() -> None:
    stream, acknowledged, streams = fold()
    send(stream, 100)
    for highest, lost in ((110, -3), (120, 5), (130, 2), (140, 4), (150, 6)):
        acknowledged.report(told(highest, lost=lost), streams, NTP, 1.0)
    assert acknowledged.take(streams).lost == 6


def test_losses_never_exceed_the_advance() -> None:
    stream, acknowledged, streams = fold()
    send(stream, 10)
    acknowledged.report(told(104, lost=0x7FFFFF), streams, NTP, 1.0)
    assert acknowledged.take(streams) == Acknowledged(5, 5, 10)


def test_other_sources_count_nothing() -> None:
    stream, acknowledged, streams = fold()
    send(stream, 10)
    for ssrc in (0, 6, 3000):
        acknowledged.report(told(109, ssrc=ssrc), streams, NTP, 1.0)
    assert acknowledged.take(streams) == Acknowledged(0, 0, 10)


def test_both_streams_are_added() -> None:
    streams = audio, video = tuple([Stream(ssrc, state=State.WAITING, next_sequence=100) for ssrc in (4, 5)])
    acknowledged = Acknowledgements(streams)
    for stream in streams:
        stream.begin(70_000, 0, 0, 0.0, 90_000)
    send(audio, 20)
    send(video, 30)
    acknowledged.report(told(119, ssrc=4), streams, NTP, 1.0)
    acknowledged.report(told(129, ssrc=5), streams, NTP, 1.0)
    assert acknowledged.take(streams) == Acknowledged(50, 0, 50)


@pytest.mark.parametrize("sent_at", [NTP, 65_535.9 + 65_536 * 59_000])
def test_the_round_trip_is_what_the_delay_leaves_over(sent_at: float) -> None:
    """The example of RFC 3550 section 6.4.1, with other figures: LSR + DLSR + round trip = arrival."""
    _, acknowledged, streams = fold()
    block = told(100, last_sr=middle_ntp(sent_at), delay=int(5.25 * 65_536))
    acknowledged.report(block, streams, sent_at + 5.25 + 0.125, 1.0)
    assert acknowledged.rtt == pytest.approx(0.125, abs=1e-3)


def test_a_round_trip_of_nonsense_is_ignored() -> None:
    _, acknowledged, streams = fold()
    acknowledged.report(told(100, last_sr=middle_ntp(NTP + 100)), streams, NTP, 1.0)
    acknowledged.report(told(100, last_sr=0, delay=77), streams, NTP, 1.0)
    assert acknowledged.rtt == 0.0


@given(
    st.lists(
        st.tuples(st.integers(0, 500), st.integers(0, 2**32 - 1), st.integers(-(2**23), 2**23 - 1), st.booleans()),
        max_size=60,
    ),
    st.integers(0, 32_767),
)
def test_whatever_a_client_says_it_acknowledges_no_more_than_it_got(
    reports: list[tuple[int, int, int, bool]], first: int
) -> None:
    stream, acknowledged, streams = fold(first)
    advance = lost = sent = 0
    for packets, claim, loss, near in reports:
        if packets:
            send(stream, packets)
        sent += packets
        highest = stream.next_sequence - claim % 1000 if near else claim
        acknowledged.report(told(highest, lost=loss), streams, NTP, 1.0)
        sample = acknowledged.take(streams)
        assert min(sample) >= 0
        advance += sample.advance
        lost += sample.lost
        assert lost <= advance <= max(sent, 1)
