"""The rules by which minutes become results, as data of `policies.toml`. Pure.

1. **A version is never changed**: another rule is another table of the file.
2. **No threshold, name or reason stands in code**; the file is checked whole when it is read, and what is wrong is named.
3. Ratios are read as exact fractions.
4. A policy without `credit` judges delivery alone, as version 1 does.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from signaling.attendance.fold import Rules

POLICIES_FILE: Final = Path(__file__).with_name("policies.toml")


class Result(StrEnum):
    """What a class reached; the names that people read are in the policy."""

    QUALIFIED = "qualified"
    UNCONFIRMED = "unconfirmed"
    PARTIAL = "partial"
    FAILED = "failed"
    ABSENT = "absent"
    MADE_UP = "made_up"
    EXCUSED = "excused"


DELIVERY_ONLY: Final = frozenset({Result.QUALIFIED, Result.PARTIAL, Result.FAILED, Result.ABSENT})
"""The results of a policy without `credit`."""


class UnknownPolicy(LookupError):
    """No policy has this version."""


def _exactly(value: Any) -> Any:
    """A float is what the parser was told not to make; an exact decimal becomes a fraction."""
    return Fraction(value) if isinstance(value, Decimal) else value


Exact = Annotated[Fraction, BeforeValidator(_exactly)]
Share = Annotated[Exact, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Hour = Annotated[int, Field(ge=0, le=23)]
Cause = Literal["server", "power", "network", "exam", "disaster", "closed"]
Audience = Literal["pupils", "teachers", "parents"]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)


class Rendering(_Table):
    """What counts as played."""

    share: Share
    unreported_counts: bool


class Confirmation(_Table):
    """When a head-count is taken."""

    opens_after_minutes: Annotated[int, Field(ge=0)]
    closes_after_hours: Count


class Checks(_Table):
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


class MakeUp(_Table):
    """What a replay counts."""

    days: Count
    speed: Annotated[Exact, Field(ge=1)]
    buffer_seconds: Annotated[int, Field(ge=0)]


class Faults(_Table):
    """Whose minutes leave the denominator."""

    causes: list[Cause]
    excused_share: Share


class Sessions(_Table):
    """Which lectures count for coverage."""

    audiences: list[Audience]
    least_minutes: Annotated[int, Field(ge=0)]

    def covers(self, audience: str, marked: bool) -> bool:
        """Whether a lecture for such an audience, marked 计入覆盖 or not, is one of those that count."""
        return marked and audience in self.audiences


class Outliers(_Table):
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

    def is_night(self, hour: int) -> bool:
        """Whether a local hour belongs to the night, which may go over midnight."""
        if self.night_begins <= self.night_ends:
            return self.night_begins <= hour < self.night_ends
        return hour >= self.night_begins or hour < self.night_ends


class Credit(_Table):
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


class Flag(StrEnum):
    """Why a class is to be looked at (待核)."""

    PRESENT_OVER_EXPECTED = "present_over_expected"
    SAME_HEADCOUNTS = "same_headcounts"
    JOINED_TOGETHER = "joined_together"
    QUICK_ANSWERS = "quick_answers"
    SAME_DELAYS = "same_delays"
    NIGHT_REPLAY = "night_replay"
    UNRENDERED = "unrendered"
    TWO_SCREENS = "two_screens"
    UNPROVEN = "unproven"
    TOO_FAST = "too_fast"
    REFUSED = "refused"
    BAD_SIGNATURE = "bad_signature"
    REPLAYED = "replayed"
    FAST_FORWARD = "fast_forward"


LATER: Final = frozenset({Flag.BAD_SIGNATURE, Flag.REPLAYED, Flag.FAST_FORWARD})
"""Signs that came after version 2: a policy need not name them, `labels.toml` does."""


PLACES: Final[dict[str, frozenset[str]]] = {
    **dict.fromkeys(
        ("qualified", "partial", "failed"),
        frozenset({"watched", "on_air", "ratio", "qualified_ratio", "partial_ratio"}),
    ),
    **dict.fromkeys(("absent", "off_air"), frozenset[str]()),
    "checks_passed": frozenset({"asked", "passed"}),
    "checks_failed": frozenset({"asked", "passed", "needed"}),
    "confirmed": frozenset({"expected", "present"}),
    **dict.fromkeys(("pending", "unconfirmed"), frozenset({"hours"})),
    **dict.fromkeys(("silent", "hidden", "still", "unreported"), frozenset({"minutes"})),
    "faults": frozenset({"causes", "whole", "minutes"}),
    "excused": frozenset({"causes", "whole", "minutes", "share", "excused_share"}),
    **dict.fromkeys(("made_up", "made_up_short"), frozenset({"made_up", "on_air", "made_up_ratio", "qualified_ratio"})),
    **dict.fromkeys(("made_up_pending", "made_up_unconfirmed"), frozenset({"days"})),
    "too_fast": frozenset({"speed"}),
    "corrected": frozenset({"fields"}),
}
"""The sentences of reasons, and what each may speak of."""
_DELIVERY_REASONS: Final = frozenset({"qualified", "partial", "failed", "absent", "off_air"})
PENDING: Final = "pending"


class Policy(_Table):
    """One version of the rules."""

    version: Count
    name: str
    summary: str
    minute_seconds: int
    loss_limit: Share
    qualified_ratio: Exact
    partial_ratio: Exact
    school_ratio: Share
    results: dict[str, str]
    reasons: dict[str, str]
    credit: Credit | None = None
    causes: dict[str, str] = {}
    fields: dict[str, str] = {}
    flags: dict[str, str] = {}

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not 0 < self.partial_ratio < self.qualified_ratio <= 1 or not 0 < self.minute_seconds <= 60:
            raise ValueError("ratios must grow within (0, 1], a minute has at most 60 seconds")
        whole = self.credit is not None
        _named("result", {*Result, PENDING} if whole else DELIVERY_ONLY, self.results)
        _named("reason", PLACES if whole else _DELIVERY_REASONS, self.reasons)
        if self.credit is not None:
            _named("cause", self.credit.faults.causes, self.causes)
            _named("flag", Flag, dict.fromkeys(LATER, "") | self.flags)
            _named("field", CORRECTABLE, self.fields)
        for key, sentence in self.reasons.items():
            _speaks_of(key, sentence, PLACES.get(key, frozenset()))
        return self

    def rules(self, window_seconds: int) -> Rules:
        """Return what the fold has to know."""
        share = None if self.credit is None else self.credit.rendering.share
        return Rules(window_seconds, self.minute_seconds, self.loss_limit, share)


CORRECTABLE: Final = ("present", "expected", "guests", "result")
"""The fields of a class that a correction may change."""


def _named(what: str, wanted: Any, names: Mapping[str, str]) -> None:
    wanted = {str(one) for one in wanted}
    if missing := wanted - names.keys():
        raise ValueError(f"no name for {what} {', '.join(sorted(missing))}")
    if foreign := names.keys() - wanted:
        raise ValueError(f"there is no {what} {', '.join(sorted(foreign))}")


def _speaks_of(key: str, sentence: str, known: frozenset[str]) -> None:
    used = {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}
    if foreign := used - known:
        raise ValueError(f"the reason {key} cannot speak of {', '.join(sorted(foreign))}")


def load_policies(file: Path = POLICIES_FILE) -> dict[int, Policy]:
    """Return all policies by version; raise ValueError that names what the file says wrongly."""
    document = tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
    policies = [_policy(file, table) for table in document["policy"]]
    by_version = {policy.version: policy for policy in policies}
    if len(by_version) != len(policies):
        raise ValueError(f"{file.name}: a version stands twice")
    return by_version


def all_policies(further: str) -> dict[int, Policy]:
    """Return the policies that come with the program and those of a further file, "" for none; **no file changes a version that there is**."""
    known = load_policies()
    own = load_policies(Path(further)) if further else {}
    if twice := known.keys() & own.keys():
        raise ValueError(f"{further}: version {min(twice)} comes with the program and cannot be another")
    return known | own


def load_policy(version: int, file: Path = POLICIES_FILE) -> Policy:
    """Return one policy, or raise `UnknownPolicy`."""
    try:
        return load_policies(file)[version]
    except KeyError:
        raise UnknownPolicy(f"{file.name} has no policy of version {version}") from None


def _policy(file: Path, table: Mapping[str, Any]) -> Policy:
    try:
        return Policy.model_validate(dict(table))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise ValueError(f"{file.name}, policy {table.get('version')}: {wrong}") from error
