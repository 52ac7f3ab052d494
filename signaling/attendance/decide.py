"""Judges one class by a policy. Pure: the same evidence, policy and time give the same decision.

1. **A decision carries the version of the policy that made it**, and its reasons in sentences that the school reads.
2. Comparisons are exact; every border belongs to the better side (`>=`), every span of time is begin included, end excluded.
3. Order: what was corrected; full time in spite of faults; excused; never there; full time; made up; the rest by its share.
4. **A fault never counts against a class**: minutes that it missed in one leave its denominator; minutes that it watched all the same stay.
5. Flags (待核) change no result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

from signaling.attendance.policy import PENDING, Credit, Flag, Policy, Result

NOTHING: Final[Mapping[str, str]] = {}
CAUSES: Final = ("silent", "hidden", "still", "unreported")
"""Why delivered minutes did not count, in the order in which they are told."""


@dataclass(frozen=True, slots=True)
class Headcount:
    """What a teacher confirmed. Who confirmed is kept for the office, and never stands in a reason."""

    present: int
    guests: int
    at: datetime
    by: str = ""


@dataclass(frozen=True, slots=True)
class ClassEvidence:
    """What is known of a class; times in milliseconds of the lecture's on-air time.

    `counted` are minutes that count live, `made_up` those live or by replay, `excused` those missed in a fault, of which `recovered`
    were replayed. `headcount` is the newest of the time for it, `late_headcount` the newest of the time for making up. `lost` says by
    cause (`CAUSES`) why delivered minutes did not count. `corrected_at` is when 实到 was corrected last.
    """

    expected: int = 0
    joined: bool = False
    on_air_ms: int = 0
    delivered_ms: int = 0
    counted_ms: int = 0
    rendered_ms: int = 0
    made_up_ms: int = 0
    excused_ms: int = 0
    recovered_ms: int = 0
    excused_causes: tuple[str, ...] = ()
    lost: tuple[int, int, int, int] = (0, 0, 0, 0)
    checked: bool = False
    asked: int = 0
    passed: int = 0
    headcount: Headcount | None = None
    late_headcount: Headcount | None = None
    ended_at: datetime | None = None
    replay_too_fast: bool = False
    corrections: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    corrected_at: datetime | None = None
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """A result with its reasons. `ratio` is None while nothing was on the air; `present` is None without a head-count.

    `covered` says whether the class counts for class coverage, `pending` whether that still waits for a head-count. `watched_ms` of
    `on_air_ms` make the ratio. `causes` are those of the faults in which the class missed something.
    """

    result: Result
    label: str
    reasons: tuple[str, ...]
    ratio: Fraction | None
    policy_version: int
    level: str
    expected: int
    present: int | None = None
    asked: int = 0
    passed: int = 0
    flags: tuple[Flag, ...] = ()
    covered: bool = False
    pending: bool = False
    corrected: bool = False
    watched_ms: int = 0
    on_air_ms: int = 0
    confirmed_by: str = ""
    confirmed_at: datetime | None = None
    causes: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """All sentences as one."""
        return "；".join(self.reasons)


def decide(policy: Policy, evidence: ClassEvidence, as_of: datetime) -> Decision:
    """Judge one class as things stood at `as_of`."""
    if policy.credit is None:
        return _by_delivery(policy, evidence)
    return _Judge(policy, policy.credit, evidence, as_of).decision()


def _by_delivery(policy: Policy, evidence: ClassEvidence) -> Decision:
    """Judge delivered minutes alone."""
    ratio = Fraction(evidence.counted_ms, evidence.on_air_ms) if evidence.on_air_ms else None
    result = Result.ABSENT if not evidence.joined else _by_share(policy, ratio)
    template = "off_air" if ratio is None and evidence.joined else result.value
    reason = policy.reasons[template].format(
        watched=minutes(evidence.counted_ms),
        on_air=minutes(evidence.on_air_ms),
        ratio=percent(ratio or Fraction(0)),
        qualified_ratio=percent(policy.qualified_ratio),
        partial_ratio=percent(policy.partial_ratio),
    )
    level = "E2" if evidence.delivered_ms else "E1" if evidence.joined else "E0"
    covered = result is Result.QUALIFIED
    return Decision(
        result,
        policy.results[result],
        (reason,),
        ratio,
        policy.version,
        level,
        evidence.expected,
        covered=covered,
        watched_ms=evidence.counted_ms,
        on_air_ms=evidence.on_air_ms,
    )


def _by_share(policy: Policy, ratio: Fraction | None) -> Result:
    if ratio is None or ratio < policy.partial_ratio:
        return Result.FAILED
    return Result.QUALIFIED if ratio >= policy.qualified_ratio else Result.PARTIAL


class _Judge:
    """The way to one decision; `_reasons` grows on it."""

    def __init__(self, policy: Policy, credit: Credit, evidence: ClassEvidence, as_of: datetime) -> None:
        self._policy = policy
        self._credit = credit
        self._evidence = evidence
        self._as_of = as_of
        self._reasons: list[str] = []
        self._excuses = not self._recovered()
        self._on_air_ms = evidence.on_air_ms - (evidence.excused_ms if self._excuses else 0)
        self._expected = number_of(evidence.corrections.get("expected"), evidence.expected)
        self._headcount = self._corrected_headcount(evidence.headcount)
        self._late = self._corrected_headcount(evidence.late_headcount)

    def decision(self) -> Decision:
        """Return it."""
        result, pending, covered = self._result()
        self._say_lost()
        self._say_corrected()
        shown = (self._late if result is Result.MADE_UP else None) or self._headcount
        counted = shown is not None and result is not Result.EXCUSED
        evidence = self._evidence
        return Decision(
            result,
            self._policy.results[PENDING if pending else result],
            tuple(self._reasons),
            self._ratio(evidence.counted_ms),
            self._policy.version,
            self._level(shown),
            self._expected,
            min(shown.present, self._expected) if counted and shown is not None else None,
            evidence.asked,
            evidence.passed,
            evidence.flags,
            covered,
            pending,
            bool(evidence.corrections),
            evidence.counted_ms,
            self._on_air_ms,
            "" if shown is None else shown.by,
            None if shown is None else shown.at,
            evidence.excused_causes,
        )

    def _result(self) -> tuple[Result, bool, bool]:
        """Return the result, whether it waits, and whether the class counts as covered."""
        evidence = self._evidence
        if (word := evidence.corrections.get("result")) in {*Result}:
            result = Result(word or "")
            return result, False, result in (Result.QUALIFIED, Result.MADE_UP, Result.UNCONFIRMED)
        if self._excuses and self._is_excused():
            return Result.EXCUSED, False, False
        if not evidence.joined and not evidence.made_up_ms:
            self._say("absent")
            self._say_faults()
            return Result.ABSENT, False, False
        ratio = self._ratio(evidence.counted_ms)
        live = _by_share(self._policy, ratio)
        self._say_share(live, ratio)
        self._say_faults()
        passed = self._checks()
        if live is Result.QUALIFIED and passed:
            return self._confirmed(self._headcount, Result.QUALIFIED)
        if live is Result.QUALIFIED:  # nothing was missed: a replay does not stand for those who were not there
            return Result.PARTIAL, False, False
        return self._made_up() or (live, False, False)

    def _ratio(self, watched_ms: int) -> Fraction | None:
        return Fraction(watched_ms, self._on_air_ms) if self._on_air_ms > 0 else None

    def _recovered(self) -> bool:
        """Whether a class watched enough of the whole, live or afterwards: then no fault needs to excuse it."""
        evidence = self._evidence
        return evidence.made_up_ms >= self._policy.qualified_ratio * evidence.on_air_ms > 0

    def _is_excused(self) -> bool:
        evidence, limit = self._evidence, self._credit.faults.excused_share
        if not evidence.excused_ms or evidence.excused_ms < limit * evidence.on_air_ms:
            return False
        share = Fraction(evidence.excused_ms, evidence.on_air_ms)
        self._say(
            "excused",
            causes=self._causes(),
            whole=minutes_short(evidence.on_air_ms),
            minutes=minutes_short(evidence.excused_ms),
            share=percent(share),
            excused_share=percent(limit),
        )
        return True

    def _checks(self) -> bool:
        """Say how the presence checks went; return whether they leave the way open."""
        evidence, checks = self._evidence, self._credit.checks
        if not evidence.checked or not evidence.asked:
            return True
        passed = checks.passed(evidence.asked, evidence.passed)
        words = {"asked": evidence.asked, "passed": evidence.passed}
        if passed:
            self._say("checks_passed", **words)
        else:
            self._say("checks_failed", **words, needed=checks.needed[min(evidence.asked, checks.most) - 1])
        return passed

    def _confirmed(self, headcount: Headcount | None, result: Result) -> tuple[Result, bool, bool]:
        """Return the result of a class that has its time and was confirmed, or not (yet)."""
        hours = self._credit.confirmation.closes_after_hours
        if headcount is not None:
            self._say_confirmed(headcount)
            return result, False, True
        if self._is_open(timedelta(hours=hours)):
            self._say("pending", hours=hours)
            return Result.UNCONFIRMED, True, False
        self._say("unconfirmed", hours=hours)
        return Result.UNCONFIRMED, False, True

    def _made_up(self) -> tuple[Result, bool, bool] | None:
        """Return the result of a class that made up what it missed; None when it did not."""
        evidence, days = self._evidence, self._credit.make_up.days
        if evidence.replay_too_fast:
            self._say("too_fast", speed=f"{float(self._credit.make_up.speed):g}")
        watched_ms = evidence.made_up_ms - (evidence.recovered_ms if self._excuses else 0)
        ratio = self._ratio(watched_ms)
        if watched_ms <= evidence.counted_ms or ratio is None:
            return None
        words = {
            "made_up": minutes_short(watched_ms),
            "on_air": minutes_short(self._on_air_ms),
            "made_up_ratio": percent(ratio),
            "qualified_ratio": percent(self._policy.qualified_ratio),
        }
        if ratio < self._policy.qualified_ratio:
            self._say("made_up_short", **words)
            return None
        self._say("made_up", **words)
        headcount = self._late or self._headcount
        if headcount is not None:
            self._say_confirmed(headcount)
            return Result.MADE_UP, False, True
        if self._is_open(timedelta(days=days)):
            self._say("made_up_pending", days=days)
            return Result.UNCONFIRMED, True, False
        self._say("made_up_unconfirmed", days=days)
        return None

    def _is_open(self, span: timedelta) -> bool:
        ended_at = self._evidence.ended_at
        return ended_at is None or self._as_of < ended_at + span

    def _corrected_headcount(self, found: Headcount | None) -> Headcount | None:
        """Return the head-count with what was corrected; a correction of 实到 is a head-count by itself."""
        corrections = self._evidence.corrections
        if "present" not in corrections and found is None:
            return None
        base = found or Headcount(0, 0, self._evidence.corrected_at or self._as_of)
        present = number_of(corrections.get("present"), base.present)
        return Headcount(present, number_of(corrections.get("guests"), base.guests), base.at, base.by)

    def _level(self, headcount: Headcount | None) -> str:
        """Return the highest level that is reached; nothing lies above E1 without delivery."""
        evidence = self._evidence
        if not evidence.delivered_ms and not evidence.made_up_ms:
            return "E1" if evidence.joined else "E0"
        if evidence.checked and evidence.asked and self._credit.checks.passed(evidence.asked, evidence.passed):
            return "E5"
        if headcount is not None:
            return "E4"
        return "E3" if evidence.rendered_ms else "E2"

    # --- sentences ----------------------------------------------------------------------------------------------------

    def _say(self, key: str, **words: object) -> None:
        self._reasons.append(self._policy.reasons[key].format(**words))

    def _say_share(self, result: Result, ratio: Fraction | None) -> None:
        self._say(
            "off_air" if ratio is None else result.value,
            watched=minutes_short(self._evidence.counted_ms),
            on_air=minutes_short(self._on_air_ms),
            ratio=percent(ratio or Fraction(0)),
            qualified_ratio=percent(self._policy.qualified_ratio),
            partial_ratio=percent(self._policy.partial_ratio),
        )

    def _say_confirmed(self, headcount: Headcount) -> None:
        self._say("confirmed", expected=self._expected, present=min(headcount.present, self._expected))

    def _say_faults(self) -> None:
        evidence = self._evidence
        if evidence.excused_ms and self._excuses:
            whole, taken = minutes_short(evidence.on_air_ms), minutes_short(evidence.excused_ms)
            self._say("faults", causes=self._causes(), whole=whole, minutes=taken)

    def _say_lost(self) -> None:
        for cause, lost_ms in zip(CAUSES, self._evidence.lost, strict=True):
            if lost_ms:
                self._say(cause, minutes=minutes_short(lost_ms))

    def _say_corrected(self) -> None:
        names, corrections = self._policy.fields, self._evidence.corrections
        told = [
            f"{names[name]}{self._policy.results.get(word, word)}"
            for name, word in sorted(corrections.items())
            if name in names
        ]
        if told:
            self._say("corrected", fields="、".join(told))

    def _causes(self) -> str:
        return "、".join(self._policy.causes.get(one, one) for one in self._evidence.excused_causes)


def number_of(word: str | None, otherwise: int) -> int:
    """Return a corrected number; what is none was refused where corrections are made, and changes nothing here."""
    return int(word) if word is not None and word.isascii() and word.isdigit() else otherwise


def minutes(milliseconds: int) -> str:
    """Return minutes with one decimal, rounded down: 79.99 % must not read as 80 %."""
    return f"{milliseconds // 6000 / 10:.1f}"


def minutes_short(milliseconds: int) -> str:
    """Return minutes with one decimal, rounded down, and without it when it is 0."""
    return minutes(milliseconds).removesuffix(".0")


def percent(ratio: Fraction) -> str:
    """Return a percentage with two decimals, rounded down."""
    return f"{ratio.numerator * 10_000 // ratio.denominator / 100:.2f}%"
