"""From packets to access units and sound frames: order, completeness, the IDR gate (RFC 6184, RFC 7587).

1. **Only complete, decodable access units leave**: after a loss nothing until the next IDR picture, for which a wish is raised.
2. A missing packet is waited for at most `reorder_seconds`, counted from the packet that showed it missing. The first packet of all
   may have been overtaken: it is waited for 0.1 s, unless an IDR picture begins.
3. Sound has no holes of up to a second: a lost packet becomes 20 ms frames by its duration (RFC 6716 section 3.1).
4. **No clock, socket or thread here**: times come in as arguments.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from broadcaster.media import Kind, MediaPacket
from broadcaster.rtp import h264, opus

START_CODE: Final = b"\x00\x00\x00\x01"
MAX_HELD: Final = 2048  # packets that wait behind a gap; more of them mean that it will not be closed
START_SECONDS: Final = 0.1
SILENCE: Final = b"\xf8\xff\xfe"  # 20 ms, as Chromium sends it
CONCEALED_FRAMES: Final = 5  # a decoder can guess 100 ms; what is longer is silence
FRAME_SAMPLES: Final = 960
MAX_FILL: Final = 48_000


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """A complete picture: its NAL units without start codes, its unwrapped RTP timestamp, the arrival of its last packet."""

    timestamp: int
    nals: tuple[bytes, ...]
    key: bool
    arrival: float

    @property
    def sps(self) -> bytes | None:
        """The sequence parameter set in this unit, if there is one."""
        return next((nal for nal in self.nals if nal[0] & 0x1F == h264.SPS), None)

    def annex_b(self) -> bytes:
        """Return the byte stream format (ITU-T H.264 annex B)."""
        return b"".join(START_CODE + nal for nal in self.nals)


@dataclass(frozen=True, slots=True)
class SoundFrame:
    """An Opus packet or what stands for a lost one: timestamp and duration in samples at 48 kHz."""

    timestamp: int
    duration: int
    payload: bytes
    arrival: float
    filler: bool = False


class Reorder:
    """Puts the packets of one kind into the order of their sequence numbers."""

    def __init__(self, wait: float) -> None:
        self._wait = wait
        self._held: dict[int, MediaPacket] = {}
        self._next: int | None = None
        self._since = 0.0
        self.drops: Counter[str] = Counter()

    def push(self, packet: MediaPacket) -> None:
        """Take one packet; a duplicate or one that was given up is dropped and counted."""
        if packet.sequence in self._held or (self._next is not None and packet.sequence < self._next):
            self.drops["late_or_twice"] += 1
            return
        if not self._held:
            self._since = packet.arrival
        self._held[packet.sequence] = packet

    def pop(self, now: float) -> list[tuple[bool, MediaPacket]]:
        """Return the packets that are due, each with whether packets before it are lost."""
        due: list[tuple[bool, MediaPacket]] = []
        if self._next is None:
            self._start(now)
        while self._held and self._next is not None:
            lost = self._next not in self._held
            if lost:
                if now < self._since + self._wait and len(self._held) < MAX_HELD:
                    break
                first = min(self._held)
                self.drops["lost"] += first - self._next
                self._next = first
            due.append((lost, self._held.pop(self._next)))
            self._next += 1
            if self._held and self._next not in self._held:
                self._since = min(packet.arrival for packet in self._held.values())
        return due

    def next_timer(self) -> float | None:
        """Return when `pop` has something to give up."""
        wait = min(START_SECONDS, self._wait) if self._next is None else self._wait
        return self._since + wait if self._held else None

    def _start(self, now: float) -> None:
        """Begin with the lowest number there is, once it is hardly possible that a lower one comes."""
        if self._held:
            first = min(self._held)
            if self._held[first].starts_keyframe or now >= self._since + min(START_SECONDS, self._wait):
                self._next = first


class VideoAssembler:
    """Assembles access units. `wish` is the reason for which an IDR picture is needed, until `take_wish` is called."""

    def __init__(self, reorder_seconds: float) -> None:
        self.reorder = Reorder(reorder_seconds)
        self.wish: str | None = None
        self.drops = self.reorder.drops
        self._open = False  # the IDR gate
        self._timestamp: int | None = None
        self._nals: list[bytes] = []
        self._fragment: bytearray | None = None
        self._whole = True
        self._after_loss = True
        self._parameters: dict[int, bytes] = {}

    def receive(self, packet: MediaPacket) -> None:
        """Take one packet."""
        self.reorder.push(packet)

    def take(self, now: float) -> list[AccessUnit]:
        """Return the access units that are complete."""
        units: list[AccessUnit] = []
        for lost, packet in self.reorder.pop(now):
            units += self._process(lost, packet)
        return units

    def take_wish(self) -> str | None:
        """Return the reason for which an IDR picture is needed, once."""
        wish, self.wish = self.wish, None
        return wish

    def close_gate(self, reason: str) -> None:
        """Let nothing through until the next IDR picture, and wish for it."""
        self._open = False
        self.wish = reason

    def _process(self, lost: bool, packet: MediaPacket) -> list[AccessUnit]:
        units: list[AccessUnit] = []
        if lost:
            self._discard("incomplete")
            self._whole = packet.starts_keyframe
            self._after_loss = True
            self.close_gate("loss")
        if self._timestamp is not None and packet.timestamp != self._timestamp and not lost:
            units += self._finish(packet.arrival)  # a sender without marker bits
        self._timestamp = packet.timestamp
        if packet.payload:
            self._add(packet)
        if packet.marker:
            units += self._finish(packet.arrival)
            self._timestamp = None
        return units

    def _add(self, packet: MediaPacket) -> None:
        try:
            for piece in h264.pieces(packet.payload):
                self._add_piece(piece)
        except h264.H264Error:
            self.drops["malformed"] += 1
            self._whole = False

    def _add_piece(self, piece: h264.NalPiece) -> None:
        if piece.first:
            self._whole = self._whole and self._fragment is None
            self._fragment = bytearray((piece.header,))
        if self._fragment is None:
            self._whole = False
            return
        self._fragment += piece.body
        if piece.last:
            self._nals.append(bytes(self._fragment))
            self._fragment = None

    def _discard(self, reason: str) -> None:
        if reason and (self._nals or self._fragment is not None):
            self.drops[reason] += 1
        self._nals, self._fragment, self._whole = [], None, True

    def _finish(self, arrival: float) -> list[AccessUnit]:
        """Close the unit under way; return it if it is complete and decodable."""
        timestamp, nals = self._timestamp, tuple(self._nals)
        if not self._whole or self._fragment is not None:
            self._discard("incomplete")
            if self._open:
                self.close_gate("incomplete")
            return []
        self._discard("")
        if not nals or timestamp is None:
            return []
        return self._pass_gate(AccessUnit(timestamp, nals, any(nal[0] & 0x1F == h264.IDR for nal in nals), arrival))

    def _pass_gate(self, unit: AccessUnit) -> list[AccessUnit]:
        if unit.key:
            unit = self._with_parameters(unit)
            self._open = unit.sps is not None
        if not self._open:
            self.drops["awaiting_keyframe"] += 1
            if self.wish is None and unit.key:
                self.wish = "no_parameter_sets"
            return []
        self._after_loss = False
        return [unit]

    def _with_parameters(self, unit: AccessUnit) -> AccessUnit:
        """Give an IDR picture the parameter sets of an earlier one if it has none and nothing was lost since."""
        own = {nal[0] & 0x1F: nal for nal in unit.nals if nal[0] & 0x1F in (h264.SPS, h264.PPS)}
        if len(own) == 2 or self._after_loss or len(self._parameters) < 2:
            self._parameters |= own
            return unit
        self._parameters |= own
        missing = tuple(self._parameters[kind] for kind in (h264.SPS, h264.PPS) if kind not in own)
        return AccessUnit(unit.timestamp, missing + unit.nals, True, unit.arrival)


class SoundAssembler:
    """Puts Opus packets in order and fills holes of up to a second by their duration."""

    def __init__(self, reorder_seconds: float) -> None:
        self.reorder = Reorder(reorder_seconds)
        self.drops = self.reorder.drops
        self._expected: int | None = None
        self._toc = SILENCE[0]

    def receive(self, packet: MediaPacket) -> None:
        """Take one packet."""
        self.reorder.push(packet)

    def take(self, now: float) -> list[SoundFrame]:
        """Return the frames that are due, without holes of up to a second between them."""
        frames: list[SoundFrame] = []
        for _, packet in self.reorder.pop(now):
            try:
                duration = opus.duration(packet.payload)
            except opus.OpusError:
                self.drops["malformed"] += 1
                continue
            frames += self._fill(packet)
            frames.append(SoundFrame(packet.timestamp, duration, packet.payload, packet.arrival))
            self._expected = packet.timestamp + duration
            self._toc = packet.payload[0]
        return frames

    def _fill(self, packet: MediaPacket) -> list[SoundFrame]:
        missing = 0 if self._expected is None else packet.timestamp - self._expected
        if self._expected is None or not 0 < missing <= MAX_FILL:
            return []
        return [
            SoundFrame(
                self._expected + number * FRAME_SAMPLES,
                FRAME_SAMPLES,
                concealment(self._toc) if number < CONCEALED_FRAMES else SILENCE,
                packet.arrival,
                filler=True,
            )
            for number in range(missing // FRAME_SAMPLES)
        ]


def complete_at(packet: MediaPacket) -> int:
    """Return the timestamp at which the packet could be sent: for sound the end of its samples, for a picture its own."""
    if packet.kind is Kind.VIDEO:
        return packet.timestamp
    try:
        return packet.timestamp + opus.duration(packet.payload)
    except opus.OpusError:
        return packet.timestamp


def concealment(toc: int) -> bytes:
    """Return a 20 ms Opus packet without data in the mode of `toc`: decoders conceal it (RFC 6716 section 3.1, table 2)."""
    configuration = toc >> 3
    if configuration < 12:
        configuration = configuration & ~3 | 1
    elif configuration < 16:
        configuration = configuration & ~1 | 1
    else:
        configuration |= 3
    return bytes((configuration << 3 | toc & 0x04,))
