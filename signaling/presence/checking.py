"""Presence checks of the broadcasts that run: put at their moments, answered once.

1. **A check is durable before a screen is shown it**, and an answer before the screen is thanked.
2. The right digit is computed when it is needed and kept nowhere; what leaves the server is a sentence and four tiles.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from signaling.ledger.facts import Answered, Challenged
from signaling.live.states import State
from signaling.presence import checks, schedule
from signaling.presence.checks import Check, Checks
from signaling.presence.ports import Ledger, OnAir

SENTENCES: Final = {"zh-CN": "请点击 {digit}", "en": "Touch {digit}"}
AHEAD_SECONDS: Final = 80.0
"""A screen that has no socket learns of a check in the answer of the report before: it asks once a minute."""

Push = Callable[[str, Callable[[str], dict[str, Any] | None]], Awaitable[None]]
"""Sends every screen of a lecture a message of its own; None for one that gets none."""


async def nobody(lecture_id: str, message_of: Callable[[str], dict[str, Any] | None]) -> None:
    """Send nothing."""


@dataclass(slots=True)
class Asking:
    """The checks of one broadcast, the seconds to answer them, and the screens that are never asked."""

    lecture_id: str
    broadcast_id: str
    checks: Checks
    seconds: int
    free: frozenset[str]
    beginning: bool = False


@dataclass(slots=True)
class Checking:
    """The checks of all broadcasts that run; `viewers` gives the screens with delivery right now."""

    ledger: Ledger
    key: bytes
    viewers: Callable[[str], Iterable[str]]
    push: Push = nobody
    of: dict[str, Asking] = field(default_factory=dict)
    answers: int = 0

    def prepare(
        self, lecture_id: str, broadcast_id: str, minutes: int, rules: schedule.Rules, free: frozenset[str]
    ) -> Asking:
        """Plan the checks of a broadcast by the rules that hold for it; a second call changes nothing."""
        known = self.of.get(lecture_id)
        if known is None or known.broadcast_id != broadcast_id:
            draw = schedule.drawing(self.key, broadcast_id)
            planned = Checks(broadcast_id, schedule.moments(minutes, rules, draw), rules.seconds)
            known = self.of[lecture_id] = Asking(lecture_id, broadcast_id, planned, rules.seconds, free)
        return known

    def restore(self, lecture_id: str, fact: Challenged | Answered) -> None:
        """Take over what the ledger knows of the checks of a lecture."""
        asking = self.of.get(lecture_id)
        if asking is None:
            return
        if isinstance(fact, Answered):
            asking.checks.answered(fact.challenge_id, fact.screen_id)
        else:
            times = (fact.at.timestamp(), fact.deadline.timestamp())
            asking.checks.asked(fact.challenge_id, fact.number, *times, fact.screens)

    async def round(self, entry: OnAir, now: datetime) -> None:
        """Put the check that is due, if there is one."""
        asking = self.of.get(entry.lecture_id)
        if asking is None or entry.state is not State.LIVE or asking.beginning:
            return
        number = asking.checks.due(entry.on_air(now), now.timestamp())
        screens = frozenset(self.viewers(entry.lecture_id)) - asking.free if number is not None else frozenset()
        if number is None or not screens:
            return
        asking.beginning = True
        try:
            at = now.timestamp()
            check = Check(asking.checks.id_of(number), number, at, at + asking.seconds, screens)
            await self.ledger.record(entry.lecture_id, asking.broadcast_id, _fact(check))
            asking.checks.begin(number, screens, check.at)
        finally:
            asking.beginning = False
        await self.push(entry.lecture_id, lambda screen: self.shown(entry.lecture_id, screen, check.at))

    def shown(self, lecture_id: str, screen: str, now: float) -> dict[str, Any] | None:
        """Return the check that a screen is to show now, None when there is none for it."""
        asking = self.of.get(lecture_id)
        check = asking.checks.for_screen(screen, now) if asking is not None else None
        return None if check is None else self._document(check.id, screen, 0.0, check.deadline - now)

    def ahead(self, entry: OnAir, screen: str, now: datetime) -> dict[str, Any] | None:
        """Return the check that a screen is to show now or before it asks again."""
        there = self.shown(entry.lecture_id, screen, now.timestamp())
        asking = self.of.get(entry.lecture_id)
        if there is not None or asking is None or screen in asking.free or entry.state is not State.LIVE:
            return there
        left = asking.checks.seconds_to_next(entry.on_air(now))
        if left is None or left > AHEAD_SECONDS or asking.checks.open(now.timestamp()) is not None:
            return None
        check_id = asking.checks.id_of(len(asking.checks.put) + 1)
        return self._document(check_id, screen, left, left + asking.seconds)

    def _document(self, check_id: str, screen: str, begins_in: float, ends_in: float) -> dict[str, Any]:
        asked = schedule.question(self.key, check_id, screen)
        return {
            "challenge_id": check_id,
            "text": {name: text.format(digit=asked.right) for name, text in SENTENCES.items()},
            "tiles": list(asked.tiles),
            "begins_in_s": round(begins_in, 3),
            "ends_in_s": round(ends_in, 3),
        }

    async def answer(self, lecture_id: str, screen: str, check_id: str, tile: str, now: datetime) -> int:
        """Take an answer; return the delay in milliseconds once it is durable. Raise what `Checks.answer` raises."""
        asking = self.of.get(lecture_id)
        if asking is None:
            raise checks.NoSuchCheck
        check, delay = asking.checks.answer(check_id, screen, now.timestamp())
        right = tile == schedule.question(self.key, check.id, screen).right
        try:
            await self.ledger.record(lecture_id, asking.broadcast_id, Answered(check.id, screen, now, delay, right, 1))
        except Exception:
            check.answered.discard(screen)  # it may be brought again: the fact has the same key
            raise
        self.answers += 1
        return delay

    @property
    def open_checks(self) -> int:
        """Lectures whose checks are known."""
        return len(self.of)


def _fact(check: Check) -> Challenged:
    at, deadline = (datetime.fromtimestamp(seconds, UTC) for seconds in (check.at, check.deadline))
    return Challenged(check.id, check.number, at, deadline, tuple(sorted(check.screens)))
