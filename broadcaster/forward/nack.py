"""Loss repair in both directions (RFC 4585 section 6.2.1).

Upstream, `NackGenerator` says what to ask the lecturer for again. Downstream, `Retransmitter` answers a terminal from
the ring; **no request of a terminal ever reaches the lecturer**.
"""

from __future__ import annotations

from typing import Final

from broadcaster.drops import DropReason
from broadcaster.forward.cache import Ring
from broadcaster.forward.layout import Row, State, Stream
from broadcaster.forward.plan import Plan
from broadcaster.forward.sending import SEAL_ERRORS, Drop, Seal, Send, plain
from broadcaster.forward.trains import segment
from broadcaster.media import Kind, MediaPacket
from broadcaster.rtp.packet import HEADER, MARKER_BIT
from broadcaster.rtp.rtcp import Nack
from broadcaster.rtp.sequence import low16, low32

REORDER_SECONDS: Final = 0.005
RETRY_SECONDS: Final = 0.02
MAX_TRIES: Final = 8
MAX_AGE_SECONDS: Final = 1.0
MAX_MISSING: Final = 500
MAX_LATE_WITHOUT_RTX: Final = 1000
FIRST_BUDGET_OCTETS: Final = 60_000
MAX_BUDGET_OCTETS: Final = 250_000
MAX_ASKED_PER_SECOND: Final = 2000
ANSWERED: Final = 128


class _Gap:
    """A packet that has not come: when its absence was seen, when to ask next, how often it was asked for."""

    __slots__ = ("at", "since", "tries")

    def __init__(self, now: float) -> None:
        self.since = now
        self.at = now + REORDER_SECONDS
        self.tries = 0


class NackGenerator:
    """Which packets of one source are missing, and when to ask for them.

    1. A gap is asked for after 5 ms (reordering), then every round trip and a half, at most 8 times within a second.
    2. At most 500 packets are missing at a time; a greater hole is not asked for at all.
    3. **Giving up is a fact**: `take_lost` returns how many packets will never come, so that a keyframe is wished.
    """

    def __init__(self) -> None:
        self._missing: dict[int, _Gap] = {}
        self._newest: int | None = None
        self._lost = 0

    def __len__(self) -> int:
        return len(self._missing)

    def received(self, sequence: int, now: float) -> bool:
        """Note an unwrapped sequence number that came; return whether it had been missing."""
        if self._newest is None:
            self._newest = sequence
            return False
        if sequence <= self._newest:
            return self._missing.pop(sequence, None) is not None
        self._open_gaps(range(self._newest + 1, sequence), now)
        self._newest = sequence
        return False

    def _open_gaps(self, hole: range, now: float) -> None:
        if len(self._missing) + len(hole) > MAX_MISSING:
            self._lost += len(self._missing) + len(hole)
            self._missing.clear()
            return
        for sequence in hole:
            self._missing[sequence] = _Gap(now)

    def due(self, now: float, rtt: float) -> tuple[int, ...]:
        """Return the 16-bit sequence numbers to ask for now, in order, and count the request; give up on old ones."""
        asked: list[int] = []
        for sequence, gap in list(self._missing.items()):
            if gap.tries >= MAX_TRIES or now - gap.since >= MAX_AGE_SECONDS:
                del self._missing[sequence]
                self._lost += 1
            elif gap.at <= now:
                gap.tries += 1
                gap.at = now + max(RETRY_SECONDS, 1.5 * rtt)
                asked.append(sequence)
        return tuple([low16(sequence) for sequence in sorted(asked)])

    def next_timer(self) -> float | None:
        """Return when `due` should be called next; None while nothing is missing."""
        return min([gap.at for gap in self._missing.values()], default=None)

    def take_lost(self) -> int:
        """Return how many packets were given up since the last call."""
        lost, self._lost = self._lost, 0
        return lost


class _Account:
    """What one terminal's retransmissions cost: octets and looks left, and when packets were last sent again.

    `answered` has ANSWERED places for (kind, source number, time); a packet that needs the place of another makes it forgotten.
    """

    __slots__ = ("answered", "budget", "looked", "looks", "octets")

    def __init__(self, octets: int, now: float) -> None:
        self.looks = float(MAX_ASKED_PER_SECOND)
        self.looked = now
        self.octets = octets
        self.budget = float(FIRST_BUDGET_OCTETS)
        self.answered: list[tuple[Kind, int, float] | None] = [None] * ANSWERED

    def earn(self, octets: int, share: float) -> None:
        """Add `share` of what was sent since the last time; `octets` is the stream's wrapping counter."""
        self.budget = min(self.budget + share * low32(octets - self.octets), MAX_BUDGET_OCTETS)
        self.octets = octets

    def look(self, wanted: int, now: float) -> int:
        """Return how many of `wanted` numbers may be looked up now."""
        self.looks = min(self.looks + (now - self.looked) * MAX_ASKED_PER_SECOND, MAX_ASKED_PER_SECOND)
        self.looked = now
        granted = min(wanted, max(0, int(self.looks)))
        self.looks -= granted
        return granted

    def repeats(self, kind: Kind, source: int, horizon: float) -> bool:
        """Whether this packet was sent again after `horizon`."""
        known = self.answered[_place(kind, source)]
        return known is not None and known[:2] == (kind, source) and known[2] > horizon

    def note(self, kind: Kind, source: int, size: int, now: float) -> None:
        """Pay for a packet that is sent again."""
        self.answered[_place(kind, source)] = (kind, source, now)
        self.budget -= size


def _place(kind: Kind, source: int) -> int:
    return (source + kind * ANSWERED // 2) % ANSWERED


class Retransmitter:
    """Answers terminals from the ring of the present source.

    1. **A terminal's retransmissions take at most `share` of what it was sent**, beyond an allowance to begin with.
    2. A packet is sent again at most once per round trip.
    3. At most 2,000 numbers a second are looked up for a terminal: one datagram can name thousands, and each costs the loop
       a few microseconds whether it is answered or not.
    4. With RTX a packet goes out under a number of its own (RFC 4588). Without, it is the very same packet, not older
       than 1,000 packets, and only where it can be the same: in streams without send time.
    """

    def __init__(self, plan: Plan, ring: Ring, *, seal: Seal, send: Send, drop: Drop, share: float) -> None:
        self.plan = plan
        self.ring = ring
        self.share = share
        self._seal = seal
        self._send = send
        self._drop = drop
        self._accounts: dict[int, tuple[int, _Account]] = {}

    def source_changed(self, ring: Ring) -> None:
        """Answer from another ring."""
        self.ring = ring

    def forget(self, slot: int) -> None:
        """Drop what is known of a terminal that left."""
        self._accounts.pop(slot, None)

    def answer(self, slot: int, request: Nack, rtt: float, now: float) -> int:
        """Send what `request` asks for and may have; return how many packets that were."""
        row = self.plan.row(slot)
        kind = None if row is None else _kind_of(row, request.media_ssrc)
        if row is None or kind is None:
            return 0
        account = self._account(row, now)
        account.earn(row.streams[Kind.VIDEO].octets, self.share)
        asked = request.lost[: account.look(len(request.lost), now)]
        if len(asked) < len(request.lost):
            self._drop(DropReason.NACK_BUDGET, len(request.lost) - len(asked))
        return sum([self._answer_one(row, kind, sequence, account, rtt, now) for sequence in asked])

    def _account(self, row: Row, now: float) -> _Account:
        """A slot that was given to another terminal gets a new account."""
        known = self._accounts.get(row.slot)
        if known is None or known[0] != row.streams[Kind.VIDEO].ssrc:
            known = self._accounts[row.slot] = (
                row.streams[Kind.VIDEO].ssrc,
                _Account(row.streams[Kind.VIDEO].octets, now),
            )
        return known[1]

    def _answer_one(self, row: Row, kind: Kind, sequence: int, account: _Account, rtt: float, now: float) -> bool:
        stream = row.streams[kind]
        source = stream.source_of(sequence)
        if source is None:
            self._drop(DropReason.BEFORE_SWITCH if stream.state is State.LIVE else DropReason.NOT_FORWARDING, 1)
            return False
        packet = self.ring.find(kind, source)
        if packet is None or not _may_repeat(row, stream, kind, packet):
            self._drop(DropReason.RING_EXPIRED, 1)
            return False
        refusal = _refusal(account, packet, now - rtt)
        if refusal is not None:
            self._drop(refusal, 1)
            return False
        account.note(kind, source, len(packet.payload), now)
        return self._repeat(row, kind, packet)

    def _repeat(self, row: Row, kind: Kind, packet: MediaPacket) -> bool:
        stream = row.streams[kind]
        with_rtx = kind is Kind.VIDEO and row.rtx_ssrc
        data = self._rtx(row, stream, packet) if with_rtx else plain(stream, segment(packet), b"")
        try:
            datagram = self._seal(row.handle, data)
        except SEAL_ERRORS:
            self._drop(DropReason.SEAL_ERROR, 1)
            return False
        if not self._send(row.slot, datagram):
            self._drop(DropReason.WOULD_BLOCK, 1)
            return False
        return True

    def _rtx(self, row: Row, stream: Stream, packet: MediaPacket) -> bytes:
        """RFC 4588 section 4: own SSRC, type and number, the original's timestamp; the original number leads."""
        number, row.rtx_next = low16(row.rtx_next), low32(row.rtx_next + 1)
        row.write_head(self.plan.memory)
        second = (MARKER_BIT if packet.marker else 0) | row.rtx_payload_type
        timestamp = low32(packet.timestamp + stream.timestamp_offset)
        original = low16(packet.sequence + stream.sequence_offset).to_bytes(2, "big")
        return HEADER.pack(0x80, second, number, timestamp, row.rtx_ssrc) + original + packet.payload


def _kind_of(row: Row, ssrc: int) -> Kind | None:
    for kind in Kind:
        if row.streams[kind].state is not State.OFF and row.streams[kind].ssrc == ssrc:
            return kind
    return None


def _may_repeat(row: Row, stream: Stream, kind: Kind, packet: MediaPacket) -> bool:
    if kind is Kind.VIDEO and row.rtx_ssrc:
        return True
    late = low32(stream.next_sequence - packet.sequence - stream.sequence_offset)
    return not stream.time_offset and late <= MAX_LATE_WITHOUT_RTX


def _refusal(account: _Account, packet: MediaPacket, horizon: float) -> DropReason | None:
    if account.repeats(packet.kind, packet.sequence, horizon):
        return DropReason.NACK_REPEATED
    if account.budget < len(packet.payload):
        return DropReason.NACK_BUDGET
    return None
