"""The hand-off from the media loop to the recorder's worker thread.

1. **`receive` never blocks and never raises.** It appends to a queue of at most `queue_packets` packets.
2. When the queue is full, sound is dropped packet by packet, video up to the next IDR picture, for which a wish is raised;
   every dropped packet is counted, sender reports too. Openings, closings and marks are never dropped.
3. The worker wakes every 50 ms, not for each packet: a thread that wants the interpreter beside a busy loop costs the loop time.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import structlog

from broadcaster.media import Kind, MediaPacket, SenderClock
from broadcaster.sink import Source
from recorder.messages import Closed, Ended, Mark, Marked, Message, Opened, Packets
from recorder.news import Tell
from recorder.recording import Tape

log = structlog.get_logger("recorder")

BATCH_SECONDS: Final = 0.05
IDLE_SECONDS: Final = 0.2
BATCH_MESSAGES: Final = 256


class HandOff:
    """A bounded queue of messages between two threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._messages: deque[Message] = deque()
        self._packets = 0
        self._skipping = False  # video, to the next IDR picture
        self._changed = threading.Condition()
        self.drops: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._packets

    def put(self, message: Message) -> None:
        """Append a message that is never dropped."""
        with self._changed:
            self._messages.append(message)
            self._changed.notify()

    def offer_clock(self, clock: SenderClock) -> None:
        """Append a sender report, or drop it when as many messages wait as packets may."""
        with self._changed:
            if len(self._messages) < self._limit:
                self._messages.append(clock)
            else:
                self.drops["queue_full_clock"] += 1

    def offer(self, train: Sequence[MediaPacket]) -> bool:
        """Append a train or drop it; return whether video was dropped that an IDR picture must repair."""
        with self._changed:
            train, broken = self._admit(train)
            if train:
                self._packets += len(train)
                self._messages.append(Packets(train))
                self._changed.notify()
            return broken

    def _admit(self, train: Sequence[MediaPacket]) -> tuple[Sequence[MediaPacket], bool]:
        video = train[0].kind is Kind.VIDEO
        if self._packets + len(train) > self._limit:
            self.drops["queue_full_video" if video else "queue_full_sound"] += len(train)
            self._skipping = self._skipping or video
            return (), video
        if not video or not self._skipping:
            return train, False
        start = next((place for place, packet in enumerate(train) if packet.starts_keyframe), len(train))
        self.drops["queue_full_video"] += start
        self._skipping = start == len(train)
        return train[start:], False

    def take(self, timeout: float) -> list[Message]:
        """Return the oldest messages, waiting up to `timeout` seconds for the first one."""
        with self._changed:
            if not self._messages:
                self._changed.wait(timeout)
            messages = [self._messages.popleft() for _ in range(min(BATCH_MESSAGES, len(self._messages)))]
            self._packets -= sum(len(message.train) for message in messages if isinstance(message, Packets))
            return messages


class Recording:
    """A `broadcaster.sink.Sink` that records. Made by `Recorder.open`; its methods belong to the media loop."""

    def __init__(
        self,
        recording_id: str,
        tape: Tape,
        queue_packets: int,
        loop: asyncio.AbstractEventLoop,
        tell: Tell = lambda news: None,
    ) -> None:
        """Start the worker; `tell` is called in `loop` with the news of `tape`, in order."""
        self.id = recording_id
        self._tape = tape
        tape.tell = lambda news: self._call_loop(lambda: tell(news))
        self._hand_off = HandOff(queue_packets)
        self._loop = loop
        self._source: Source | None = None
        self._hurry = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"recorder-{recording_id[-6:]}", daemon=True)
        self._thread.start()

    @property
    def drops(self) -> Counter[str]:
        """Packets that were not recorded, by reason: a copy made in one step, for the worker goes on counting."""
        return self._hand_off.drops.copy() + self._tape.drops.copy()

    @property
    def queued(self) -> int:
        """Packets that wait for the worker."""
        return len(self._hand_off)

    def opened(self, source: Source) -> None:
        """A lecturer is there."""
        self._source = source
        self._hand_off.put(Opened(source.has(Kind.VIDEO), source.has(Kind.AUDIO)))

    def receive(self, train: Sequence[MediaPacket], now: float) -> None:
        """Take packets of one kind."""
        if train and self._hand_off.offer(train):
            self._wish("recorder_queue_full")

    def clock(self, clock: SenderClock) -> None:
        """Take a sender report."""
        self._hand_off.offer_clock(clock)

    def closed(self, reason: str) -> None:
        """The lecturer is gone."""
        self._source = None
        self._hand_off.put(Closed(reason))

    def mark(self, event: Mark, at: datetime) -> None:
        """Note that the broadcast was paused, resumed or cut at the UTC time `at`."""
        self._hand_off.put(Marked(event, at))

    async def stop(self, *, final: bool) -> None:
        """Write what has arrived and end the worker; `final` when the broadcast is over. Idempotent."""
        self._hand_off.put(Ended(final))
        self._hurry.set()
        await asyncio.to_thread(self._thread.join)

    def _wish(self, reason: str) -> None:
        if self._source is not None:
            self._source.wish_keyframe(reason)

    def _run(self) -> None:
        self._guard(self._tape.begin)
        while not self._tape.ended:
            messages = self._hand_off.take(IDLE_SECONDS)
            now = time.monotonic()
            for message in messages:
                self._guard(lambda message=message, now=now: self._tape.handle(message, now))  # type: ignore[misc]
            self._guard(lambda now=now: self._tape.tick(now))  # type: ignore[misc]
            wish = self._tape.take_wish(now)
            if wish is not None:
                self._call_loop(lambda wish=wish: self._wish(wish))  # type: ignore[misc]
            if not len(self._hand_off):
                self._hurry.wait(BATCH_SECONDS)

    def _guard(self, work: Callable[[], None]) -> None:
        """A bug in here degrades this recording; it must not end the thread and with it the recording."""
        try:
            work()
        except Exception as error:
            log.exception("x recorder worker", recording=self.id)
            self._tape.degrade(error, time.monotonic())

    def _call_loop(self, work: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(work)
        except RuntimeError:
            log.info("x event loop is closed", recording=self.id)
