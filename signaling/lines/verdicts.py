"""What the lines of a connection test mean together. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

State = Literal["good", "limited", "bad", "skipped"]
Verdict = Literal["good", "limited", "bad"]

KINDS: Final = ("engine", "codecs", "server", "push", "udp", "bandwidth", "clock", "sound")
"""What is tested, in the order of the page."""


def verdict_of(states: Iterable[State]) -> Verdict:
    """Return the worst state: `bad` keeps the class from watching, `limited` from watching well; what was skipped says nothing."""
    found = set(states)
    if "bad" in found:
        return "bad"
    return "limited" if "limited" in found else "good"
