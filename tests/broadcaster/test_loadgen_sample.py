"""The terminal that checks every packet: order, gaps, repair, duplicates, latency, across wraps; and the one that only drains."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import cycle

import pytest

from broadcaster.loadgen.drain import Drain
from broadcaster.loadgen.lecture import frame_payloads, stamp
from broadcaster.loadgen.offers import Answer, Section
from broadcaster.loadgen.sample import ASK_AGAIN, GIVE_UP, MOST_ASKED, MOST_MISSING, Order, Sample
from broadcaster.loadgen.tally import Tally
from broadcaster.media import Kind
from broadcaster.rtp.rtcp import ReportBlock, parse_compound
from broadcaster.transport.parameters import Credentials, Fingerprint
from tests.support.dtls_pair import Pair, shake

STARTS = [0, 1_000, 0xFFFD, 0xFFFF]
ANSWER = Answer(
    Credentials("u", "p"),
    Fingerprint("sha-256", "AB"),
    (("127.0.0.1", 1),),
    {Kind.AUDIO: Section(111, ssrc=2), Kind.VIDEO: Section(96, 97, ssrc=1, rtx_ssrc=3, abs_send_time=2)},
)


def order() -> tuple[Order, Tally]:
    tally = Tally()
    return Order(tally), tally


@pytest.mark.parametrize("start", STARTS)
def test_packets_in_order_are_received_and_nothing_is_asked_for(start: int) -> None:
    numbers, tally = order()
    assert [numbers.came(start + i & 0xFFFF, 0.0) for i in range(10)] == list(range(start + 65_536, start + 65_546))
    assert numbers.asks(9.0) == []
    assert (tally.received, tally.gaps, tally.disordered, tally.duplicates) == (10, 0, 0, 0)


@pytest.mark.parametrize("start", STARTS)
def test_a_gap_is_asked_for_until_it_is_repaired(start: int) -> None:
    numbers, tally = order()
    numbers.came(start, 0.0)
    numbers.came(start + 3 & 0xFFFF, 0.0)
    missing = [start + 1 & 0xFFFF, start + 2 & 0xFFFF]
    assert numbers.asks(0.0) == missing
    assert numbers.asks(ASK_AGAIN / 2) == []
    assert numbers.repaired(missing[1]) is not None
    assert numbers.asks(ASK_AGAIN) == missing[:1]
    assert numbers.repaired(missing[0]) is not None
    assert numbers.asks(GIVE_UP * 2) == []
    assert (tally.received, tally.repaired, tally.nacked, tally.gaps) == (4, 2, 3, 0)


@pytest.mark.parametrize("start", STARTS)
def test_what_is_missing_too_long_is_a_gap_for_good(start: int) -> None:
    numbers, tally = order()
    numbers.came(start, 0.0)
    numbers.came(start + 2 & 0xFFFF, 0.0)
    assert numbers.asks(GIVE_UP + 0.1) == []
    assert numbers.repaired(start + 1 & 0xFFFF) is None
    assert (tally.received, tally.gaps, tally.duplicates) == (2, 1, 1)


@pytest.mark.parametrize("start", STARTS)
def test_a_packet_behind_a_later_one_is_out_of_order_and_a_second_one_a_duplicate(start: int) -> None:
    numbers, tally = order()
    for step in (0, 2, 1, 1, 2):
        numbers.came(start + step & 0xFFFF, 0.0)
    assert (tally.received, tally.disordered, tally.duplicates, tally.gaps) == (3, 1, 2, 0)


def test_a_repair_of_what_came_is_a_duplicate() -> None:
    numbers, tally = order()
    assert numbers.repaired(5) is None
    numbers.came(5, 0.0)
    assert numbers.repaired(5) is None
    assert (tally.received, tally.duplicates) == (1, 1)


def test_an_outage_is_bounded() -> None:
    numbers, tally = order()
    numbers.came(0, 0.0)
    numbers.came(20_000, 0.0)
    assert len(numbers.asks(0.0)) == MOST_ASKED
    assert tally.gaps == 19_999 - MOST_MISSING
    assert numbers.asks(GIVE_UP + 0.1) == []
    assert tally.gaps == 19_999


class Screen:
    """A sampled terminal whose server is the test; `chances` decide what is lost."""

    def __init__(self, loss: float = 0.0, chances: tuple[float, ...] = (1.0,)) -> None:
        self.pair: Pair = shake()
        self.tally = Tally()
        chance: Callable[[], float] = cycle(chances).__next__
        self.sample = Sample(ANSWER, self.pair.keys, self.tally, 100.0, loss, chance)

    def video(self, sequence: int, now: float = 101.0, payload: bytes = b"x", *, marker: bool = False) -> None:
        self.sample.packet(self.pair.seal(sequence, payload=payload, marker=marker), now)

    def repair(self, number: int, original: int) -> None:
        sealed = self.pair.seal(number, ssrc=3, payload_type=97, payload=struct.pack("!H", original) + b"x")
        self.sample.packet(sealed, 101.0)


def test_pretended_loss_is_asked_for_and_repaired_by_retransmission() -> None:
    screen = Screen(0.5, (0.9, 0.1, 0.9, 0.9))
    for number in range(3):
        screen.video(number)
    [nack] = screen.sample.asks(77, 101.0)
    assert (nack.ssrc, nack.media_ssrc, nack.lost) == (77, 1, (1,))
    screen.repair(40, 1)
    assert screen.sample.asks(77, 110.0) == []
    tally = screen.tally
    assert (tally.pretended, tally.received, tally.repaired, tally.gaps, tally.undecryptable) == (1, 3, 1, 0, 0)


def test_sound_is_never_lost_on_purpose() -> None:
    screen = Screen(0.5, (0.0,))
    screen.sample.packet(screen.pair.seal(9, ssrc=2, payload_type=111), 101.0)
    assert (screen.tally.received, screen.tally.pretended) == (1, 0)


def test_foreign_damaged_and_repeated_packets_are_counted_apart() -> None:
    screen = Screen()
    sealed = screen.pair.seal(1)
    for datagram in (sealed, sealed, screen.pair.seal(2)[:-1] + b"\0", screen.pair.seal(3, ssrc=999)):
        screen.sample.packet(datagram, 101.0)
    tally = screen.tally
    assert (tally.received, tally.duplicates, tally.undecryptable, tally.unexpected) == (1, 1, 1, 1)


def test_latency_is_that_of_a_frames_last_packet_sent_after_the_join() -> None:
    screen = Screen()
    payload = frame_payloads(keyframe=False)[-1]
    screen.video(1, 101.005, stamp(payload, 101.0))  # not the last of its frame
    screen.video(2, 101.010, stamp(payload, 101.0), marker=True)
    screen.video(3, 101.500, stamp(payload, 99.0), marker=True)  # from the cache
    latency = screen.tally.video_latency
    assert latency.count == 1
    assert latency.percentile(50) == pytest.approx(0.010, rel=0.02)


def test_a_foreign_publisher_is_measured_against_the_fastest_packet_across_the_wrap_of_abs_send_time() -> None:
    screen = Screen()
    for number, (sent, now) in enumerate([(63.9, 1000.0), (0.0, 1000.13), (0.1, 1000.15), (0.2, 1000.30)]):
        extension = struct.pack("!HH", 0xBEDE, 1) + bytes((0x22,)) + int(sent * 262_144).to_bytes(3, "big")
        header = struct.pack("!BBHII", 0x90, 0x80 | 96, number, 0, 1)
        screen.sample.packet(screen.pair.server.protect(header + extension + b"x"), now)
    delays = screen.tally.delay_variation
    assert delays.count == 4
    assert delays.percentile(50) < 1e-5
    assert delays.percentile(75) == pytest.approx(0.03, rel=0.05)
    assert delays.percentile(100) == pytest.approx(0.05, rel=0.05)


def test_reports_tell_highest_loss_and_the_last_sender_report() -> None:
    screen = Screen()
    for number in (65_534, 65_535, 1, 2):
        screen.video(number)
    screen.sample.sender_report(1, 0x0000_1234_5678_0000, 100.5)
    [block] = [ReportBlock.parse(block, 0) for block in screen.sample.blocks(101.0)]
    assert (block.ssrc, block.highest, block.cumulative_lost, block.fraction_lost) == (1, 65_536 + 2, 1, 51)
    assert (block.last_sr, block.delay) == (0x1234_5678, 32_768)


@pytest.mark.parametrize("start", STARTS)
def test_a_drained_terminal_follows_the_numbers_it_sees(start: int) -> None:
    drain = Drain(ANSWER)
    assert not drain.flows
    for step in (0, 64, 128, 100):
        drain.packet(bytearray(struct.pack("!BBHII", 0x80, 96, start + step & 0xFFFF, 0, 1)))
    assert drain.flows
    drain.packet(bytearray(struct.pack("!BBHII", 0x80, 111, 7, 0, 2)))
    drain.packet(bytearray(struct.pack("!BBHII", 0x80, 111, 7, 0, 999)))
    assert (drain.read, drain.expected) == (6, 129 + 1)
    drain.sender_report(1, 0x0000_1234_5678_0000, 9.0)
    video = next(block for block in (ReportBlock.parse(raw, 0) for raw in drain.blocks(10.0)) if block.ssrc == 1)
    assert (video.highest, video.last_sr, video.delay) == (start + 128, 0x1234_5678, 65_536)
    report = struct.pack("!BBHI", 0x82, 201, 13, 5) + b"".join(drain.blocks(10.0))
    assert len(parse_compound(report)) == 1
