"""Follows broadcasts: what is on the air is recorded, what is over is finished.

1. **A broadcast has one entry**, made when it first goes live; pauses, reconnects and restarts go on in it.
2. Finishing never holds up the broadcast: it runs as a task of its own and is repeated at the next start if it did not succeed.
3. A recording that fails is an entry that says so, never a missing one.
4. **A cut reaches the viewers of the recording before anything is awaited** (`bar`); the database hears of it afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

from broadcaster.sink import Sink
from recorder.errors import RecorderError
from recorder.finish import FinishedRecording
from recorder.messages import Mark
from recorder.recorder import Recorder
from recorder.states import RecordingChanged
from signaling.db.base import utc_now
from signaling.library.listing import Listing, listing
from signaling.library.models import RecordingEntry
from signaling.library.shelf import Shelf
from signaling.library.tasks import Tasks
from signaling.live.events import BroadcastChanged, LiveEvent
from signaling.live.models import Broadcast
from signaling.live.states import OVER, Event, State

log = structlog.get_logger("library")
MARKS: Final[dict[State, Mark]] = {State.LIVE: "resume", State.PAUSED: "pause", State.CUT: "cut"}
RETRY_SECONDS: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 20.0)
STOP_SECONDS: Final = 2.0
"""For a finish that runs at the end of the process: a lecture's takes less, and the whole process has five seconds to end."""


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

    state_of: Callable[[str], str]

    async def info(self, lecture_id: str) -> Titled | None:
        """Return a lecture, or None when there is none."""


class Stream(Protocol):
    """What viewers of a running recording get (`recorder.live.LiveStream`)."""

    def cut(self) -> None: ...
    def uncut(self) -> None: ...


class Records(Protocol):
    """The rows (`signaling.library.service.Records`)."""

    async def unfinished(self) -> tuple[list[RecordingEntry], dict[str, State]]: ...
    async def unrecorded(self) -> list[Broadcast]: ...
    async def by_broadcast(self, broadcast_id: str) -> RecordingEntry | None: ...
    async def begun(self, lecture_id: str, broadcast_id: str, title: str, at: datetime) -> RecordingEntry: ...
    async def over(self, broadcast_id: str, at: datetime) -> RecordingEntry | None: ...
    async def note(self, recording_id: str, state: str) -> RecordingEntry | None: ...
    async def finished(self, done: FinishedRecording, shown: Listing) -> RecordingEntry | None: ...


class Following:
    """What the recorder does for each broadcast. `tell` is awaited with every row that changed."""

    def __init__(
        self,
        records: Records,
        recorder: Recorder,
        rooms: Callable[[str], Room],
        lectures: Lectures,
        shelf: Shelf,
        tell: Callable[[RecordingEntry], Awaitable[None]],
        stream: Callable[[str], Stream | None],
    ) -> None:
        self._records = records
        self._recorder = recorder
        self._rooms = rooms
        self._lectures = lectures
        self._shelf = shelf
        self._tell = tell
        self._stream = stream
        self._attached: dict[str, Room] = {}
        self.tasks = Tasks()

    # -- life

    async def start(self) -> None:
        """Recover after a crash: finish what is over, go on with what still runs. Call it when broadcasts are restored."""
        rows, running = await self._records.unfinished()
        recovered = await self._recorder.start({row.id for row in rows if row.broadcast_id in running})
        done = {one.id: one.finished for one in recovered}
        for row in rows:
            if row.broadcast_id in running:
                await self._go_on(row, running[row.broadcast_id])
                continue
            finished = done.get(row.id)
            if finished is None:
                await self._finish(row.id)
            else:
                await self._store(finished)
        for broadcast in await self._records.unrecorded():
            await self.begin(broadcast.lecture_id, broadcast.id, broadcast.started_at or broadcast.created_at)

    async def stop(self) -> None:
        """Close the files of what goes on after a restart; finish what is being finished if that takes no longer than
        `STOP_SECONDS`: the next start does the rest.
        """
        await self._recorder.stop()
        await self.tasks.stop(STOP_SECONDS)

    async def _go_on(self, row: RecordingEntry, state: State) -> None:
        """Record on after a restart, as the broadcast stands now: its last change may have been lost between two disks."""
        self._record(row)
        recording, mark = self._recorder.get(row.id), MARKS.get(state)
        if recording is not None and mark is not None:
            recording.mark(mark, utc_now())
        if state is State.CUT:
            self._bar(row.id, cut=True)

    # -- broadcasts

    def bar(self, lecture_id: str, *, cut: bool) -> None:
        """Let nobody see what runs of a lecture, or let them again. Waits for nothing."""
        item = self._shelf.running(lecture_id)
        if item is not None:
            self._bar(item.recording_id, cut=cut)

    def _bar(self, recording_id: str, *, cut: bool) -> None:
        stream = self._stream(recording_id)
        if stream is None:
            return
        if cut:
            stream.cut()
        else:
            stream.uncut()

    async def handle(self, event: LiveEvent) -> None:
        """Follow a broadcast. What a busy database refuses is tried again: without its beginning, or without the end of a pause,
        the rest of the lecture would not be recorded.
        """
        if not isinstance(event, BroadcastChanged):
            return
        self._bar_by(event)
        for pause in RETRY_SECONDS:
            try:
                return await self._follow(event)
            except SQLAlchemyError as error:
                log.warning("x library waits", lecture=event.lecture_id, step=event.event, error=str(error))
                await asyncio.sleep(pause)
        await self._follow(event)

    def _bar_by(self, event: BroadcastChanged) -> None:
        if event.to_state is State.CUT:
            self.bar(event.lecture_id, cut=True)
        elif event.from_state is not State.CUT or event.to_state in OVER:
            return  # what was stopped and then ended stays barred: a reviewer decides
        elif self._lectures.state_of(event.lecture_id) != State.CUT:
            self.bar(event.lecture_id, cut=False)  # unless it was cut again while this fact waited

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
        row = await self._records.begun(lecture_id, broadcast_id, lecture.title if lecture else "", at)
        self._record(row)
        await self._tell(row)
        if self._lectures.state_of(lecture_id) == State.CUT:
            self._bar(row.id, cut=True)  # it was cut before there was anything to bar
        return row.id

    async def end(self, broadcast_id: str, at: datetime) -> None:
        """End the recording; its file is finished in the background. Idempotent."""
        row = await self._records.over(broadcast_id, at)
        if row is None:
            return
        recording, room = self._recorder.get(row.id), self._attached.pop(row.id, None)
        if recording is not None and room is not None:
            room.detach(recording)
        await self._tell(row)
        self.tasks.spawn(self._finish(row.id))

    async def _mark(self, event: BroadcastChanged) -> None:
        row = await self._records.by_broadcast(event.broadcast_id)
        recording = self._recorder.get(row.id) if row else None
        if row is not None and recording is not None:
            recording.mark(event.event.value, event.at)  # type: ignore[arg-type]  # pause, resume or cut: see `_follow`
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
        """Note that a recording is degraded, or is not any more. Never raises."""
        if event.state in ("recording", "degraded"):
            self.tasks.spawn(self._note(event))

    async def _note(self, event: RecordingChanged) -> None:
        row = await self._records.note(event.recording_id, event.state)
        if row is not None:
            log.warning("- recording", recording=row.id, state=row.state, reason=event.reason)
            await self._tell(row)

    async def _finish(self, recording_id: str) -> None:
        try:
            finished = await self._recorder.finish(recording_id)
        except Exception as error:  # a full disk, or files that nobody foresaw: the others and the start go on
            known = isinstance(error, OSError | RecorderError)
            log.error("x recording not finished", recording=recording_id, error=str(error), exc_info=not known)
            return
        await self._store(finished)

    async def _store(self, finished: FinishedRecording) -> None:
        manifest = await asyncio.to_thread(self._recorder.manifest, finished.id)
        row = await self._records.finished(finished, listing(manifest))
        if row is None:
            log.warning("x recording without entry", recording=finished.id)
            return
        await self._tell(row)
