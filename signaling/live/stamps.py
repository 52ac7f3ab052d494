"""How times are written in documents."""

from __future__ import annotations

from datetime import datetime


def stamp(moment: datetime) -> str:
    """Return a UTC time in the form of RFC 3339 with milliseconds, `2026-03-01T08:00:00.000Z`."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
