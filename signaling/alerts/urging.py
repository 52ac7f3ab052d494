"""Who is to be urged, and what they are told. Pure: who is missing, when somebody was urged last and the time are arguments.

1. **A school is urged at most every so many minutes**, whoever urges: by county unit and prefecture together.
2. What is sent is what was shown before: preview and order choose by the same function.
3. A school is connected again when none of the classes that were missing for one of the reasons of the urging is missing any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

REASONS: Final = (
    "unpaired",  # no screen was ever paired
    "absent",  # no screen came
    "lost",  # a screen came and its connection broke
    "undelivered",  # connected, and nothing is acknowledged while the lecture is on the air
    "sound_blocked",  # the browser waits for a touch
    "muted",
    "hidden",  # the page is not in sight
    "still",  # the picture does not move
    "unreported",  # the screen can report what it shows, and does not
    "hls",  # receives, but fell back to HLS
)
"""Why a class is missing, the worst first; the last one sees the lecture all the same."""


class Missing(NamedTuple):
    """A class that sees or hears nothing of a running lecture as it should, and why; `forged`: its reports were refused as forged."""

    class_id: str
    name: str
    level: str
    state: str
    reason: str
    forged: bool


@dataclass(slots=True)
class MissingSchool:
    """A school of which classes are missing: of so many that are expected."""

    code: str
    name: str
    county: str
    county_name: str
    expected: int
    classes: list[Missing] = field(default_factory=list)

    @property
    def reasons(self) -> list[str]:
        """Why its classes are missing, the worst reason first."""
        there = {one.reason for one in self.classes}
        return [reason for reason in REASONS if reason in there]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which schools: of some county units (none means all), with a class that is missing for one of these reasons (none means any)."""

    counties: Collection[str] = ()
    reasons: Collection[str] = ()
    text: str = ""

    def of(self, schools: Iterable[MissingSchool]) -> list[MissingSchool]:
        """Return the chosen schools, each with the classes that are missing for these reasons."""
        found = []
        words = self.text.strip().lower()
        for one in schools:
            if self.counties and one.county not in self.counties:
                continue
            if words and words not in one.name.lower() and not one.code.startswith(words):
                continue
            classes = [made for made in one.classes if not self.reasons or made.reason in self.reasons]
            if classes:
                found.append(MissingSchool(one.code, one.name, one.county, one.county_name, one.expected, classes))
        return found


@dataclass(frozen=True, slots=True)
class Plan:
    """The schools that would be urged now, and those that were a moment ago."""

    schools: Sequence[MissingSchool]
    recent: Sequence[MissingSchool]

    @property
    def classes(self) -> int:
        """How many classes are missing in the schools that are urged."""
        return sum(len(one.classes) for one in self.schools)

    @property
    def reasons(self) -> dict[str, int]:
        """How many classes are missing for each reason."""
        return dict(Counter(made.reason for one in self.schools for made in one.classes))


def plan(chosen: Iterable[MissingSchool], urged: Mapping[str, datetime], now: datetime, pause: timedelta) -> Plan:
    """Divide the chosen schools into those that may be urged now, and those that were urged within `pause`."""
    schools: list[MissingSchool] = []
    recent: list[MissingSchool] = []
    for one in chosen:
        last = urged.get(one.code)
        (schools if last is None or last <= now - pause else recent).append(one)
    return Plan(schools, recent)


def is_connected(reasons: Collection[str], school: MissingSchool | None) -> bool:
    """Whether a school that was urged for these reasons has no class that is missing for one of them."""
    return school is None or not any(one.reason in reasons for one in school.classes)
