"""RTCP compounds: every packet type there and back, damage, and the corners of the RFCs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.rtp.rtcp import (
    MAX_COMPOUND,
    Bye,
    Fir,
    Nack,
    Packet,
    Pli,
    ReceiverReport,
    Remb,
    ReportBlock,
    RtcpError,
    Sdes,
    SenderReport,
    Unknown,
    compound,
    loss_pairs,
    parse_compound,
)

U32 = st.integers(0, 2**32 - 1)
BLOCKS = st.lists(
    st.builds(ReportBlock, U32, st.integers(0, 255), st.integers(-(2**23), 2**23 - 1), U32, U32, U32, U32), max_size=31
).map(tuple)
TEXT = st.tuples(st.integers(1, 255), st.binary(max_size=255))
PACKETS = st.one_of(
    st.builds(SenderReport, U32, st.integers(0, 2**64 - 1), U32, U32, U32, BLOCKS),
    st.builds(ReceiverReport, U32, BLOCKS),
    st.builds(Sdes, st.lists(st.tuples(U32, st.lists(TEXT, max_size=3).map(tuple)), max_size=3).map(tuple)),
    st.builds(Bye, st.lists(U32, max_size=31).map(tuple), st.binary(max_size=255)),
    st.builds(Pli, U32, U32),
    st.builds(Fir, U32, st.lists(st.tuples(U32, st.integers(0, 255)), min_size=1, max_size=4).map(tuple)),
    st.builds(Remb, U32, st.integers(0, 2**18 - 1).map(lambda rate: rate << 8), st.lists(U32, max_size=4).map(tuple)),
)


@given(PACKETS)
def test_reading_inverts_writing(packet: Packet) -> None:
    assert parse_compound(bytes(packet)) == (packet,)


@given(st.lists(PACKETS, min_size=1, max_size=3))
def test_a_compound_keeps_its_packets_in_order(packets: list[Packet]) -> None:
    data = compound(*packets)
    if len(data) <= MAX_COMPOUND:
        assert parse_compound(data) == tuple(packets)


@pytest.mark.parametrize("lost", [0, 1, 0x7FFFFF, -1, -0x800000])
def test_the_cumulative_loss_is_signed(lost: int) -> None:
    block = ReportBlock(1, 2, lost, 3, 4, 5, 6)
    assert parse_compound(bytes(ReceiverReport(9, (block,)))) == (ReceiverReport(9, (block,)),)


def test_a_loss_beyond_24_bits_is_written_as_the_greatest() -> None:
    report = ReceiverReport(9, (ReportBlock(1, 2, 1 << 30, 3, 4, 5, 6),))
    assert parse_compound(bytes(report))[0].blocks[0].cumulative_lost == 0x7FFFFF


@pytest.mark.parametrize("start", [0, 100, 65519, 65530, 65534, 65535])
def test_a_negative_acknowledgement_names_seventeen_packets_in_one_pair(start: int) -> None:
    lost = tuple([start + step & 0xFFFF for step in range(17)])
    assert loss_pairs(lost) == [(start, 0xFFFF)]
    assert parse_compound(bytes(Nack(1, 2, lost))) == (Nack(1, 2, lost),)


def test_the_eighteenth_packet_needs_another_pair() -> None:
    assert loss_pairs(range(18)) == [(0, 0xFFFF), (17, 0)]


@given(st.integers(0, 65535), st.sets(st.integers(0, 600), min_size=1, max_size=100))
def test_any_loss_is_named_exactly(start: int, steps: set[int]) -> None:
    lost = tuple([start + step & 0xFFFF for step in sorted(steps)])
    assert parse_compound(bytes(Nack(1, 2, lost))) == (Nack(1, 2, lost),)


@pytest.mark.parametrize(("bitrate", "read"), [(150_000, 150_000), (262_143, 262_143), (2_500_001, 2_500_000), (0, 0)])
def test_an_estimate_keeps_its_eighteen_leading_bits(bitrate: int, read: int) -> None:
    packet = parse_compound(bytes(Remb(1, bitrate, (5, 6))))[0]
    assert packet == Remb(1, read, (5, 6))


def test_a_goodbye_with_a_reason_fills_whole_words() -> None:
    data = bytes(Bye((7,), b"teardown"))
    assert len(data) % 4 == 0
    assert parse_compound(data) == (Bye((7,), b"teardown"),)


def test_what_is_not_understood_is_kept() -> None:
    data = bytes.fromhex("80cf0002 00000001 deadbeef")
    assert parse_compound(data) == (Unknown(0, 207, data[4:]),)
    assert compound(*parse_compound(data)) == data


def test_feedback_of_unknown_format_is_kept() -> None:
    data = bytes.fromhex("8fcd0003 00000001 00000002 00000003")
    assert parse_compound(data) == (Unknown(15, 205, data[4:]),)


def test_padding_of_the_last_packet_is_taken_off() -> None:
    assert parse_compound(bytes.fromhex("a0c90002 00000001 00000004")) == (ReceiverReport(1),)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "RTCP compound is empty"),
        ("80c9", "RTCP header at 0 is cut off after 2 bytes"),
        ("40c90001 00000001", "RTCP version at 0 is 1, not 2"),
        ("80c90002 00000001", "RTCP packet at 0 claims 2 words, 4 bytes are left"),
        ("80c90001 00000001 80c9", "RTCP header at 8 is cut off after 2 bytes"),
        ("80c80000", "RTCP sender report of 0 bytes is shorter than 24"),
        ("81c90001 00000001", "RTCP receiver report with 1 blocks of 4 bytes is shorter than 28"),
        ("a0c90001 00000001 80c90001 00000001", "RTCP padding in a packet that is not the last"),
        ("a0c90001 00000008", "RTCP padding of 8 bytes does not fit a body of 4"),
        ("a0c90000", "RTCP padding of 0 bytes does not fit a body of 0"),
        ("82cb0001 00000001", "RTCP goodbye of 2 sources of 4 bytes is shorter than 8"),
        ("81cb0002 00000001 09616263", "RTCP goodbye reason of 9 bytes exceeds the 3 left"),
        ("81cd0002 00000001 00000002", "RTCP negative acknowledgement of 8 bytes is shorter than 12"),
        ("81ce0001 00000001", "RTCP payload-specific feedback of 4 bytes is shorter than 8"),
        ("84ce0002 00000001 00000002", "RTCP full intra request with 0 bytes of entries"),
        ("8fce0003 00000001 00000000 52454d42", "RTCP bitrate estimate of 12 bytes is shorter than 16"),
        ("8fce0004 00000001 00000000 52454d42 02000000", "RTCP bitrate estimate for 2 sources of 16 bytes is shorter than 24"),
        ("82ca0002 00000001 01000000", "RTCP source description of 8 bytes has no room for 2 chunks"),
        ("81ca0002 00000001 01ff6162", "RTCP source description item at 4 is cut off"),
        ("81ca0001 00000001", "RTCP source description chunk has no end"),
    ],
)  # fmt: skip
def test_damage_is_diagnosed(data: str, message: str) -> None:
    with pytest.raises(RtcpError) as refusal:
        parse_compound(bytes.fromhex(data))
    assert str(refusal.value) == message


def test_a_compound_larger_than_any_datagram_is_refused() -> None:
    with pytest.raises(RtcpError, match="exceeds 2048"):
        parse_compound(bytes(ReceiverReport(1)) * 300)


def test_more_entries_than_a_count_can_say_are_not_written() -> None:
    with pytest.raises(ValueError, match="cannot hold 32 entries"):
        bytes(Bye(tuple(range(32))))
