"""Joins what was told of each session: when its screen came and went. Pure; the order of the facts does not matter.

A stay whose leaving a crash swallowed ends with the last window of its process, once a later process of the node wrote windows; without
any window of its own it ends where it began.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from signaling.attendance.fold import Stay
from signaling.attendance.windows import window_start


@dataclass(slots=True)
class SessionSeen:
    """One session of one screen, put together from its facts."""

    screen_id: str
    class_id: str | None
    joined_at: datetime | None = None
    left_at: datetime | None = None
    process: tuple[str, str] = ("", "")  # node and boot that saw it


class Stays:
    """Takes facts and the numbers of windows; `changed` says which stays the fold has to be told (again)."""

    def __init__(self, window_seconds: int) -> None:
        self._seconds = window_seconds
        self._seen: dict[str, SessionSeen] = {}
        self._of_process: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._last: dict[str, dict[str, int]] = defaultdict(dict)  # node -> boot -> last window
        self._latest: dict[str, str] = {}
        self._changed: set[str] = set()
        self.classes: set[str] = set()  # those of which a screen came

    def joined(
        self, session: str, screen_id: str, class_id: str | None, at: datetime, process: tuple[str, str]
    ) -> None:
        """Take a beginning."""
        self._session(session, screen_id, class_id, process).joined_at = at

    def left(self, session: str, screen_id: str, class_id: str | None, at: datetime, process: tuple[str, str]) -> None:
        """Take an end."""
        self._session(session, screen_id, class_id, process).left_at = at

    def window(self, node: str, boot: str, number: int) -> None:
        """Take notice that a process wrote a window."""
        boots = self._last[node]
        if boots.get(boot, number - 1) >= number:
            return
        boots[boot] = number
        before = self._latest.get(node)
        latest = self._latest[node] = max(boots, key=lambda one: (boots[one], one))
        if latest != before:
            for process in [one for one in self._of_process if one[0] == node]:
                self._changed |= self._of_process[process]
        elif boot != latest:
            self._changed |= self._of_process.get((node, boot), set())

    def changed(self) -> list[tuple[str, Stay]]:
        """Return the stays that are not what they were at the call before, by session."""
        found = [(session, self._stay(self._ended(self._seen[session]))) for session in sorted(self._changed)]
        self._changed.clear()
        return found

    def seen(self) -> list[SessionSeen]:
        """Return all sessions, ended where their process ended."""
        return [self._ended(one) for one in self._seen.values()]

    def _session(self, session: str, screen_id: str, class_id: str | None, process: tuple[str, str]) -> SessionSeen:
        one = self._seen.setdefault(session, SessionSeen(screen_id, class_id))
        one.class_id = one.class_id or class_id
        one.process = process
        if one.class_id is not None:
            self.classes.add(one.class_id)
        self._of_process[process].add(session)
        self._changed.add(session)
        return one

    def _ended(self, one: SessionSeen) -> SessionSeen:
        node, boot = one.process
        if one.left_at is not None or self._latest.get(node, boot) == boot:
            return one
        last = self._last[node].get(boot)
        end = one.joined_at if last is None else window_start(last + 1, self._seconds)
        return SessionSeen(one.screen_id, one.class_id, one.joined_at, end, one.process)

    @staticmethod
    def _stay(one: SessionSeen) -> Stay:
        return Stay(one.screen_id, _milliseconds(one.joined_at), _milliseconds(one.left_at))


def _milliseconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class Presence:
    """When the screens of a class came and went; `left_at` is None while one is still there."""

    joined_at: datetime | None
    left_at: datetime | None
    terminals: tuple[int, ...]


def joined_at(stays: Iterable[SessionSeen], first_delivered: datetime | None) -> datetime | None:
    """Return the first joining; when none is on record, the begin of the first window with delivery."""
    return min((stay.joined_at for stay in stays if stay.joined_at is not None), default=first_delivered)


def left_at(stays: Iterable[SessionSeen], last_delivered: datetime | None, running: bool) -> datetime | None:
    """Return the last leaving, None while a screen is there; a leaving that a crash swallowed is the end of the delivery."""
    every = list(stays)
    open_ended = [stay for stay in every if stay.left_at is None]
    if running and open_ended:
        return None
    left = [stay.left_at for stay in every if stay.left_at is not None]
    if last_delivered is not None and (open_ended or not left):
        left.append(last_delivered)
    return max(left, default=None)
