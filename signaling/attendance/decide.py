"""Judges one class by a policy. Pure: the same evidence, policy and time give the same decision.

1. **A decision carries the version of the policy that made it**, and its reasons in sentences that the school reads.
2. Comparisons are exact; every border belongs to the better side (`>=`), every span of time is begin included, end excluded.
3. Order: what was corrected; full time in spite of faults; excused; never there; full time; made up; the rest by its share.
4. **A fault never counts against a class**: minutes that it missed in one leave its denominator; minutes that it watched all the same stay.
5. Flags (待核) change no result.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction

from signaling.attendance.credit import Credit
from signaling.attendance.judgement import ClassEvidence, Decision, Headcount
from signaling.attendance.policy import PENDING, Policy, Result
from signaling.attendance.sentences import Sentences, minutes, minutes_short, percent


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
    """The way to one decision; what is said grows on it."""

    def __init__(self, policy: Policy, credit: Credit, evidence: ClassEvidence, as_of: datetime) -> None:
        self._policy = policy
        self._credit = credit
        self._evidence = evidence
        self._as_of = as_of
        self._excuses = not self._recovered()
        self._on_air_ms = evidence.on_air_ms - (evidence.excused_ms if self._excuses else 0)
        self._expected = number_of(evidence.corrections.get("expected"), evidence.expected)
        self._say = Sentences(policy, evidence, self._on_air_ms, self._excuses, self._expected)
        self._headcount = self._corrected_headcount(evidence.headcount)
        self._late = self._corrected_headcount(evidence.late_headcount)

    def decision(self) -> Decision:
        """Return it."""
        result, pending, covered = self._result()
        self._say.lost()
        self._say.corrected()
        shown = (self._late if result is Result.MADE_UP else None) or self._headcount
        counted = shown is not None and result is not Result.EXCUSED
        evidence = self._evidence
        return Decision(
            result,
            self._policy.results[PENDING if pending else result],
            tuple(self._say.said),
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
            self._say.say("absent")
            self._say.faults()
            return Result.ABSENT, False, False
        ratio = self._ratio(evidence.counted_ms)
        live = _by_share(self._policy, ratio)
        self._say.share(live, ratio)
        self._say.faults()
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
        self._say.say(
            "excused",
            causes=self._say.causes(),
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
            self._say.say("checks_passed", **words)
        else:
            self._say.say("checks_failed", **words, needed=checks.needed[min(evidence.asked, checks.most) - 1])
        return passed

    def _confirmed(self, headcount: Headcount | None, result: Result) -> tuple[Result, bool, bool]:
        """Return the result of a class that has its time and was confirmed, or not (yet)."""
        hours = self._credit.confirmation.closes_after_hours
        if headcount is not None:
            self._say.confirmed(headcount)
            return result, False, True
        if self._is_open(timedelta(hours=hours)):
            self._say.say("pending", hours=hours)
            return Result.UNCONFIRMED, True, False
        self._say.say("unconfirmed", hours=hours)
        return Result.UNCONFIRMED, False, True

    def _made_up(self) -> tuple[Result, bool, bool] | None:
        """Return the result of a class that made up what it missed; None when it did not."""
        evidence, days = self._evidence, self._credit.make_up.days
        if evidence.replay_too_fast:
            self._say.say("too_fast", speed=f"{float(self._credit.make_up.speed):g}")
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
            self._say.say("made_up_short", **words)
            return None
        self._say.say("made_up", **words)
        headcount = self._late or self._headcount
        if headcount is not None:
            self._say.confirmed(headcount)
            return Result.MADE_UP, False, True
        if self._is_open(timedelta(days=days)):
            self._say.say("made_up_pending", days=days)
            return Result.UNCONFIRMED, True, False
        self._say.say("made_up_unconfirmed", days=days)
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


def number_of(word: str | None, otherwise: int) -> int:
    """Return a corrected number; what is none was refused where corrections are made, and changes nothing here."""
    return int(word) if word is not None and word.isascii() and word.isdigit() else otherwise
