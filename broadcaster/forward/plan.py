"""The plan: who receives a lecture, as a table of rows in flat memory (`layout.py`).

1. **Joining and leaving are O(1)** and move no other row.
2. **The flat row is the truth.** A decoded copy is kept for speed and made again when the generation differs.
3. A slot that became free is used again only under a higher generation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from broadcaster.forward.layout import (
    EXTENSION_BYTES,
    FLAG_ACTIVE,
    ROW_BYTES,
    ROW_STREAMS,
    STREAM_BYTES,
    Row,
    State,
    Stream,
)
from broadcaster.media import Kind
from broadcaster.rtp.extensions import ONE_BYTE, build
from broadcaster.rtp.packet import EXTENSION
from broadcaster.rtp.sequence import low32

MAX_FIRST_SEQUENCE: Final = 1 << 15
_ROW_WORDS: Final = ROW_BYTES // 4


class PlanError(ValueError):
    """A terminal that the plan cannot hold; the message is the whole diagnosis."""


@dataclass(frozen=True, slots=True)
class Lane:
    """What a terminal negotiated for one kind of media, with the random numbers to begin with.

    `sequence` is below 2^15, so that no receiver can take the first wrap for a loss; `timestamp` is added to the
    source's. `mid` goes into every packet as header extension `mid_id` when that is not 0.
    """

    ssrc: int
    payload_type: int
    sequence: int
    timestamp: int
    abs_send_time_id: int = 0
    mid_id: int = 0
    mid: bytes = b""


@dataclass(frozen=True, slots=True)
class RtxLane:
    """The retransmission stream of the video (RFC 4588), SSRC-multiplexed."""

    ssrc: int
    payload_type: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Terminal:
    """Everything that the fan-out must know of a viewer. `sockaddr` is a sockaddr_in or sockaddr_in6 as the kernel takes it."""

    handle: int
    audio: Lane | None
    video: Lane | None
    rtx: RtxLane | None = None
    sockaddr: bytes = b""
    socket: int = 0


class Plan:
    """A table of at most `capacity` terminals."""

    def __init__(self, capacity: int) -> None:
        self.memory = bytearray(capacity * ROW_BYTES)
        self.capacity = capacity
        self._words = memoryview(self.memory).cast("I")
        self._rows: dict[int, Row | None] = {}
        self._free: list[int] = []
        self._fresh = 0

    def __len__(self) -> int:
        return len(self._rows)

    def slots(self) -> tuple[int, ...]:
        """Return the slots in use, in the order in which their terminals joined."""
        return tuple(self._rows)

    def rows(self) -> Iterator[Row]:
        """Yield every row in use."""
        for slot in self.slots():
            row = self.row(slot)
            if row is not None:
                yield row

    def join(self, terminal: Terminal) -> Row:
        """Give `terminal` a row; its streams wait for the first packet. Raises PlanError when there is no room."""
        slot = self._free.pop() if self._free else self._fresh
        if slot == self.capacity:
            raise PlanError(f"the plan holds {self.capacity} terminals and is full")
        row = Row(slot, generation=low32(self._words[slot * _ROW_WORDS] + 1), flags=FLAG_ACTIVE)
        try:
            _describe(row, terminal)
        except PlanError:
            if slot != self._fresh:
                self._free.append(slot)
            raise
        self._fresh = max(self._fresh, slot + 1)
        self._rows[slot] = row
        row.write(self.memory)
        return row

    def leave(self, slot: int) -> int | None:
        """Free a row; return the generation under which it is empty, None when it was already."""
        if slot not in self._rows:
            return None
        del self._rows[slot]
        empty = Row(slot, generation=low32(self._words[slot * _ROW_WORDS] + 1))
        empty.write(self.memory)
        self._free.append(slot)
        return empty.generation

    def row(self, slot: int) -> Row | None:
        """Return the terminal at `slot`, decoded; None when there is none."""
        if slot not in self._rows:
            return None
        row = self._rows[slot]
        if row is None or row.generation != self._words[slot * _ROW_WORDS]:
            row = self._rows[slot] = Row.read(self.memory, slot)
        return row

    def forget_copy(self, slot: int) -> None:
        """Give up the decoded copy of a row that is rarely looked at: it takes a kilobyte."""
        if slot in self._rows:
            self._rows[slot] = None

    def move(self, slot: int, sockaddr: bytes, socket: int) -> None:
        """Send to another address from now on (RFC 8445 nomination, or a NAT that rebinds)."""
        row = self.row(slot)
        if row is not None:
            row.sockaddr, row.socket = sockaddr, socket
            row.generation = low32(row.generation + 1)
            row.write_head(self.memory)

    def save(self, row: Row, kind: Kind) -> None:
        """Write back the numbers of one stream; the generation stays."""
        row.streams[kind].write(self.memory, row.slot * ROW_BYTES + ROW_STREAMS + kind * STREAM_BYTES)


def _describe(row: Row, terminal: Terminal) -> None:
    row.handle, row.sockaddr, row.socket = terminal.handle, terminal.sockaddr, terminal.socket
    if terminal.rtx is not None:
        _check_sequence(terminal.rtx.sequence)
        row.rtx_ssrc, row.rtx_payload_type = terminal.rtx.ssrc, terminal.rtx.payload_type
        row.rtx_next = terminal.rtx.sequence
    audio = _stream(terminal.audio, with_time=True)
    row.streams = (audio, _stream(terminal.video, with_time=terminal.rtx is not None))


def _stream(lane: Lane | None, with_time: bool) -> Stream:
    """Begin a stream. Video without RTX gets no send time: a packet sent again must be the very same bytes."""
    if lane is None:
        return Stream()
    _check_sequence(lane.sequence)
    time_offset, extension = _extension(lane.abs_send_time_id if with_time else 0, lane.mid_id, lane.mid)
    return Stream(
        ssrc=lane.ssrc,
        payload_type=lane.payload_type,
        state=State.WAITING,
        time_offset=time_offset,
        next_sequence=lane.sequence,
        timestamp_offset=lane.timestamp,
        extension=extension,
    )


def _extension(time_id: int, mid_id: int, mid: bytes) -> tuple[int, bytes]:
    """Return the extension block with its header, the send time first and zero, and where the send time stands."""
    items = ([(time_id, bytes(3))] if time_id else []) + ([(mid_id, mid)] if mid_id else [])
    if not items:
        return 0, b""
    profile, block = build(items)
    if EXTENSION.size + len(block) > EXTENSION_BYTES:
        raise PlanError(f"header extensions of {EXTENSION.size + len(block)} bytes exceed {EXTENSION_BYTES}")
    element_header = 1 if profile == ONE_BYTE else 2
    return (EXTENSION.size + element_header if time_id else 0), EXTENSION.pack(profile, len(block) // 4) + block


def _check_sequence(sequence: int) -> None:
    if not 0 <= sequence < MAX_FIRST_SEQUENCE:
        raise PlanError(f"first sequence number {sequence} is not below {MAX_FIRST_SEQUENCE}")
