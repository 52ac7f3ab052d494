"""The open WHIP and WHEP sessions, each bound to the credential that made it.

1. **Only the hash of the credential that made a session may touch its `Location`**, until the session closes.
2. A screen has one session, the newest; a monitor any number.
3. The media plane decides what is open: what it has closed is forgotten here, at the latest when the table has doubled.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from signaling.auth.tokens import MONITOR
from signaling.live.media import Session

MONITOR_PREFIX: Final = MONITOR + ":"


def is_monitor(viewer: str) -> bool:
    """Whether a viewer of the media plane is a monitor, not a screen."""
    return viewer.startswith(MONITOR_PREFIX)


class Direction(StrEnum):
    """Which way the media goes; also the word in the URL."""

    PUBLISH = "whip"
    WATCH = "whep"


@dataclass(frozen=True, slots=True)
class Held:
    """An open session: `owner` is the user id of a publisher, the screen id, or the monitor's viewer name."""

    session: Session
    direction: Direction
    lecture_id: str
    credential: str
    owner: str
    fence: int = 0

    def belongs_to(self, credential: str) -> bool:
        """Whether this credential's hash made the session (compared in constant time)."""
        return hmac.compare_digest(self.credential, credential)


class Sessions:
    """The table of open sessions; `is_open` asks the media plane."""

    def __init__(self, is_open: Callable[[str], bool]) -> None:
        self._is_open = is_open
        self._held: dict[str, Held] = {}
        self._newest: dict[str, Held] = {}  # by owner, of the screens
        self._publishers: dict[str, list[Held]] = {}  # by lecture
        self._sweep_at = 64

    def __len__(self) -> int:
        return len(self._held)

    def add_publisher(self, held: Held) -> None:
        """Remember a publishing session."""
        self._keep(held)
        self._publishers.setdefault(held.lecture_id, []).append(held)

    def add_screen(self, held: Held) -> Held | None:
        """Remember a screen's session; return the one that it replaces, if that is still open."""
        self._keep(held)
        older = self._newest.get(held.owner)
        self._newest[held.owner] = held
        return older if older is not None and self._is_open(older.session.id) else None

    def add_monitor(self, held: Held) -> None:
        """Remember a monitor's session."""
        self._keep(held)

    def find(self, session_id: str, direction: Direction) -> Held | None:
        """Return an open session of that direction."""
        held = self._held.get(session_id)
        if held is None or held.direction is not direction:
            return None
        if not self._is_open(session_id):
            self.forget(session_id)
            return None
        return held

    def publishers(self, lecture_id: str) -> list[Held]:
        """Return the open publishing sessions of a lecture, the lowest fence first."""
        found = [held for held in self._publishers.get(lecture_id, ()) if self._is_open(held.session.id)]
        return sorted(found, key=lambda held: held.fence)

    def is_watching(self, screen_id: str) -> bool:
        """Whether the screen has an open session."""
        held = self._newest.get(screen_id)
        return held is not None and self._is_open(held.session.id)

    def close_screen(self, screen_id: str, reason: str) -> None:
        """Close the session of a screen, if it has one."""
        held = self._newest.get(screen_id)
        if held is not None:
            held.session.close(reason)
            self.forget(held.session.id)

    def forget(self, session_id: str) -> None:
        """Drop a session that is closed."""
        held = self._held.pop(session_id, None)
        if held is None:
            return
        if self._newest.get(held.owner) is held:
            del self._newest[held.owner]
        remaining = [other for other in self._publishers.pop(held.lecture_id, []) if other is not held]
        if remaining:
            self._publishers[held.lecture_id] = remaining

    def _keep(self, held: Held) -> None:
        self._held[held.session.id] = held
        if len(self._held) >= self._sweep_at:
            for session_id in [key for key in self._held if not self._is_open(key)]:
                self.forget(session_id)
            self._sweep_at = max(64, 2 * len(self._held))
