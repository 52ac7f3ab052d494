"""Packs what all screens of one window acknowledged, or showed, into a few bytes a screen.

Three columns in the order of the roster's slots: gaps between slots, deficits (published - advance; negative when
acknowledgements of the window before arrived late) and losses. Other rows have other columns after the gaps. A column is a base and what each value exceeds it by, in the
smallest width that fits, stored as byte planes (all low bytes, then all high bytes), so that one late joiner does not cost
every screen a byte: the planes of zeros vanish in zlib. Fixed widths decode at the speed of C.

    row    = version:u8 count:u32 zlib(column column column)
    column = base:i64 width:u8 planes          little-endian; width in 0, 1, 2, 4, 8; width 0 has no planes

1. **What cannot be decoded exactly raises `PackingError`**: a damaged row is never read as an absence.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import add
from typing import Final

VERSION: Final = 1
MAX_SCREENS: Final = 1_000_000
_HEAD: Final = struct.Struct("<BI")
_COLUMN: Final = struct.Struct("<qB")
_TYPES: Final = {1: "B", 2: "H", 4: "I", 8: "Q"}


class PackingError(ValueError):
    """A packed row cannot be what `pack` wrote; the message says why."""


@dataclass(frozen=True, slots=True)
class Columns:
    """An unpacked row: three lists of the same length, `slots` strictly growing."""

    slots: Sequence[int]
    deficits: Sequence[int]
    losses: Sequence[int]


def pack(published: int, entries: Iterable[tuple[int, int, int]]) -> bytes:
    """Pack (slot, advance, lost) of each screen; slots must be different and >= 0, the others >= 0."""
    rows = sorted(entries)
    slots = [slot for slot, _, _ in rows]
    gaps = [slot - before - 1 for before, slot in zip([-1, *slots], slots, strict=False)]
    if any(gap < 0 for gap in gaps) or any(advance < 0 or lost < 0 for _, advance, lost in rows):
        raise ValueError("slots must be different, and no number negative")
    return pack_columns((gaps, [published - advance for _, advance, _ in rows], [lost for _, _, lost in rows]))


def unpack(blob: bytes) -> Columns:
    """Return the columns of a packed row, or raise `PackingError`."""
    gaps, deficits, losses = unpack_columns(blob, 3)
    if gaps and (min(gaps) < 0 or min(losses) < 0):
        raise PackingError("a gap or a loss is negative")
    return Columns(list(map(add, accumulate(gaps), range(len(gaps)))), deficits, losses)


def pack_columns(columns: Sequence[list[int]]) -> bytes:
    """Pack columns of the same length."""
    return _HEAD.pack(VERSION, len(columns[0])) + _deflate(part for column in columns for part in _encode(column))


def unpack_columns(blob: bytes, number: int) -> list[Sequence[int]]:
    """Return that number of columns, all of the same length, or raise `PackingError`."""
    if len(blob) < _HEAD.size:
        raise PackingError(f"{len(blob)} bytes are less than a header of {_HEAD.size}")
    version, count = _HEAD.unpack_from(blob)
    if version != VERSION:
        raise PackingError(f"unknown version {version}")
    if count > MAX_SCREENS:
        raise PackingError(f"{count} screens exceed {MAX_SCREENS}")
    body = _inflate(blob[_HEAD.size :], count, number)
    columns: list[Sequence[int]] = []
    position = 0
    for _ in range(number):
        column, position = _decode(body, position, count)
        columns.append(column)
    if position != len(body):
        raise PackingError(f"{len(body) - position} bytes follow the last column")
    return columns


def _inflate(data: bytes, count: int, columns: int) -> bytes:
    limit = columns * (_COLUMN.size + 8 * count)
    inflater = zlib.decompressobj()
    try:
        body = inflater.decompress(data, limit + 1)
    except zlib.error as error:
        raise PackingError(f"not a zlib stream: {error}") from None
    if len(body) > limit:
        raise PackingError(f"more than {limit} bytes for {count} screens")
    if not inflater.eof or inflater.unused_data:
        raise PackingError("the zlib stream is cut short or followed by something")
    return body


def _deflate(parts: Iterable[bytes]) -> bytes:
    """Return a zlib stream in which each plane has Huffman codes of its own (Z_BLOCK) and only runs are matched (Z_RLE).

    Planes are noise or runs: looking for longer matches costs three times the CPU and makes them a twelfth larger.
    """
    deflater = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS, 8, zlib.Z_RLE)
    return b"".join(deflater.compress(part) + deflater.flush(zlib.Z_BLOCK) for part in parts) + deflater.flush()


def _encode(values: list[int]) -> list[bytes]:
    """Return a column's head and its planes."""
    if not values:
        return [_COLUMN.pack(0, 0)]
    base, highest = min(values), max(values)
    if base == highest:
        return [_COLUMN.pack(base, 0)]
    width = next(width for width in _TYPES if (highest - base) < 1 << 8 * width)
    data = array(_TYPES[width], [value - base for value in values])
    if sys.byteorder == "big":
        data.byteswap()
    raw = data.tobytes()
    return [_COLUMN.pack(base, width), *(raw[plane::width] for plane in range(width))]


def _decode(body: bytes, position: int, count: int) -> tuple[Sequence[int], int]:
    if len(body) - position < _COLUMN.size:
        raise PackingError(f"a column header is cut short at byte {position}")
    base, width = _COLUMN.unpack_from(body, position)
    start = position + _COLUMN.size
    if width == 0:
        return [base] * count, start
    if width not in _TYPES:
        raise PackingError(f"unknown column width {width}")
    end = start + width * count
    if end > len(body):
        raise PackingError(f"a column of {count} x {width} bytes is cut short at byte {start}")
    raw = bytearray(width * count)
    for plane in range(width):
        raw[plane::width] = body[start + plane * count : start + (plane + 1) * count]
    data = array(_TYPES[width])
    data.frombytes(bytes(raw))
    if sys.byteorder == "big":
        data.byteswap()
    return [base + value for value in data] if base else list(data), end
