"""Plan and ring as flat memory: **the seam between the two twins of the fan-out**.

Everything that a fan-out must know of a terminal stands in one row of `ROW_BYTES`, everything of a packet in one slot
of `SLOT_BYTES`. Sizes and offsets are constants of this module, in the machine's byte order without hidden padding;
a twin in C checks them when it is loaded.

1. **A row is changed in place.** Whoever changes what a terminal *is* (addresses, SSRCs, extensions) raises its
   generation; whoever only *sends* to it changes counters and leaves the generation alone.
2. **A number pair (slot, generation) names a terminal for ever**; a slot alone names it until it leaves.
3. Numbers of the source are unwrapped (64 bits); numbers that go out are kept extended (32 bits) and reduced when a
   header is written: `out = source + sequence_offset`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from broadcaster.media import Kind
from broadcaster.rtp.sequence import low16, low32

NEVER: Final = (1 << 64) - 1
NEVER_SENT: Final = -1.0

# A row: head, then one stream for each Kind in the order of its values.
ROW_BYTES: Final = 256
ROW_HEAD: Final = struct.Struct("=IIQ28sHHIIB7x")
ROW_GENERATION: Final = 0
ROW_FLAGS: Final = 4
ROW_HANDLE: Final = 8
ROW_SOCKADDR: Final = 16
ROW_SOCKADDR_LENGTH: Final = 44
ROW_SOCKET: Final = 46
ROW_RTX_SSRC: Final = 48
ROW_RTX_NEXT: Final = 52
ROW_RTX_PAYLOAD_TYPE: Final = 56
ROW_STREAMS: Final = 64
FLAG_ACTIVE: Final = 1

STREAM_BYTES: Final = 96
STREAM: Final = struct.Struct("=IBBBBIIIIQQQdII32s")
STREAM_SSRC: Final = 0
STREAM_PAYLOAD_TYPE: Final = 4
STREAM_STATE: Final = 5
STREAM_EXTENSION_LENGTH: Final = 6
STREAM_TIME_OFFSET: Final = 7
STREAM_SEQUENCE_OFFSET: Final = 8
STREAM_NEXT_SEQUENCE: Final = 12
STREAM_TIMESTAMP_OFFSET: Final = 16
STREAM_LAST_TIMESTAMP: Final = 20
STREAM_BASE_SEQUENCE: Final = 24
STREAM_FROM_INDEX: Final = 32
STREAM_SKIP_TIMESTAMP: Final = 40
STREAM_LAST_ARRIVAL: Final = 48
STREAM_PACKETS: Final = 56
STREAM_OCTETS: Final = 60
STREAM_EXTENSION: Final = 64
EXTENSION_BYTES: Final = 32

# A slot of the ring: head, then the payload.
SLOT_BYTES: Final = 1536
SLOT_HEAD: Final = struct.Struct("=QQQdBBHIH22x")
SLOT_INDEX: Final = 0
SLOT_SEQUENCE: Final = 8
SLOT_TIMESTAMP: Final = 16
SLOT_ARRIVAL: Final = 24
SLOT_KIND: Final = 32
SLOT_FLAGS: Final = 33
SLOT_LENGTH: Final = 34
SLOT_SEND_TIME: Final = 36
SLOT_WIRE_BYTES: Final = 40
SLOT_PAYLOAD: Final = 64
SLOT_PAYLOAD_BYTES: Final = SLOT_BYTES - SLOT_PAYLOAD
FLAG_MARKER: Final = 1
FLAG_KEYFRAME: Final = 2
FLAG_STARTS_KEYFRAME: Final = 4
FLAG_REPAIRED: Final = 8
NO_SEND_TIME: Final = (1 << 32) - 1


class State(IntEnum):
    """Where a stream of a terminal stands."""

    OFF = 0  # the terminal did not ask for this kind
    WAITING = 1  # nothing goes out until a packet comes that the stream may begin with
    SWITCHING = 2  # as WAITING, and the timestamps have to go on from another source
    LIVE = 3


@dataclass(slots=True)
class Stream:
    """One kind of media of one terminal, decoded from its row.

    `extension` is the whole RFC 8285 block with its header; `time_offset` is where in it the three bytes of
    abs-send-time stand, 0 when there are none. `base_sequence` is the first source number that `sequence_offset`
    applies to, `from_index` the first packet of the ring that is not sent yet, `skip_timestamp` the frame of which the
    rest is lost. `packets` and `octets` count what was sent, for sender reports.
    """

    ssrc: int = 0
    payload_type: int = 0
    state: State = State.OFF
    time_offset: int = 0
    sequence_offset: int = 0
    next_sequence: int = 0
    timestamp_offset: int = 0
    last_timestamp: int = 0
    base_sequence: int = 0
    from_index: int = NEVER
    skip_timestamp: int = NEVER
    last_arrival: float = NEVER_SENT
    packets: int = 0
    octets: int = 0
    extension: bytes = b""

    def write(self, memory: bytearray | memoryview, position: int) -> None:
        """Encode the stream at `position`."""
        STREAM.pack_into(
            memory,
            position,
            self.ssrc,
            self.payload_type,
            self.state,
            len(self.extension),
            self.time_offset,
            self.sequence_offset & 0xFFFFFFFF,
            self.next_sequence & 0xFFFFFFFF,
            self.timestamp_offset & 0xFFFFFFFF,
            self.last_timestamp & 0xFFFFFFFF,
            self.base_sequence,
            self.from_index,
            self.skip_timestamp,
            self.last_arrival,
            self.packets & 0xFFFFFFFF,
            self.octets & 0xFFFFFFFF,
            self.extension,
        )

    @classmethod
    def read(cls, memory: bytearray | memoryview, position: int) -> Stream:
        """Decode the stream at `position`."""
        fields = list(STREAM.unpack_from(memory, position))
        length = fields.pop(3)
        fields[2], fields[-1] = State(fields[2]), fields[-1][:length]
        return cls(*fields)

    def begin(self, sequence: int, timestamp: int, index: int, arrival: float, clock_rate: int) -> None:
        """Let the stream go on with the packet of these source numbers, **whose number out is the next one**.

        A stream that comes from another source keeps its timestamps on the line of the server's clock: they advance
        by the time between the arrivals, so that sender reports before and after the switch tell the same clock.
        """
        self.base_sequence, self.from_index = sequence, index
        self.sequence_offset = low32(self.next_sequence - sequence)
        if self.state is State.SWITCHING:
            elapsed = max(1, round((arrival - self.last_arrival) * clock_rate))
            self.timestamp_offset = low32(self.last_timestamp + elapsed - timestamp)
        self.state, self.skip_timestamp = State.LIVE, NEVER
        self.advance(sequence, timestamp, arrival)

    def advance(self, sequence: int, timestamp: int, arrival: float) -> None:
        """Note that source number `sequence` was given a number out."""
        following = low32(sequence + 1 + self.sequence_offset)
        if 0 < (following - self.next_sequence & 0xFFFFFFFF) < 0x80000000:
            self.next_sequence = following
            self.last_timestamp = low32(timestamp + self.timestamp_offset)
            self.last_arrival = arrival

    def source_of(self, sequence: int) -> int | None:
        """Return the unwrapped source number that went out as 16-bit `sequence`.

        None when it never did, or did before the stream began anew: its packets cannot be named any more.
        """
        behind = low16(self.next_sequence - 1 - sequence)
        newest = self.base_sequence + low32(self.next_sequence - 1 - self.base_sequence - self.sequence_offset)
        source = newest - behind
        return source if self.state is State.LIVE and source >= self.base_sequence else None


@dataclass(slots=True)
class Row:
    """One terminal, decoded. `handle` and `socket` mean something to the transport only; `rtx_ssrc` 0 means no RTX."""

    slot: int
    generation: int = 0
    flags: int = 0
    handle: int = 0
    sockaddr: bytes = b""
    socket: int = 0
    rtx_ssrc: int = 0
    rtx_next: int = 0
    rtx_payload_type: int = 0
    streams: tuple[Stream, Stream] = field(default_factory=lambda: (Stream(), Stream()))

    def write(self, memory: bytearray | memoryview) -> None:
        """Encode the row at its slot."""
        start = self.slot * ROW_BYTES
        self.write_head(memory)
        for kind in Kind:
            self.streams[kind].write(memory, start + ROW_STREAMS + kind * STREAM_BYTES)

    def write_head(self, memory: bytearray | memoryview) -> None:
        """Encode what does not belong to a stream."""
        ROW_HEAD.pack_into(
            memory,
            self.slot * ROW_BYTES,
            self.generation & 0xFFFFFFFF,
            self.flags,
            self.handle,
            self.sockaddr,
            len(self.sockaddr),
            self.socket,
            self.rtx_ssrc,
            self.rtx_next & 0xFFFFFFFF,
            self.rtx_payload_type,
        )

    @classmethod
    def read(cls, memory: bytearray | memoryview, slot: int) -> Row:
        """Decode the row at `slot`."""
        start = slot * ROW_BYTES
        fields = list(ROW_HEAD.unpack_from(memory, start))
        length = fields.pop(4)
        fields[3] = fields[3][:length]
        fields.append(tuple([Stream.read(memory, start + ROW_STREAMS + kind * STREAM_BYTES) for kind in Kind]))
        return cls(slot, *fields)
