"""All that was told of one lecture, ready to be judged under one policy. Pure; facts come in any order.

Whoever tells leaves out what was told before (a fact has a key). A book that goes on while the lecture runs folds only what is new.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from signaling.attendance.fold import HIDDEN, SILENT, Claim, Folded, Window
from signaling.attendance.judgement import Headcount
from signaling.attendance.policy import Policy
from signaling.attendance.replay import Replays
from signaling.attendance.running import RunningFold
from signaling.attendance.stays import SessionSeen, Stays

VISIBLE, AUDIBLE, SOUND_BLOCKED, UNSIGNED, MUTED = 1, 2, 4, 8, 16
"""The flags of a report."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A screen's first answer to a check, the only one that counts."""

    at: datetime
    counter: int
    delay_ms: int
    right: bool


@dataclass(slots=True)
class Check:
    """A presence check: whom it was put to, and who answered."""

    deadline: datetime | None = None
    screens: frozenset[str] = frozenset()
    answers: dict[str, Answer] = field(default_factory=dict)

    def right(self, screen_id: str) -> bool:
        """Whether a screen gave the right answer in time."""
        answer = self.answers.get(screen_id)
        return answer is not None and answer.right and self.deadline is not None and answer.at < self.deadline


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that kept a node from watching; the newest `counter` of an id counts, and one that ends as it begins was taken back."""

    counter: int
    cause: str
    scope: str
    begin: datetime
    end: datetime | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Correction:
    """A field of a class that was changed with two people's consent."""

    at: datetime
    correction_id: str
    field: str
    new: str
    old: str = ""
    reason_code: str = ""
    requested_by: str = ""
    approved_by: str = ""


class Book:
    """`able` are the screens that can report what they show."""

    def __init__(self, policy: Policy, window_seconds: int, able: Iterable[str] = ()) -> None:
        credit = policy.credit
        heard = credit is not None and not credit.rendering.unreported_counts
        self.policy = policy
        self.revision = 0  # counts what was told: a report of the same revision would be the same
        self.window_seconds = window_seconds
        self.running = RunningFold(policy.rules(window_seconds), able if heard else ())
        self.stays = Stays(window_seconds)
        self.checks: dict[str, Check] = defaultdict(Check)
        self.headcounts: dict[str, dict[tuple[datetime, int, str], Headcount]] = defaultdict(dict)
        self.faults: dict[str, Fault] = {}
        self.corrections: dict[str, dict[str, Correction]] = defaultdict(dict)
        self.refused: dict[str, Counter[str]] = defaultdict(Counter)  # screen -> reason -> times
        self.replacements: dict[str, Counter[int]] = defaultdict(Counter)  # screen -> UTC minute -> times
        self.replays = (
            Replays(window_seconds, credit.make_up.speed, credit.make_up.buffer_seconds)
            if credit is not None
            else Replays(window_seconds, Fraction(1), 0)  # taken, and never asked for
        )
        self._class_of: dict[str, tuple[tuple[str, int], str | None]] = {}

    def window(self, row: Window) -> None:
        """Take what a node delivered in a window."""
        self.stays.window(row.node, row.boot, row.number)
        self.running.window(row)

    def number(self, node: str, slot: int, screen_id: str, class_id: str | None) -> None:
        """Take a screen's number and class."""
        self.running.number(node, slot, screen_id, class_id)
        known = self._class_of.get(screen_id)
        if known is None or (node, slot) < known[0]:
            self._class_of[screen_id] = ((node, slot), class_id)

    def report(self, minute: int, screen_id: str, rendered_ms: int, flags: int) -> None:
        """Take what a screen reported of a UTC minute."""
        causes = (0 if flags & VISIBLE else HIDDEN) | (
            SILENT if flags & (MUTED | SOUND_BLOCKED) or not flags & AUDIBLE else 0
        )
        self.running.report(minute, screen_id, Claim(0 if causes else rendered_ms, not flags & UNSIGNED, causes))

    def refuse(self, screen_id: str, reason: str, times: int) -> None:
        """Take how often reports of a screen were refused for a reason."""
        self.refused[screen_id][reason] += times

    def replaced(self, screen_id: str, at: datetime) -> None:
        """Take notice that another page of a screen took its place."""
        self.replacements[screen_id][int(at.timestamp()) // 60] += 1

    def challenged(self, challenge_id: str, deadline: datetime, screens: Iterable[str]) -> None:
        """Take a presence check; several nodes may put the same one to their screens."""
        check = self.checks[challenge_id]
        check.deadline = deadline if check.deadline is None else max(deadline, check.deadline)
        check.screens |= frozenset(screens)

    def answered(self, challenge_id: str, screen_id: str, answer: Answer) -> None:
        """Take an answer."""
        answers = self.checks[challenge_id].answers
        known = answers.get(screen_id)
        if known is None or (answer.at, answer.counter) < (known.at, known.counter):
            answers[screen_id] = answer

    def confirmed(self, class_id: str, counter: int, headcount: Headcount) -> None:
        """Take a head-count."""
        self.headcounts[class_id][headcount.at, counter, headcount.by] = headcount

    def fault(self, fault_id: str, fault: Fault) -> None:
        """Take a fault or what became of it."""
        known = self.faults.get(fault_id)
        if known is None or known.counter < fault.counter:
            self.faults[fault_id] = fault

    def corrected(self, class_id: str, correction: Correction) -> None:
        """Take a correction."""
        self.corrections[class_id][correction.correction_id] = correction

    def class_of(self, screen_id: str) -> str | None:
        """Return the class that a screen stood in, None when it is not known."""
        known = self._class_of.get(screen_id)
        return None if known is None else known[1]

    def fold(self) -> None:
        """Fold what was told since the last time."""
        for session, stay in self.stays.changed():
            self.running.stay(session, stay)
        self.running.fold()

    def folded(self) -> Folded:
        """Return what each class got so far."""
        self.fold()
        return self.running.result()

    def seen(self) -> list[SessionSeen]:
        """Return all sessions of screens."""
        return self.stays.seen()

    def terminals(self) -> Iterable[tuple[str, str | None]]:
        """Return every screen that was there live, with its class."""
        for screen, (_, class_id) in self._class_of.items():
            if self.running.delivered_to(screen):
                yield screen, class_id
        yield from ((one.screen_id, one.class_id) for one in self.stays.seen())
