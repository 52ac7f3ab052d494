"""Judges delivered minutes by a policy. Pure; thresholds, names and reasons are data in `policies.toml`.

1. **A result carries the version of the policy that made it.**
2. **No threshold stands in code**: another rule is another table of the file.
3. Comparisons are exact: ratios are read as fractions, times are whole milliseconds.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from signaling.attendance.fold import Rules

POLICIES_FILE: Final = Path(__file__).with_name("policies.toml")


class Result(StrEnum):
    """What a class reached; the names that people read are in the policy."""

    QUALIFIED = "qualified"
    PARTIAL = "partial"
    FAILED = "failed"
    ABSENT = "absent"


class UnknownPolicy(LookupError):
    """No policy has this version."""


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the rules."""

    version: int
    name: str
    summary: str
    minute_seconds: int
    loss_limit: Fraction
    qualified_ratio: Fraction
    partial_ratio: Fraction
    school_ratio: Fraction
    results: Mapping[str, str]
    reasons: Mapping[str, str]

    def rules(self, window_seconds: int) -> Rules:
        """Return what the fold has to know."""
        return Rules(window_seconds, self.minute_seconds, self.loss_limit)


@dataclass(frozen=True, slots=True)
class Decision:
    """A result with its reason (in Chinese), the share of the on-air time (None while there is none) and the version."""

    result: Result
    label: str
    reason: str
    ratio: Fraction | None
    policy_version: int


def load_policies(file: Path = POLICIES_FILE) -> dict[int, Policy]:
    """Return all policies by version; raise ValueError when the file says something impossible."""
    document = tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
    policies = [_policy(table) for table in document["policy"]]
    by_version = {policy.version: policy for policy in policies}
    if len(by_version) != len(policies):
        raise ValueError(f"{file.name}: a version stands twice")
    return by_version


def load_policy(version: int, file: Path = POLICIES_FILE) -> Policy:
    """Return one policy, or raise `UnknownPolicy`."""
    try:
        return load_policies(file)[version]
    except KeyError:
        raise UnknownPolicy(f"{file.name} has no policy of version {version}") from None


def _policy(table: Mapping[str, Any]) -> Policy:
    values: dict[str, Any] = {name: Fraction(v) if isinstance(v, Decimal) else v for name, v in table.items()}
    policy = Policy(**values)
    if not 0 < policy.partial_ratio < policy.qualified_ratio <= 1 or not 0 < policy.minute_seconds <= 60:
        raise ValueError(f"policy {policy.version}: ratios must grow within (0, 1], a minute has at most 60 seconds")
    if missing := {*Result} - {*policy.results}:
        raise ValueError(f"policy {policy.version}: no name for {sorted(missing)}")
    return policy


def decide(policy: Policy, *, joined: bool, credited_ms: int, on_air_ms: int) -> Decision:
    """Judge one class: whether it ever joined, its counted time, and how long the lecture was on the air."""
    ratio = Fraction(credited_ms, on_air_ms) if on_air_ms else None
    result = _result(policy, joined, ratio)
    template = "off_air" if ratio is None and joined else result.value
    reason = policy.reasons[template].format(
        watched=minutes(credited_ms),
        on_air=minutes(on_air_ms),
        ratio=percent(ratio or Fraction(0)),
        qualified_ratio=percent(policy.qualified_ratio),
        partial_ratio=percent(policy.partial_ratio),
    )
    return Decision(result, policy.results[result], reason, ratio, policy.version)


def _result(policy: Policy, joined: bool, ratio: Fraction | None) -> Result:
    if not joined:
        return Result.ABSENT
    if ratio is None or ratio < policy.partial_ratio:
        return Result.FAILED
    return Result.QUALIFIED if ratio >= policy.qualified_ratio else Result.PARTIAL


def minutes(milliseconds: int) -> str:
    """Return minutes with one decimal, rounded down: 79.99 % must not read as 80 %."""
    return f"{milliseconds // 6000 / 10:.1f}"


def percent(ratio: Fraction) -> str:
    """Return a percentage with two decimals, rounded down."""
    return f"{int(ratio * 10_000) / 100:.2f}%"
