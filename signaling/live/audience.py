"""Who is there: screens and the lecturer as the server itself sees them, kept in memory for board and counts.

Nothing here is evidence: attendance has its own ledger. After a restart it fills again as the screens return.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from signaling.live import board
from signaling.live.board import ClassPlace, Expected, Presence, Reception, Rows
from signaling.live.broadcasts import Broadcasts
from signaling.live.events import LiveEvent, PublisherArrived, ScreenJoined, ScreenLeft
from signaling.live.media import MediaPlane, Room
from signaling.live.ports import Lectures, TargetClass
from signaling.live.sessions import is_monitor
from signaling.live.stamps import stamp
from signaling.live.states import RUNNING

PLACES_SECONDS: Final = 30.0
AT_ONCE: Final = 2000  # places of the board that are made in one turn of the loop
"""Age at which the list of expected classes is read again: a screen may be paired while the lecture runs."""


@dataclass(frozen=True, slots=True)
class Sights:
    """Screens that receive with their path (webrtc, hls), and what is remembered of those that came."""

    receiving: Mapping[str, str]
    presence: Mapping[str, Presence]


class Audience:
    """Presence of screens by lecture, and what the media plane measures for them."""

    hls: Callable[[str], Mapping[str, float]] = staticmethod(lambda lecture_id: {})
    """Gives the seconds since the last step of every screen that follows a lecture over HLS, set by the composition root."""

    def __init__(
        self,
        plane: MediaPlane,
        broadcasts: Broadcasts,
        lectures: Lectures,
        *,
        fresh_seconds: float,
        clock: Callable[[], float],
        wall: Callable[[], datetime],
    ) -> None:
        self._plane = plane
        self._broadcasts = broadcasts
        self._lectures = lectures
        self._fresh = fresh_seconds
        self._clock = clock
        self._wall = wall
        self._presence: dict[str, dict[str, Presence]] = {}
        self._publisher_since: dict[str, datetime] = {}
        self._places: dict[str, tuple[float, Expected]] = {}

    def take(self, event: LiveEvent) -> None:
        """Follow a fact."""
        if isinstance(event, PublisherArrived):
            self._publisher_since[event.lecture_id] = event.at
        elif isinstance(event, ScreenJoined):
            presence = self._of(event.lecture_id, event.screen_id)
            presence.session, presence.since, presence.last_seen_at = event.session, event.at, event.at
        elif isinstance(event, ScreenLeft):
            presence = self._of(event.lecture_id, event.screen_id)
            if presence.session == event.session:
                presence.session = None

    def hint(self, lecture_id: str, screen_id: str, hints: dict[str, Any]) -> None:
        """Remember what a screen says of itself while the lecture runs."""
        if self._broadcasts.peek(lecture_id).state in RUNNING:
            self._of(lecture_id, screen_id).hints = hints

    def forget(self, lecture_id: str) -> None:
        """Drop what is remembered of a lecture that is over."""
        for table in (self._presence, self._publisher_since, self._places):
            table.pop(lecture_id, None)

    def viewers(self, lecture_id: str) -> set[str]:
        """Return the screens with delivery within the last seconds, over WebRTC or HLS; monitors are none."""
        room = self._room(lecture_id)
        if room is None:
            return set()
        ages = [*screens_in(room).items(), *self.hls(lecture_id).items()]
        return {name for name, age in ages if age <= self._fresh}

    def publisher(self, lecture_id: str) -> dict[str, Any] | None:
        """Return the document of who is publishing, None when nobody is."""
        room = self._room(lecture_id)
        stats = room.publisher() if room is not None else None
        if stats is None:
            return None
        since = self._publisher_since.get(lecture_id)
        return {
            "session": stats.session[:8],
            "since": stamp(since) if since is not None else None,
            "bitrate_bps": round(stats.bitrate),
            "loss": round(stats.loss, 4),
            "rtt_ms": round(stats.rtt * 1000) if stats.rtt is not None else None,
        }

    async def places(self, lecture_id: str) -> Sequence[ClassPlace]:
        """Return the expected classes with their screens, by county, school and class."""
        return (await self._expected(lecture_id)).places

    async def _expected(self, lecture_id: str) -> Expected:
        known = self._places.get(lecture_id)
        if known is not None and self._clock() - known[0] < PLACES_SECONDS:
            return known[1]
        places: list[ClassPlace] = []
        for number, target in enumerate(await self._lectures.targets(lecture_id), 1):
            places.append(_place(target))
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        expected = Expected(places)
        if self._broadcasts.peek(lecture_id).state in RUNNING:
            self._places[lecture_id] = (self._clock(), expected)
        return expected

    async def counts(self, lecture_id: str) -> dict[str, int]:
        """Return classes and schools, expected and watching."""
        expected, watching = await self._expected(lecture_id), await self.watching(lecture_id)
        return {
            "classes": len(expected.places),
            "watching": len(watching),
            "schools": expected.schools,
            "schools_watching": len({place.school_code for place in watching}),
        }

    async def watching(self, lecture_id: str) -> list[ClassPlace]:
        """Return the expected classes that watch; where nobody does, without a look at who is expected."""
        viewers = self.viewers(lecture_id)
        return (await self._expected(lecture_id)).watching(viewers) if viewers else []

    async def schools(self, lecture_id: str) -> set[str]:
        """Return the codes of the schools that watch; none before the opening."""
        return {place.school_code for place in await self.watching(lecture_id)}

    def sights(self, lecture_id: str) -> Sights:
        """Return what is seen of screens at this instant, without a row for each."""
        room = self._room(lecture_id)
        receiving: dict[str, str] = {}
        if room is not None:
            over_hls, ages = self.hls(lecture_id), screens_in(room)
            receiving = {name: "hls" for name, age in over_hls.items() if age <= self._fresh}
            for name, age in ages.items():
                if age <= self._fresh and age <= over_hls.get(name, age):
                    receiving[name] = "webrtc"
        return Sights(receiving, dict(self._presence.get(lecture_id, {})))

    def rows(self, lecture_id: str, places: Sequence[ClassPlace]) -> Rows:
        """Return a board row for every screen of these classes."""
        receptions = self._receptions(lecture_id)
        known = self._presence.get(lecture_id, {})
        rows: Rows = {}
        for screen_id, terminal_no in board.screens_of(places).items():
            reception = receptions.get(screen_id) or Reception(None)
            presence = known.get(screen_id) or Presence()
            if reception.path == "hls" and screen_id not in known:
                presence = self._of(lecture_id, screen_id)
            over_hls = reception.path == "hls"
            if (presence.session or over_hls) and reception.age is not None and reception.age <= self._fresh:
                presence.last_seen_at = self._wall()
                presence.since = presence.since or presence.last_seen_at
            rows[screen_id] = board.row(screen_id, terminal_no, presence, reception, self._fresh)
        return rows

    def _receptions(self, lecture_id: str) -> dict[str, Reception]:
        room = self._room(lecture_id)
        if room is None:
            return {}
        ages = screens_in(room)
        over_hls = self.hls(lecture_id)
        found = {name: Reception(age, path="hls") for name, age in over_hls.items()}
        found |= {name: Reception(age) for name, age in ages.items() if age <= over_hls.get(name, age)}
        for line in room.viewer_stats():
            if line.viewer in ages and found[line.viewer].path == "webrtc":
                rtt_ms = line.rtt * 1000 if line.rtt is not None else None
                found[line.viewer] = Reception(ages[line.viewer], line.kbps, line.lost, rtt_ms)
        return found

    def _room(self, lecture_id: str) -> Room | None:
        return self._plane.room(lecture_id) if self._broadcasts.peek(lecture_id).state in RUNNING else None

    def _of(self, lecture_id: str, screen_id: str) -> Presence:
        return self._presence.setdefault(lecture_id, {}).setdefault(screen_id, Presence())


def screens_in(room: Room) -> dict[str, float]:
    """Return the age of the last acknowledged delivery of every viewer that is a screen."""
    return {viewer: age for viewer, age in room.viewers().items() if not is_monitor(viewer)}


def _place(target: TargetClass) -> ClassPlace:
    return ClassPlace(
        target.region_code,
        target.region_name,
        target.school_code,
        target.school_name,
        target.class_id,
        target.class_name,
        tuple((screen.id, screen.terminal_no) for screen in target.screens),
    )
