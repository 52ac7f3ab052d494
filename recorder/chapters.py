"""Chapters and gaps of a recording: what lies between its reels, from the journal and the wall clock. Pure functions.

1. A chapter begins where a person would look for one: at the beginning, after a pause or a cut, when the lecturer or the disk
   came back. **A change of the picture's size alone is neither a chapter nor a gap.**
2. A gap is time of the lecture that the recording does not have; its `at_s` is on the time line of the recording, `seconds` on
   the wall clock. The gravest of several reasons is given: `cut`, `paused`, `disk_full`, `source_lost`, `restarted`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from recorder.manifest import Piece
from recorder.sprite import clock

GRAVITY: Final = ("cut", "paused", "disk_full", "source_lost", "restarted")
KINDS: Final = {
    "cut": "resume",
    "paused": "resume",
    "disk_full": "recovered",
    "source_lost": "return",
    "restarted": "return",
}
TITLES: Final = {
    "start": "开始 Start",
    "resume": "继续 Resumed",
    "return": "恢复 Back",
    "recovered": "恢复录制 Recording again",
}
MARKS: Final = {"pause": "paused", "cut": "cut"}


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where one shown reel ends and the next one begins: place in the recording, seconds on the wall clock, why."""

    at: Fraction
    seconds: float
    reason: str | None


def boundaries(lines: Sequence[dict[str, Any]], shown: Sequence[Piece]) -> list[Boundary]:
    """Return what lies between every two shown reels that follow each other."""
    reasons = _reasons(lines, {piece.reader.path.name for piece in shown})
    found = []
    for before, after in pairwise(shown):
        ended = before.wall_ns + round((before.end - before.start) * 10**9)
        seconds = max(0.0, round((after.wall_ns - ended) / 1e9, 3))
        told = reasons.get(after.reader.path.name, set())
        found.append(Boundary(after.start, seconds, next((one for one in GRAVITY if one in told), None)))
    return found


def _reasons(lines: Sequence[dict[str, Any]], shown: set[str]) -> dict[str, set[str]]:
    """Return for every shown reel what the journal tells since the shown one before it."""
    found: dict[str, set[str]] = {}
    since: set[str] = set()
    for line in lines:
        if line.get("event") == "reel" and line.get("name") in shown:
            found[line["name"]] = since
            since = set()
        elif (reason := _reason(line)) is not None:
            since.add(reason)
    return found


def _reason(line: dict[str, Any]) -> str | None:
    match line.get("event"):
        case "mark":
            return MARKS.get(line.get("mark", ""))
        case "state" if line.get("state") == "degraded":
            return "disk_full"
        case "state" if line.get("state") == "gap" and line.get("reason") not in MARKS:
            return "source_lost"
        case "opened" | "begun":
            return "restarted"
    return None


def chapters_of(shown: Sequence[Piece], between: Sequence[Boundary]) -> list[dict[str, Any]]:
    """Return the chapters `{start_s, kind}` in order; kind is `start`, `resume`, `return` or `recovered`."""
    if not shown:
        return []
    later = [{"start_s": round(float(one.at), 3), "kind": KINDS[one.reason]} for one in between if one.reason]
    return [{"start_s": 0.0, "kind": "start"}, *later]


def gaps_of(between: Sequence[Boundary]) -> list[dict[str, Any]]:
    """Return the gaps `{at_s, seconds, reason}` in order."""
    return [
        {"at_s": round(float(one.at), 3), "seconds": one.seconds, "reason": one.reason} for one in between if one.reason
    ]


def chapters_vtt(chapters: Sequence[dict[str, Any]], duration: float) -> bytes:
    """Return the chapters as WebVTT, each up to the next one."""
    lines = ["WEBVTT", ""]
    ends = [one["start_s"] for one in chapters[1:]] + [duration]
    for chapter, end in zip(chapters, ends, strict=False):
        start = chapter["start_s"]
        lines += [f"{clock(start)} --> {clock(max(end, start + 0.001))}", TITLES[chapter["kind"]], ""]
    return "\n".join(lines).encode()


def chapters_in(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the chapters that a manifest names, also one of version 1, which has marks in their place."""
    chapters: list[dict[str, Any]] = manifest["chapters"]
    if manifest["version"] > 1:
        return chapters
    resumed = [{"start_s": one["at_s"], "kind": "resume"} for one in chapters if one["event"] == "resume"]
    return [{"start_s": 0.0, "kind": "start"}, *(one for one in resumed if one["start_s"])] if manifest["file"] else []
