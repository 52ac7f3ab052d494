"""The streams of a real recorder: while it records, after the end, after a restart."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from broadcaster.media import SenderClock
from recorder.live import LiveStream
from recorder.recorder import Recorder
from recorder.sink import Recording
from signaling.db.base import uuid7
from tests.support.hls import hls_settings
from tests.support.m3u8 import Playlist, follows, read
from tests.support.media import clip
from tests.support.taping import recorder_settings, stream


def recorder_of(root: Path) -> Recorder:
    return Recorder(
        root, recorder_settings(queue_packets=100_000), hls_settings(farewell_seconds=0.2), lambda change: None
    )


def play(recorder: Recorder, recording_id: str, first: int = 0) -> Recording:
    """Open a recording and hand six seconds over at once, as arrivals of the last seconds."""
    recording = recorder.open(recording_id, lecture_id="lecture", broadcast_id="broadcast", title="课")
    recording.opened(Quiet())
    for item in sorted(stream(clip(6.0, first=first), start=time.monotonic() - 6.0), key=lambda one: one.arrival):
        if isinstance(item, SenderClock):
            recording.clock(item)
        else:
            recording.receive((item,), item.arrival)
    return recording


class Quiet:
    """A source of which nothing is wished."""

    id = "studio"

    def wish_keyframe(self, reason: str) -> None: ...

    def has(self, kind: object) -> bool:
        return True


async def reads(source: LiveStream) -> Playlist:
    return read((await source.playlist("dvr")).decode())


async def test_a_stream_grows_ends_and_is_forgotten(tmp_path: Path) -> None:
    recorder = recorder_of(tmp_path)
    recording_id = uuid7()
    recording = play(recorder, recording_id)
    running = recorder.stream(recording_id)
    assert running is not None
    async with asyncio.timeout(20):
        while running.held_bytes == 0:
            await asyncio.sleep(0.01)
    before = await reads(running)
    recording.closed("closed_by_peer")
    await recorder.finish(recording_id)
    after = await reads(running)
    follows(before, after)
    assert (before.ended, after.ended) == (False, True)
    async with asyncio.timeout(5):
        while recorder.stream(recording_id) is not None:
            await asyncio.sleep(0.01)
    await recorder.stop()


async def test_a_recording_that_is_continued_is_the_same_stream_to_its_clients(tmp_path: Path) -> None:
    recording_id = uuid7()
    found: list[Playlist] = []
    for number in range(2):
        recorder = recorder_of(tmp_path)
        await recorder.start(keep=[recording_id])
        recording = play(recorder, recording_id, first=1000 * number)
        running = recorder.stream(recording_id)
        assert running is not None
        async with asyncio.timeout(20):
            while recording.queued or not running.held_bytes:
                await asyncio.sleep(0.01)
        recording.closed("shutdown")
        await recorder.stop()
        assert recorder.stream(recording_id) is None
        await asyncio.sleep(0)
        found.append(await reads(running))
    first, second = found
    assert [one.uri for one in second.complete][: len(first.complete)] == [one.uri for one in first.complete]
    assert len(second.complete) > len(first.complete)
    assert not any(one.gap for one in second.segments)
    assert second.segments[-1].discontinuity == first.segments[-1].discontinuity + 1


async def test_the_disk_is_asked_even_before_there_is_a_folder(tmp_path: Path) -> None:
    capacity = recorder_of(tmp_path / "not" / "there").capacity()
    assert 0 < capacity.free_bytes <= capacity.total_bytes
    assert capacity.hours_left > 0
