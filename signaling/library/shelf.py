"""Which recordings there are and who may see them, in memory: what every HLS request asks.

1. **No database**: `LibraryService` puts every recording here at its start and again whenever something about it changes; a part
   of a lecture is asked for by hundreds of screens twice a second.
2. **A token is for one lecture.** Screens and monitors see what runs now and what a reviewer approved; a `person:` token was given
   to somebody who may read the lecture's recordings, and sees finished ones before they are approved too.
3. The newest recording of a lecture is the one with the greatest id: ids are UUIDv7.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from signaling.auth.tokens import WatchClaims

RUNNING = frozenset({"recording", "degraded"})
FINISHED = "ready"


class Verdict(StrEnum):
    """What a token allows with a recording; the value of a refusal is the code of its problem."""

    ALLOWED = "allowed"
    WRONG_LECTURE = "wrong_lecture"
    NOT_RELEASED = "not_released"


@dataclass(frozen=True, slots=True)
class Item:
    """A recording: `state` is one of `signaling.library.models.STATES`, `approved` says whether a reviewer released it."""

    recording_id: str
    lecture_id: str
    state: str
    approved: bool
    broadcast_id: str = ""

    @property
    def is_running(self) -> bool:
        """Whether its broadcast goes on."""
        return self.state in RUNNING

    @property
    def is_finished(self) -> bool:
        """Whether there is something to watch from beginning to end."""
        return self.state == FINISHED


class Shelf:
    """Every recording by its id and by its lecture. A few hundred bytes each, so all of them fit."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self._lectures: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item) -> None:
        """Add a recording, or replace what was known of it."""
        self.remove(item.recording_id)
        self._items[item.recording_id] = item
        self._lectures.setdefault(item.lecture_id, set()).add(item.recording_id)

    def remove(self, recording_id: str) -> None:
        """Forget a recording; nothing happens when it is not known."""
        item = self._items.pop(recording_id, None)
        if item is None:
            return
        ids = self._lectures[item.lecture_id]
        ids.discard(recording_id)
        if not ids:
            del self._lectures[item.lecture_id]

    def get(self, recording_id: str) -> Item | None:
        """Return a recording, None when there is none."""
        return self._items.get(recording_id)

    def count(self, state: str) -> int:
        """Return how many recordings are in a state."""
        return sum(item.state == state for item in self._items.values())

    def running(self, lecture_id: str) -> Item | None:
        """Return the newest recording of a lecture whose broadcast goes on."""
        return next((item for item in self._newest_first(lecture_id) if item.is_running), None)

    def newest(self, lecture_id: str) -> Item | None:
        """Return the newest recording of a lecture, whatever its state."""
        return next(iter(self._newest_first(lecture_id)), None)

    def newest_finished(self, lecture_id: str, *, approved_only: bool) -> Item | None:
        """Return the newest finished recording of a lecture, of the approved ones or of all."""
        finished = (item for item in self._newest_first(lecture_id) if item.is_finished)
        return next((item for item in finished if item.approved or not approved_only), None)

    def allowed(self, claims: WatchClaims, item: Item, *, on_air: bool = False) -> Verdict:
        """Return whether the bearer of a watch token may see a recording.

        `on_air` says that its live stream is still served: whoever watched the end of a lecture gets all of it.
        """
        if claims.lecture_id != item.lecture_id:
            return Verdict.WRONG_LECTURE
        if on_air or item.is_running or item.approved or claims.is_person:
            return Verdict.ALLOWED
        return Verdict.NOT_RELEASED

    def _newest_first(self, lecture_id: str) -> list[Item]:
        ids = self._lectures.get(lecture_id, ())
        return [self._items[recording_id] for recording_id in sorted(ids, reverse=True)]
