"""What is known of a lecture besides facts: who was expected, when it was planned, which screens can report. Plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class RegionName:
    """A node as reports print it; `display_code` is the national code where there is one. `county` ones are listed without a class too."""

    code: str
    display_code: str
    name: str
    county: bool = True


@dataclass(frozen=True, slots=True)
class Target:
    """A class that was expected, as frozen at the opening."""

    class_id: str
    code: str
    name: str
    school_code: str
    school_name: str
    school_kind: str
    urban_rural: str | None
    region_code: str
    pupils: int


@dataclass(frozen=True, slots=True)
class Frame:
    """What is known of a lecture besides facts. `everywhere` are the codes of nodes that all classes belong to.

    `able` are the screens that can report what they show; `counts` says whether the lecture counts for the term. `planned` is (begin, minutes) of the timetable; None measures the lecture by itself.
    """

    targets: Sequence[Target]
    regions: Sequence[RegionName]
    terminals: Mapping[str, int] = field(default_factory=dict)
    able: frozenset[str] = frozenset()
    audience: str = "pupils"
    counts: bool = True
    planned: tuple[datetime, int] | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    everywhere: frozenset[str] = frozenset()
    utc_offset: timedelta = timedelta(hours=8)
