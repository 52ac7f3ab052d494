"""Drives a recording without threads and without waiting: packets and reports at their own times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from broadcaster.media import Kind, MediaPacket, SenderClock
from config.settings import RecorderSettings, load
from recorder.messages import Closed, Ended, Message, Opened, Packets
from recorder.news import News
from recorder.recording import Tape
from recorder.store import Folder, Store
from signaling.db.base import uuid7
from tests.support.media import Clip, reports, sound_packets, video_packets

VIDEO_OFFSET, SOUND_OFFSET = 900_000, 7_000_000
TICK = 0.1


def recorder_settings(**changes: float) -> RecorderSettings:
    """Return the default settings of the recorder, without a reserve on the disk."""
    return load(overrides={"recorder": {"min_free_bytes": 0, **changes}}).recorder


class Deck:
    """One recording whose time is handed in."""

    def __init__(
        self,
        root: Path,
        settings: RecorderSettings | None = None,
        *,
        free_bytes: int = 1 << 40,
        folder: Folder | None = None,
        now: float = 0.0,
        measure: Callable[[], int] | None = None,
    ) -> None:
        """Begin a recording, or go on with the one in `folder`; `measure` says what is free instead of `free_bytes`."""
        self.free_bytes = free_bytes
        self.changes: list[str] = []
        self.folder: Folder = folder or Store(root).folder(uuid7())
        self.now = now
        self.wishes: list[str] = []
        self.news: list[News] = []
        self.tape = Tape(
            self.folder,
            settings or recorder_settings(),
            {"recording_id": self.folder.recording_id, "lecture_id": "l", "broadcast_id": "b", "title": "课"},
            changed=lambda state, reason: self.changes.append(state),
            free_bytes=measure or (lambda: self.free_bytes),
            wall_ns=lambda: 1_767_225_600_000_000_000 + round(self.now * 1e9),
            tell=self.news.append,
        )
        self.tape.begin()

    def tell(self, message: Message) -> None:
        """Hand one message over at the present time."""
        self.tape.handle(message, self.now)

    def open(self, *, video: bool = True, sound: bool = True) -> None:
        """A source is there."""
        self.tell(Opened(video, sound))

    def play(self, items: Sequence[MediaPacket | SenderClock], until: float | None = None) -> None:
        """Hand over packets and reports in the order of their arrival, with ticks between them; go on to `until`."""
        for item in sorted(items, key=lambda one: one.arrival):
            self._advance(item.arrival)
            self.tell(item if isinstance(item, SenderClock) else Packets((item,)))
        if until is not None:
            self._advance(until)

    def _advance(self, to: float) -> None:
        while self.now + TICK < to:
            self.now += TICK
            self._tick()
        self.now = max(self.now, to)
        self._tick()

    def _tick(self) -> None:
        self.tape.tick(self.now)
        wish = self.tape.take_wish(self.now)
        if wish:
            self.wishes.append(wish)

    def end(self) -> None:
        """The lecturer leaves and the broadcast ends."""
        self.tell(Closed("closed_by_peer"))
        self.tell(Ended(True))


def stream(
    clip: Clip,
    *,
    start: float = 0.0,
    sound_delay: float = 0.0,
    video_delay: float = 0.0,
    with_reports: bool = True,
    sequence: int = 1000,
) -> list[MediaPacket | SenderClock]:
    """Return what a studio that sends this clip gives to the recorder; both tracks begin together at `start`."""
    items: list[MediaPacket | SenderClock] = [
        *video_packets(clip.pictures, sequence=sequence, offset=VIDEO_OFFSET, start=start, delay=video_delay),
        *sound_packets(clip.sounds, sequence=sequence, offset=SOUND_OFFSET, start=start, delay=sound_delay),
    ]
    if with_reports:
        items += reports(Kind.VIDEO, clip.seconds, offset=VIDEO_OFFSET, start=start)
        items += reports(Kind.AUDIO, clip.seconds, offset=SOUND_OFFSET, start=start)
    return items
