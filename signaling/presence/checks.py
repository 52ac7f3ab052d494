"""The presence checks of one broadcast: which are still to come, which is open, who has answered. Pure; times are Unix seconds of the server.

1. **A screen answers a check once**, before the deadline, by the server's clock; the delay counts from the moment of the check.
2. A check is put once: what the ledger knows of it is taken over after a restart (`asked`, `answered`), and whatever is open goes on.
3. While nothing is on the air no check begins. One whose moment passed long ago, because the server was away, is put when it is back: the class is asked
   as often as the rules say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


class NoSuchCheck(LookupError):
    """There is no such check, or this screen was not asked."""


class Answered(Exception):
    """This screen has answered already."""


class TooLate(Exception):
    """The time to answer is over."""


@dataclass(slots=True)
class Check:
    """A check that was put: `number` from 1, to these screens."""

    id: str
    number: int
    at: float
    deadline: float
    screens: frozenset[str]
    answered: set[str] = field(default_factory=set)


class Checks:
    """The checks of a broadcast; `moments` are seconds on the air."""

    def __init__(self, broadcast_id: str, moments: Sequence[float], seconds: int) -> None:
        self._broadcast_id = broadcast_id
        self._moments = tuple(moments)
        self._seconds = seconds
        self._put: dict[str, Check] = {}

    @property
    def put(self) -> list[Check]:
        """The checks that were put, the earliest first."""
        return list(self._put.values())

    def due(self, on_air: float, now: float) -> int | None:
        """Return the number of the check that is to be put now; None while there is none, or one is open."""
        number = len(self._put) + 1
        if number > len(self._moments) or on_air < self._moments[number - 1] or self.open(now) is not None:
            return None
        return number

    def seconds_to_next(self, on_air: float) -> float | None:
        """Return the seconds on the air until the next check, None when there is no more."""
        number = len(self._put)
        return None if number >= len(self._moments) else max(0.0, self._moments[number] - on_air)

    def id_of(self, number: int) -> str:
        """Return the id of a check: the same for every process."""
        return f"{self._broadcast_id}-{number}"

    def begin(self, number: int, screens: Iterable[str], now: float) -> Check:
        """Put a check to screens."""
        return self.asked(self.id_of(number), number, now, now + self._seconds, screens)

    def asked(self, check_id: str, number: int, at: float, deadline: float, screens: Iterable[str]) -> Check:
        """Take over a check that was put, here or by the process before."""
        return self._put.setdefault(check_id, Check(check_id, number, at, deadline, frozenset(screens)))

    def answered(self, check_id: str, screen: str) -> None:
        """Take over an answer."""
        if check_id in self._put:
            self._put[check_id].answered.add(screen)

    def open(self, now: float) -> Check | None:
        """Return the check that can be answered now."""
        return next((check for check in self._put.values() if check.at <= now < check.deadline), None)

    def for_screen(self, screen: str, now: float) -> Check | None:
        """Return the open check that a screen has not answered yet."""
        check = self.open(now)
        return check if check is not None and screen in check.screens and screen not in check.answered else None

    def answer(self, check_id: str, screen: str, now: float) -> tuple[Check, int]:
        """Take a screen's answer; return the check and the delay in milliseconds. Raise `NoSuchCheck`, `Answered` or `TooLate`."""
        check = self._put.get(check_id)
        if check is None or screen not in check.screens:
            raise NoSuchCheck
        if screen in check.answered:
            raise Answered
        if now >= check.deadline:
            raise TooLate
        check.answered.add(screen)
        return check, max(0, round(1000 * (now - check.at)))
