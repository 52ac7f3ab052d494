"""The reasons of a decision as sentences that the school reads, put together of the policy's words. Pure."""

from __future__ import annotations

from fractions import Fraction

from signaling.attendance.judgement import CAUSES, ClassEvidence, Headcount
from signaling.attendance.policy import Policy, Result


class Sentences:
    """Grows with what is said. `on_air_ms` is what the class is measured by, `excuses` whether faults count for it."""

    def __init__(self, policy: Policy, evidence: ClassEvidence, on_air_ms: int, excuses: bool, expected: int) -> None:
        self.said: list[str] = []
        self._policy = policy
        self._evidence = evidence
        self._on_air_ms = on_air_ms
        self._excuses = excuses
        self._expected = expected

    def say(self, key: str, **words: object) -> None:
        """Say the sentence of a key."""
        self.said.append(self._policy.reasons[key].format(**words))

    def share(self, result: Result, ratio: Fraction | None) -> None:
        """Say how much was watched, and what that makes."""
        self.say(
            "off_air" if ratio is None else result.value,
            watched=minutes_short(self._evidence.counted_ms),
            on_air=minutes_short(self._on_air_ms),
            ratio=percent(ratio or Fraction(0)),
            qualified_ratio=percent(self._policy.qualified_ratio),
            partial_ratio=percent(self._policy.partial_ratio),
        )

    def confirmed(self, headcount: Headcount) -> None:
        """Say how many were confirmed."""
        self.say("confirmed", expected=self._expected, present=min(headcount.present, self._expected))

    def faults(self) -> None:
        """Say what faults took from the class's time, if anything."""
        evidence = self._evidence
        if evidence.excused_ms and self._excuses:
            whole, taken = minutes_short(evidence.on_air_ms), minutes_short(evidence.excused_ms)
            self.say("faults", causes=self.causes(), whole=whole, minutes=taken)

    def lost(self) -> None:
        """Say why delivered minutes did not count."""
        for cause, lost_ms in zip(CAUSES, self._evidence.lost, strict=True):
            if lost_ms:
                self.say(cause, minutes=minutes_short(lost_ms))

    def corrected(self) -> None:
        """Say what was corrected."""
        names, corrections = self._policy.fields, self._evidence.corrections
        told = [
            f"{names[name]}{self._policy.results.get(word, word)}"
            for name, word in sorted(corrections.items())
            if name in names
        ]
        if told:
            self.say("corrected", fields="、".join(told))

    def causes(self) -> str:
        """Return the names of the faults in which the class missed something."""
        return "、".join(self._policy.causes.get(one, one) for one in self._evidence.excused_causes)


def minutes(milliseconds: int) -> str:
    """Return minutes with one decimal, rounded down: 79.99 % must not read as 80 %."""
    return f"{milliseconds // 6000 / 10:.1f}"


def minutes_short(milliseconds: int) -> str:
    """Return minutes with one decimal, rounded down, and without it when it is 0."""
    return minutes(milliseconds).removesuffix(".0")


def percent(ratio: Fraction) -> str:
    """Return a percentage with two decimals, rounded down."""
    return f"{ratio.numerator * 10_000 // ratio.denominator / 100:.2f}%"
