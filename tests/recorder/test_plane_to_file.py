"""From a lecturer's socket through ICE, DTLS, SRTP and the room to the finished file."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from recorder.recorder import Recorder
from signaling.db.base import uuid7
from tests.support.hls import hls_settings
from tests.support.lecture import sender_report
from tests.support.media import access_units, clip, find_beeps, h264_payloads, heard, shown_counters
from tests.support.peer import Peer
from tests.support.stage import stage
from tests.support.taping import recorder_settings

SECONDS = 5.0
NTP = 3_976_214_400.0


async def publish(lecturer: Peer, seconds: float) -> None:
    """Send a real clip at its own pace, with sequence numbers and timestamps that wrap on the way."""
    sent = clip(seconds)
    video, sound = lecturer.lecture.video, lecturer.lecture.audio
    video.sequence, sound.sequence = 65_500, 65_520
    video_offset, sound_offset = (1 << 32) - 90_000, (1 << 32) - 96_000
    begin = time.monotonic()
    due = [(one.timestamp / 90_000, one, None) for one in sent.pictures]
    due += [(one.timestamp / 48_000 + 0.04, None, one) for one in sent.sounds]
    report = 0.5
    for moment, picture, packet in sorted(due, key=lambda item: item[0]):
        await asyncio.sleep(max(0.0, begin + moment - time.monotonic()))
        if picture is not None:
            video.timestamp = picture.timestamp + video_offset
            payloads = h264_payloads(picture.nals)
            for payload in payloads:
                lecturer.send_rtp(video.packet(payload, marker=payload is payloads[-1]))
        if packet is not None:
            sound.timestamp = packet.timestamp + sound_offset
            lecturer.send_rtp(sound.packet(packet.payload, marker=False))
        if moment >= report and picture is not None:
            report += 1.0
            lecturer.send_rtcp(sender_report(video, NTP + picture.timestamp / 90_000))
            sound.timestamp = round(picture.timestamp / 90_000 * 48_000) + sound_offset
            lecturer.send_rtcp(sender_report(sound, NTP + picture.timestamp / 90_000))


async def test_what_the_lecturer_sends_is_what_the_file_holds(tmp_path: Path) -> None:
    sent = clip(SECONDS)
    recorder = Recorder(tmp_path, recorder_settings(), hls_settings(), lambda change: None)
    recording_id = uuid7()
    async with stage() as at:
        recording = recorder.open(recording_id, lecture_id="lecture", broadcast_id="broadcast", title="")
        at.room.attach(recording)
        lecturer = await at.lecturer()
        await publish(lecturer, SECONDS)
        expected = sum(len(h264_payloads(one.nals)) for one in sent.pictures) + len(sent.sounds)
        await at.until(lambda: at.room.packets_in >= expected)
        at.room.detach(recording)
        done = await recorder.finish(recording_id)
    assert done.problems == []
    assert done.path_mp4 is not None
    assert access_units(done.path_mp4) == [picture.nals for picture in sent.pictures]
    pictures = {counter: moment for moment, counter in shown_counters(done.path_mp4)}
    start, samples = heard(done.path_mp4)
    beeps = find_beeps(samples)
    assert len(beeps) == SECONDS
    assert max(abs(start + beep - pictures[second * sent.fps]) for second, beep in enumerate(beeps)) <= 0.04
