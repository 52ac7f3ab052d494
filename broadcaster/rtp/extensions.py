"""RTP header extensions (RFC 8285): the general mechanism, and the three that this server reads or writes.

A damaged block never makes a packet unreadable: what lies behind the damage is taken as absent, as RFC 8285
section 4.1.2 says of elements that a receiver cannot make sense of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

ABS_SEND_TIME: Final = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
MID: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID: Final = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"

ONE_BYTE: Final = 0xBEDE
TWO_BYTE: Final = 0x1000
TWO_BYTE_MASK: Final = 0xFFF0
MAX_ONE_BYTE_ID: Final = 14
RESERVED_ID: Final = 15


def elements(profile: int, block: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (identifier, value) of every element; nothing for a profile that is not RFC 8285's."""
    if profile == ONE_BYTE:
        yield from _one_byte(block)
    elif profile & TWO_BYTE_MASK == TWO_BYTE:
        yield from _two_byte(block)


def _one_byte(block: bytes) -> Iterator[tuple[int, bytes]]:
    position, end = 0, len(block)
    while position < end:
        head = block[position]
        position += 1
        if not head:
            continue
        identifier, length = head >> 4, (head & 0x0F) + 1
        if identifier == RESERVED_ID or length > end - position:
            return
        if identifier:
            yield identifier, block[position : position + length]
        position += length


def _two_byte(block: bytes) -> Iterator[tuple[int, bytes]]:
    position, end = 0, len(block)
    while position < end:
        identifier = block[position]
        position += 1
        if not identifier:
            continue
        if position == end or block[position] > end - position - 1:
            return
        length = block[position]
        position += 1
        yield identifier, block[position : position + length]
        position += length


def find(profile: int, block: bytes, identifier: int) -> bytes | None:
    """Return the first element called `identifier`."""
    for name, value in elements(profile, block):
        if name == identifier:
            return value
    return None


def build(items: Sequence[tuple[int, bytes]]) -> tuple[int, bytes]:
    """Return (profile, block) with `items`: one-byte headers where all fit, else two-byte ones; padded to a word.

    Raises ValueError for an identifier outside 1..255 or a value longer than 255 bytes.
    """
    for identifier, value in items:
        if not 1 <= identifier <= 255 or len(value) > 255:
            raise ValueError(f"header extension {identifier} with {len(value)} bytes cannot be written")
    small = all(identifier <= MAX_ONE_BYTE_ID and 1 <= len(value) <= 16 for identifier, value in items)
    if small:
        block = b"".join(bytes((identifier << 4 | len(value) - 1,)) + value for identifier, value in items)
    else:
        block = b"".join(bytes((identifier, len(value))) + value for identifier, value in items)
    return (ONE_BYTE if small else TWO_BYTE), block + bytes(-len(block) % 4)


def abs_send_time(seconds: float) -> int:
    """Return `seconds` as the 24-bit fixed-point number 6.18 of abs-send-time: it wraps every 64 s."""
    return int(seconds * 262_144) & 0xFFFFFF


def encode_abs_send_time(seconds: float) -> bytes:
    """Return the three bytes of the abs-send-time extension."""
    return abs_send_time(seconds).to_bytes(3, "big")


def decode_abs_send_time(value: bytes) -> int | None:
    """Return the 24-bit send time, None when the element has the wrong length."""
    return int.from_bytes(value, "big") if len(value) == 3 else None


def decode_text(value: bytes) -> str | None:
    """Return a mid or rid (RFC 9143 section 15.1, RFC 8852), None when it is not the ASCII that they consist of."""
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        return None
