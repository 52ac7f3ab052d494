"""Arithmetic modulo 2^16 and 2^32, with values just below the wrap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.rtp.sequence import Unwrapper, distance, low16, low32, nearest, newer16, newer32


@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [(0, 1, 1), (1, 0, -1), (65535, 0, 1), (0, 65535, -1), (65530, 10, 16), (0, 32767, 32767), (0, 32768, -32768)],
)
def test_distance_is_signed_and_crosses_the_wrap(earlier: int, later: int, expected: int) -> None:
    assert distance(earlier, later) == expected


def test_newer_looks_half_a_circle_ahead() -> None:
    assert newer16(0, 65535)
    assert not newer16(65535, 0)
    assert not newer16(5, 5)
    assert newer32(10, 0xFFFFFFF0)
    assert not newer32(0xFFFFFFF0, 10)


@pytest.mark.parametrize("start", [0, 1, 32767, 32768, 65533, 65534, 65535])
def test_numbers_in_order_grow_by_one(start: int) -> None:
    unwrapper = Unwrapper(16)
    numbers = [unwrapper.unwrap(low16(start + step)) for step in range(200_000)]
    assert numbers == list(range(start + 65536, start + 65536 + 200_000))


@pytest.mark.parametrize("start", [0, 3, 65533, 65535])
def test_a_packet_from_before_the_first_one_stays_positive(start: int) -> None:
    unwrapper = Unwrapper(16)
    first = unwrapper.unwrap(start)
    assert unwrapper.unwrap(low16(start - 5)) == first - 5
    assert unwrapper.newest == first


def test_timestamps_wrap_at_32_bits() -> None:
    unwrapper = Unwrapper(32)
    first = unwrapper.unwrap(0xFFFFF000)
    assert unwrapper.unwrap(low32(0xFFFFF000 + 3000)) == first + 3000
    assert unwrapper.unwrap(low32(0xFFFFF000 + 6000)) == first + 6000
    assert unwrapper.unwrap(0xFFFFF000) == first


def test_peek_takes_nothing_as_seen() -> None:
    unwrapper = Unwrapper(16)
    assert unwrapper.peek(7) is None
    first = unwrapper.unwrap(65535)
    assert unwrapper.peek(3) == first + 4
    assert unwrapper.newest == first


@given(st.integers(0, 2**40), st.integers(-32768, 32767))
def test_nearest_inverts_the_reduction(reference: int, step: int) -> None:
    assert nearest(reference, low16(reference + step)) == reference + step


@given(st.integers(0, 65535), st.lists(st.integers(-1000, 1000), max_size=60))
def test_reordering_is_undone(start: int, steps: list[int]) -> None:
    unwrapper = Unwrapper(16)
    truth = unwrapper.unwrap(start)
    for step in steps:
        truth += step
        if truth < 0:
            return
        assert unwrapper.unwrap(low16(truth)) == truth
