"""Rendering reports: from what a screen sends to the minute that the ledger gets.

1. **The server's clock alone counts**; of the screen's there is no word in a report.
2. **An accepted report is not durable yet, and the answer says so**: `durable_until` names the first minute that may still be lost. A screen keeps what it sent
   until then and sends it again when another process answers (`boot_id`).
3. Every refusal is counted by lecture, screen and reason; who forged goes into the ledger.
4. A report about a minute in which the server delivered nothing to the screen is recorded with the flag `UNPROVEN`; the fold gives nothing for it anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from zlib import crc32

from signaling.ledger.facts import Flags, RefusedReports, Rendered
from signaling.ledger.kinds import Reason
from signaling.presence.claims import BadReport, BadSignature, Claims, Keys, check, read
from signaling.presence.minutes import MINUTE, Bits, Refused, Sheet, Taken
from signaling.presence.nonces import SESSION_BYTES, Chain, ForeignNonce, Link, OldNonce, Place
from signaling.presence.refusals import Refusals, Unwritten

JITTER_SECONDS: Final = 10.0
SHORTEST_SECONDS: Final = 1.0


@dataclass(slots=True)
class Room:
    """A broadcast that takes reports."""

    lecture_id: str
    broadcast_id: str
    sheet: Sheet
    delivered: Bits
    refused: Unwritten
    known_from: int
    """The first minute of whose deliveries this process has seen all."""
    over_at: float | None = None
    kept: list[Rendered | RefusedReports] = field(default_factory=list)
    """Minutes that the ledger did not take; they are brought again."""
    classes: dict[str, str] = field(default_factory=dict)
    """The class of each screen that asked what to do."""
    shown: dict[str, int] = field(default_factory=dict)
    """Milliseconds seen and heard by each screen's newest signed report of such; for boards, the evidence is in the ledger."""
    reports: int = 0
    unsigned: int = 0


class Rejected(Exception):
    """A report that counts for nothing: why, in words, and nonce and number with which the screen goes on, where there can be one."""

    def __init__(self, reason: Reason, message: str, nonce: str | None = None, counter: int = 0) -> None:
        super().__init__(message)
        self.reason = reason
        self.nonce = nonce
        self.counter = counter


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a report, and nonce and number of the next."""

    taken: Taken
    nonce: str
    counter: int


@dataclass(slots=True)
class Reporting:
    """The rooms of the broadcasts that run, and what is refused."""

    chain: Chain
    refusals: Refusals
    random: Callable[[int], bytes]
    grace: float
    back: int
    capacity: int
    most_refused: int
    rooms: dict[str, Room] = field(default_factory=dict)
    keys: Keys = field(default_factory=Keys)

    def open(self, lecture_id: str, broadcast_id: str, base: int, now: float) -> Room:
        """Take reports of a broadcast from minute `base` on; a second call changes nothing."""
        known = self.rooms.get(lecture_id)
        if known is None or known.broadcast_id != broadcast_id:
            sheet = Sheet(base, grace=self.grace, back=self.back, capacity=self.capacity)
            refused, known_from = Unwritten(self.most_refused, self.grace), int(now) // MINUTE + 1
            known = self.rooms[lecture_id] = Room(lecture_id, broadcast_id, sheet, Bits(base), refused, known_from)
        return known

    def begin(self, room: Room, screen: str, thumbprint: str | None, now: float) -> str:
        """Return the first nonce of a new session of a screen."""
        return self.chain.begin(Place(room.broadcast_id, screen), thumbprint, self.random(SESSION_BYTES), now)

    def take(self, room: Room, screen: str, report: str | dict[str, Any], again: bool, now: float) -> Accepted:
        """Take a report; raise `Rejected`, or `Full` when too many wait for the ledger."""
        place = Place(room.broadcast_id, screen)
        claims, link = self._believed(room, place, report, now)
        try:
            taken = room.sheet.take(screen, link, claims, now, again)
        except Refused as refused:
            raise self._reject(room, place, refused.reason, str(refused), now, link) from None
        room.reports += 1
        room.unsigned += not link.signed
        if link.signed and (shown := room.sheet.shown(screen, claims.minute)):
            room.shown[screen] = shown
        if taken.fast:
            self._count(room, screen, Reason.FAST_FORWARD, now)
        number = max(link.number, room.sheet.last(screen, link.session))
        return Accepted(taken, self.chain.after(place, link, number, now), number + 1)

    def _believed(self, room: Room, place: Place, report: str | dict[str, Any], now: float) -> tuple[Claims, Link]:
        try:
            letter = read(report)
            claims = letter.claims
            if claims.broadcast_id != room.broadcast_id:
                raise Refused(Reason.WRONG_BROADCAST, "the report is about another broadcast")
            link = self.chain.read(place, claims.nonce, now)
        except BadReport as error:
            raise self._reject(room, place, Reason.BAD_REPORT, str(error), now) from None
        except Refused as error:
            raise self._reject(room, place, error.reason, str(error), now) from None
        except OldNonce as error:
            raise self._reject(room, place, Reason.STALE_NONCE, str(error), now, error.link) from None
        except ForeignNonce as error:
            raise self._reject(room, place, Reason.STALE_NONCE, str(error), now) from None
        try:
            check(letter, link, self.keys)
        except BadSignature as error:
            raise self._reject(room, place, Reason.BAD_SIGNATURE, str(error), now) from None
        return claims, link

    def _reject(
        self, room: Room, place: Place, reason: Reason, message: str, now: float, link: Link | None = None
    ) -> Rejected:
        self._count(room, place.screen_id, reason, now)
        if link is None:
            return Rejected(reason, message)
        number = max(room.sheet.last(place.screen_id, link.session), link.number - 1)
        return Rejected(reason, message, self.chain.after(place, link, number, now), number + 1)

    def _count(self, room: Room, screen: str, reason: Reason, now: float) -> None:
        self.refusals.count(room.lecture_id, screen, reason)
        room.refused.count(int(now) // MINUTE, screen, reason)

    def deliver(self, lecture_id: str, minute: int, screens: list[str]) -> None:
        """Take note of what the server delivered in a minute."""
        room = self.rooms.get(lecture_id)
        if room is not None:
            room.delivered.add(screens, minute)

    def cut(self, room: Room, minute: int, now: float) -> Rendered:
        """Take a minute out, as the fact to record, with what is unproven marked and counted."""
        fact = room.sheet.cut(minute)
        if minute < room.known_from:
            return fact
        proven = room.delivered.has
        for screen, rendered, _ in fact.reports:
            if rendered and not proven(screen, minute):
                self._count(room, screen, Reason.UNPROVEN, now)
        marked = tuple(
            (screen, rendered, flags if proven(screen, minute) else flags | Flags.UNPROVEN)
            for screen, rendered, flags in fact.reports
        )
        return Rendered(fact.minute, marked, fact.part)


def spread(screen: str) -> float:
    """Return how long after a minute's end a screen is to report, 0 to 10 s: always the same, so that a prefecture does not report at once."""
    return JITTER_SECONDS * (crc32(screen.encode()) % 1000) / 1000


def due_in(screen: str, now: float) -> float:
    """Return the seconds until a screen is to send its next report: after the end of the minute that runs."""
    return max(SHORTEST_SECONDS, MINUTE - now % MINUTE + spread(screen))
