"""The sink on a real event loop and a real worker thread."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from broadcaster.media import Kind, MediaPacket, SenderClock
from recorder.messages import Packets
from recorder.recorder import Recorder
from recorder.sink import HandOff, Recording
from recorder.states import RecordingChanged
from signaling.db.base import uuid7
from tests.support.hls import hls_settings
from tests.support.media import access_units, clip, sound_packets, video_packets
from tests.support.taping import recorder_settings, stream


class Studio:
    """A source that notes wishes."""

    def __init__(self) -> None:
        self.id = "studio"
        self.wishes: list[str] = []
        self.wished = asyncio.Event()

    def wish_keyframe(self, reason: str) -> None:
        self.wishes.append(reason)
        self.wished.set()

    def has(self, kind: Kind) -> bool:
        return True


def feed(recording: Recording, seconds: float, first: int = 0) -> None:
    """Hand a whole clip over at once, as arrivals of the last seconds."""
    source = clip(seconds, first=first)
    for item in sorted(stream(source, start=time.monotonic() - seconds), key=lambda one: one.arrival):
        if isinstance(item, SenderClock):
            recording.clock(item)
        else:
            recording.receive((item,), item.arrival)


def open_one(recorder: Recorder, recording_id: str) -> Recording:
    return recorder.open(recording_id, lecture_id="lecture", broadcast_id="broadcast", title="../../标题")


async def test_a_recording_is_ready_within_five_seconds_of_its_end(tmp_path: Path) -> None:
    changes: list[RecordingChanged] = []
    recorder = Recorder(tmp_path, recorder_settings(queue_packets=100_000), hls_settings(), changes.append)
    recording_id = uuid7()
    recording = open_one(recorder, recording_id)
    assert open_one(recorder, recording_id) is recording
    recording.opened(Studio())
    feed(recording, 180.0)
    while recording.queued:
        await asyncio.sleep(0.01)
    ended = time.monotonic()
    recording.closed("closed_by_peer")
    done = await recorder.finish(recording_id)
    assert time.monotonic() - ended < 5.0
    assert done.path_mp4 is not None
    assert done.duration_s == pytest.approx(180, abs=0.1)
    assert done.bytes == done.path_mp4.stat().st_size
    assert len(access_units(done.path_mp4)) == 180 * 15
    assert [change.state for change in changes] == ["finalising", "finalising", "ready"]
    assert recorder.read(recording_id) == done
    assert [path.name for path in tmp_path.iterdir()] == [recording_id]


async def test_a_stopped_recorder_goes_on_with_the_same_recording(tmp_path: Path) -> None:
    recording_id = uuid7()
    for number in range(2):
        recorder = Recorder(tmp_path, recorder_settings(), hls_settings(), lambda change: None)
        recovered = await recorder.start(keep=[recording_id])
        assert [one.finished for one in recovered] == [None] * number
        recording = open_one(recorder, recording_id)
        recording.opened(Studio())
        feed(recording, 4.0, first=1000 * number)
        recording.closed("shutdown")
        await recorder.stop()
        await recorder.stop()
    recorder = Recorder(tmp_path, recorder_settings(), hls_settings(), lambda change: None)
    (found,) = await recorder.start()
    assert found.finished is not None
    assert found.finished.path_mp4 is not None
    assert (found.lecture_id, found.broadcast_id) == ("lecture", "broadcast")
    assert len(access_units(found.finished.path_mp4)) == 120


async def test_a_missing_keyframe_is_wished_for_through_the_loop(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, recorder_settings(), hls_settings(), lambda change: None)
    recording = open_one(recorder, uuid7())
    studio = Studio()
    recording.opened(studio)
    async with asyncio.timeout(5):
        await studio.wished.wait()
    assert studio.wishes[0] in ("source_found", "recorder_waits")
    await recorder.stop()


async def test_a_full_disk_is_told_and_nothing_is_raised(tmp_path: Path) -> None:
    degraded = asyncio.Event()

    def changed(change: RecordingChanged) -> None:
        if change.state == "degraded":
            degraded.set()

    recorder = Recorder(
        tmp_path, recorder_settings(min_free_bytes=1000), hls_settings(), changed, free_bytes=lambda: 10
    )
    recording_id = uuid7()
    recording = open_one(recorder, recording_id)
    recording.opened(Studio())
    feed(recording, 4.0)
    async with asyncio.timeout(5):
        await degraded.wait()
    recording.closed("closed_by_peer")
    done = await recorder.finish(recording_id)
    assert done.path_mp4 is None
    assert done.problems == ["disk_full", "no_media"]


async def test_a_root_that_cannot_be_written_degrades(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    changes: list[str] = []
    recorder = Recorder(
        tmp_path / "file",
        recorder_settings(),
        hls_settings(),
        lambda change: changes.append(change.state),
        free_bytes=lambda: 1 << 40,
    )
    recording = open_one(recorder, uuid7())
    recording.opened(Studio())
    feed(recording, 4.0)
    await recorder.stop()
    await asyncio.sleep(0)
    assert changes == ["degraded"]


def test_a_full_queue_drops_video_to_the_next_idr_picture() -> None:
    packets = video_packets(clip(6.0).pictures)
    hand_off = HandOff(40)
    broken = [hand_off.offer((packet,)) for packet in packets[:60]]
    assert sum(broken) == 20
    assert hand_off.drops["queue_full_video"] == 20
    assert len(hand_off.take(0)) == 40
    rest = packets[60:]
    assert not any(hand_off.offer((packet,)) for packet in rest[:40])
    kept = [packet for message in hand_off.take(0) if isinstance(message, Packets) for packet in message.train]
    assert kept == [] or kept[0].starts_keyframe
    first_key = next(place for place, packet in enumerate(rest) if packet.starts_keyframe)
    assert hand_off.drops["queue_full_video"] == 20 + min(40, first_key)


def test_a_full_queue_drops_sound_and_keeps_openings_and_closings() -> None:
    packets = sound_packets(clip(6.0).sounds)
    hand_off = HandOff(10)
    assert not any(hand_off.offer((packet,)) for packet in packets[:30])
    assert hand_off.drops["queue_full_sound"] == 20
    hand_off.put(Packets(()))
    assert len(hand_off.take(0)) == 11


def test_a_train_is_kept_from_its_idr_picture_on() -> None:
    packets = [replace(packet) for packet in video_packets(clip(6.0).pictures)]
    start = next(place for place, packet in enumerate(packets) if packet.starts_keyframe and place)
    hand_off = HandOff(10)
    assert hand_off.offer(packets[:20])
    train = packets[start - 2 : start + 3]
    assert not hand_off.offer(train)
    (message,) = hand_off.take(0)
    assert isinstance(message, Packets)
    assert list(message.train) == train[2:]


def test_packets_are_references(tmp_path: Path) -> None:
    packet: MediaPacket = video_packets(clip(6.0).pictures)[0]
    hand_off = HandOff(10)
    hand_off.offer((packet,))
    (message,) = hand_off.take(0)
    assert isinstance(message, Packets)
    assert message.train[0] is packet
