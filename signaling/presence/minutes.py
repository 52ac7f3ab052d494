"""The reports of one broadcast, minute by minute, until they are in the ledger. Pure: `now` is Unix seconds of the server.

1. **A screen has shown no more of a minute than has passed of it**: all of its reports about a minute together are cut to the part of the minute that lies
   between the beginning of the session and now. What was claimed beyond that is named `fast_forward`.
2. **A report works once**: its number is that of its nonce and grows with every report of the session. The same again is answered only to who says
   that it is the same again, and changes nothing.
3. **What the ledger has of a screen and minute is closed for them**: after a restart nothing can be counted twice.
4. A minute is cut `grace` seconds after its end; what comes later makes another part of it. At most `capacity` reports wait: then `Full` is raised.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from signaling.ledger.facts import Flags, Rendered
from signaling.ledger.kinds import Reason
from signaling.presence.claims import Claims
from signaling.presence.nonces import Link

MINUTE: Final = 60
MINUTE_MS: Final = 60_000
TOLERANCE_MS: Final = 5_000
"""Milliseconds that timers of a busy machine may be off before a claim is called faster than time."""
SESSIONS: Final = 4
"""Sessions of a screen whose numbers are remembered: the newest page and some before."""


class Refused(ValueError):
    """A report that counts for nothing."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Full(Exception):
    """So many reports wait for the ledger that no more are taken."""


class Bits:
    """A set of (screen, minute): one number for each screen, a bit for each minute since `base`. Minutes before are in no set."""

    def __init__(self, base: int) -> None:
        self._base = base
        self._of: dict[str, int] = {}

    def add(self, screens: Iterable[str], minute: int) -> None:
        """Add a minute of many screens."""
        if minute >= self._base:
            bit, of = 1 << (minute - self._base), self._of
            for screen in screens:
                of[screen] = of.get(screen, 0) | bit

    def has(self, screen: str, minute: int) -> bool:
        """Whether a minute of a screen is in it."""
        return minute >= self._base and bool(self._of.get(screen, 0) >> (minute - self._base) & 1)


@dataclass(slots=True)
class Minute:
    """What came in about one minute since its last part was cut."""

    first_at: float
    reports: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a report: milliseconds that were counted, whether it was there already, whether it claimed more than there was."""

    rendered_ms: int
    repeated: bool = False
    fast: bool = False


class Sheet:
    """The reports of one broadcast since minute `base`; `back` is how many minutes late one may be."""

    def __init__(self, base: int, *, grace: float, back: int, capacity: int) -> None:
        self.base = base
        self.filled = Bits(base)
        self._grace = grace
        self._back = back
        self._capacity = capacity
        self._minutes: dict[int, Minute] = {}
        self._leaving: dict[int, int] = {}
        self._parts: dict[int, int] = {}
        self._numbers: dict[str, OrderedDict[bytes, int]] = {}
        self.waiting = 0

    def take(self, screen: str, link: Link, claims: Claims, now: float, again: bool = False) -> Taken:
        """Count a report whose nonce and signature are good; raise `Refused` or `Full`."""
        _same_number(link, claims)
        if link.number <= self.last(screen, link.session) or self.filled.has(screen, claims.minute):
            if not again:
                raise Refused(Reason.REPLAYED_COUNTER, "a report with this number was taken before")
            self._remember(screen, link)
            return Taken(0, repeated=True)
        self._in_time(link, claims, now)
        if self.waiting >= self._capacity:
            raise Full
        self._remember(screen, link)
        return self._count(screen, link, claims, now)

    def last(self, screen: str, session: bytes) -> int:
        """Return the number of the last report of a session, 0 when none is remembered."""
        numbers = self._numbers.get(screen)
        return 0 if numbers is None else numbers.get(session, 0)

    def _in_time(self, link: Link, claims: Claims, now: float) -> None:
        running = int(now) // MINUTE
        first = max(link.began // MINUTE, running - self._back, self.base)
        if claims.minute > running:
            raise Refused(Reason.FAST_FORWARD, f"minute {claims.minute} has not begun")
        if claims.minute < first:
            raise Refused(Reason.WRONG_MINUTE, f"reports are for the minutes {first} to {running}")

    def _remember(self, screen: str, link: Link) -> None:
        numbers = self._numbers.setdefault(screen, OrderedDict())
        numbers[link.session] = max(link.number, numbers.get(link.session, 0))
        numbers.move_to_end(link.session)
        if len(numbers) > SESSIONS:
            numbers.popitem(last=False)

    def _count(self, screen: str, link: Link, claims: Claims, now: float) -> Taken:
        start = claims.minute * MINUTE
        passed = round(1000 * (min(now, start + MINUTE) - max(start, link.began)))
        minute = self._minutes.setdefault(claims.minute, Minute(now))
        before, flags = minute.reports.get(screen, (0, 0))
        room = max(0, min(MINUTE_MS, passed) - before)
        rendered = min(claims.rendered_ms, room)
        self.waiting += screen not in minute.reports
        minute.reports[screen] = before + rendered, flags | flags_of(claims, link, room)
        return Taken(rendered, fast=max(claims.rendered_ms, claims.media_ms) > room + TOLERANCE_MS)

    def shown(self, screen: str, minute: int) -> int:
        """Return the milliseconds that a screen says it was seen and heard in a minute which waits, 0 when it was muted or hidden."""
        held = self._minutes.get(minute)
        rendered, flags = (0, 0) if held is None else held.reports.get(screen, (0, 0))
        good = flags & (Flags.VISIBLE | Flags.AUDIBLE) == Flags.VISIBLE | Flags.AUDIBLE
        return rendered if good and not flags & (Flags.SOUND_BLOCKED | Flags.MUTED) else 0

    def due(self, now: float) -> list[int]:
        """Return the minutes that are to be cut, the oldest first."""
        return [
            minute
            for minute, held in sorted(self._minutes.items())
            if minute not in self._leaving and self._due_at(minute, held) <= now
        ]

    def _due_at(self, minute: int, held: Minute) -> float:
        on_time = (minute + 1) * MINUTE + self._grace
        return on_time if held.first_at <= on_time else held.first_at + self._grace

    def cut(self, minute: int) -> Rendered:
        """Take out what came in about a minute, as the fact to record; until `recorded` it is not durable and nothing else of it is cut."""
        reports = self._minutes.pop(minute).reports
        self._leaving[minute] = len(reports)
        self.filled.add(reports, minute)
        return Rendered(
            minute, tuple((screen, ms, flags) for screen, (ms, flags) in reports.items()), self._parts.get(minute, 0)
        )

    def recorded(self, minute: int) -> None:
        """Take note that the part is in the ledger."""
        self.waiting -= self._leaving.pop(minute)
        self._parts[minute] = self._parts.get(minute, 0) + 1

    @property
    def waits(self) -> bool:
        """Whether something is not in the ledger yet."""
        return bool(self._minutes or self._leaving)

    def durable_until(self, now: float) -> int:
        """Return the first minute that may have reports which are not in the ledger; all that was accepted of those before is."""
        return min((*self._minutes, *self._leaving, int(now) // MINUTE))


def _same_number(link: Link, claims: Claims) -> None:
    if link.number != claims.counter:
        raise Refused(Reason.REPLAYED_COUNTER, f"report {claims.counter} with the nonce of report {link.number}")


def flags_of(claims: Claims, link: Link, room: int) -> int:
    """Return how the screen showed what it reports: visible and audible for at least half of the time."""
    flags = Flags(0)
    if 2 * claims.visible_ms >= room > 0:
        flags |= Flags.VISIBLE
    if 2 * claims.audible_ms >= room > 0 and claims.volume > 0:
        flags |= Flags.AUDIBLE
    if claims.blocked:
        flags |= Flags.SOUND_BLOCKED
    if claims.muted:
        flags |= Flags.MUTED
    if not link.signed:
        flags |= Flags.UNSIGNED
    return int(flags)
