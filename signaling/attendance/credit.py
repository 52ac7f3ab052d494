"""The numbers of a policy beyond delivery, as tables that are checked when they are read. Pure; `policy.py` has the whole of it."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _exactly(value: Any) -> Any:
    """A float is what the parser was told not to make; an exact decimal becomes a fraction."""
    return Fraction(value) if isinstance(value, Decimal) else value


Exact = Annotated[Fraction, BeforeValidator(_exactly)]
Share = Annotated[Exact, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Hour = Annotated[int, Field(ge=0, le=23)]
Cause = Literal["server", "power", "network", "exam", "disaster", "closed"]
Audience = Literal["pupils", "teachers", "parents"]


class Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)


class Rendering(Table):
    """What counts as played."""

    share: Share
    unreported_counts: bool


class Confirmation(Table):
    """When a head-count is taken."""

    opens_after_minutes: Annotated[int, Field(ge=0)]
    closes_after_hours: Count


class Checks(Table):
    """Presence checks: how often, how long, how far apart, and how many right answers of how many asked.

    The lecture is cut in as many equal parts as it has checks, one a part; none comes in the first `lead_seconds` of a part.
    """

    every_minutes: Count
    most: Count
    seconds: Count
    needed: list[Count]
    off_for_school_kinds: list[str]
    off_for_audiences: list[Audience]
    lead_seconds: Annotated[int, Field(ge=0)] = 60

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.needed) != self.most or any(right > asked for asked, right in enumerate(self.needed, 1)):
            raise ValueError(f"needed must have {self.most} numbers, the n-th at most n")
        return self

    def planned(self, minutes: int) -> int:
        """Return how many checks a lecture of so many minutes has."""
        return min(self.most, -(-minutes // self.every_minutes))

    def passed(self, asked: int, right: int) -> bool:
        """Whether so many right answers are enough; who was never asked has nothing to pass."""
        return asked == 0 or right >= self.needed[min(asked, self.most) - 1]


class MakeUp(Table):
    """What a replay counts."""

    days: Count
    speed: Annotated[Exact, Field(ge=1)]
    buffer_seconds: Annotated[int, Field(ge=0)]


class Faults(Table):
    """Whose minutes leave the denominator."""

    causes: list[Cause]
    excused_share: Share


class Sessions(Table):
    """Which lectures count for coverage."""

    audiences: list[Audience]
    least_minutes: Annotated[int, Field(ge=0)]

    def covers(self, audience: str, marked: bool) -> bool:
        """Whether a lecture for such an audience, marked 计入覆盖 or not, is one of those that count."""
        return marked and audience in self.audiences


class Outliers(Table):
    """From where on something is to be looked at. **Never a punishment**: no result depends on it."""

    classes: Annotated[int, Field(ge=2)]
    joined_seconds: Count = 1
    answer_ms: Count
    same_delays: Annotated[int, Field(ge=2)]
    night_share: Share
    night_begins: Hour
    night_ends: Hour
    twice_minutes: Count
    unproven_minutes: Count
    unrendered_minutes: Count
    refused_reports: Count = 1
    replacements: Count | None = None

    def is_night(self, hour: int) -> bool:
        """Whether a local hour belongs to the night, which may go over midnight."""
        if self.night_begins <= self.night_ends:
            return self.night_begins <= hour < self.night_ends
        return hour >= self.night_begins or hour < self.night_ends


class Credit(Table):
    """Everything beyond delivery."""

    school_ratio_lenient: Share
    grace_minutes: Annotated[int, Field(ge=0)]
    rendering: Rendering
    confirmation: Confirmation
    checks: Checks
    make_up: MakeUp
    faults: Faults
    sessions: Sessions
    outliers: Outliers

    def asks(self, audience: str, marked: bool) -> bool:
        """Whether a lecture for such an audience, marked 计入覆盖 or not, has presence checks."""
        return self.sessions.covers(audience, marked) and audience not in self.checks.off_for_audiences
