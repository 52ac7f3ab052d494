"""A process that records a synthetic lecture in real time until it is killed: `python -m tests.support.recording_child ROOT ID SECONDS`.

It prints `sent <counter>` after each picture that it handed to the recorder, and `state <word>` for each change.
With a fourth argument, no file may grow beyond so many bytes: writes then fail as on a full disk.
"""

from __future__ import annotations

import asyncio
import resource
import signal
import sys
import time
from itertools import groupby
from pathlib import Path

import structlog

from broadcaster.media import Kind, MediaPacket, SenderClock
from recorder.recorder import Recorder
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
    """Print one line at once."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def record(root: Path, recording_id: str, seconds: float) -> None:
    """Record, then finish."""
    recorder = Recorder(root, recorder_settings(), hls_settings(), lambda change: say("state", change.state))
    recording = recorder.open(recording_id, lecture_id="lecture", broadcast_id=recording_id, title="禁毒第一课")
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
                _report(item)
    recording.closed("closed_by_peer")
    done = await recorder.finish(recording_id)
    say("finished", done.duration_s)


def _report(packet: MediaPacket) -> None:
    if packet.kind is Kind.VIDEO and packet.marker:
        say("sent", round((packet.timestamp - 900_000) / 6000))


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # lines of standard output stay whole
    if len(sys.argv) > 4:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), int(sys.argv[4])))
    asyncio.run(record(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
