"""Header extensions of RFC 8285, its own examples among them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.rtp.extensions import (
    ONE_BYTE,
    TWO_BYTE,
    abs_send_time,
    build,
    decode_abs_send_time,
    decode_text,
    elements,
    encode_abs_send_time,
    find,
)


def test_the_one_byte_example_of_rfc_8285_section_4_2() -> None:
    """Three elements of one, two and four bytes with padding between the second and the third."""
    block = bytes.fromhex("10aa 21bbbb 0000 33ccccddee")
    assert list(elements(ONE_BYTE, block)) == [(1, b"\xaa"), (2, b"\xbb\xbb"), (3, bytes.fromhex("ccccddee"))]


def test_the_two_byte_example_of_rfc_8285_section_4_3() -> None:
    """An element without data, one of one byte, padding, one of four bytes."""
    block = bytes.fromhex("0100 0201bb 00 0304ccccddee")
    assert list(elements(TWO_BYTE, block)) == [(1, b""), (2, b"\xbb"), (3, bytes.fromhex("ccccddee"))]


def test_identifier_15_ends_the_reading() -> None:
    assert list(elements(ONE_BYTE, bytes.fromhex("10aa f0bb 20cc"))) == [(1, b"\xaa")]


@pytest.mark.parametrize("block", ["10", "13aabb", "0100ff", "02"])
def test_what_is_cut_off_is_absent(block: str) -> None:
    assert list(elements(ONE_BYTE, bytes.fromhex(block)[-1:])) == []
    assert find(ONE_BYTE, bytes.fromhex(block), 9) is None


@pytest.mark.parametrize("block", ["01", "0105aabb", "02ff"])
def test_two_byte_lengths_beyond_the_block_are_absent(block: str) -> None:
    assert list(elements(TWO_BYTE, bytes.fromhex(block))) == []


def test_an_unknown_profile_has_no_elements() -> None:
    assert list(elements(0x1234, bytes.fromhex("10aa0000"))) == []


def test_application_bits_of_the_two_byte_profile_are_ignored() -> None:
    assert find(TWO_BYTE | 5, bytes.fromhex("0201bb00"), 2) == b"\xbb"


@given(st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=16), max_size=6))
def test_small_elements_are_written_with_one_byte_headers(items: dict[int, bytes]) -> None:
    profile, block = build(list(items.items()))
    assert profile == ONE_BYTE
    assert len(block) % 4 == 0
    assert dict(elements(profile, block)) == items


@given(st.dictionaries(st.integers(1, 255), st.binary(max_size=255), max_size=6))
def test_any_element_can_be_written(items: dict[int, bytes]) -> None:
    profile, block = build(list(items.items()))
    assert dict(elements(profile, block)) == items


@pytest.mark.parametrize("item", [(0, b"x"), (256, b"x"), (1, bytes(256))])
def test_what_no_header_can_express_is_refused(item: tuple[int, bytes]) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        build([item])


@pytest.mark.parametrize(
    ("seconds", "value"), [(0.0, 0), (1.0, 1 << 18), (63.999999, 0xFFFFFF), (64.0, 0), (65.5, 3 << 17)]
)
def test_the_send_time_is_six_bits_of_seconds_and_eighteen_of_fraction(seconds: float, value: int) -> None:
    assert abs_send_time(seconds) == value
    assert decode_abs_send_time(encode_abs_send_time(seconds)) == value


def test_a_send_time_of_another_length_is_absent() -> None:
    assert decode_abs_send_time(b"\x00\x01") is None


def test_a_mid_is_ascii() -> None:
    assert decode_text(b"video") == "video"
    assert decode_text(b"\xff") is None
