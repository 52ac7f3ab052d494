"""Packed windows: what goes in comes out, what is damaged is refused."""

from __future__ import annotations

import random
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.ledger.packing import Columns, PackingError, pack, unpack

entries = st.dictionaries(
    st.integers(0, 40_000), st.tuples(st.integers(0, 1 << 40), st.integers(0, 1 << 33)), max_size=60
).map(lambda found: [(slot, advance, lost) for slot, (advance, lost) in found.items()])


@given(published=st.integers(0, 1 << 40), rows=entries)
def test_what_goes_in_comes_out(published: int, rows: list[tuple[int, int, int]]) -> None:
    columns = unpack(pack(published, rows))
    again = list(zip(columns.slots, (published - d for d in columns.deficits), columns.losses, strict=True))
    assert again == sorted(rows)


def test_no_screen_is_a_row_too() -> None:
    assert unpack(pack(1000, [])) == Columns([], [], [])


@pytest.mark.parametrize("rows", [[(1, 5, 0), (1, 6, 0)], [(-1, 5, 0)], [(0, -5, 0)], [(0, 5, -1)]])
def test_impossible_entries_are_refused(rows: list[tuple[int, int, int]]) -> None:
    with pytest.raises(ValueError, match="slots must be different"):
        pack(10, rows)


@pytest.mark.parametrize(
    ("blob", "diagnosis"),
    [
        (b"", "0 bytes are less than a header of 5"),
        (struct.pack("<BI", 9, 0), "unknown version 9"),
        (struct.pack("<BI", 1, 2_000_000), "2000000 screens exceed 1000000"),
        (struct.pack("<BI", 1, 1) + b"nonsense", "not a zlib stream"),
        (struct.pack("<BI", 1, 0) + zlib.compress(b"\0" * 28), "more than 27 bytes for 0 screens"),
        (struct.pack("<BI", 1, 1) + zlib.compress(b"\0" * 8), "column header is cut short"),
        (struct.pack("<BI", 1, 1) + zlib.compress(b"\0" * 8 + b"\3" + b"\0" * 18), "unknown column width 3"),
        (struct.pack("<BI", 1, 2) + zlib.compress(b"\0" * 8 + b"\2\1"), "2 x 2 bytes is cut short"),
        (struct.pack("<BI", 1, 1) + zlib.compress(b"\0" * 30), "3 bytes follow the last column"),
        (struct.pack("<BI", 1, 1) + zlib.compress(b"\xff" * 8 + b"\0" * 19), "a gap or a loss is negative"),
        (pack(10, [(0, 10, 0)])[:-3], "the zlib stream is cut short"),
        (pack(10, [(0, 10, 0)]) + b"x", "cut short or followed by something"),
    ],
)
def test_damaged_rows_are_refused_with_a_diagnosis(blob: bytes, diagnosis: str) -> None:
    with pytest.raises(PackingError, match=diagnosis):
        unpack(blob)


def test_ten_thousand_mutations_are_read_or_refused() -> None:
    rng = random.Random(5)
    good = pack(1750, [(slot, rng.randrange(1600, 1800), rng.randrange(3)) for slot in range(200)])
    for _ in range(10_000):
        blob = bytearray(good)
        for _ in range(rng.randrange(1, 4)):
            blob[rng.randrange(len(blob))] = rng.randrange(256)
        try:
            columns = unpack(bytes(blob))
        except PackingError:
            continue
        assert len(columns.slots) == len(columns.deficits) == len(columns.losses)
