"""A terminal that checks every packet: decrypts it, follows its number, asks again for what is missing, measures how long it took.

1. **A number is settled once**: received (by itself or by retransmission), or given up after `GIVE_UP` seconds and then a gap for good.
2. Pretended loss is thrown away before it is decrypted, retransmissions included, video only: nobody repairs sound.
3. Times are monotonic seconds of this machine; a lecture of `publisher.py` carries the time of its sending.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from broadcaster.forward.reports import Reception
from broadcaster.loadgen.lecture import sent_at
from broadcaster.loadgen.offers import Answer, Section
from broadcaster.loadgen.tally import Tally
from broadcaster.media import Kind
from broadcaster.rtp.extensions import decode_abs_send_time
from broadcaster.rtp.packet import HEADER, MARKER_BIT, RtpError, RtpPacket
from broadcaster.rtp.rtcp import Nack
from broadcaster.rtp.sequence import distance, low16, nearest
from broadcaster.transport.client import Keys, OpenError

GIVE_UP: Final = 1.0
ASK_AGAIN: Final = 0.06
MOST_MISSING: Final = 2048  # numbers of one source at a time; a longer outage is given up at once
MOST_ASKED: Final = 128  # numbers in one request
_SSRC: Final = struct.Struct("!8xI")
CIRCLE: Final = 1 << 16
_ROUND: Final = 64.0  # abs-send-time wraps after so many seconds


@dataclass(slots=True)
class _Missing:
    since: float
    ask_at: float


class Order:
    """The sequence numbers of one source."""

    __slots__ = ("_missing", "_newest", "_tally")

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._newest = -1
        self._missing: dict[int, _Missing] = {}

    def came(self, sequence: int, now: float) -> int | None:
        """Take a packet that was not retransmitted; return its unwrapped number, None for a duplicate."""
        if self._newest < 0:
            self._newest = sequence + CIRCLE - 1
        extended = nearest(self._newest, sequence)
        if extended > self._newest:
            if extended > self._newest + 1:
                self._note_missing(self._newest + 1, extended, now)
            self._newest = extended
            self._tally.received += 1
            return extended
        if not self._settle(extended):
            return None
        self._tally.disordered += 1
        return extended

    def repaired(self, sequence: int) -> int | None:
        """Take a retransmission; return its unwrapped number, None for a duplicate."""
        extended = nearest(self._newest, sequence)
        if self._newest < 0 or not self._settle(extended):
            return None
        self._tally.repaired += 1
        return extended

    def asks(self, now: float) -> list[int]:
        """The numbers to ask for now, in order; gives up those that are missing for too long."""
        wanted: list[int] = []
        if not self._missing:
            return wanted
        for number in [number for number, entry in self._missing.items() if now - entry.since > GIVE_UP]:
            del self._missing[number]
            self._tally.gaps += 1
        for number, entry in self._missing.items():
            if entry.ask_at <= now and len(wanted) < MOST_ASKED:
                entry.ask_at = now + ASK_AGAIN
                wanted.append(low16(number))
        self._tally.nacked += len(wanted)
        return wanted

    def _note_missing(self, first: int, end: int, now: float) -> None:
        surplus = max(0, end - first + len(self._missing) - MOST_MISSING)
        self._tally.gaps += min(surplus, end - first)
        for number in range(min(first + surplus, end), end):
            self._missing[number] = _Missing(now, now)

    def _settle(self, extended: int) -> bool:
        if self._missing.pop(extended, None) is None:
            self._tally.duplicates += 1
            return False
        self._tally.received += 1
        return True


class _Source:
    """One of the two streams."""

    __slots__ = ("kind", "order", "reception", "section", "timestamp")

    def __init__(self, kind: Kind, section: Section, tally: Tally) -> None:
        self.kind = kind
        self.section = section
        self.order = Order(tally)
        self.reception = Reception(section.ssrc, kind.clock_rate)
        self.timestamp = 0


class Sample:
    """The media of one sampled terminal that connected at `since`. `chance()` returns a number in [0, 1)."""

    def __init__(
        self, answer: Answer, keys: Keys, tally: Tally, since: float, loss: float, chance: Callable[[], float]
    ) -> None:
        self._keys = keys
        self._tally = tally
        self._since = since
        self._loss = loss
        self._chance = chance
        self._fastest: float | None = None
        self._sources: dict[int, _Source] = {}
        self._repairs: dict[int, _Source] = {}
        for kind, section in answer.sections.items():
            source = self._sources[section.ssrc] = _Source(kind, section, tally)
            if section.rtx_ssrc:
                self._repairs[section.rtx_ssrc] = source

    def packet(self, data: bytes, now: float) -> None:
        """Take an SRTP packet of at least 12 bytes that arrived at `now`."""
        ssrc = _SSRC.unpack_from(data)[0]
        source = self._sources.get(ssrc) or self._repairs.get(ssrc)
        if source is None:
            self._tally.unexpected += 1
        elif self._loss and source.kind is Kind.VIDEO and self._chance() < self._loss:
            self._tally.pretended += 1
        else:
            self._open(source, data, now, repair=ssrc in self._repairs)

    def sender_report(self, ssrc: int, ntp: int, now: float) -> None:
        """Note a sender report for LSR and DLSR."""
        source = self._sources.get(ssrc)
        if source is not None:
            source.reception.sender_report(ntp, now)

    def blocks(self, now: float) -> list[bytes]:
        """The report blocks of everything that came (RFC 3550 section 6.4.1)."""
        blocks = (source.reception.block(now) for source in self._sources.values())
        return [bytes(block) for block in blocks if block is not None]

    def asks(self, ssrc: int, now: float) -> list[Nack]:
        """What to ask for again (RFC 4585 section 6.2.1), in the name of `ssrc`."""
        found = []
        for source in self._sources.values():
            numbers = source.order.asks(now)
            if numbers and source.kind is Kind.VIDEO:
                found.append(Nack(ssrc, source.section.ssrc, tuple(numbers)))
        return found

    def _open(self, source: _Source, data: bytes, now: float, *, repair: bool) -> None:
        try:
            plain = self._keys.open_rtp(data)
        except OpenError as error:
            if error.replayed:
                self._tally.duplicates += 1
            else:
                self._tally.undecryptable += 1
            return
        _, second, sequence, timestamp, _ = HEADER.unpack_from(plain)
        number = self._repaired(source, plain) if repair else source.order.came(sequence, now)
        if number is None:
            return
        source.timestamp += distance(source.timestamp, timestamp, 32)
        # Reports begin at cycle 0, as RFC 3550 appendix A.1 has it; unwrapped numbers begin one circle later.
        source.reception.packet(number - CIRCLE, source.timestamp, len(plain), now)
        if not repair and (second & MARKER_BIT or source.kind is Kind.AUDIO):
            self._measure(source, plain, now)

    def _repaired(self, source: _Source, plain: bytes) -> int | None:
        """The number that a retransmission repairs (RFC 4588 section 4); None for padding and duplicates."""
        try:
            payload = RtpPacket.parse(plain).payload
        except RtpError:
            self._tally.undecryptable += 1
            return None
        return source.order.repaired(int.from_bytes(payload[:2], "big")) if len(payload) > 1 else None

    def _measure(self, source: _Source, plain: bytes, now: float) -> None:
        sent = sent_at(plain)
        if sent is None and source.section.abs_send_time:
            self._measure_relatively(source.section.abs_send_time, plain, now)
        elif sent is not None and sent >= self._since:  # else of the pictures that a late joiner is shown at once
            tally = self._tally.video_latency if source.kind is Kind.VIDEO else self._tally.audio_latency
            tally.add(now - sent)

    def _measure_relatively(self, identifier: int, plain: bytes, now: float) -> None:
        """Against the smallest seen: what the network and the server's queues add to it."""
        try:
            value = RtpPacket.parse(plain).extension(identifier)
        except RtpError:
            return
        sent = None if value is None else decode_abs_send_time(value)
        if sent is None:
            return
        transit = (now - sent / 262_144) % _ROUND
        ahead = 0.0 if self._fastest is None else (transit - self._fastest + _ROUND / 2) % _ROUND - _ROUND / 2
        if self._fastest is None or ahead < 0:
            self._fastest, ahead = transit, 0.0
        self._tally.delay_variation.add(ahead)
