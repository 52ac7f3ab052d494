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
from pathlib import Path
from string import Formatter
from typing import Any, Final, Self

from pydantic import Field, ValidationError, model_validator

from signaling.attendance.credit import Count, Credit, Exact, Share, Table
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


class Policy(Table):
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
    causes: dict[str, str] = Field(default_factory=dict)
    fields: dict[str, str] = Field(default_factory=dict)
    flags: dict[str, str] = Field(default_factory=dict)

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
