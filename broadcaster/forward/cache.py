"""The ring: every packet of a publication, stored once.

1. **A packet is immutable once stored**; its index is never used again.
2. **The ring is bounded** by memory (its slots are laid out once) and by seconds; the oldest packets go first. What is
   asked for later is gone, and whoever asked counts it.
3. The slot in flat memory and the `MediaPacket` say the same.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from broadcaster.drops import DropReason
from broadcaster.forward.layout import (
    FLAG_KEYFRAME,
    FLAG_MARKER,
    FLAG_STARTS_KEYFRAME,
    NO_SEND_TIME,
    SLOT_BYTES,
    SLOT_HEAD,
    SLOT_PAYLOAD,
    SLOT_PAYLOAD_BYTES,
)
from broadcaster.media import Kind, MediaPacket

MAX_PAYLOAD: Final = SLOT_PAYLOAD_BYTES


class Refused(ValueError):
    """A packet that the ring does not take; `reason` is its counter."""

    def __init__(self, reason: DropReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Ring:
    """The last `seconds` of a publication, in at most `size` bytes of memory."""

    def __init__(self, seconds: float, size: int) -> None:
        self.seconds = seconds
        self.slots = max(1, size // SLOT_BYTES)
        self.memory = bytearray(self.slots * SLOT_BYTES)
        self.next_index = 0
        self._packets: deque[MediaPacket] = deque()
        self._by_sequence: tuple[dict[int, MediaPacket], ...] = ({}, {})
        self._evicted = [-1, -1]
        self._newest = [-1, -1]
        self._keyframe: MediaPacket | None = None

    def __len__(self) -> int:
        return len(self._packets)

    def store(
        self,
        kind: Kind,
        sequence: int,
        timestamp: int,
        payload: bytes,
        *,
        marker: bool,
        keyframe: bool,
        starts_keyframe: bool,
        arrival: float,
    ) -> MediaPacket:
        """Keep one packet, with unwrapped numbers; raise Refused for a duplicate, and for one too late or too large."""
        self._check(kind, sequence, payload)
        packet = MediaPacket(
            self.next_index, kind, sequence, timestamp, marker, keyframe, starts_keyframe, arrival, payload
        )
        self._make_room(arrival)
        self._write(packet)
        self._packets.append(packet)
        self._by_sequence[kind][sequence] = packet
        self.next_index += 1
        self._newest[kind] = max(self._newest[kind], sequence)
        if starts_keyframe and (self._keyframe is None or sequence > self._keyframe.sequence):
            self._keyframe = packet
        return packet

    def find(self, kind: Kind, sequence: int) -> MediaPacket | None:
        """Return the packet with this unwrapped sequence number while the ring holds it."""
        return self._by_sequence[kind].get(sequence)

    def newest(self, kind: Kind) -> int | None:
        """Return the greatest sequence number stored."""
        return self._newest[kind] if self._newest[kind] >= 0 else None

    def gop(self) -> list[MediaPacket]:
        """Return the video since the last picture that needs no other, in sequence order; empty when it is gone."""
        held = self._by_sequence[Kind.VIDEO]
        if self._keyframe is None or self._keyframe.sequence not in held:
            return []
        numbers = range(self._first_of_picture(self._keyframe), self._newest[Kind.VIDEO] + 1)
        return [held[number] for number in numbers if number in held]

    def since(self, index: int, kind: Kind) -> list[MediaPacket]:
        """Return the packets of `kind` stored at `index` and later, in the order in which they came."""
        later: list[MediaPacket] = []
        for packet in reversed(self._packets):
            if packet.index < index:
                break
            if packet.kind is kind:
                later.append(packet)
        return later[::-1]

    def _first_of_picture(self, packet: MediaPacket) -> int:
        """Parameter sets that were overtaken by their picture stand before it."""
        held, number = self._by_sequence[packet.kind], packet.sequence
        while (before := held.get(number - 1)) is not None and before.timestamp == packet.timestamp:
            number -= 1
        return number

    def _check(self, kind: Kind, sequence: int, payload: bytes) -> None:
        if len(payload) > SLOT_PAYLOAD_BYTES:
            raise Refused(DropReason.OVERSIZE)
        if sequence in self._by_sequence[kind]:
            raise Refused(DropReason.DUPLICATE)
        if sequence <= self._evicted[kind]:
            raise Refused(DropReason.TOO_OLD)

    def _make_room(self, now: float) -> None:
        packets, horizon = self._packets, now - self.seconds
        while packets and (len(packets) >= self.slots or packets[0].arrival < horizon):
            old = packets.popleft()
            del self._by_sequence[old.kind][old.sequence]
            self._evicted[old.kind] = max(self._evicted[old.kind], old.sequence)

    def _write(self, packet: MediaPacket) -> None:
        start = packet.index % self.slots * SLOT_BYTES
        flags = packet.marker * FLAG_MARKER | packet.keyframe * FLAG_KEYFRAME
        flags |= packet.starts_keyframe * FLAG_STARTS_KEYFRAME
        size = len(packet.payload)
        SLOT_HEAD.pack_into(
            self.memory,
            start,
            packet.index,
            packet.sequence,
            packet.timestamp,
            packet.arrival,
            packet.kind,
            flags,
            size,
            NO_SEND_TIME,
            0,
        )
        self.memory[start + SLOT_PAYLOAD : start + SLOT_PAYLOAD + size] = packet.payload
