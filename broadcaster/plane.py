"""The media plane of one process: one UDP port, one room a lecture, one timer.

Everything here runs on one asyncio loop. **The media loop never awaits a database, a disk or a person**: what goes up are
values, handed to `on_event`, which must not block.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import structlog

from broadcaster.drops import Drops
from broadcaster.errors import Busy
from broadcaster.events import MediaEvent
from broadcaster.feeds import latency_bounds
from broadcaster.forward.pacing import TokenBucket
from broadcaster.native_terminals import NativeTerminals
from broadcaster.room import Room
from broadcaster.session import Session
from broadcaster.transport.twin import choose_twin
from broadcaster.transport.udp import MediaPort
from config.settings import Settings

log = structlog.get_logger(__name__)

TICK_SECONDS: Final = 0.02
TIDY_SECONDS: Final = 1.0
DRAIN_SECONDS: Final = 0.1  # a check of consent may wait so long: answered by the dozen, each costs half


class MediaPlane:
    """All rooms of a process. `on_event` takes facts as they happen; `clock` gives monotonic seconds."""

    def __init__(
        self,
        settings: Settings,
        on_event: Callable[[MediaEvent], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._drops = Drops()
        self.joins = {"publish": 0, "watch": 0}
        self._settings = settings
        self._on_event = on_event
        self._clock = clock
        self._wall = wall
        self.twin, native = choose_twin(settings.forward.twin)
        self._port = MediaPort(
            settings.media, self._drops, clock, native=native, forward=settings.forward, woken=self._on_woken
        )
        self._rooms: dict[str, Room] = {}
        self._sessions: dict[str, Session] = {}
        self._admission = TokenBucket(settings.media.joins_per_second, settings.media.joins_per_second)
        self._timer: asyncio.TimerHandle | None = None
        self._tidy_at = 0.0
        self._drain_at = 0.0

    @property
    def drops(self) -> Drops:
        """What was discarded until now, by reason; threads in C count for themselves and are asked."""
        self._port.reader.collect()
        for room in self.rooms():
            if isinstance(room.terminals, NativeTerminals):
                room.terminals.collect()
        return self._drops

    @property
    def media_port(self) -> int:
        """The UDP port that is bound, also when the settings asked for any."""
        return self._port.port

    async def start(self) -> None:
        """Bind the media port. Raises `OSError` when it is taken."""
        await self._port.start()
        self._arm()

    async def stop(self, reason: str = "shutdown") -> None:
        """Close every session, with close_notify, then the port. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for room in list(self._rooms.values()):
            room.close(reason)
        await self._port.stop()

    def room(self, lecture_id: str) -> Room:
        """Return the room of a lecture, made when missing. A room that was closed is replaced by a new one."""
        room = self._rooms.get(lecture_id)
        if room is None or room.closed:
            room = self._rooms[lecture_id] = Room(
                lecture_id,
                self._settings,
                self._port,
                self._drops,
                emit=self._on_event,
                admit=self._admit,
                clock=self._clock,
                wall=self._wall,
            )
        return room

    def rooms(self) -> Iterator[Room]:
        """Yield the rooms that are not closed."""
        return iter([room for room in self._rooms.values() if not room.closed])

    def session(self, session_id: str) -> Session | None:
        """Return a session that is not closed."""
        session = self._sessions.get(session_id)
        return None if session is None or session.closed else session

    def metrics(self) -> dict[str, float]:
        """Return gauges and counters of the whole plane by name, for `/metrics`."""
        rooms = list(self.rooms())
        return {
            "sessions": float(len(self._port)),
            "handshakes": float(self._port.handshakes),
            "rooms": float(len(rooms)),
            "publishers": float(sum(room.publisher() is not None for room in rooms)),
            "viewers": float(sum(len(room.terminals) for room in rooms)),
            "packets_in": float(sum(room.packets_in for room in rooms)),
            "packets_out": float(sum(room.terminals.packets_out for room in rooms)),
            "video_queue": float(sum(room.terminals.queued for room in rooms)),
            "joins_publish": float(self.joins["publish"]),
            "joins_watch": float(self.joins["watch"]),
        }

    def histograms(self) -> dict[str, tuple[Sequence[float], Sequence[int]]]:
        """Return (upper bounds, counts) by name: seconds from a train's last packet to its last send, packets of a train.

        Only the native twin measures them, of the rooms that are open.
        """
        counted = [
            feed.counted()
            for room in self.rooms()
            if isinstance(room.terminals, NativeTerminals)
            for feed in room.terminals.feeds
        ]
        if not counted:
            return {}
        latency = [sum(column) for column in zip(*[each.latency for each in counted], strict=True)]
        lengths = [sum(column) for column in zip(*[each.lengths for each in counted], strict=True)]
        return {
            "added_latency_seconds": (latency_bounds(), latency),
            "train_packets": (range(len(lengths)), lengths),
        }

    def _on_woken(self) -> None:
        for room in self.rooms():
            try:
                room.woken()
            except Exception:  # one lecture's mistake is not another's
                log.exception("x room", room=room.id)

    def _admit(self, session: Session | None) -> None:
        """Called before a join with None, which may raise `Busy`, and after it with the session."""
        if session is not None:
            self.joins[session.role] += 1
            self._sessions[session.id] = session
            return
        now = self._clock()
        if not self._admission.take(1, now):
            wait = self._admission.wait(1, now)
            raise Busy(f"more than {self._settings.media.joins_per_second:g} joins a second", retry_after=wait)

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)

    def _tick(self) -> None:
        self._arm()
        now = self._clock()
        if now >= self._drain_at:
            self._drain_at = now + DRAIN_SECONDS
            self._port.reader.drain()
        for room in self.rooms():
            try:
                room.tick(now)
            except Exception:  # one lecture's mistake is not another's
                log.exception("x room", room=room.id)
        if now >= self._tidy_at:
            self._tidy_at = now + TIDY_SECONDS
            self._port.reader.collect()
            self._rooms = {key: room for key, room in self._rooms.items() if not room.closed}
            self._sessions = {key: session for key, session in self._sessions.items() if not session.closed}
