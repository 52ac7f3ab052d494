"""The native ring as Python sees it: for sinks, which want packets, and for tests, which want the twin of `cache.Ring`.

1. A thread may be writing while Python reads. **Whoever copied a packet looks again**: what was overwritten meanwhile is
   as if it had never been found.
2. What a thread writes alone (the store, an intake) Python calls only where there is no thread: in tests.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

from broadcaster.drops import DropReason
from broadcaster.forward.cache import Refused, Ring
from broadcaster.forward.layout import (
    FLAG_KEYFRAME,
    FLAG_MARKER,
    FLAG_REPAIRED,
    FLAG_STARTS_KEYFRAME,
    NO_SEND_TIME,
    SLOT_BYTES,
    SLOT_HEAD,
    SLOT_PAYLOAD,
    Stream,
)
from broadcaster.forward.native import Native
from broadcaster.forward.reports import Acknowledged
from broadcaster.media import Kind, MediaPacket
from broadcaster.rtp.sequence import low32

REASONS: Final = tuple(DropReason)
WORDS: Final = SLOT_BYTES // 8


class Stored(NamedTuple):
    """A packet of the ring and how it came: `send_time` is the publisher's abs-send-time, `wire_bytes` of its RTP packet."""

    packet: MediaPacket
    send_time: int | None
    wire_bytes: int
    repaired: bool


def _index(result: int) -> int:
    """Return the index that the ring answered with; raise Refused for a negative DropReason."""
    if result < 0:
        raise Refused(REASONS[-result])
    return result


class NativeRing:
    """The last `seconds` of a publication, in at most `size` bytes of memory; `pointer` is C's `struct ring *`."""

    def __init__(self, native: Native, seconds: float, size: int) -> None:
        self._ffi, self._lib = native
        self.seconds = seconds
        self.slots = max(1, size // SLOT_BYTES)
        self.pointer: Any = self._ffi.gc(self._lib.ring_new(seconds, self.slots), self._lib.ring_free)
        if not self.pointer:
            raise MemoryError(f"no memory for a ring of {self.slots} slots")
        start = self._lib.ring_memory(self.pointer)
        self.memory: Any = self._ffi.buffer(start, self.slots * SLOT_BYTES)
        self._words = self._ffi.cast("uint64_t *", start)

    def __len__(self) -> int:
        return self.next_index - self.oldest

    @property
    def next_index(self) -> int:
        """The index of the packet that will be stored next."""
        return int(self._lib.ring_next_index(self.pointer))

    @property
    def oldest(self) -> int:
        """The index of the oldest packet held, `next_index` when there is none."""
        return int(self._lib.ring_oldest(self.pointer))

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
        flags = marker * FLAG_MARKER | keyframe * FLAG_KEYFRAME | starts_keyframe * FLAG_STARTS_KEYFRAME
        index = _index(
            self._lib.ring_store(
                self.pointer,
                kind,
                sequence,
                timestamp,
                payload,
                len(payload),
                flags,
                arrival,
                NO_SEND_TIME,
                0,
            )
        )
        return MediaPacket(index, kind, sequence, timestamp, marker, keyframe, starts_keyframe, arrival, payload)

    def put(self, packet: MediaPacket) -> None:
        """Write `packet` under its own index, unchecked: for trains that a test makes up."""
        flags = packet.marker * FLAG_MARKER | packet.keyframe * FLAG_KEYFRAME
        flags |= packet.starts_keyframe * FLAG_STARTS_KEYFRAME
        self._lib.ring_put(
            self.pointer,
            packet.index,
            packet.kind,
            packet.sequence,
            packet.timestamp,
            packet.payload,
            len(packet.payload),
            flags,
            packet.arrival,
        )

    def read(self, index: int) -> Stored | None:
        """Return the packet stored at `index`; None when it was overwritten, or is not there yet."""
        stored = self._decode(index) if self._holds(index) else None
        return stored if self._holds(index) else None

    def read_from(self, index: int) -> tuple[list[Stored], int]:
        """Return (what was stored at `index` and later, the index that comes next); what was overwritten is missing.

        Two calls into C for all of them: a packet is evicted before its slot is written again.
        """
        end = self.next_index
        stored = [self._decode(each) for each in range(max(index, end - self.slots), end)]
        oldest = self.oldest
        return [each for each in stored if each.packet.index >= oldest], end

    def _decode(self, index: int) -> Stored:
        start = index % self.slots * SLOT_BYTES
        _, sequence, timestamp, arrival, kind, flags, length, send_time, wire_bytes = SLOT_HEAD.unpack_from(
            self.memory, start
        )
        payload = self.memory[start + SLOT_PAYLOAD : start + SLOT_PAYLOAD + length]
        packet = MediaPacket(
            index=index,
            kind=Kind(kind),
            sequence=sequence,
            timestamp=timestamp,
            marker=bool(flags & FLAG_MARKER),
            keyframe=bool(flags & FLAG_KEYFRAME),
            starts_keyframe=bool(flags & FLAG_STARTS_KEYFRAME),
            arrival=arrival,
            payload=payload,
        )
        send_time = None if send_time == NO_SEND_TIME else send_time
        return Stored(packet, send_time, wire_bytes, bool(flags & FLAG_REPAIRED))

    def find(self, kind: Kind, sequence: int) -> MediaPacket | None:
        """Return the packet with this unwrapped sequence number while the ring holds it."""
        index = self._lib.ring_find(self.pointer, kind, sequence)
        stored = self.read(index) if index >= 0 else None
        return None if stored is None else stored.packet

    def newest(self, kind: Kind) -> int | None:
        """Return the greatest sequence number stored."""
        newest = self._lib.ring_newest(self.pointer, kind)
        return int(newest) if newest >= 0 else None

    def gop(self) -> list[MediaPacket]:
        """Return the video since the last picture that needs no other, in sequence order; empty when it is gone."""
        first = self._lib.ring_gop(self.pointer)
        numbers = range(first, (self.newest(Kind.VIDEO) or 0) + 1) if first >= 0 else ()
        found = [self.find(Kind.VIDEO, number) for number in numbers]
        return [packet for packet in found if packet is not None]

    def since(self, index: int, kind: Kind) -> list[MediaPacket]:
        """Return the packets of `kind` stored at `index` and later, in the order in which they came."""
        read = [self.read(number) for number in range(max(index, self.oldest), self.next_index)]
        return [stored.packet for stored in read if stored is not None and stored.packet.kind is kind]

    def _holds(self, index: int) -> bool:
        """Whether the slot is this packet's now. The call is a fence besides: it gives the GIL away and takes it back."""
        return (
            bool(self._lib.ring_oldest(self.pointer) <= index and self._words[index % self.slots * WORDS] == index)
            and index < self.next_index
        )


AnyRing: TypeAlias = Ring | NativeRing


class NativeIntake:
    """Both streams of a publication on their way into `ring`; `pointer` is C's `struct intake *`."""

    def __init__(self, native: Native, ring: NativeRing) -> None:
        self._ffi, self._lib = native
        self.ring = ring
        self.pointer: Any = self._ffi.gc(self._lib.intake_new(ring.pointer), self._lib.intake_free)

    def listen(self, payload_type: int, kind: Kind, abs_send_time_id: int = 0, *, original: int | None = None) -> None:
        """Take `payload_type` as `kind`, or as the RTX (RFC 4588) of payload type `original`; extension id 0: none."""
        rtx_of = -1 if original is None else original
        self._lib.intake_listen(self.pointer, payload_type, kind, rtx_of, abs_send_time_id)

    def ssrc(self, kind: Kind) -> int:
        """Return the source of the stream, 0 before its first packet."""
        return int(self._lib.intake_ssrc(self.pointer, kind))

    def receive(self, plain: bytes, now: float) -> int | None:
        """Store one unprotected RTP packet and return its index; None when it only probes; raises Refused."""
        result = self._lib.intake_rtp(self.pointer, plain, len(plain), now)
        return None if result == -len(REASONS) else _index(result)


class NativeAcknowledgements:
    """What one terminal reported, out of C's `struct acknowledgements`: the twin of `reports.Acknowledgements`."""

    def __init__(self, told: Any, streams: tuple[Stream, Stream]) -> None:
        self._told = told
        self._last = self._counts(streams)

    @property
    def rtt(self) -> float:
        """Seconds of a round trip, smoothed; 0 before the first report that tells it."""
        return float(self._told.rtt)

    @property
    def fraction_lost(self) -> float:
        """The share of the last report."""
        return int(self._told.fraction_lost) / 256

    @property
    def jitter(self) -> int:
        """Of the last report, in units of its stream's clock."""
        return int(self._told.jitter)

    @property
    def last_advance(self) -> float | None:
        """When a packet was acknowledged last, None when none ever was."""
        return float(self._told.last_advance) or None

    @property
    def estimate(self) -> int | None:
        """REMB's bits a second, None before the first."""
        return int(self._told.estimate) or None

    def take(self, streams: tuple[Stream, Stream]) -> Acknowledged:
        """Return what was acknowledged since the last call, and begin anew."""
        last, self._last = self._last, self._counts(streams)
        return Acknowledged(*[sum([low32(now - then) for now, then in pair]) for pair in map(zip, self._last, last)])

    def _counts(self, streams: tuple[Stream, Stream]) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        audio, video = self._told.streams
        return (audio.advance, video.advance), (audio.lost, video.lost), (streams[0].packets, streams[1].packets)
