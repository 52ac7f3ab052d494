"""The states of a lecture's broadcast, as a table.

    scheduled --open--> open --start--> live <--pause/resume--> paused
    open | live | paused | cut --end--> ended --archive--> archived
    live | paused --cut--> cut --resume--> live

1. **An illegal event raises and changes nothing.**
2. Packets are forwarded in `live` only; viewers may be connected in `open`, `live` and `paused`.
3. Who may send an event is not decided here: the table knows no people.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a broadcast is."""

    SCHEDULED = "scheduled"
    OPEN = "open"
    LIVE = "live"
    PAUSED = "paused"
    CUT = "cut"
    ENDED = "ended"
    ARCHIVED = "archived"


class Event(StrEnum):
    """What may happen to a broadcast."""

    OPEN = "open"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"
    CUT = "cut"
    ARCHIVE = "archive"


TABLE: Final[dict[tuple[State, Event], State]] = {
    (State.SCHEDULED, Event.OPEN): State.OPEN,
    (State.OPEN, Event.START): State.LIVE,
    (State.LIVE, Event.PAUSE): State.PAUSED,
    (State.PAUSED, Event.RESUME): State.LIVE,
    (State.LIVE, Event.CUT): State.CUT,
    (State.PAUSED, Event.CUT): State.CUT,
    (State.CUT, Event.RESUME): State.LIVE,
    (State.OPEN, Event.END): State.ENDED,
    (State.LIVE, Event.END): State.ENDED,
    (State.PAUSED, Event.END): State.ENDED,
    (State.CUT, Event.END): State.ENDED,
    (State.ENDED, Event.ARCHIVE): State.ARCHIVED,
}

CONNECTED: Final = frozenset({State.OPEN, State.LIVE, State.PAUSED})
"""States in which a lecturer may publish and screens may be connected."""

RUNNING: Final = CONNECTED | {State.CUT}
"""States that a restarted server restores: the broadcast has begun and has not ended."""

OVER: Final = frozenset({State.ENDED, State.ARCHIVED})
"""States from which nobody watches again."""

AUDITED: Final = {
    Event.OPEN: "lecture.opened",
    Event.START: "lecture.started",
    Event.PAUSE: "lecture.paused",
    Event.RESUME: "lecture.resumed",
    Event.END: "lecture.ended",
    Event.CUT: "lecture.cut",
    Event.ARCHIVE: "lecture.archived",
}
"""What the audit log calls an event."""


class IllegalTransition(ValueError):
    """The event is not possible in this state."""

    def __init__(self, state: State, event: Event) -> None:
        super().__init__(f"a broadcast that is {state} cannot {event}")
        self.state = state
        self.event = event


def advance(state: State, event: Event) -> State:
    """Return the state after `event`; raise `IllegalTransition` when the table has no such row."""
    try:
        return TABLE[state, event]
    except KeyError:
        raise IllegalTransition(state, event) from None
