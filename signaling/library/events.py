"""Facts that go up from the library."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecordingListed:
    """A recording's entry changed; `state` is one of recording, degraded, finalising, ready, failed."""

    recording_id: str
    lecture_id: str
    state: str
    problems: tuple[str, ...]
