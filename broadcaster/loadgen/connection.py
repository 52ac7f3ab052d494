"""One client's way to the server: candidates, checks, handshake, consent. A viewer and the lecturer are both built on it.

1. Every candidate of the answer is checked; the first that answers is nominated, and the socket is connected to it.
2. Checks are repeated every 50 ms until one is answered, then every 2.5 s, as Chromium does (consent, RFC 7675).
3. **Time comes in as an argument; nothing here waits.** Whoever owns the connection calls `hurry` while it is being made, `check` every
   2.5 s afterwards, and `receive` with what came.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Final

from broadcaster.loadgen.offers import Answer, AnswerError
from broadcaster.transport.client import TRANSACTION_BYTES, Checks, ClientIdentity, Handshake, HandshakeError, Keys
from broadcaster.transport.parameters import Credentials

Address = tuple[str, int]

CHECK_SECONDS: Final = 2.5
FIRST_CHECKS_SECONDS: Final = 0.05
RETRANSMIT_SECONDS: Final = 0.25
SILENCE_SECONDS: Final = 15.0
MOST_OUTSTANDING: Final = 16
MOST_EARLY: Final = 64  # media in one go with the record that ends the handshake


class Connection:
    """ICE and DTLS of one client. `on_connected()` comes once, `on_end(reason)` at most once and not after `close`."""

    __slots__ = (
        "_candidates",
        "_checks",
        "_handshake",
        "_heard",
        "_next",
        "_on_connected",
        "_on_end",
        "_outstanding",
        "answer",
        "credentials",
        "ended",
        "nominated",
        "on_rtt",
        "socket",
    )  # fmt: skip

    def __init__(self, on_connected: Callable[[], None], on_end: Callable[[str], None]) -> None:
        self.credentials = Credentials(os.urandom(4).hex(), os.urandom(12).hex())
        self.answer: Answer | None = None
        self.socket: socket.socket | None = None
        self.nominated = False
        self.ended = False
        self.on_rtt: Callable[[float], None] = lambda _: None
        self._on_connected = on_connected
        self._on_end = on_end
        self._checks: Checks | None = None
        self._handshake: Handshake | None = None
        self._candidates: list[Address] = []
        self._outstanding: dict[bytes, float] = {}
        self._next = self._heard = 0.0

    @property
    def keys(self) -> Keys | None:
        """SRTP, once the handshake is done."""
        return None if self._handshake is None else self._handshake.keys

    def begin(
        self,
        answer: Answer,
        identity: ClientIdentity,
        open_socket: Callable[[socket.AddressFamily], socket.socket],
        now: float,
    ) -> None:
        """Take the answer and send the first checks. Raises `OSError`, or `AnswerError` when there is no address to try."""
        four = [candidate for candidate in answer.candidates if ":" not in candidate[0]]
        self.answer, self._candidates = answer, four or list(answer.candidates)
        self._checks = Checks(self.credentials, answer.credentials, int.from_bytes(os.urandom(8), "big"))
        self._handshake = Handshake(identity, answer.fingerprint)
        self.socket = open_socket(socket.AF_INET if four else socket.AF_INET6)
        if not self._candidates:
            raise AnswerError("the answer has no candidate")
        self.hurry(now)

    def hurry(self, now: float) -> None:
        """Repeat what was not answered, as long as the connection is being made."""
        if now < self._next or self.ended:
            return
        if self.nominated and self._handshake is not None:
            self._next = now + RETRANSMIT_SECONDS
            self._send_all(self._handshake.retransmit())
        else:
            self._next = now + FIRST_CHECKS_SECONDS
            for candidate in self._candidates:
                self._request(now, nominate=False, to=candidate)

    def check(self, now: float) -> None:
        """Renew consent; a server that has not answered for 15 s is gone."""
        if not self.nominated or self.ended:
            return
        if now - self._heard > SILENCE_SECONDS:
            self._end(f"no answer to checks for {SILENCE_SECONDS:g} s")
        else:
            self._request(now, nominate=True)

    def receive(self, data: bytes, sender: Address, now: float) -> None:
        """Take STUN or DTLS."""
        if data[0] <= 3:
            self._answered(data, sender, now)
        elif 20 <= data[0] <= 63 and self._handshake is not None:
            self._record(self._handshake, data)

    def send(self, datagram: bytes) -> None:
        """Send to the nominated address; what the system does not take is lost, as on any network."""
        try:
            if self.socket is not None:
                self.socket.send(datagram)
        except ConnectionRefusedError:
            self.refuse()
        except OSError:
            return

    def refuse(self) -> None:
        """Nobody listens there any more (ICMP port unreachable)."""
        self._end("the server's port is closed")

    def close(self) -> None:
        """Say goodbye and close the socket; idempotent."""
        if self.socket is None:
            return
        if self._handshake is not None and not self.ended:
            self._send_all(self._handshake.shutdown())
        self.ended = True
        self.socket.close()
        self.socket = None

    def _answered(self, data: bytes, sender: Address, now: float) -> None:
        transaction = self._checks.answered(data) if self._checks is not None else None
        asked = None if transaction is None else self._outstanding.pop(transaction, None)
        if asked is None or self.socket is None or self._handshake is None:
            return
        self._heard = now
        self.on_rtt(now - asked)
        if self.nominated:
            return
        self.nominated = True
        self._next = now + RETRANSMIT_SECONDS
        self.socket.connect(sender)
        self._request(now, nominate=True)
        self._send_all(self._handshake.start())

    def _record(self, handshake: Handshake, data: bytes) -> None:
        before = handshake.keys
        try:
            self._send_all(handshake.receive(data))
        except HandshakeError as error:
            self._end(str(error))
            return
        if before is None and handshake.keys is not None:
            self._on_connected()
        elif handshake.ended:
            self._end("closed by the server")

    def _end(self, reason: str) -> None:
        if not self.ended:
            self.ended = True
            self._on_end(reason)

    def _request(self, now: float, *, nominate: bool, to: Address | None = None) -> None:
        assert self._checks is not None
        transaction = os.urandom(TRANSACTION_BYTES)
        if len(self._outstanding) >= MOST_OUTSTANDING:
            del self._outstanding[next(iter(self._outstanding))]
        self._outstanding[transaction] = now
        request = self._checks.request(transaction, nominate=nominate)
        if to is None:
            self.send(request)
            return
        try:
            if self.socket is not None:
                self.socket.sendto(request, to)
        except OSError:  # no way to this candidate, perhaps to another
            return

    def _send_all(self, datagrams: list[bytes]) -> None:
        for datagram in datagrams:
            self.send(datagram)
