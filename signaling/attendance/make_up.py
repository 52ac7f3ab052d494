"""How far a class has come with making up a lecture. Pure.

What the screen is told is what the decision is made of: minutes seen live or afterwards, of those that count and that no fault excuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from signaling.attendance.book import Book
from signaling.attendance.decide import decide
from signaling.attendance.frame import Frame
from signaling.attendance.gather import Gathering
from signaling.attendance.policy import Result

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Progress:
    """Milliseconds of the lecture that were seen live, that were seen at all, that are needed, and that there are.

    `unseen_ms` is the Unix time of the first minute that was not seen, None when all were. It may be made up before `until`, at `speed` times the pace of the clock at most.
    """

    live_ms: int
    seen_ms: int
    needed_ms: int
    on_air_ms: int
    unseen_ms: int | None
    until: datetime
    speed: Fraction

    def due(self, now: datetime) -> bool:
        """Whether the class has something to make up, and still may."""
        return self.seen_ms < self.needed_ms and now < self.until

    def done(self, now: datetime) -> bool:
        """Whether the class made up what it had missed, so that a head-count is all that is wanted yet."""
        return self.live_ms < self.needed_ms <= self.seen_ms and now < self.until


def on_air(book: Book, frame: Frame, as_of: datetime) -> dict[int, int]:
    """Return the UTC minutes of a lecture that count, with their milliseconds on the air."""
    folded, credit = book.folded(), book.policy.credit
    if credit is None:
        return dict(folded.on_air_by_minute)
    counting, first = Gathering(book, frame, folded, credit, as_of).counting, folded.first_minute
    return {minute: ms for minute, ms in folded.on_air_by_minute.items() if counting >> (minute - first) & 1}


def progress(book: Book, frame: Frame, as_of: datetime, class_id: str) -> Progress | None:
    """Return it for a class that was expected at a lecture that counts and is over, else None.

    None as well for a class that has nothing to make up whatever it watches: it is excused, its result was corrected, or it watched all
    and did not answer its presence checks.
    """
    credit, target = book.policy.credit, next((one for one in frame.targets if one.class_id == class_id), None)
    if credit is None or target is None or frame.started_at is None or frame.ended_at is None:
        return None
    if not credit.sessions.covers(frame.audience, frame.counts):
        return None
    folded = book.folded()
    gathering = Gathering(book, frame, folded, credit, as_of)
    evidence = gathering.evidence(target, None)
    decision = decide(book.policy, evidence, as_of)
    needed = book.policy.qualified_ratio * decision.on_air_ms
    away = decision.result is Result.PARTIAL and evidence.counted_ms >= needed
    if away or decision.result is Result.EXCUSED or "result" in evidence.corrections:
        return None
    unseen = gathering.unseen(target)
    first = None if not unseen else folded.first_minute + (unseen & -unseen).bit_length() - 1
    excused_ms = evidence.on_air_ms - decision.on_air_ms
    return Progress(
        evidence.counted_ms,
        evidence.made_up_ms - (evidence.recovered_ms if excused_ms else 0),
        -(-needed.numerator // needed.denominator),
        decision.on_air_ms,
        None if first is None else first * MINUTE_MS,
        frame.ended_at + timedelta(days=credit.make_up.days),
        credit.make_up.speed,
    )
