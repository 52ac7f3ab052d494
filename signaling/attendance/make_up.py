"""How far a class has come with making up a lecture. Pure.

What the screen is told is what the decision will be made of: minutes seen live or afterwards, of those that count.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from signaling.attendance.book import Book
from signaling.attendance.frame import Frame
from signaling.attendance.gather import Gathering

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


def progress(book: Book, frame: Frame, as_of: datetime, class_id: str) -> Progress | None:
    """Return it for a class that was expected at a lecture that counts and is over, else None."""
    credit = book.policy.credit
    expected = any(target.class_id == class_id for target in frame.targets)
    if credit is None or not expected or not frame.counts or frame.started_at is None or frame.ended_at is None:
        return None
    folded = book.folded()
    live, seen, counting = Gathering(book, frame, folded, credit, as_of).seen(class_id)
    unseen = counting & ~seen
    first = None if not unseen else folded.first_minute + (unseen & -unseen).bit_length() - 1
    on_air_ms = folded.weigh(counting)
    needed = book.policy.qualified_ratio * on_air_ms
    return Progress(
        folded.weigh(live),
        folded.weigh(seen),
        -(-needed.numerator // needed.denominator),
        on_air_ms,
        None if first is None else first * MINUTE_MS,
        frame.ended_at + timedelta(days=credit.make_up.days),
        credit.make_up.speed,
    )
