"""Cutting packets into trains that leave as one datagram train (UDP GSO), and preparing them once for all terminals.

The kernel cuts a train into datagrams of equal size; only the last may be shorter. RTP padding (RFC 3550 section 5.1)
makes the sizes equal. **The cut depends on the payloads only**: a terminal adds the same header to every packet of a
train, so one cut serves all.

The rules, for packets in the order in which they came:

1. A train has at most `MAX_PACKETS` packets and `MAX_BYTES` of payload, padding counted.
2. Every packet but the last is padded to the train's size: the largest payload of the train. The last is not padded.
3. One packet is padded by at most 255 bytes (the count is one byte), a train by at most 1/16 of its payload.
4. **A packet joins the train before it unless that breaks a rule**; then it begins a new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from broadcaster.media import Kind, MediaPacket
from broadcaster.rtp.packet import MARKER_BIT, MAX_PADDING, PADDING_BIT, padding

MAX_PACKETS: Final = 16
MAX_BYTES: Final = 60_000
MAX_PADDING_SHARE: Final = 16
VERSION_BITS: Final = 0x80

PADDING: Final = (b"", *(padding(count) for count in range(1, MAX_PADDING + 1)))


class Cut(NamedTuple):
    """Packets `start` to `stop` of a sequence form a train of payload size `size`."""

    start: int
    stop: int
    size: int


def cut(sizes: Sequence[int]) -> list[Cut]:
    """Return the trains of packets with payloads of `sizes` bytes, by the rules above."""
    trains: list[Cut] = []
    start = 0
    while start < len(sizes):
        train = _longest(sizes, start)
        trains.append(train)
        start = train.stop
    return trains


def _longest(sizes: Sequence[int], start: int) -> Cut:
    largest = smallest_inner = sizes[start]
    total = sizes[start]
    stop = start + 1
    while stop < len(sizes) and stop - start < MAX_PACKETS:
        inner = min(smallest_inner, sizes[stop - 1])
        size, whole = max(largest, sizes[stop]), total + sizes[stop]
        wasted = size * (stop - start) - total
        too_much = wasted * MAX_PADDING_SHARE > whole or whole + wasted > MAX_BYTES
        if size - inner > MAX_PADDING or too_much:
            break
        largest, smallest_inner, total = size, inner, whole
        stop += 1
    return Cut(start, stop, largest)


class Segment(NamedTuple):
    """A packet, ready for every terminal: the bits of its first two header bytes, and what stands behind the header.

    `packet` is its index, `tail` payload and padding; `octets` counts the payload alone.
    """

    packet: int
    sequence: int
    timestamp: int
    first: int
    second: int
    tail: bytes
    octets: int


class Train:
    """Packets of one kind that arrived together. `bare` are the same packets without padding."""

    __slots__ = ("arrival", "bare", "cuts", "first_index", "high", "kind", "low", "octets", "segments", "timestamp")

    def __init__(self, packets: Sequence[MediaPacket]) -> None:
        newest = max(packets, key=lambda packet: packet.sequence)
        self.kind = packets[0].kind
        self.bare = [segment(packet) for packet in packets]
        self.cuts = cut([len(packet.payload) for packet in packets]) if self.kind is Kind.VIDEO else []
        self.segments = self._padded()
        self.first_index = min([packet.index for packet in packets])
        self.low = min([packet.sequence for packet in packets])
        self.high, self.timestamp, self.arrival = newest.sequence, newest.timestamp, newest.arrival
        self.octets = sum([part.octets for part in self.bare])

    def _padded(self) -> list[Segment]:
        parts = list(self.bare)
        for start, stop, size in self.cuts:
            for position in range(start, stop - 1):
                missing = size - parts[position].octets
                if missing:
                    parts[position] = pad(parts[position], missing)
        return parts


def segment(packet: MediaPacket) -> Segment:
    """Prepare one packet without padding."""
    second = MARKER_BIT if packet.marker else 0
    size = len(packet.payload)
    return Segment(packet.index, packet.sequence, packet.timestamp, VERSION_BITS, second, packet.payload, size)


def pad(part: Segment, count: int) -> Segment:
    """Return `part` with `count` bytes of padding, in 1..255."""
    return part._replace(first=part.first | PADDING_BIT, tail=part.tail + PADDING[count])
