"""The library: what is recorded, what can be watched, and its part of the database.

`Records` runs every statement; `LibraryService` puts the small modules beside it together. The rules are in those modules:
`following`, `review`, `shelf`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from recorder.errors import UnknownRecording
from recorder.finish import FinishedRecording
from recorder.live import LiveStream
from recorder.recorder import Recorder
from recorder.states import RecordingChanged
from recorder.vault import RemoteObject
from signaling.auth.models import AuditEntry
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.lectures.queries import aimed_at
from signaling.library.events import RecordingListed
from signaling.library.following import Following, Lectures, Room
from signaling.library.listing import Listing
from signaling.library.models import OPEN_STATES, REMOVED, RecordingEntry
from signaling.library.review import ACTIONS, Review, is_news
from signaling.library.shelf import Item, Shelf
from signaling.library.space import Running
from signaling.live.events import LiveEvent
from signaling.live.models import Broadcast
from signaling.live.states import RUNNING, State


@dataclass(frozen=True, slots=True)
class RecordingFiles:
    """The files of a recording that can be watched."""

    mp4: Path | RemoteObject
    thumbnail: Path | None


class Records:
    """The table of recordings. Every method is one transaction and returns rows as they are now."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def unfinished(self) -> tuple[list[RecordingEntry], dict[str, State]]:
        """Return the entries that are not finished, and the state of the broadcasts that have begun and not ended."""
        async with self._db.reading() as session:
            rows = await session.scalars(select(RecordingEntry).where(RecordingEntry.state.in_(OPEN_STATES)))
            running = await session.scalars(select(Broadcast).where(Broadcast.state.in_([*RUNNING])))
            return list(rows), {broadcast.id: State(broadcast.state) for broadcast in running}

    async def unrecorded(self) -> list[Broadcast]:
        """Return the broadcasts that went live and have no entry: the process ended before it was made."""
        begun = select(Broadcast).where(Broadcast.state.in_([*RUNNING]), Broadcast.started_at.is_not(None))
        async with self._db.reading() as session:
            return [*await session.scalars(begun.where(Broadcast.id.not_in(select(RecordingEntry.broadcast_id))))]

    async def items(self) -> list[Item]:
        """Return what the shelf keeps of every recording."""
        entry = RecordingEntry
        async with self._db.reading() as session:
            rows = await session.execute(select(entry.id, entry.lecture_id, entry.state, entry.review))
            return [Item(one, lecture, state, review == Review.APPROVED) for one, lecture, state, review in rows]

    async def entries(self, lecture_id: str | None) -> list[RecordingEntry]:
        """Return the entries, newest first, of one lecture or of all."""
        statement = select(RecordingEntry).order_by(RecordingEntry.id.desc())
        if lecture_id is not None:
            statement = statement.where(RecordingEntry.lecture_id == lecture_id)
        async with self._db.reading() as session:
            return [*await session.scalars(statement)]

    async def released(self, school_code: str, limit: int, recording_id: str | None) -> list[RecordingEntry]:
        """Return the finished, approved entries of lectures for a school, newest first, or one of them."""
        statement = (
            select(RecordingEntry)
            .where(RecordingEntry.state == "ready", RecordingEntry.review == Review.APPROVED)
            .where(RecordingEntry.lecture_id.in_(aimed_at(school_code)))
            .order_by(RecordingEntry.id.desc())
            .limit(limit)
        )
        if recording_id is not None:
            statement = statement.where(RecordingEntry.id == recording_id)
        async with self._db.reading() as session:
            return [*await session.scalars(statement)]

    async def get(self, recording_id: str) -> RecordingEntry | None:
        """Return one entry."""
        async with self._db.reading() as session:
            return await session.get(RecordingEntry, recording_id)

    async def by_broadcast(self, broadcast_id: str) -> RecordingEntry | None:
        """Return the entry of a broadcast."""
        async with self._db.reading() as session:
            return await session.scalar(select(RecordingEntry).where(RecordingEntry.broadcast_id == broadcast_id))

    async def begun(self, lecture_id: str, broadcast_id: str, title: str, at: datetime) -> RecordingEntry:
        """Return the entry of a broadcast that is on the air, made now if there is none."""
        async with self._db.writing() as session:
            row = await session.scalar(select(RecordingEntry).where(RecordingEntry.broadcast_id == broadcast_id))
            if row is None:
                row = RecordingEntry(lecture_id=lecture_id, broadcast_id=broadcast_id, title=title, started_at=at)
                session.add(row)
            row.state = "recording"
        return row

    async def over(self, broadcast_id: str, at: datetime) -> RecordingEntry | None:
        """Note that a broadcast has ended; None when nothing of it was still open."""
        async with self._db.writing() as session:
            row = await session.scalar(select(RecordingEntry).where(RecordingEntry.broadcast_id == broadcast_id))
            if row is None or row.state not in OPEN_STATES:
                return None
            row.state, row.ended_at = "finalising", at
        return row

    async def note(self, recording_id: str, state: str) -> RecordingEntry | None:
        """Note that an open recording is `recording` or `degraded` now; None when that is nothing new."""
        async with self._db.writing() as session:
            row = await session.get(RecordingEntry, recording_id)
            if row is None or row.state not in ("recording", "degraded") or row.state == state:
                return None
            row.state = state
            if state == "degraded":
                row.problems = sorted({*row.problems, "disk_full"})
        return row

    async def finished(self, done: FinishedRecording, shown: Listing) -> RecordingEntry | None:
        """Write down what became of a recording. When it ended says the broadcast, else the last picture that there is."""
        async with self._db.writing() as session:
            row = await session.get(RecordingEntry, done.id)
            if row is None:
                return None
            row.state = "ready" if done.path_mp4 else "failed"
            row.duration_s, row.bytes, row.sha256 = done.duration_s, done.bytes, done.sha256
            row.has_thumbnail, row.has_preview = done.thumbnail is not None, shown.has_preview
            row.width, row.height, row.chapters, row.gaps = shown.width, shown.height, shown.chapters, shown.gaps
            row.problems = sorted({*row.problems, *done.problems})
            if row.ended_at is None:
                said = await session.scalar(select(Broadcast.ended_at).where(Broadcast.id == row.broadcast_id))
                row.ended_at = said or shown.ended_at or row.started_at + timedelta(seconds=done.duration_s)
        return row

    async def stored(self, recording_id: str, storage: str) -> RecordingEntry | None:
        """Note where a recording is; None when that is nothing new."""
        async with self._db.writing() as session:
            row = await session.get(RecordingEntry, recording_id)
            if row is None or row.storage == storage:
                return None
            row.storage = storage
        return row

    async def removed(self, recording_id: str) -> RecordingEntry | None:
        """Note that the files of a recording were deleted, with what was known of them left in place, and in the audit log."""
        async with self._db.writing() as session:
            row = await session.get(RecordingEntry, recording_id)
            if row is None or REMOVED in row.problems:
                return None
            row.state, row.has_thumbnail, row.has_preview, row.storage = "failed", False, False, "local"
            row.problems = sorted({*row.problems, REMOVED})
            detail = json.dumps({"bytes": row.bytes, "sha256": row.sha256})
            session.add(
                AuditEntry(at=utc_now(), actor="retention", action="recording.removed", subject=row.id, detail=detail)
            )
        return row

    async def reviewed(self, recording_id: str, wish: Review, by: str, at: datetime) -> RecordingEntry | None:
        """Decide about a recording, and say so in the audit log in the same transaction; raise 409 `not_ready`."""
        async with self._db.writing() as session:
            row = await session.get(RecordingEntry, recording_id)
            if row is not None and is_news(row.state, row.review, wish):
                detail = json.dumps({"before": row.review, "lecture": row.lecture_id})
                row.review, row.reviewed_by, row.reviewed_at = wish, by, at
                session.add(AuditEntry(at=at, actor=by, action=ACTIONS[wish], subject=recording_id, detail=detail))
        return row


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

    async def list(self, lecture_id: str | None = None) -> list[RecordingEntry]:
        """Return the entries, newest first, of one lecture or of all."""
        return await self._records.entries(lecture_id)

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
        self.shelf.put(Item(row.id, row.lecture_id, row.state, row.review == Review.APPROVED))
        listed = RecordingListed(row.id, row.lecture_id, row.state, tuple(row.problems or ()))
        for listener in self.listeners:
            await listener(listed)
