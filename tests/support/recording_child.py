"""Processes that record a synthetic lecture in real time until they are killed: `python -m tests.support.recording_child ROOT IDS SECONDS`.

For each id, separated by commas, a process is forked: interpreter and clip are prepared once. Each prints `pid <id> <pid>`, then
`sent <id> <counter>` after each picture that it handed to the recorder, `stored <id> <parts>` when so many parts are durable, and
`state <id> <word>` for each change. With a fourth argument, no file may grow beyond so many bytes: writes then fail as on a full disk.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
import time
from itertools import count, groupby
from pathlib import Path

import structlog

from broadcaster.media import Kind, MediaPacket, SenderClock
from recorder.news import News, PartMade
from recorder.recorder import Recorder
from recorder.sink import Recording
from tests.support.hls import hls_settings
from tests.support.media import clip
from tests.support.taping import recorder_settings, stream


class Studio:
    """A source whose wishes come too late."""

    id = "studio"

    def wish_keyframe(self, reason: str) -> None:
        """The clip has its IDR pictures where it has them."""

    def has(self, kind: Kind) -> bool:
        """Both kinds."""
        return True


def say(*words: object) -> None:
    """Print one line at once: lines of several processes stay whole."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def record(root: Path, recording_id: str, seconds: float) -> None:
    """Record, then finish."""
    recorder = Recorder(
        root, recorder_settings(), hls_settings(), lambda change: say("state", recording_id, change.state)
    )
    recording = recorder.open(recording_id, lecture_id="lecture", broadcast_id=recording_id, title="禁毒第一课")
    count_stored(recording)
    recording.opened(Studio())
    sent = clip(seconds)
    items = sorted(stream(sent, start=time.monotonic()), key=lambda item: item.arrival)
    for arrival, group in groupby(items, key=lambda item: item.arrival):
        await asyncio.sleep(max(0.0, arrival - time.monotonic()))
        for item in group:
            if isinstance(item, SenderClock):
                recording.clock(item)
            else:
                recording.receive((item,), item.arrival)
                _report(recording_id, item)
    recording.closed("closed_by_peer")
    done = await recorder.finish(recording_id)
    say("finished", recording_id, done.duration_s)


def count_stored(recording: Recording) -> None:
    """Say of each part that it is durable, in the thread and at the moment in which it is."""
    tape, parts = recording._tape, count(1)
    tell = tape.tell

    def pass_on(news: News) -> None:
        if isinstance(news, PartMade) and news.stored:
            say("stored", recording.id, next(parts))
        tell(news)

    tape.tell = pass_on


def _report(recording_id: str, packet: MediaPacket) -> None:
    if packet.kind is Kind.VIDEO and packet.marker:
        say("sent", recording_id, round((packet.timestamp - 900_000) / 6000))


def main(root: Path, ids: list[str], seconds: float) -> None:
    """Fork one process for each id and wait for all of them."""
    clip(seconds)
    for one in ids:
        if os.fork() == 0:
            say("pid", one, os.getpid())
            asyncio.run(record(root, one, seconds))
            os._exit(0)
    for _ in ids:
        os.wait()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # lines of standard output stay whole
    if len(sys.argv) > 4:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), int(sys.argv[4])))
    main(Path(sys.argv[1]), sys.argv[2].split(","), float(sys.argv[3]))
