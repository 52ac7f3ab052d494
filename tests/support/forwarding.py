"""A lecturer who makes packets and a wire that remembers datagrams, for tests of `broadcaster/forward`.

The wire seals by doing nothing, and holds the fan-out to its first rule: no number is sealed twice with other bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, TypeAlias

from broadcaster.drops import DropReason, Drops
from broadcaster.forward.cache import Ring
from broadcaster.forward.fanout import Fanout
from broadcaster.forward.nack import Retransmitter
from broadcaster.forward.native_fanout import NativeBursts, NativeFanout, NativeRetransmitter
from broadcaster.forward.pacing import GopBursts
from broadcaster.forward.plan import Lane, Plan, RtxLane, Terminal
from broadcaster.media import Kind, MediaPacket
from broadcaster.rtp.packet import RtpPacket

FRAME_TICKS = 3000
SOUND_TICKS = 1920
AUDIO_SSRC, VIDEO_SSRC, RTX_SSRC = 1000, 2000, 3000
TIME_ID, MID_ID = 2, 4


@dataclass
class Wire:
    """Where sealed packets go. Slots in `refusing` take nothing; `room` counts down how many packets are taken at all."""

    drops: Drops = field(default_factory=Drops)
    wishes: list[tuple[int, str]] = field(default_factory=list)
    refusing: set[int] = field(default_factory=set)
    room: int | None = None
    closed: set[int] = field(default_factory=set)
    sent: list[tuple[int, RtpPacket]] = field(default_factory=list)
    datagrams: list[tuple[int, bytes]] = field(default_factory=list)
    _sealed: dict[tuple[int, int, int], bytes] = field(default_factory=dict)

    def seal(self, handle: int, packet: bytes) -> bytes:
        if handle in self.closed:
            raise LookupError(f"no session has the handle {handle}")
        parsed = RtpPacket.parse(packet)
        before = self._sealed.setdefault((handle, parsed.ssrc, parsed.sequence), packet)
        assert before == packet, f"number {parsed.sequence} of {parsed.ssrc} sealed twice with different bytes"
        return packet

    def seal_rtcp(self, handle: int, compound: bytes) -> bytes:
        if handle in self.closed:
            raise LookupError(f"no session has the handle {handle}")
        return compound

    def send(self, slot: int, datagram: bytes) -> bool:
        if slot in self.refusing or self.room == 0:
            return False
        if self.room is not None:
            self.room -= 1
        self.sent.append((slot, RtpPacket.parse(datagram)))
        self.datagrams.append((slot, datagram))
        return True

    def wish(self, slot: int, reason: str) -> None:
        self.wishes.append((slot, reason))

    def to(self, slot: int, kind: Kind = Kind.VIDEO) -> list[RtpPacket]:
        """What one terminal got of one kind, in order."""
        ssrc = VIDEO_SSRC + slot if kind is Kind.VIDEO else AUDIO_SSRC + slot
        return [packet for at, packet in self.sent if at == slot and packet.ssrc == ssrc]

    def rtx(self, slot: int) -> list[RtpPacket]:
        return [packet for at, packet in self.sent if at == slot and packet.ssrc == RTX_SSRC + slot]

    def sequences(self, slot: int, kind: Kind = Kind.VIDEO) -> list[int]:
        return [packet.sequence for packet in self.to(slot, kind)]

    def dropped(self) -> dict[DropReason, int]:
        return {reason: self.drops[reason] for reason in DropReason if self.drops[reason]}


@dataclass
class Lecturer:
    """A source: makes packets in order and stores them in its ring."""

    video: int = 70_000
    audio: int = 80_000
    timestamp: int = 1 << 33
    sound: int = 1 << 34
    now: float = 100.0
    ring: Ring = field(default_factory=lambda: Ring(8.0, 4 << 20))

    def frame(self, sizes: Sequence[int] = (1000, 1000, 600), key: bool = False) -> list[MediaPacket]:
        """Return the packets of the next picture."""
        packets = [
            self.ring.store(
                Kind.VIDEO,
                self.video + number,
                self.timestamp,
                bytes((number & 0xFF,)) * size,
                marker=number == len(sizes) - 1,
                keyframe=key,
                starts_keyframe=key and number == 0,
                arrival=self.now,
            )
            for number, size in enumerate(sizes)
        ]
        self.video += len(sizes)
        self.timestamp += FRAME_TICKS
        self.now += 1 / 30
        return packets

    def opus(self, size: int = 100) -> list[MediaPacket]:
        """Return the next packet of sound."""
        packet = self.ring.store(
            Kind.AUDIO,
            self.audio,
            self.sound,
            b"\xf8" * size,
            marker=False,
            keyframe=False,
            starts_keyframe=False,
            arrival=self.now,
        )
        self.audio += 1
        self.sound += SOUND_TICKS
        return [packet]


def fanout_on(wire: Wire, capacity: int = 128, queue: int = 512, forwarding: bool = True) -> Fanout:
    """Return a fan-out whose datagrams go to `wire`."""
    fanout = Fanout(Plan(capacity), seal=wire.seal, send=wire.send, drop=wire.drops, wish=wire.wish, queue=queue)
    fanout.forwarding = forwarding
    return fanout


@dataclass(frozen=True)
class Limits:
    """What bursts and repair may take."""

    max_octets: int = 1_000_000
    egress_bits: float = 400e6
    viewer_bits: float = 40e6
    share: float = 0.25


AnyFanout: TypeAlias = Fanout | NativeFanout
AnyBursts: TypeAlias = GopBursts | NativeBursts
AnyRetransmitter: TypeAlias = Retransmitter | NativeRetransmitter


class Twin(Protocol):
    """Makes the fan-out of one twin, and what works beside it."""

    def fanout(
        self,
        wire: Wire,
        capacity: int = 128,
        queue: int = 512,
        forwarding: bool = True,
        limits: Limits = ...,
    ) -> AnyFanout: ...

    def bursts(self, fanout: Any, ring: Ring, limits: Limits = ...) -> AnyBursts: ...

    def answers(self, fanout: Any, ring: Ring, wire: Wire, limits: Limits = ...) -> AnyRetransmitter: ...


class PythonTwin:
    """The specification."""

    def fanout(
        self, wire: Wire, capacity: int = 128, queue: int = 512, forwarding: bool = True, limits: Limits = Limits()
    ) -> Fanout:
        return fanout_on(wire, capacity, queue, forwarding)

    def bursts(self, fanout: Fanout, ring: Ring, limits: Limits = Limits()) -> GopBursts:
        return GopBursts(
            fanout,
            ring,
            max_octets=limits.max_octets,
            egress_bits=limits.egress_bits,
            viewer_bits=limits.viewer_bits,
        )

    def answers(self, fanout: Fanout, ring: Ring, wire: Wire, limits: Limits = Limits()) -> Retransmitter:
        return Retransmitter(fanout.plan, ring, seal=wire.seal, send=wire.send, drop=wire.drops, share=limits.share)


class NativeTwin:
    """The fan-out in C, sealing and sending through `wire`."""

    def fanout(
        self, wire: Wire, capacity: int = 128, queue: int = 512, forwarding: bool = True, limits: Limits = Limits()
    ) -> NativeFanout:
        fanout = NativeFanout(
            capacity,
            seal=wire.seal,
            send=wire.send,
            drop=wire.drops,
            wish=wire.wish,
            queue=queue,
            seal_rtcp=wire.seal_rtcp,
            **asdict(limits),
        )
        fanout.set_forwarding(forwarding)
        wire.wishes.clear()
        return fanout

    def bursts(self, fanout: NativeFanout, ring: Ring, limits: Limits = Limits()) -> NativeBursts:
        return NativeBursts(fanout, ring)

    def answers(self, fanout: NativeFanout, ring: Ring, wire: Wire, limits: Limits = Limits()) -> NativeRetransmitter:
        return NativeRetransmitter(fanout, ring)


def terminal(
    slot: int, *, sequence: int = 100, timestamp: int = 5000, rtx: bool = True, times: bool = True, audio: bool = True
) -> Terminal:
    """Return the terminal that is to get `slot`; its SSRCs tell the slot."""
    time_id = TIME_ID if times else 0
    return Terminal(
        handle=slot + 1,
        audio=Lane(AUDIO_SSRC + slot, 111, sequence, timestamp, time_id, MID_ID, b"0") if audio else None,
        video=Lane(VIDEO_SSRC + slot, 108, sequence, timestamp, time_id, MID_ID, b"1"),
        rtx=RtxLane(RTX_SSRC + slot, 109, sequence) if rtx else None,
    )


def drain(fanout: AnyFanout, now: float = 0.0) -> int:
    """Let the fan-out send all it has; return the number of turns."""
    turns = 0
    while fanout.busy:
        fanout.turn(now)
        turns += 1
    return turns
