"""One recording as the worker thread sees it: messages in, parts on the disk and news of them out, by the table of `recorder.states`.

1. **Nothing here blocks the media loop**: `recorder.sink` brings the messages to this side.
2. A full disk never ends or interrupts the stream: it goes on in memory (DEGRADED), and when there is room the next IDR picture
   begins a reel on the disk.
3. A new reel begins when the source, the picture's parameter set or the clock changes, when the first picture comes after
   sound alone, and after a pause: **time in which nothing was sent is not in the file**, the manifest names it.
4. While the lecture is cut, what still comes goes into a reel marked hidden, which the finished file leaves out.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import structlog

from broadcaster.media import Kind, MediaPacket, SenderClock
from config.settings import RecorderSettings
from recorder import news
from recorder.assemble import AccessUnit, SoundAssembler, SoundFrame, VideoAssembler, complete_at
from recorder.clock import LipSync, jumped
from recorder.errors import BoxError, DiskFull
from recorder.grid import Cut
from recorder.logbook import Logbook, Numbers, next_numbers
from recorder.messages import Closed, Ended, Mark, Marked, Message, Opened, Packets
from recorder.reel import Label, Outside, Reel
from recorder.states import PUBLIC, Event, State, step
from recorder.store import Folder

log = structlog.get_logger("recorder")

RETRY_SECONDS: Final = 5.0  # between two looks at a full disk
RESUME_BYTES: Final = 1 << 20  # beyond the reserve before recording goes on: a few seconds of lecture, not one part
WISH_SECONDS: Final = 2.0  # between two wishes while no IDR picture comes
SOUND_LAG: Final = 0.3  # how far behind the picture sound may be beyond the reorder time before silence takes its place
SOUND_ONLY_SECONDS: Final = 5.0  # without any picture before a reel of sound alone begins: cameras start slowly
CAMERA_OFF_SECONDS: Final = 2.0  # without a picture, while sound comes, before it is repeated
BACKLOG_FRAMES: Final = 200


class Tape:
    """The recording proper. All methods belong to one thread; `tell` is called in it with the news, in order."""

    def __init__(
        self,
        folder: Folder,
        settings: RecorderSettings,
        about: dict[str, Any],
        *,
        changed: Callable[[str, str], None],
        free_bytes: Callable[[], int],
        wall_ns: Callable[[], int] = time.time_ns,
        tell: news.Tell = lambda news: None,
    ) -> None:
        self.state = State.GAP
        self.tell = tell
        self.ended = False
        self.drops: Counter[str] = Counter()
        self._folder = folder
        self._settings = settings
        self._changed = changed
        self._free_bytes = free_bytes
        self._wall_ns = wall_ns
        self._logbook = Logbook(folder, about, wall_ns, self.drops)
        self._numbers = Numbers()
        self._reel: Reel | None = None
        self._source: Opened | None = None
        self._paused = False
        self._hidden = False
        self._now = 0.0
        self._picture_at = 0.0  # when the newest picture was taken
        self._sound_at = 0.0
        self._packet_at = 0.0  # when the newest packet of a picture was taken
        self._waiting_since = 0.0
        self._wished = 0.0
        self._retry = 0.0  # when to look at the disk again
        self._room = False  # the disk has room again: the next reel may be stored
        self._broken_until = 0.0  # no reel before: the one before failed
        self._assemble_anew()
        self._hear_anew()

    def begin(self) -> None:
        """Make the folder and the journal, so that a crash finds the recording even before the first packet.

        A recording that is continued goes on as its last mark left it, with the numbers that follow.
        """
        lines = self._logbook.read()
        for line in lines:
            if line.get("event") == "mark":
                self._remember(line["mark"])
        self._numbers = next_numbers(self._folder, lines, self._wall_ns(), self._settings.segment_seconds)
        self._logbook.note("begun")

    # -- messages

    def handle(self, message: Message, now: float) -> None:
        """Take one message. What cannot be packed degrades the recording; nothing is raised for it."""
        self._now = now
        try:
            self._dispatch(message)
        except (DiskFull, OSError, BoxError) as error:
            self.degrade(error, now)

    def tick(self, now: float) -> None:
        """Give up packets that are overdue, fill silence, notice a camera that is off, look at a full disk again."""
        self._now = now
        try:
            self._advance()
            if self.state is State.DEGRADED:
                self._try_again()
        except (DiskFull, OSError, BoxError) as error:
            self.degrade(error, now)

    def take_wish(self, now: float) -> str | None:
        """Return the reason for which an IDR picture is needed, if one is."""
        wish = self._video.take_wish()
        if self._source is None or self._paused:
            return None
        if wish is None and now - self._wished >= WISH_SECONDS:
            wish = self._due(now)
        if wish is not None:
            self._wished = now
        return wish

    def degrade(self, error: Exception, now: float) -> None:
        """Give the reel up: something in it failed. A new one begins after a while."""
        reel, self._reel = self._reel, None
        if reel is not None:
            reel.abandon()
            self._count_segments(reel)
        self._broken_until = now + RETRY_SECONDS
        self._refused(error)

    def _due(self, now: float) -> str | None:
        if self._reel is None:
            return "recorder_waits"
        if self._reel.wants_key:
            return "segment"
        if self._reel.needs_key and now - self._packet_at < WISH_SECONDS:
            return "camera_back"
        return "disk_free" if self._room else None

    def _dispatch(self, message: Message) -> None:
        match message:
            case Packets(train):
                self._receive(train)
                self._advance()
            case SenderClock():
                self._sync.report(message)
            case Opened():
                self._open(message)
            case Closed(reason):
                self._lose(reason)
            case Marked():
                self._mark(message)
            case Ended(final):
                self._end(final)

    def _open(self, source: Opened) -> None:
        self._flush()
        self._end_reel()
        self._source = source
        self._count()
        self._assemble_anew()
        self._hear_anew()
        if not self._paused:
            self._wait_for_key("source_found")

    def _assemble_anew(self) -> None:
        """Forget packets that wait: what comes next has nothing to do with them."""
        self._video = VideoAssembler(self._settings.reorder_seconds)
        self._sound = SoundAssembler(self._settings.reorder_seconds)
        self._backlog: deque[SoundFrame] = deque(maxlen=BACKLOG_FRAMES)

    def _hear_anew(self) -> None:
        self._sync = LipSync()
        self._settled = False  # where sound belongs is known as well as it will be soon

    def _wait_for_key(self, reason: str) -> None:
        self._waiting_since = self._now
        self._step(Event.SOURCE_FOUND, reason)
        self._video.close_gate(reason)

    def _lose(self, reason: str) -> None:
        self._flush()
        self._end_reel()
        self._source = None
        self._step(Event.SOURCE_LOST, reason)

    def _mark(self, marked: Marked) -> None:
        """Follow the broadcast; a mark that changes nothing leaves no trace."""
        mark = marked.mark
        if self._meaning(mark) == (self._paused, self._hidden):
            return
        self._flush()
        self._end_reel()
        self._logbook.note("mark", mark=mark, at=marked.at.isoformat())
        was_paused = self._paused
        self._remember(mark)
        self._count()
        self._assemble_anew()
        if self._paused or self._source is None:
            self._step(Event.SOURCE_LOST, mark)
        elif was_paused or self.state is not State.GAP:
            self._wait_for_key(mark)

    def _end(self, final: bool) -> None:
        try:
            self._flush()
            self._end_reel()
        except (DiskFull, OSError, BoxError) as error:
            self.degrade(error, self._now)
        finally:
            self.ended = True
        self._count()
        if final:
            self._step(Event.END, "end")
            self.tell(news.Ended())
        self._logbook.note("stopped", final=final, drops=dict(self.drops))
        self._logbook.close()

    # -- media

    def _receive(self, train: Sequence[MediaPacket]) -> None:
        if self._paused or self._source is None:
            self.drops["not_recording"] += len(train)
            return
        for packet in train:
            self._sync.observe(packet.kind, complete_at(packet), packet.arrival)
            if packet.kind is Kind.VIDEO:
                self._packet_at = self._now
                self._video.receive(packet)
            else:
                self._sound.receive(packet)

    def _advance(self, patience: float = 0.0) -> None:
        """Take what is complete; `patience` is by how much later it would be taken."""
        if self._source is None or self._paused:
            return
        until = self._now + patience
        for frame in self._sound.take(until):
            self._add_sound(frame)
        for unit in self._video.take(until):
            self._add_picture(unit)
        if self._reel is None:
            if self._backlog and until - self._waiting_since >= SOUND_ONLY_SECONDS:
                self._begin_reel(None)
        elif self._reel.has_picture:
            self._settle(patience > 0)
            self._fill_sound()
            self._look_for_pictures()

    def _settle(self, force: bool) -> None:
        """Hand on the sound that was kept back, once it is known well enough where it belongs."""
        quiet = self._source is not None and not self._source.has_sound
        if self._settled or not (force or quiet or self._sync.settled(self._now)):
            return
        self._settled = True
        for frame in self._backlog:
            if self._reel is not None:
                self._reel.sound(frame)

    def _fill_sound(self) -> None:
        if self._settled and self._reel is not None and self._source is not None:
            self._reel.fill_sound(self._settings.reorder_seconds + SOUND_LAG if self._source.has_sound else 0.0)

    def _look_for_pictures(self) -> None:
        """Repeat the picture when the camera is off: a part must not wait for it."""
        reel = self._reel
        if reel is None or min(self._now, self._sound_at) - self._picture_at < CAMERA_OFF_SECONDS:
            return
        began = not reel.frozen
        if reel.stand_still(self._now):
            self.drops["picture_repeated"] += 1
            if began:
                self._logbook.note("frozen", reel=reel.name)

    def _flush(self) -> None:
        """Take what has arrived without waiting for what is missing."""
        self._advance(self._settings.reorder_seconds)

    def _add_sound(self, frame: SoundFrame) -> None:
        self._sound_at = self._now
        before = self._backlog[-1] if self._backlog else frame
        if jumped(before.timestamp, frame.timestamp, Kind.AUDIO.clock_rate, frame.arrival - before.arrival):
            self._sync.reset(Kind.AUDIO)
            self._sync.observe(Kind.AUDIO, frame.timestamp + frame.duration, frame.arrival)
            if self._reel is not None:
                self._reel.sound_jumped()
            self._backlog.clear()
        self._backlog.append(frame)
        if self._reel is None:
            return
        if not self._reel.has_picture and self._room:
            self._change_reel("disk_free")
            self._begin_reel(None)
        elif self._settled or not self._reel.has_picture:
            self._reel.sound(frame)

    def _add_picture(self, unit: AccessUnit) -> None:
        reel = self._reel
        if reel is not None and reel.needs_key and not unit.key:
            self._video.close_gate("camera_back")
            return
        self._picture_at = self._now
        if reel is not None and (not reel.fits(unit) or (self._room and unit.key)):
            self._change_reel("picture_changed", unit)
        if self._reel is None:
            if not unit.key:
                self._video.close_gate("reel_needs_key")
                return
            self._begin_reel(unit)
        if self._reel is not None and not self._reel.picture(unit):
            self.drops["picture_out_of_order"] += 1

    # -- reels

    def _begin_reel(self, first: AccessUnit | None) -> None:
        """Begin a reel with its first picture, or with the sound that waits; what waits is handed to it."""
        if self._now < self._broken_until:
            self.drops["reel_failed"] += 1
            return
        wall_ns = self._wall_ns() - round(1e9 * max(0.0, self._now - self._begins_at(first)))
        label = Label(self._folder.reel(self._numbers.reel), self._numbers.segment, wall_ns, self._hidden)
        self._numbers = replace(self._numbers, reel=self._numbers.reel + 1)
        noted = self._logbook.note(
            "reel", name=label.path.name, hidden=label.hidden, wall_ns=wall_ns, first_segment=label.first_segment
        )
        store = noted and (self._room or self.state is not State.DEGRADED)
        self._room = False
        self._reel = reel = self._new_reel(label, first, store)
        if reel.stored and self.state is State.DEGRADED:
            self._step(Event.DISK_FREE, "disk_free")
        elif not noted:
            self._refused(DiskFull("the journal cannot be written"))
        self._step(Event.REEL_BEGUN, label.path.name)
        if first is None or self._settled:
            for frame in self._backlog:
                reel.sound(frame)

    def _new_reel(self, label: Label, first: AccessUnit | None, store: bool) -> Reel:
        return Reel(
            label,
            first,
            self._sync,
            Outside(self._wall_ns, self._check_disk, self.tell, self._refused),
            cut=Cut.of(self._settings.part_seconds, self._settings.segment_seconds),
            aac_bitrate=self._settings.aac_bitrate,
            store=store,
        )

    def _begins_at(self, first: AccessUnit | None) -> float:
        """Return when (monotonic) the beginning of the reel to come was."""
        if first is not None:
            return first.arrival
        return self._backlog[0].arrival if self._backlog else self._now

    def _change_reel(self, reason: str, after: AccessUnit | None = None) -> None:
        self._end_reel(after)
        self._step(Event.REEL_ENDED, reason)

    def _end_reel(self, after: AccessUnit | None = None) -> None:
        reel, self._reel = self._reel, None
        if reel is None:
            return
        try:
            reel.close(after)
        finally:
            self._count_segments(reel)

    def _count_segments(self, reel: Reel) -> None:
        self._numbers = replace(self._numbers, segment=self._numbers.segment + reel.segments)
        self._logbook.note("reel_ended", name=f"{reel.name}.mp4", segments=reel.segments)

    # -- disk and state

    def _check_disk(self) -> None:
        free = self._free_bytes()
        if free < self._settings.min_free_bytes:
            raise DiskFull(f"{free} bytes are free, {self._settings.min_free_bytes} are kept in reserve")

    def _refused(self, error: Exception) -> None:
        """The disk does not take what is written: go on in memory and look at it again later."""
        log.warning("x recording degraded", recording=self._folder.recording_id, error=str(error))
        self._room = False
        self._retry = self._now + RETRY_SECONDS
        if not self.ended and self.state is not State.DEGRADED:
            self._step(Event.DISK_FULL, type(error).__name__)

    def _try_again(self) -> None:
        if self._now < self._retry or (self._room and self._reel is not None):
            return
        self._retry = self._now + RETRY_SECONDS
        if self._free_bytes() < self._settings.min_free_bytes + RESUME_BYTES:
            return
        self._room = self._reel is not None
        if self._room:
            return
        self._step(Event.DISK_FREE, "disk_free")
        if self._source is None or self._paused:
            self._step(Event.SOURCE_LOST, "no_source")
        else:
            self._waiting_since = self._now
            self._video.close_gate("disk_free")

    def _count(self) -> None:
        self.drops.update({f"video_{reason}": n for reason, n in self._video.drops.items()})
        self.drops.update({f"sound_{reason}": n for reason, n in self._sound.drops.items()})

    def _step(self, event: Event, reason: str) -> None:
        before, self.state = self.state, step(self.state, event)
        if before is self.state:
            return
        log.info("- recording", recording=self._folder.recording_id, state=str(self.state), reason=reason)
        self._logbook.note("state", state=str(self.state), reason=reason)
        if PUBLIC[before] != PUBLIC[self.state]:
            self._changed(PUBLIC[self.state], reason)

    def _meaning(self, mark: Mark) -> tuple[bool, bool]:
        """Return whether the recording is paused, and whether it is hidden, after `mark`."""
        return mark == "pause", mark == "cut" or (self._hidden and mark == "pause")

    def _remember(self, mark: Mark) -> None:
        self._paused, self._hidden = self._meaning(mark)
