"""Arithmetic modulo 2^16 and 2^32: the only module that knows that RTP's counters wrap.

1. **Everything else computes with unwrapped integers**; a counter is reduced with `low16` or `low32` only when it is
   written into a packet.
2. **Distances are signed**: a value is newer than another when it is less than half the circle ahead (RFC 1982).
"""

from __future__ import annotations

from typing import Final, Literal

MASK16: Final = 0xFFFF
MASK32: Final = 0xFFFFFFFF


def low16(value: int) -> int:
    """Return `value` as it stands in a 16-bit field."""
    return value & MASK16


def low32(value: int) -> int:
    """Return `value` as it stands in a 32-bit field."""
    return value & MASK32


def distance(earlier: int, later: int, bits: Literal[16, 32] = 16) -> int:
    """Return the signed way from `earlier` to `later` on the circle of 2^bits: in [-2^(bits-1), 2^(bits-1))."""
    half = 1 << (bits - 1)
    return ((later - earlier + half) & ((1 << bits) - 1)) - half


def newer16(value: int, than: int) -> bool:
    """Whether sequence number `value` comes after `than`."""
    return distance(than, value, 16) > 0


def newer32(value: int, than: int) -> bool:
    """Whether timestamp `value` comes after `than`."""
    return distance(than, value, 32) > 0


def nearest(reference: int, value: int, bits: Literal[16, 32] = 16) -> int:
    """Return the integer next to `reference` whose low bits are `value`; it may be negative."""
    return reference + distance(reference, value, bits)


class Unwrapper:
    """Turns a wrapping counter into an integer that only grows, tolerant of reordering (RFC 3550 appendix A.1).

    The first value maps to itself plus one full circle, so that packets which were sent before it but come after it
    stay positive. **A value is placed within half a circle of the newest one seen.**
    """

    __slots__ = ("_bits", "_newest")

    def __init__(self, bits: Literal[16, 32]) -> None:
        self._bits: Literal[16, 32] = bits
        self._newest: int | None = None

    @property
    def newest(self) -> int | None:
        """The greatest unwrapped value so far."""
        return self._newest

    def unwrap(self, value: int) -> int:
        """Return the extended value of `value`, which must fit the counter."""
        if self._newest is None:
            self._newest = value + (1 << self._bits)
            return self._newest
        extended = nearest(self._newest, value, self._bits)
        self._newest = max(self._newest, extended)
        return extended

    def peek(self, value: int) -> int | None:
        """Return what `unwrap` would, without taking the value as seen; None before the first value."""
        return None if self._newest is None else nearest(self._newest, value, self._bits)
