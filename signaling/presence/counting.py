"""Head-counts of the lectures whose window is open, by the room's screen and by the school's administrator.

1. **A head-count is durable before anybody is thanked**; the same numbers again are no new fact.
2. Facts are never taken back: whoever errs confirms again.
3. From when until when they are taken says the policy that holds for the lecture; where it does not speak of head-counts, none is taken.
4. A class that made a lecture up confirms afterwards: what it made up is kept open for it alone, in memory, and opened again by whoever
   looks at the recording again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from signaling.ledger.facts import Confirmed
from signaling.ledger.kinds import Kind
from signaling.presence.headcounts import HeadCount, HeadCounts, Window, judge, window
from signaling.presence.ports import Broadcasts, Confirmation, Lectures, Ledger, OnAir, RulesOf

ROOM: Final = "room"
"""Who confirms on the class screen: whoever stands before it."""


class NotExpected(LookupError):
    """The class was not expected at this lecture, or nobody takes head-counts of it."""


class About(NamedTuple):
    """A lecture by its title and the kind of its audience: of parents households are counted, of all others people."""

    title: str
    audience: str


@dataclass(frozen=True, slots=True)
class Slip:
    """What a class has to confirm: the lecture, when, and what was confirmed last."""

    lecture_id: str
    about: About
    expected: int
    window: Window
    found: HeadCount | None

    def document(self, now: datetime) -> dict[str, Any]:
        """Return what a class screen gets; times as seconds from now, because its clock is wrong."""
        closes = self.window.closes_at
        return {
            "lecture_id": self.lecture_id,
            "title": self.about.title,
            "audience": self.about.audience,
            "expected": self.expected,
            "opens_in_s": max(0.0, round((self.window.opens_at - now).total_seconds(), 3)),
            "closes_in_s": None if closes is None else round((closes - now).total_seconds(), 3),
            "present": None if self.found is None else self.found.present,
            "guests": None if self.found is None else self.found.guests,
        }


@dataclass(slots=True)
class Counting:
    """The head-counts of all lectures that are on the air or ended a short time ago."""

    ledger: Ledger
    rules_of: RulesOf
    broadcasts: Broadcasts
    lectures: Lectures
    clock: Callable[[], datetime]
    of: dict[str, HeadCounts] = field(default_factory=dict)
    about: dict[str, About] = field(default_factory=dict)
    _rules: dict[str, Confirmation] = field(default_factory=dict)
    _late: dict[tuple[str, str], datetime] = field(default_factory=dict)
    _issued: dict[tuple[str, str], int] = field(default_factory=dict)

    async def open(self, entry: OnAir) -> None:
        """Take the head-counts of a broadcast that has begun, unless the time for them is over."""
        rules = await self.rules_of(entry.lecture_id)
        if rules is None or entry.started_at is None:
            return
        closes_at = _window(rules.confirmation, entry.started_at, entry.ended_at).closes_at
        if closes_at is None or self.clock() < closes_at:
            await self.prepare(entry.lecture_id)

    async def prepare(self, lecture_id: str) -> None:
        """Read by which rules, how many are expected in each class, and what was confirmed; a second call changes nothing."""
        if lecture_id in self.of:
            return
        rules = await self.rules_of(lecture_id)
        if rules is None:
            return
        self._rules[lecture_id] = rules.confirmation
        counts = HeadCounts(dict(await self.lectures.sizes(lecture_id)))
        lecture = await self.lectures.info(lecture_id)
        async for fact in self.ledger.evidence(lecture_id, {Kind.CONFIRMED}):
            if isinstance(fact, Confirmed):
                counts.take(fact.class_id, HeadCount(fact.present, fact.guests, fact.by, fact.at, fact.counter))
        self.of.setdefault(lecture_id, counts)
        about = About("", "pupils") if lecture is None else About(lecture.title, lecture.audience_kind)
        self.about[lecture_id] = about

    async def open_late(self, lecture_id: str, class_id: str, until: datetime) -> None:
        """Take the head-count of a class that made the lecture up."""
        await self.prepare(lecture_id)
        self._late[lecture_id, class_id] = until

    def forget_old(self) -> None:
        """Drop the lectures whose window is over, for those too that made them up."""
        now = self.clock()
        self._late = {key: until for key, until in self._late.items() if until > now}
        kept = {lecture_id for lecture_id, _ in self._late}
        for lecture_id in self.of.keys() - kept:
            found = self.window(self.broadcasts.peek(lecture_id))
            if found is not None and found.closes_at is not None and found.closes_at <= now:
                del self.of[lecture_id]
                self._rules.pop(lecture_id, None)
                self.about.pop(lecture_id, None)
                self._issued = {key: value for key, value in self._issued.items() if key[0] != lecture_id}

    def window(self, entry: OnAir) -> Window | None:
        """Return when head-counts of a broadcast are taken, None before it started and where none are."""
        rules = self._rules.get(entry.lecture_id)
        if rules is None or entry.started_at is None:
            return None
        return _window(rules, entry.started_at, entry.ended_at)

    def slips(self, class_id: str) -> list[Slip]:
        """Return what a class has to confirm or has confirmed, the lecture that started last first."""
        return sorted(self._slips(class_id), key=lambda slip: slip.window.opens_at, reverse=True)

    def _slips(self, class_id: str) -> Iterator[Slip]:
        now = self.clock()
        for lecture_id, counts in self.of.items():
            expected = counts.expected.get(class_id)
            found = self._open_for(lecture_id, class_id)
            if expected is not None and found is not None and (found.closes_at is None or now < found.closes_at):
                yield Slip(lecture_id, self.about[lecture_id], expected, found, counts.of(class_id))

    def _open_for(self, lecture_id: str, class_id: str) -> Window | None:
        found, late = self.window(self.broadcasts.peek(lecture_id)), self._late.get((lecture_id, class_id))
        if late is None or (found is not None and (found.closes_at is None or late < found.closes_at)):
            return found
        return Window(self.clock() if found is None else found.opens_at, late)

    def for_screen(self, class_id: str) -> Slip | None:
        """Return what the class screen offers: the newest lecture that nobody confirmed yet, else the newest."""
        slips = self.slips(class_id)
        return next((slip for slip in slips if slip.found is None), slips[0] if slips else None)

    def slip(self, lecture_id: str, class_id: str) -> Slip:
        """Return what a class has to confirm of one lecture; raise `NotExpected`, when nobody confirms any more as well."""
        found = next((slip for slip in self._slips(class_id) if slip.lecture_id == lecture_id), None)
        if found is None:
            raise NotExpected
        return found

    async def is_over(self, lecture_id: str) -> bool:
        """Whether the time for head-counts of a lecture has run out, long ago as well."""
        rules, entry = await self.rules_of(lecture_id), self.broadcasts.peek(lecture_id)
        if rules is None or entry.started_at is None:
            return False
        closes_at = _window(rules.confirmation, entry.started_at, entry.ended_at).closes_at
        return closes_at is not None and closes_at <= self.clock()

    async def confirm(self, lecture_id: str, class_id: str, present: int, guests: int, by: str) -> HeadCount:
        """Take a head-count; return it once it is durable. Raise `NotExpected`, `NotYet`, `Over`, `Impossible`, or what the ledger raises."""
        slip, now = self.slip(lecture_id, class_id), self.clock()
        slip.window.require(now)
        judge(slip.expected, present, guests)
        if slip.found is not None and (slip.found.present, slip.found.guests, slip.found.by) == (present, guests, by):
            return slip.found
        counts = self.of[lecture_id]
        version = max(counts.version(class_id), self._issued.get((lecture_id, class_id), 0)) + 1
        self._issued[lecture_id, class_id] = version
        broadcast_id = self.broadcasts.peek(lecture_id).broadcast_id or ""
        fact = Confirmed(class_id, "", slip.expected, present, guests, by, now, version)
        await self.ledger.record(lecture_id, broadcast_id, fact)
        found = HeadCount(present, guests, by, now, version)
        counts.take(class_id, found)
        return found


def _window(rules: Confirmation, started_at: datetime, ended_at: datetime | None) -> Window:
    opens, closes = timedelta(minutes=rules.opens_after_minutes), timedelta(hours=rules.closes_after_hours)
    return window(started_at, ended_at, opens, closes)
