"""One recording as the worker thread sees it: messages in, parts on the disk, the state table of `recorder.states`.

1. **Nothing here blocks the media loop**: `recorder.sink` brings the messages to this side.
2. A full disk pauses the recording (DEGRADED) and never ends it; it goes on in a new reel when there is room.
3. A new reel begins when the source, the picture's parameter set or the clock changes, and after a pause: **time in which
   nothing was sent is not in the file**, the manifest names it.
4. While the lecture is cut, what still comes goes into a reel marked hidden, which the finished file leaves out.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

import structlog

from broadcaster.media import Kind, MediaPacket, SenderClock
from config.settings import RecorderSettings
from recorder.assemble import AccessUnit, SoundAssembler, SoundFrame, VideoAssembler, complete_at
from recorder.clock import LipSync, jumped
from recorder.errors import BoxError, DiskFull
from recorder.journal import Lines, read_lines
from recorder.messages import Closed, Ended, Mark, Marked, Message, Opened, Packets
from recorder.news import Tell
from recorder.reel import Reel
from recorder.states import PUBLIC, Event, State, step
from recorder.store import Folder, sync_folder

log = structlog.get_logger("recorder")

RETRY_SECONDS: Final = 5.0  # between two looks at a full disk
WISH_SECONDS: Final = 2.0  # between two wishes while no IDR picture comes
SOUND_LAG: Final = 0.3  # how far behind the picture sound may be beyond the reorder time before silence takes its place
SOUND_ONLY_SECONDS: Final = 5.0  # without any picture before a reel of sound alone begins
BACKLOG_FRAMES: Final = 200


class Tape:
    """The recording proper. All methods belong to one thread."""

    def __init__(
        self,
        folder: Folder,
        settings: RecorderSettings,
        about: dict[str, Any],
        *,
        changed: Callable[[str, str], None],
        free_bytes: Callable[[], int],
        wall_ns: Callable[[], int] = time.time_ns,
        tell: Tell = lambda news: None,
    ) -> None:
        self.state = State.GAP
        self.tell = tell
        self.ended = False
        self.drops: Counter[str] = Counter()
        self._folder = folder
        self._settings = settings
        self._about = about
        self._changed = changed
        self._free_bytes = free_bytes
        self._wall_ns = wall_ns
        self._journal: Lines | None = None
        self._reel: Reel | None = None
        self._source: Opened | None = None
        self._paused = False
        self._hidden = False
        self._video = VideoAssembler(settings.reorder_seconds)
        self._sound = SoundAssembler(settings.reorder_seconds)
        self._sync = LipSync()
        self._backlog: deque[SoundFrame] = deque(maxlen=BACKLOG_FRAMES)
        self._waiting_since = 0.0
        self._wished = 0.0
        self._retry = 0.0

    # -- messages

    def handle(self, message: Message, now: float) -> None:
        """Take one message. A disk that is full or broken degrades the recording; nothing is raised for it."""
        try:
            self._dispatch(message, now)
        except (DiskFull, OSError, BoxError) as error:
            self.degrade(error, now)

    def tick(self, now: float) -> None:
        """Give up packets that are overdue, fill silence, look at a full disk again."""
        try:
            if self.state is State.DEGRADED:
                self._try_again(now)
            else:
                self._advance(now)
        except (DiskFull, OSError, BoxError) as error:
            self.degrade(error, now)

    def take_wish(self, now: float) -> str | None:
        """Return the reason for which an IDR picture is needed, if one is."""
        wish = self._video.take_wish()
        if self.state is State.WAIT_KEY and now - self._wished >= WISH_SECONDS:
            wish = wish or "recorder_waits"
        if wish is None or self.state not in (State.WAIT_KEY, State.RECORDING):
            return None
        self._wished = now
        return wish

    def degrade(self, error: Exception, now: float) -> None:
        """Stop writing until the disk takes bytes again."""
        log.warning("x recording degraded", recording=self._folder.recording_id, error=str(error))
        reel, self._reel = self._reel, None
        if reel is not None:
            with contextlib.suppress(OSError):  # a disk that refused a part refuses this too; the worker must live on
                reel.abandon()
        self._retry = now + RETRY_SECONDS
        if not self.ended and self.state is not State.DEGRADED:
            self._step(Event.DISK_FULL, type(error).__name__)

    def _dispatch(self, message: Message, now: float) -> None:
        match message:
            case Packets(train):
                self._receive(train)
                self._advance(now)
            case SenderClock():
                self._sync.report(message)
            case Opened():
                self._open(message, now)
            case Closed(reason):
                self._lose(reason, now)
            case Marked(mark, at):
                self._mark(mark, at, now)
            case Ended(final):
                self._end(final, now)

    def _open(self, source: Opened, now: float) -> None:
        self._flush(now)
        self._end_reel()
        self._source = source
        self._assemble_anew()
        self._sync = LipSync()
        if not self._paused:
            self._wait_for_key(now, "source_found")

    def _assemble_anew(self) -> None:
        """Forget packets that wait: what comes next has nothing to do with them."""
        self._count()
        self._video = VideoAssembler(self._settings.reorder_seconds)
        self._sound = SoundAssembler(self._settings.reorder_seconds)
        self._backlog.clear()

    def _wait_for_key(self, now: float, reason: str) -> None:
        self._waiting_since = now
        self._step(Event.SOURCE_FOUND, reason)
        self._video.close_gate(reason)

    def _lose(self, reason: str, now: float) -> None:
        self._flush(now)
        self._end_reel()
        self._source = None
        self._step(Event.SOURCE_LOST, reason)

    def _mark(self, mark: Mark, at: datetime, now: float) -> None:
        """Follow the broadcast; a mark that changes nothing leaves no trace."""
        if self._meaning(mark) == (self._paused, self._hidden):
            return
        self._flush(now)
        self._end_reel()
        self._note("mark", mark=mark, at=at.isoformat())
        was_paused = self._paused
        self._remember(mark)
        self._assemble_anew()
        if self._paused or self._source is None:
            self._step(Event.SOURCE_LOST, mark)
        elif was_paused or self.state in (State.RECORDING, State.WAIT_KEY):
            self._wait_for_key(now, mark)

    def _end(self, final: bool, now: float) -> None:
        try:
            self._flush(now)
            self._end_reel()
        except (DiskFull, OSError, BoxError) as error:
            self.degrade(error, now)
        finally:
            self.ended = True
        self._count()
        if final:
            self._step(Event.END, "end")
        self._note("stopped", final=final, drops=dict(self.drops))
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    # -- media

    def _receive(self, train: Sequence[MediaPacket]) -> None:
        if self._paused or self._source is None or self.state is State.DEGRADED:
            self.drops["not_recording"] += len(train)
            return
        for packet in train:
            self._sync.observe(packet.kind, complete_at(packet), packet.arrival)
            if packet.kind is Kind.VIDEO:
                self._video.receive(packet)
            else:
                self._sound.receive(packet)

    def _advance(self, now: float) -> None:
        if self.state not in (State.WAIT_KEY, State.RECORDING):
            return
        for frame in self._sound.take(now):
            self._add_sound(frame)
        for unit in self._video.take(now):
            self._add_picture(unit, now)
        if self._reel is not None and self._source is not None:
            self._reel.fill_sound(self._settings.reorder_seconds + SOUND_LAG if self._source.has_sound else 0.0)
        elif self._backlog and now - self._waiting_since >= SOUND_ONLY_SECONDS:
            self._begin_reel(None, now)

    def _flush(self, now: float) -> None:
        """Take what has arrived without waiting for what is missing."""
        self._advance(now + self._settings.reorder_seconds)

    def _add_sound(self, frame: SoundFrame) -> None:
        before = self._backlog[-1] if self._backlog else frame
        if jumped(before.timestamp, frame.timestamp, Kind.AUDIO.clock_rate):
            self._sync.reset(Kind.AUDIO)
            self._sync.observe(Kind.AUDIO, frame.timestamp + frame.duration, frame.arrival)
            if self._reel is not None:
                self._reel.sound_jumped()
            self._backlog.clear()
        self._backlog.append(frame)
        if self._reel is not None:
            self._reel.sound(frame)

    def _add_picture(self, unit: AccessUnit, now: float) -> None:
        if self._reel is not None and not self._reel.fits(unit):
            self._end_reel()
            self._step(Event.REEL_ENDED, "picture_changed")
        if self._reel is None:
            if not unit.key:
                self._video.close_gate("reel_needs_key")
                return
            self._begin_reel(unit, now)
        if self._reel is not None and not self._reel.picture(unit):
            self.drops["picture_out_of_order"] += 1

    def _begin_reel(self, first: AccessUnit | None, now: float) -> None:
        self._check_disk()
        path = self._folder.reel(self._folder.next_reel())
        self._note("reel", name=path.name, hidden=self._hidden, wall_ns=self._wall_ns())
        self._reel = Reel(
            path,
            first,
            self._sync,
            aac_bitrate=self._settings.aac_bitrate,
            part_seconds=self._settings.part_seconds,
            wall_ns=self._wall_ns,
            check_disk=self._check_disk,
        )
        self._step(Event.REEL_BEGUN, path.name)
        if first is None:
            for frame in self._backlog:
                self._reel.sound(frame)
        else:
            self._reel.picture(first)
            for frame in self._backlog:
                self._reel.sound(frame)

    def _end_reel(self) -> None:
        reel, self._reel = self._reel, None
        if reel is not None:
            reel.close()

    # -- disk, journal, state

    def _check_disk(self) -> None:
        free = self._free_bytes()
        if free < self._settings.min_free_bytes:
            raise DiskFull(f"{free} bytes are free, {self._settings.min_free_bytes} are kept in reserve")

    def _try_again(self, now: float) -> None:
        if now < self._retry:
            return
        self._retry = now + RETRY_SECONDS
        if self._free_bytes() < self._settings.min_free_bytes:
            return
        self._waiting_since = now
        self._step(Event.DISK_FREE, "disk_free")
        self._video.close_gate("disk_free")
        if self._source is None or self._paused:
            self._step(Event.SOURCE_LOST, "no_source")

    def _count(self) -> None:
        self.drops.update({f"video_{reason}": n for reason, n in self._video.drops.items()})
        self.drops.update({f"sound_{reason}": n for reason, n in self._sound.drops.items()})

    def _step(self, event: Event, reason: str) -> None:
        before, self.state = self.state, step(self.state, event)
        if before is self.state:
            return
        log.info("- recording", recording=self._folder.recording_id, state=str(self.state), reason=reason)
        self._note("state", state=str(self.state), reason=reason)
        if PUBLIC[before] != PUBLIC[self.state]:
            self._changed(PUBLIC[self.state], reason)

    def _note(self, what: str, **fields: Any) -> None:
        """Write a line of the journal; a full disk may swallow it: the reels tell the rest."""
        try:
            if self._journal is None:
                self._folder.path.mkdir(parents=True, exist_ok=True)
                sync_folder(self._folder.path.parent)
                self._journal = Lines(self._folder.journal, durable=True)
                self._journal.append({"event": "opened", "wall_ns": self._wall_ns(), **self._about})
            self._journal.append({"event": what, **fields})
        except OSError as error:
            self.drops["journal_line"] += 1
            log.warning("x journal", recording=self._folder.recording_id, error=str(error))

    def begin(self) -> None:
        """Make the folder and the journal, so that a crash finds the recording even before the first packet.

        A recording that is continued goes on as its last mark left it.
        """
        marks = [line["mark"] for line in read_lines(self._folder.journal) if line.get("event") == "mark"]
        for mark in marks:
            self._remember(mark)
        self._note("begun")

    def _meaning(self, mark: Mark) -> tuple[bool, bool]:
        """Return whether the recording is paused, and whether it is hidden, after `mark`."""
        return mark == "pause", mark == "cut" or (self._hidden and mark == "pause")

    def _remember(self, mark: Mark) -> None:
        self._paused, self._hidden = self._meaning(mark)
