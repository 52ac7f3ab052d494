"""One simulated classroom terminal: an offer, a connection, media that is checked or drained, reports.

No task and no timer of its own: its hall calls `readable`, `turn`, `report` and `connection.check`.
"""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Callable
from typing import Final

from broadcaster.loadgen import sockets
from broadcaster.loadgen.connection import Address, Connection
from broadcaster.loadgen.drain import Drain
from broadcaster.loadgen.offers import read_answer, write_offer
from broadcaster.loadgen.sample import Sample
from broadcaster.loadgen.tally import Tally
from broadcaster.media import Kind
from broadcaster.rtp.rtcp import Remb
from broadcaster.transport.client import ClientIdentity, Keys, OpenError
from broadcaster.transport.parameters import Fingerprint

READS: Final = 256
DATAGRAM: Final = 2048
REMB_EVERY: Final = 5  # reports
REMB_BITS: Final = 4_000_000
_REPORT: Final = struct.Struct("!BBHI")
_SENDER: Final = struct.Struct("!xBHIQ")
_BUFFER: Final = bytearray(DATAGRAM)
_BUFFERS: Final = [_BUFFER]
_NOBODY: Final[Address] = ("", 0)
NO_SOUND: Final = 255  # no payload type


class Terminal:
    """One terminal. `on_settled(reason)` is called once: with "" when it connected, else with what went wrong."""

    __slots__ = (
        "_estimate", "_last", "_loss", "_on_media", "_on_settled", "_reads", "_reports", "_ssrc", "_tally",
        "connected_at", "connection", "drain", "media_at", "resting", "sample", "sampled", "thin",
    )  # fmt: skip

    def __init__(
        self,
        tally: Tally,
        *,
        sampled: bool,
        loss: float,
        on_settled: Callable[[Terminal, str], None],
        on_media: Callable[[Terminal], None],
    ) -> None:
        self.sampled = sampled
        self.sample: Sample | None = None
        self.drain: Drain | None = None
        self.thin = False
        self.resting = False
        self.connected_at: float | None = None
        self.media_at: float | None = None
        self.connection = Connection(self._connected, self._ended)
        self.connection.on_rtt = tally.rtt.add
        self._tally = tally
        self._loss = loss if sampled else 0.0
        self._on_settled = on_settled
        self._on_media = on_media
        self._ssrc = random.getrandbits(31) + 1
        self._reports = 0
        self._estimate = b""
        self._last = 0.0
        self._reads = READS

    def offer(self, fingerprint: Fingerprint) -> str:
        """The SDP offer, which announces a certificate."""
        return write_offer(self.connection.credentials, fingerprint)

    def take(self, answer: str, identity: ClientIdentity, now: float) -> None:
        """Take the answer and begin to check. Raises `AnswerError` or `OSError`."""
        self._last = now
        self.connection.begin(read_answer(answer), identity, self._open, now)

    def _open(self, family: socket.AddressFamily) -> socket.socket:
        return sockets.open_socket(family, sampled=self.sampled)

    # -- receiving --------------------------------------------------------------------------------------------

    def readable(self, now: float, offset: float) -> None:
        """Read what waits, but not for ever; `offset` is what turns CLOCK_REALTIME into monotonic seconds."""
        self._last = now
        for _ in range(self._reads):
            opened = self.connection.socket
            if opened is None or self.connection.ended:
                return
            try:
                if self.sample is not None:
                    size, ancillary, _, _ = opened.recvmsg_into(_BUFFERS, sockets.ANCILLARY_BYTES)
                    stamped = sockets.arrival(ancillary)
                    self._take(bytes(_BUFFER[:size]), _NOBODY, now if stamped is None else stamped + offset)
                elif self.drain is not None:
                    self._drain(opened.recv_into(_BUFFER), now)
                else:
                    data, sender = opened.recvfrom(DATAGRAM)
                    self._take(data, sender, now)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                self.connection.refuse()
                return

    def _take(self, data: bytes, sender: Address, now: float) -> None:
        if not data:
            return
        if not 128 <= data[0] <= 191:
            self.connection.receive(data, sender, now)
        elif (keys := self.connection.keys) is None:
            self._tally.early += 1
        elif len(data) < 12:
            self._tally.undecryptable += 1
        elif 192 <= data[1] <= 223:
            self._control(keys, data, now)
        elif self.sample is not None:
            self.sample.packet(data, now)
            if self.media_at is None:
                self._flows(now)

    def _drain(self, size: int, now: float) -> None:
        assert self.drain is not None
        if size < 12 or not 128 <= _BUFFER[0] <= 191 or 192 <= _BUFFER[1] <= 223:
            self._take(bytes(_BUFFER[:size]), _NOBODY, now)
            return
        self.drain.packet(_BUFFER)
        if not self.thin:
            self._flows(now)

    def _flows(self, now: float) -> None:
        """Media comes: say so, and leave the rest to the kernel; a late joiner is sent hundreds of packets at once."""
        if self.media_at is None:
            self.media_at = now
            self._on_media(self)
        answer, opened = self.connection.answer, self.connection.socket
        if self.drain is not None and self.drain.flows and answer is not None and opened is not None:
            audio = answer.sections.get(Kind.AUDIO)
            self.thin = True
            self.connection.on_rtt = _nothing  # it will be read too late to tell
            if sockets.thin_out(opened, NO_SOUND if audio is None else audio.payload_type):
                self._reads = 1

    def _control(self, keys: Keys, data: bytes, now: float) -> None:
        """Note sender reports; they lead their compounds (RFC 3550 section 6.1)."""
        try:
            plain = keys.open_rtcp(data)
        except OpenError:
            self._tally.undecryptable += 1
            return
        position, media = 0, self.sample or self.drain
        while position + _SENDER.size <= len(plain) and media is not None:
            kind, words, ssrc, ntp = _SENDER.unpack_from(plain, position)
            if kind != 200:
                return
            media.sender_report(ssrc, ntp, now)
            position += 4 + 4 * words

    # -- sending ----------------------------------------------------------------------------------------------

    def turn(self, now: float) -> None:
        """Ask for what is missing."""
        if self.sample is None or self.connection.ended:
            return
        for nack in self.sample.asks(self._ssrc, now):
            self._send(bytes(nack))

    def report(self, now: float) -> None:
        """Send a receiver report about everything that came, now and then with an estimate."""
        media = self.sample or self.drain
        blocks = [] if media is None else media.blocks(now)
        if not blocks or self.connection.ended:
            return
        plain = _REPORT.pack(0x80 | len(blocks), 201, 1 + 6 * len(blocks), self._ssrc) + b"".join(blocks)
        if self._reports % REMB_EVERY == 0:
            plain += self._estimate
        self._reports += 1
        self._send(plain)

    def close(self) -> None:
        """Say goodbye; idempotent."""
        self.connection.close()

    def _send(self, plain: bytes) -> None:
        keys = self.connection.keys
        if keys is not None:
            self.connection.send(keys.seal_rtcp(plain))

    # -- events of the connection -----------------------------------------------------------------------------

    def _connected(self) -> None:
        answer, keys = self.connection.answer, self.connection.keys
        assert answer is not None
        assert keys is not None
        self.connected_at = self._last
        self._estimate = bytes(Remb(self._ssrc, REMB_BITS, tuple(section.ssrc for section in answer.sections.values())))
        if self.sampled:
            self.sample = Sample(answer, keys, self._tally, self._last, self._loss, random.random)
        else:
            self.drain = Drain(answer)
        self._on_settled(self, "")

    def _ended(self, reason: str) -> None:
        self._on_settled(self, reason)


def _nothing(_: float) -> None:
    return
