"""The library: what is recorded, what can be watched.

1. **A broadcast has one entry**, made when it first goes live; pauses, reconnects and restarts go on in it.
2. Finishing never holds up the broadcast: it runs as a task of its own and is repeated at the next start if it did not succeed.
3. A recording that fails is an entry that says so, never a missing one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from broadcaster.sink import Sink
from recorder.errors import RecorderError
from recorder.finish import FinishedRecording
from recorder.messages import Mark
from recorder.recorder import Recorder
from recorder.states import RecordingChanged
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.library.events import RecordingListed
from signaling.library.models import OPEN_STATES, RecordingEntry
from signaling.live.events import BroadcastChanged, LiveEvent
from signaling.live.models import Broadcast
from signaling.live.states import OVER, RUNNING, Event, State

log = structlog.get_logger("library")
MARKS: dict[State, Mark] = {State.LIVE: "resume", State.PAUSED: "pause", State.CUT: "cut"}
RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 20.0)


class Room(Protocol):
    """Where the packets of a lecture are (`broadcaster.room.Room`)."""

    def attach(self, sink: Sink) -> None:
        """Give the sink every packet from now on; `opened` at once when a publisher is there."""

    def detach(self, sink: Sink) -> None:
        """Give it none any more."""


class Titled(Protocol):
    """A lecture, as far as the library needs it."""

    @property
    def title(self) -> str: ...


class Lectures(Protocol):
    """The timetable (`signaling.lectures.service.LectureService`)."""

    async def info(self, lecture_id: str) -> Titled | None:
        """Return a lecture, or None when there is none."""


@dataclass(frozen=True, slots=True)
class RecordingFiles:
    """The files of a recording that can be watched."""

    mp4: Path
    thumbnail: Path | None


class LibraryService:
    """The door to the catalogue. `rooms` returns the room of a lecture, `listeners` hear of every change."""

    def __init__(self, db: Database, recorder: Recorder, rooms: Callable[[str], Room], lectures: Lectures) -> None:
        self._db = db
        self._recorder = recorder
        self._rooms = rooms
        self._lectures = lectures
        self._attached: dict[str, Room] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.listeners: list[Callable[[RecordingListed], Awaitable[None]]] = []

    # -- life

    async def start(self) -> None:
        """Recover after a crash: finish what is over, go on with what still runs. Call it when broadcasts are restored."""
        rows, running = await self._unfinished()
        recovered = await self._recorder.start({row.id for row in rows if row.broadcast_id in running})
        done = {one.id: one.finished for one in recovered}
        for row in rows:
            if row.broadcast_id in running:
                self._go_on(row, running[row.broadcast_id])
                continue
            finished = done.get(row.id)
            if finished is None:
                await self._finish(row.id)
            else:
                await self._store(finished, row.ended_at)
        for broadcast in await self._unrecorded():
            await self.begin(broadcast.lecture_id, broadcast.id, broadcast.started_at or broadcast.created_at)

    async def stop(self) -> None:
        """Finish what is being finished and close the files of what goes on after a restart."""
        await self._recorder.stop()
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing is being finished any more."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def _go_on(self, row: RecordingEntry, state: State) -> None:
        """Record on after a restart, as the broadcast stands now: its last change may have been lost between two disks."""
        self._record(row)
        recording, mark = self._recorder.get(row.id), MARKS.get(state)
        if recording is not None and mark is not None:
            recording.mark(mark, utc_now())

    async def _unfinished(self) -> tuple[list[RecordingEntry], dict[str, State]]:
        """Return the entries that are not finished, and the state of the broadcasts that have begun and not ended."""
        async with self._db.reading() as session:
            rows = await session.scalars(select(RecordingEntry).where(RecordingEntry.state.in_(OPEN_STATES)))
            running = await session.scalars(select(Broadcast).where(Broadcast.state.in_([*RUNNING])))
            return list(rows), {broadcast.id: State(broadcast.state) for broadcast in running}

    async def _unrecorded(self) -> list[Broadcast]:
        """Return the broadcasts that went live and have no entry: the process ended before it was made."""
        begun = select(Broadcast).where(Broadcast.state.in_([*RUNNING]), Broadcast.started_at.is_not(None))
        async with self._db.reading() as session:
            return [*await session.scalars(begun.where(Broadcast.id.not_in(select(RecordingEntry.broadcast_id))))]

    # -- broadcasts

    async def handle(self, event: LiveEvent) -> None:
        """Follow a broadcast: a listener of `LiveService`. What a busy database refuses is tried again: without its beginning, or
        without the end of a pause, the rest of the lecture would not be recorded.
        """
        if not isinstance(event, BroadcastChanged):
            return
        for pause in RETRY_SECONDS:
            try:
                return await self._follow(event)
            except SQLAlchemyError as error:
                log.warning("x library waits", lecture=event.lecture_id, step=event.event, error=str(error))
                await asyncio.sleep(pause)
        await self._follow(event)

    async def _follow(self, event: BroadcastChanged) -> None:
        if event.to_state is State.LIVE and event.event is Event.START:
            await self.begin(event.lecture_id, event.broadcast_id, event.at)
        elif event.to_state in OVER:
            await self.end(event.broadcast_id, event.at)
        elif event.event in (Event.PAUSE, Event.RESUME, Event.CUT):
            await self._mark(event)

    async def begin(self, lecture_id: str, broadcast_id: str, at: datetime) -> str:
        """Record the broadcast from now on and return the recording's id. Idempotent."""
        lecture = await self._lectures.info(lecture_id)
        title = lecture.title if lecture else ""
        async with self._db.writing() as session:
            row = await session.scalar(select(RecordingEntry).where(RecordingEntry.broadcast_id == broadcast_id))
            if row is None:
                row = RecordingEntry(lecture_id=lecture_id, broadcast_id=broadcast_id, title=title, started_at=at)
                session.add(row)
            row.state = "recording"
        self._record(row)
        await self._tell(row)
        return row.id

    async def end(self, broadcast_id: str, at: datetime) -> None:
        """End the recording; its file is finished in the background (`settle` waits). Idempotent."""
        async with self._db.writing() as session:
            row = await session.scalar(select(RecordingEntry).where(RecordingEntry.broadcast_id == broadcast_id))
            if row is None or row.state not in OPEN_STATES:
                return
            row.state, row.ended_at = "finalising", at
        recording, room = self._recorder.get(row.id), self._attached.pop(row.id, None)
        if recording is not None and room is not None:
            room.detach(recording)
        await self._tell(row)
        self._spawn(self._finish(row.id))

    async def _mark(self, event: BroadcastChanged) -> None:
        row = await self._by_broadcast(event.broadcast_id)
        recording = self._recorder.get(row.id) if row else None
        if row is not None and recording is not None:
            recording.mark(event.event.value, event.at)  # type: ignore[arg-type]  # pause, resume or cut: see `handle`
            self._record(row)

    def _record(self, row: RecordingEntry) -> None:
        recording = self._recorder.open(
            row.id, lecture_id=row.lecture_id, broadcast_id=row.broadcast_id, title=row.title
        )
        room = self._rooms(row.lecture_id)
        if self._attached.get(row.id) is not room:  # a room that was closed is replaced by a new one
            self._attached[row.id] = room
            room.attach(recording)

    # -- what the recorder says

    def recording_changed(self, event: RecordingChanged) -> None:
        """Note that a recording is degraded, or is not any more: `on_event` of the recorder. Never raises."""
        if event.state in ("recording", "degraded"):
            self._spawn(self._note_state(event))

    async def _note_state(self, event: RecordingChanged) -> None:
        async with self._db.writing() as session:
            row = await session.get(RecordingEntry, event.recording_id)
            if row is None or row.state not in ("recording", "degraded") or row.state == event.state:
                return
            row.state = event.state
            if event.state == "degraded":
                row.problems = sorted({*row.problems, "disk_full"})
        log.warning("- recording", recording=row.id, state=row.state, reason=event.reason)
        await self._tell(row)

    async def _finish(self, recording_id: str) -> None:
        try:
            finished = await self._recorder.finish(recording_id)
        except Exception as error:  # a full disk, or files that nobody foresaw: the others and the start go on
            known = isinstance(error, OSError | RecorderError)
            log.error("x recording not finished", recording=recording_id, error=str(error), exc_info=not known)
            return
        await self._store(finished, None)

    async def _store(self, finished: FinishedRecording, ended_at: datetime | None) -> None:
        async with self._db.writing() as session:
            row = await session.get(RecordingEntry, finished.id)
            if row is None:
                log.warning("x recording without entry", recording=finished.id)
                return
            row.state = "ready" if finished.path_mp4 else "failed"
            row.duration_s, row.bytes, row.sha256 = finished.duration_s, finished.bytes, finished.sha256
            row.has_thumbnail = finished.thumbnail is not None
            row.ended_at = row.ended_at or ended_at
            row.problems = sorted({*row.problems, *finished.problems})
        await self._tell(row)

    # -- catalogue

    async def list(self, lecture_id: str | None = None) -> list[RecordingEntry]:
        """Return the entries, newest first, of one lecture or of all."""
        statement = select(RecordingEntry).order_by(RecordingEntry.id.desc())
        if lecture_id is not None:
            statement = statement.where(RecordingEntry.lecture_id == lecture_id)
        async with self._db.reading() as session:
            return [*await session.scalars(statement)]

    async def get(self, recording_id: str) -> RecordingEntry | None:
        """Return one entry."""
        async with self._db.reading() as session:
            return await session.get(RecordingEntry, recording_id)

    async def files(self, entry: RecordingEntry) -> RecordingFiles | None:
        """Return the files of an entry, or None while it is not ready."""
        if entry.state != "ready":
            return None
        finished = await asyncio.to_thread(self._recorder.read, entry.id)
        if finished is None or finished.path_mp4 is None:
            return None
        return RecordingFiles(finished.path_mp4, finished.thumbnail)

    async def _by_broadcast(self, broadcast_id: str) -> RecordingEntry | None:
        async with self._db.reading() as session:
            found: RecordingEntry | None = await session.scalar(
                select(RecordingEntry).where(RecordingEntry.broadcast_id == broadcast_id)
            )
            return found

    async def _tell(self, row: RecordingEntry) -> None:
        listed = RecordingListed(row.id, row.lecture_id, row.state, tuple(row.problems or ()))
        for listener in self.listeners:
            await listener(listed)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("x library", error=str(error), exc_info=error)
