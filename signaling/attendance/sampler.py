"""Which broadcasts are sampled, and what a sample becomes. Pure but for the rooms it is given.

1. **Between two samples of a room lies exactly one row**: whatever was delivered is in one window, none of it in two.
2. A broadcast that leaves the air is sampled at once. Its room may be closed by then: the sampler holds on to the room that
   it knows, so that the last seconds are not lost with it.
3. Viewers that are no screens (`monitor:...`) are left out.
4. Seconds that a screen was given over HLS count as the packets that the lecture had in as many seconds. HLS is some seconds late:
   more than the window has fills up the one before, as late receiver reports do.
5. What screens were sent of recordings is told by the minute of the server's clock in which it left: fourteen days of making up, a row for
   each window, would be more than the lecture itself. Whose broadcast it is says the library, and none of them needs to run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Protocol

from broadcaster.events import DeliverySample
from signaling.attendance.windows import window_ending
from signaling.ledger.events import Note, Subject
from signaling.ledger.facts import MediaDelivered, ReplayDelivered
from signaling.live.events import BroadcastChanged
from signaling.live.states import RUNNING, State

MONITOR: Final = "monitor:"
MINUTE: Final = 60
MOST_WINDOWS: Final = 12
"""Windows that one fact of replays can be of: of a process that stood still nobody is credited the time."""
Replays = Callable[[], Mapping[tuple[str, str], tuple[tuple[str, int, int], ...]]]
"""Returns by (lecture, broadcast) what (screen, begin, end) was sent of its recording since the call before; times as in `ReplayDelivered`."""


class SampledRoom(Protocol):
    """A room of the media plane, as far as attendance looks at it."""

    @property
    def closed(self) -> bool:
        """Whether the room takes no sessions any more; it can still be sampled."""

    def sample_delivery(self) -> DeliverySample:
        """Return what happened since the sample before."""


class Sampler:
    """Turns the delivery samples of this node's rooms into facts of the ledger."""

    def __init__(
        self,
        room: Callable[[str], SampledRoom],
        *,
        window_seconds: int,
        hls: Callable[[str], Mapping[str, float]] = lambda lecture_id: {},
        replays: Replays = dict,
    ) -> None:
        self._room = room
        self._hls = hls
        self._replays = replays
        self._held: dict[str, SampledRoom] = {}
        self._window_seconds = window_seconds
        self._lectures: dict[str, str] = {}
        self._parts: dict[tuple[str, int], int] = {}
        self._replayed_to: int | None = None  # the last window of which replays were told

    @property
    def broadcasts(self) -> frozenset[str]:
        """The broadcasts that are sampled."""
        return frozenset(self._lectures)

    def track(self, broadcast_id: str, lecture_id: str) -> None:
        """Sample this broadcast from now on."""
        self._lectures[broadcast_id] = lecture_id
        self._hold(lecture_id)

    def changed(self, event: BroadcastChanged) -> list[Note]:
        """Follow a transition; return the rows that are due at once."""
        if event.to_state in RUNNING:
            self.track(event.broadcast_id, event.lecture_id)
        leaves_air = event.from_state is State.LIVE and event.broadcast_id in self._lectures
        rows = self._collect(event.broadcast_id, event.at) if leaves_air else []
        if event.to_state not in RUNNING:
            self._lectures.pop(event.broadcast_id, None)
            self._held.pop(event.lecture_id, None)
        return rows

    def tick(self, now: datetime) -> list[Note]:
        """Sample every broadcast; `now` is a window's end, or any time when the process stops."""
        rows = [row for broadcast_id in list(self._lectures) for row in self._collect(broadcast_id, now)]
        oldest = window_ending(now, self._window_seconds) - 1
        self._parts = {key: part for key, part in self._parts.items() if key[1] >= oldest}
        return rows

    def replayed(self, now: datetime, last: bool = False) -> list[Note] | None:
        """Return what was sent of recordings since the call before; None until the minute is over, be it that the process stops."""
        number = window_ending(now, self._window_seconds)
        if not last and (number + 1) * self._window_seconds % MINUTE:
            return None
        begun = (
            number - number % (MINUTE // self._window_seconds) - 1 if self._replayed_to is None else self._replayed_to
        )
        self._replayed_to, windows = number, max(1, min(number - begun, MOST_WINDOWS))
        return [
            Note(
                Subject(lecture_id, broadcast_id),
                ReplayDelivered(number, ranges, self._part(broadcast_id, number), windows),
            )
            for (lecture_id, broadcast_id), ranges in self._replays().items()
        ]

    def _part(self, broadcast_id: str, number: int) -> int:
        part = self._parts.get((broadcast_id, number), 0)
        self._parts[broadcast_id, number] = part + 1
        return part

    def _hold(self, lecture_id: str) -> SampledRoom:
        """Return the room to sample; one that closed since the last sample is returned once more."""
        held = self._held.pop(lecture_id, None) or self._room(lecture_id)
        if not held.closed:
            self._held[lecture_id] = held
        return held

    def _collect(self, broadcast_id: str, now: datetime) -> list[Note]:
        lecture_id = self._lectures[broadcast_id]
        sample = self._hold(lecture_id).sample_delivery()
        deliveries = _merge(sample, self._hls(lecture_id))
        if not sample.published and not any(advance for _, advance, _ in deliveries):
            return []
        number = window_ending(now, self._window_seconds)
        flowing_ms = round(sample.flowing * 1000)
        window = MediaDelivered(number, self._part(broadcast_id, number), sample.published, flowing_ms, deliveries)
        return [Note(Subject(lecture_id, broadcast_id), window)]


def _merge(sample: DeliverySample, hls: Mapping[str, float]) -> tuple[tuple[str, int, int], ...]:
    """Return (screen, advance, lost), one a screen: a screen that rejoined within the window has its sessions added up.

    What came over HLS beside WebRTC adds to it up to what was published: it is the same picture twice.
    """
    sums: dict[str, tuple[int, int]] = {}
    for delivery in sample.deliveries:
        if not delivery.viewer.startswith(MONITOR):
            advance, lost = sums.get(delivery.viewer, (0, 0))
            sums[delivery.viewer] = advance + max(0, delivery.advance), lost + max(0, delivery.lost)
    for screen, seconds in hls.items():
        packets = round(sample.published * seconds / sample.flowing) if sample.flowing > 0 else 0
        advance, lost = sums.get(screen, (0, 0))
        sums[screen] = max(advance, min(advance + packets, sample.published)) if advance else packets, lost
    return tuple((screen, advance, lost) for screen, (advance, lost) in sums.items())
