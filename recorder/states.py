"""The life of one recording, as a table. **An illegal event raises and changes nothing.**

WAIT_KEY --> RECORDING <--> GAP        media flows, or there is none to record
    any of them --> DEGRADED --> WAIT_KEY   the disk is full: reels are in memory only, live and rewind go on with them
    any of them --> ENDING --> FINALISING --> READY | FAILED
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from recorder.errors import IllegalTransition


class State(StrEnum):
    """Where a recording stands."""

    GAP = "gap"  # no source: before the first one, while paused, after one was lost
    WAIT_KEY = "wait_key"  # a source, but no IDR picture yet
    RECORDING = "recording"
    DEGRADED = "degraded"  # whatever flows, nothing of it reaches the disk
    ENDING = "ending"
    FINALISING = "finalising"
    READY = "ready"
    FAILED = "failed"


class Event(StrEnum):
    """What moves it."""

    SOURCE_FOUND = "source_found"
    REEL_BEGUN = "reel_begun"
    REEL_ENDED = "reel_ended"  # size change, clock jump, camera off, room on the disk again: another reel begins
    SOURCE_LOST = "source_lost"
    DISK_FULL = "disk_full"
    DISK_FREE = "disk_free"
    END = "end"
    CLOSED = "closed"
    FINISHED = "finished"
    NOTHING_TO_FINISH = "nothing_to_finish"


_S, _E = State, Event
_OPEN = (State.GAP, State.WAIT_KEY, State.RECORDING, State.DEGRADED)

TABLE: Final[dict[tuple[State, Event], State]] = {
    (_S.GAP, _E.SOURCE_FOUND): _S.WAIT_KEY,
    (_S.WAIT_KEY, _E.SOURCE_FOUND): _S.WAIT_KEY,
    (_S.RECORDING, _E.SOURCE_FOUND): _S.WAIT_KEY,
    (_S.WAIT_KEY, _E.REEL_BEGUN): _S.RECORDING,
    (_S.RECORDING, _E.REEL_ENDED): _S.WAIT_KEY,
    **{(state, _E.SOURCE_LOST): _S.GAP for state in (_S.GAP, _S.WAIT_KEY, _S.RECORDING)},
    **{(_S.DEGRADED, event): _S.DEGRADED for event in (_E.SOURCE_FOUND, _E.SOURCE_LOST, _E.REEL_BEGUN, _E.REEL_ENDED)},
    (_S.DEGRADED, _E.DISK_FREE): _S.WAIT_KEY,
    **{(state, _E.DISK_FULL): _S.DEGRADED for state in _OPEN},
    **{(state, _E.END): _S.ENDING for state in _OPEN},
    (_S.ENDING, _E.CLOSED): _S.FINALISING,
    (_S.FINALISING, _E.FINISHED): _S.READY,
    (_S.FINALISING, _E.NOTHING_TO_FINISH): _S.FAILED,
}

PUBLIC: Final[dict[State, str]] = {
    State.GAP: "recording",
    State.WAIT_KEY: "recording",
    State.RECORDING: "recording",
    State.DEGRADED: "degraded",
    State.ENDING: "finalising",
    State.FINALISING: "finalising",
    State.READY: "ready",
    State.FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class RecordingChanged:
    """A recording's public state: recording, degraded, finalising, ready or failed; `reason` says why."""

    recording_id: str
    state: str
    reason: str


def step(state: State, event: Event) -> State:
    """Return the state after `event`; raise `IllegalTransition` when the table has no such row."""
    after = TABLE.get((state, event))
    if after is None:
        raise IllegalTransition(f"a recording in state {state} has no event {event}")
    return after
