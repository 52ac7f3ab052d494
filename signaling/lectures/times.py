"""Arithmetic of the timetable. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta


def overlaps(first: datetime, first_minutes: int, second: datetime, second_minutes: int) -> bool:
    """Whether two stretches share time; one that ends when the other begins does not."""
    return first < second + timedelta(minutes=second_minutes) and second < first + timedelta(minutes=first_minutes)
