"""Cutting packets into trains of equal size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.forward.trains import MAX_BYTES, MAX_PACKETS, MAX_PADDING_SHARE, Train, cut
from broadcaster.rtp.packet import RtpPacket
from tests.support.forwarding import Lecturer


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([700], [(0, 1, 700)]),
        ([1000, 1000, 1000], [(0, 3, 1000)]),
        ([1000, 999, 1000, 400], [(0, 4, 1000)]),
        ([30, 1000, 1000], [(0, 1, 30), (1, 3, 1000)]),
        ([1000, 400, 1000], [(0, 2, 1000), (2, 3, 1000)]),
        ([1000] * 20, [(0, 16, 1000), (16, 20, 1000)]),
        ([999] * 15 + [1000], [(0, 16, 1000)]),
        ([900, 1000], [(0, 2, 1000)]),
        ([800, 1000], [(0, 1, 800), (1, 2, 1000)]),
        ([0, 0, 1000], [(0, 2, 0), (2, 3, 1000)]),
    ],
)
def test_where_trains_are_cut(sizes: list[int], expected: list[tuple[int, int, int]]) -> None:
    assert cut(sizes) == expected


@given(st.lists(st.integers(0, 1460), max_size=80))
def test_the_rules_hold_for_any_sizes(sizes: list[int]) -> None:
    trains = cut(sizes)
    assert [number for train in trains for number in range(train.start, train.stop)] == list(range(len(sizes)))
    for start, stop, size in trains:
        inside = sizes[start:stop]
        padding = [size - octets for octets in inside[:-1]]
        assert size == max(inside)
        assert 1 <= stop - start <= MAX_PACKETS
        assert all(0 <= count <= 255 for count in padding)
        assert sum(padding) * MAX_PADDING_SHARE <= sum(inside)
        assert sum(padding) + sum(inside) <= MAX_BYTES


def test_padded_packets_have_one_size_and_the_same_payload() -> None:
    packets = Lecturer().frame(sizes=(1000, 998, 999, 300), key=True)
    train = Train(packets)
    assert [len(part.tail) for part in train.segments] == [1000, 1000, 1000, 300]
    assert [len(part.tail) for part in train.bare] == [1000, 998, 999, 300]
    for packet, part in zip(packets, train.segments, strict=True):
        header = bytes((part.first, part.second | 108)) + bytes(10)
        assert RtpPacket.parse(header + part.tail).payload == packet.payload


def test_sound_is_never_padded() -> None:
    lecturer = Lecturer()
    train = Train(lecturer.opus(90) + lecturer.opus(100))
    assert train.segments == train.bare
