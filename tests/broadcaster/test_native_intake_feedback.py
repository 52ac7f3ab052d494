"""What a terminal reports, in C: counted, asked for and refused exactly as in Python."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.forward.layout import FLAG_ACTIVE, Row, State, Stream
from broadcaster.forward.reports import Acknowledged, middle_ntp
from broadcaster.media import Kind
from broadcaster.rtp.rtcp import (
    Bye,
    Fir,
    Nack,
    Packet,
    Pli,
    ReceiverReport,
    Remb,
    ReportBlock,
    Sdes,
    SenderReport,
    Unknown,
    compound,
)
from tests.fuzz.mutations import mutate
from tests.support.intake_twins import MAX_ASKED, ReportTwins
from tests.support.native import NATIVE, needs_native

pytestmark = needs_native
NTP = 3_900_000_000.0
AUDIO, VIDEO = 4, 5


def row(first: int = 100) -> Row:
    streams = tuple([Stream(ssrc, state=State.LIVE, next_sequence=first) for ssrc in (AUDIO, VIDEO)])
    return Row(ReportTwins.SLOT, generation=77, flags=FLAG_ACTIVE, streams=streams)


def send(terminal: Row, count: int, kind: Kind = Kind.VIDEO) -> None:
    stream = terminal.streams[kind]
    stream.next_sequence = stream.next_sequence + count & 0xFFFFFFFF
    stream.packets += count


def told(highest: int, lost: int = 0, ssrc: int = VIDEO, last_sr: int = 0, delay: int = 0) -> ReportBlock:
    return ReportBlock(ssrc, 9, lost, highest & 0xFFFFFFFF, 31, last_sr, delay)


def test_what_was_acknowledged_is_sampled() -> None:
    terminal = row()
    twins = ReportTwins(NATIVE, terminal)
    send(terminal, 50)
    assert twins.feedback(compound(ReceiverReport(1, (told(139, lost=3),))), NTP, 1.0)
    assert twins.native.take(terminal.streams) == Acknowledged(40, 3, 50)
    send(terminal, 10)
    assert twins.feedback(compound(ReceiverReport(1, (told(1 << 20, lost=9),))), NTP, 2.0)
    assert twins.native.take(terminal.streams) == Acknowledged(20, 6, 10)
    assert twins.native.take(terminal.streams) == Acknowledged(0, 0, 0)
    assert twins.native.last_advance == 2.0


def test_the_round_trip_is_smoothed() -> None:
    terminal = row()
    twins = ReportTwins(NATIVE, terminal)
    for trip in (0.125, 0.5, 40.0, 0.25):
        block = told(100, last_sr=middle_ntp(NTP), delay=65_536)
        assert twins.feedback(compound(SenderReport(1, 2, 3, 4, 5, (block,))), NTP + 1 + trip, 1.0)
    assert twins.native.rtt == pytest.approx(0.125 + 0.375 / 8 + (0.25 - 0.125 - 0.375 / 8) / 8, abs=1e-4)


def test_a_storm_is_cut_into_entries() -> None:
    twins = ReportTwins(NATIVE, row())
    assert twins.feedback(compound(Nack(1, VIDEO, tuple(range(100))), Nack(1, AUDIO, (65_535, 0, 1))), NTP, 1.0)
    storm = compound(*[Nack(1, VIDEO, tuple(range(70)))] * (MAX_ASKED // 2 + 3))
    assert twins.feedback(storm, NTP, 1.0), "what no entry is left for is not asked"


def test_a_damaged_compound_changes_nothing() -> None:
    terminal = row()
    twins = ReportTwins(NATIVE, terminal)
    send(terminal, 50)
    good = compound(ReceiverReport(1, (told(120),)), Nack(1, VIDEO, (110,)), Pli(1, VIDEO), Remb(1, 10**6, (VIDEO,)))
    for cut in range(0, len(good), 4):
        assert not twins.feedback(good[:cut] + b"\x80", NTP, 1.0)
    assert twins.native.take(terminal.streams) == Acknowledged(0, 0, 50)
    assert twins.feedback(good, NTP, 1.0)
    assert twins.native.estimate == 10**6


@pytest.mark.parametrize("exponent", [0, 13, 14, 15, 31, 32, 63])
@pytest.mark.parametrize("mantissa", [0, 1, 0x3FFFF])
def test_an_estimate_beyond_32_bits_is_the_greatest(exponent: int, mantissa: int) -> None:
    head = (exponent << 18 | mantissa).to_bytes(4, "big")
    twins = ReportTwins(NATIVE, row())
    assert twins.feedback(bytes.fromhex("8fce0004") + bytes(8) + b"REMB" + head, NTP, 1.0)


@pytest.mark.parametrize("kind", range(199, 208))
def test_every_count_with_every_length(kind: int) -> None:
    """A packet of each type, from one that is empty to one with more than it needs, of zeros, of ones and of others."""
    twins, fillers = ReportTwins(NATIVE, row()), (bytes(90), b"\x01" * 90, b"\x02" * 90, bytes(8) + b"REMB" + bytes(78))
    taken = 0
    for count in (0, 1, 2, 3, 4, 15, 31):
        for words in range(18):
            for filler in (*fillers, *(filler[: 4 * words - 1] + b"\x04" for filler in fillers[:1] if words)):
                head = bytes((0x80 | count, kind)) + words.to_bytes(2, "big")
                taken += twins.feedback(head + filler[: 4 * words], NTP, 1.0)
                taken += twins.feedback(bytes((head[0] | 0x20,)) + head[1:] + filler[: 4 * words], NTP, 1.0)
    assert taken > 100


def test_nobody_is_there() -> None:
    terminal = row()
    terminal.flags = 0
    twins = ReportTwins(NATIVE, terminal)
    with pytest.raises(AssertionError, match=compound(Pli(1, VIDEO)).hex()):
        twins.feedback(compound(Pli(1, VIDEO)), NTP, 1.0)


words = st.integers(0, 0xFFFFFFFF)
sources = st.sampled_from([AUDIO, VIDEO, VIDEO, 0, 99])
blocks = st.builds(
    ReportBlock,
    sources,
    st.integers(0, 255),
    st.one_of(st.integers(-(2**23), 2**23 - 1), st.integers(-3, 60)),
    st.one_of(words, st.integers(90, 700)),
    words,
    st.one_of(st.just(0), words, st.just(middle_ntp(NTP) - 65_536)),
    st.one_of(words, st.integers(0, 131_072)),
)
some_blocks = st.lists(blocks, max_size=3).map(tuple)
texts = st.binary(max_size=20)
packets: st.SearchStrategy[Packet] = st.one_of(
    st.builds(ReceiverReport, words, some_blocks),
    st.builds(SenderReport, words, st.integers(0, 2**64 - 1), words, words, words, some_blocks),
    st.builds(Nack, words, sources, st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=90).map(tuple)),
    st.builds(Nack, words, sources, st.integers(0, 0xFF00).map(lambda first: tuple(range(first, first + 150)))),
    st.builds(Pli, words, sources),
    st.builds(Fir, words, st.lists(st.tuples(sources, st.integers(0, 255)), min_size=1, max_size=3).map(tuple)),
    st.builds(Remb, words, st.integers(0, 2**45), st.lists(words, max_size=4).map(tuple)),
    st.builds(Sdes, st.lists(st.tuples(words, st.lists(st.tuples(st.integers(1, 8), texts), max_size=3)), max_size=3)),
    st.builds(Bye, st.lists(words, max_size=3).map(tuple), texts),
    st.builds(
        Unknown,
        st.integers(0, 31),
        st.sampled_from([192, 204, 205, 206, 207]),
        texts.map(lambda t: t + bytes(-len(t) % 4)),
    ),
)
compounds = st.tuples(
    st.lists(packets, min_size=1, max_size=4),
    st.integers(0, 5),
    st.integers(0, 200),
    st.floats(0, 3),
    st.sampled_from([0, 4, 8, 3]),
)


def padded(plain: bytes, count: int, last: int) -> bytes:
    """Return `plain` with its last packet, which begins at `last`, padded by `count` bytes."""
    if not count:
        return plain
    head, tail = plain[:last], bytearray(plain[last:] + bytes(-count % 4) + bytes(count - 1) + bytes((count,)))
    tail[0] |= 0x20
    tail[2:4] = (len(tail) // 4 - 1).to_bytes(2, "big")
    return head + bytes(tail)


@given(st.lists(compounds, max_size=12), st.sampled_from([0, 100, 32_767, 0xFFFFFFF0]))
def test_both_twins_count_the_same(script: list[tuple], first: int) -> None:
    terminal, now = row(first), 1.0
    twins = ReportTwins(NATIVE, terminal)
    for told_packets, damage, sent, wait, padding in script:
        now += wait
        send(terminal, sent)
        send(terminal, sent // 3, Kind.AUDIO)
        plain = padded(compound(*told_packets), padding, len(compound(*told_packets[:-1])))
        if damage == 0:
            plain = mutate(plain, random.Random(sent))
        twins.feedback(plain, NTP + now, now)
