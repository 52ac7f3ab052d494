"""What an approval changes of a lecture, and what its loss does: schools hear of both by the sequence of their calendars.

1. **What calendars were told once they are told to the end**: `announced` is the title that was approved last, '' while none was.
2. A title that nobody has approved is told to no calendar.
"""

from __future__ import annotations

from datetime import datetime

from signaling.lectures.models import Lecture


def approve(lecture: Lecture, actor: str, now: datetime) -> None:
    """Let the content go on the air; calendars that knew the lecture hear that it takes place again."""
    if lecture.announced:
        tell(lecture, now)
    lecture.approved_at, lecture.approved_by, lecture.announced = now, actor, lecture.title


def withdraw(lecture: Lecture, now: datetime) -> None:
    """Take the approval away; calendars hear that the lecture does not take place as it stands."""
    if lecture.approved_at is not None:
        tell(lecture, now)
    lecture.approved_at = lecture.approved_by = None


def tell(lecture: Lecture, now: datetime) -> None:
    """Count a change that calendars must hear of (RFC 5545 section 3.8.7.4)."""
    lecture.sequence, lecture.changed_at = lecture.sequence + 1, now
