"""What a manifest says beside the figures of the file: reels, marks, hidden ranges, problems. Pure functions of the journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, Final

from recorder.fragments import Run
from recorder.segment import ReelReader

UNREPAIRED: Final = ("video_lost", "queue_full_video")  # they froze the picture; a lost sound is concealed


@dataclass(slots=True)
class Piece:
    """One reel on the time line of the recording."""

    reader: ReelReader
    wall_ns: int
    hidden: bool
    runs: dict[int, list[Run]]
    start: Fraction = Fraction(0)
    end: Fraction = Fraction(0)


def problems_of(lines: list[dict[str, Any]]) -> set[str]:
    """Return the codes of what the journal tells of trouble."""
    problems = {"disk_full" for line in lines if line.get("state") == "degraded"}
    problems |= {"picture_frozen" for line in lines if line.get("event") == "frozen"}
    for line in lines:
        drops = line.get("drops", {})
        problems |= {"packets_lost" for reason in UNREPAIRED if drops.get(reason)}
    return problems


def reel_entry(piece: Piece) -> dict[str, Any]:
    """Return what the manifest says of a reel."""
    return {
        "name": piece.reader.path.name,
        "parts": len(piece.reader.parts),
        "start_s": round(float(piece.start), 3),
        "duration_s": round(float(piece.end - piece.start), 3),
        "started_at": utc(piece.wall_ns),
        "hidden": piece.hidden,
    }


def utc(nanoseconds: int) -> str:
    """Return Unix nanoseconds as an ISO 8601 time."""
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).isoformat()


def marks_of(lines: list[dict[str, Any]], pieces: list[Piece]) -> list[dict[str, Any]]:
    """Return every mark with its place on the time line: a mark ends the reel before it."""
    ends = {piece.reader.path.name: piece.end for piece in pieces}
    place = Fraction(0)
    marks: list[dict[str, Any]] = []
    for line in lines:
        if line.get("event") == "reel":
            place = max(place, ends.get(line["name"], place))
        elif line.get("event") == "mark":
            marks.append({"event": line["mark"], "at": line["at"], "at_s": round(float(place), 3)})
    return marks


def hidden_ranges(marks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the ranges from a cut to the mark that ended it; they are not in the finished file."""
    ranges: list[dict[str, Any]] = []
    for mark in marks:
        if mark["event"] == "cut":
            ranges.append({"from": mark["at"], "to": None, "at_s": mark["at_s"]})
        elif mark["event"] == "resume" and ranges and ranges[-1]["to"] is None:
            ranges[-1]["to"] = mark["at"]
    return ranges
