"""The library: what is recorded, what can be watched, and its part of the database.

`LibraryService` puts the small modules beside it together. The rules are in those modules: `following`, `review`, `shelf`; the
statements in `records_service`.
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from recorder.errors import UnknownRecording
from recorder.live import LiveStream
from recorder.recorder import Recorder
from recorder.states import RecordingChanged
from recorder.vault import RemoteObject
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.library.events import RecordingListed
from signaling.library.following import Following, Lectures, Room
from signaling.library.models import RecordingEntry
from signaling.library.records_service import Part, Records
from signaling.library.review import Review
from signaling.library.shelf import Item, Shelf
from signaling.library.space import Running
from signaling.live.events import LiveEvent


@dataclass(frozen=True, slots=True)
class RecordingFiles:
    """The files of a recording that can be watched."""

    mp4: Path | RemoteObject
    thumbnail: Path | None


class LibraryService:
    """The door to the catalogue. `rooms` returns the room of a lecture, `listeners` hear of every change."""

    def __init__(self, db: Database, recorder: Recorder, rooms: Callable[[str], Room], lectures: Lectures) -> None:
        self._records = Records(db)
        self._recorder = recorder
        self.shelf = Shelf()
        self._following = Following(self._records, recorder, rooms, lectures, self.shelf, self._tell, self.stream)
        self.listeners: list[Callable[[RecordingListed], Awaitable[None]]] = []
        self.locate: Callable[[str, str], Path | RemoteObject] | None = None  # `recorder.vault.Vault.locate`

    async def start(self) -> None:
        """Fill the shelf, finish what is over, go on with what still runs. Call it when broadcasts are restored."""
        for item in await self._records.items():
            self.shelf.put(item)
        await self._following.start()

    async def stop(self) -> None:
        """Close all files; what is not finished by then is finished at the next start."""
        await self._following.stop()

    async def settle(self) -> None:
        """Wait until nothing is being finished any more."""
        await self._following.tasks.settle()

    # -- broadcasts (`following`)

    async def handle(self, event: LiveEvent) -> None:
        """Follow a broadcast: a listener of `LiveService`."""
        await self._following.handle(event)

    async def begin(self, lecture_id: str, broadcast_id: str, at: datetime) -> str:
        """Record the broadcast from now on and return the recording's id. Idempotent."""
        return await self._following.begin(lecture_id, broadcast_id, at)

    async def end(self, broadcast_id: str, at: datetime) -> None:
        """End the recording; its file is finished in the background (`settle` waits). Idempotent."""
        await self._following.end(broadcast_id, at)

    def bar(self, lecture_id: str, cut: bool) -> None:
        """Let nobody see what runs of a lecture, or let them again: told by `Broadcasts` before a cut is committed."""
        self._following.bar(lecture_id, cut=cut)

    def recording_changed(self, event: RecordingChanged) -> None:
        """Note that a recording is degraded, or is not any more: `on_event` of the recorder. Never raises."""
        self._following.recording_changed(event)

    def is_recorded(self, lecture_id: str) -> bool:
        """Whether a lecture is being recorded now, so that it can be watched over HLS."""
        return self.shelf.running(lecture_id) is not None

    def running(self) -> Running:
        """Return how many recordings are open, and how many of these are paused."""
        degraded = self.shelf.count("degraded")
        return Running(self.shelf.count("recording") + degraded, degraded)

    # -- catalogue

    def stream(self, recording_id: str) -> LiveStream | None:
        """Return the live stream of a recording that runs or has just ended."""
        return self._recorder.stream(recording_id)

    async def released(self, school_code: str, limit: int) -> list[RecordingEntry]:
        """Return what the screens of a school may watch, newest first."""
        return await self._records.released(school_code, limit, None)

    async def released_one(self, school_code: str, recording_id: str) -> RecordingEntry | None:
        """Return one recording that the screens of a school may watch."""
        return next(iter(await self._records.released(school_code, 1, recording_id)), None)

    async def released_lecture(self, school_code: str, recording_id: str) -> str | None:
        """Return the lecture of a recording that the screens of a school may watch."""
        entry = await self.released_one(school_code, recording_id)
        return None if entry is None else entry.lecture_id

    async def list(self, lecture_id: str | None = None) -> list[RecordingEntry]:
        """Return the entries, newest first, of one lecture or of all."""
        return (await self._records.entries(lecture_id))[0]

    async def page(self, lecture_id: str | None, part: Part) -> tuple[builtins.list[RecordingEntry], int]:
        """Return a part of the entries, newest first, and how many there are in all."""
        return await self._records.entries(lecture_id, part)

    async def get(self, recording_id: str) -> RecordingEntry | None:
        """Return one entry."""
        return await self._records.get(recording_id)

    async def review(self, recording_id: str, wish: Review, by: str) -> RecordingEntry | None:
        """Approve or withdraw a recording in the name of a user; raise the problem 409 `not_ready`. Idempotent."""
        row = await self._records.reviewed(recording_id, wish, by, utc_now())
        if row is not None:
            await self._tell(row)
        return row

    async def stored(self, recording_id: str, storage: str) -> None:
        """Note that a recording is `local`, `uploading` or `stored`. Idempotent."""
        row = await self._records.stored(recording_id, storage)
        if row is not None:
            await self._tell(row)

    async def removed(self, recording_id: str) -> None:
        """Note that the files of a recording were deleted: nobody can watch it any more. Idempotent."""
        row = await self._records.removed(recording_id)
        if row is not None:
            await self._tell(row)

    async def files(self, entry: RecordingEntry) -> RecordingFiles | None:
        """Return the files of an entry, or None while it is not ready."""
        if entry.state != "ready":
            return None
        finished = await asyncio.to_thread(self._recorder.read, entry.id)
        if finished is None or finished.path_mp4 is None:
            return None
        mp4: Path | RemoteObject = finished.path_mp4
        if self.locate is not None:
            try:
                mp4 = await asyncio.to_thread(self.locate, entry.id, finished.path_mp4.name)
            except UnknownRecording:
                return None
        return RecordingFiles(mp4, finished.thumbnail)

    async def _tell(self, row: RecordingEntry) -> None:
        self.shelf.put(Item(row.id, row.lecture_id, row.state, row.review == Review.APPROVED, row.broadcast_id))
        listed = RecordingListed(row.id, row.lecture_id, row.state, tuple(row.problems or ()))
        for listener in self.listeners:
            await listener(listed)
