"""What it costs to record a lecture: CPU seconds per second of lecture, by thread, and what finishing an hour costs.

A real `Recorder` with its worker thread, files that are synced, and the live stream takes a lecture of 720p at 30 pictures and 1.5 Mb/s
with voice in 40 ms packets **at its own pace**, because waking is a part of the cost. Pacing alone is measured too and taken off.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext

from broadcaster.media import Kind, MediaPacket
from config.settings import load
from recorder.finish import finish
from recorder.mux import SoundTrack
from recorder.recorder import Recorder
from recorder.sink import Recording
from signaling.db.base import uuid7
from tests.support.media import AUDIO_RATE, SOUND_SAMPLES, Clip, Picture, Sound, clip, sound_packets, video_packets
from tests.support.reels import Shelf

FPS: Final = 30
BIT_RATE: Final = 1_500_000
CLIP_SECONDS: Final = 8.0
PACE: Final = 1 / FPS

Train = tuple[float, list[MediaPacket]]


class Lecturer:
    """A source with picture and sound that has IDR pictures anyway, whatever is wished."""

    id = "bench"

    def wish_keyframe(self, reason: str) -> None:
        """Nothing: the pictures are coded already."""

    def has(self, kind: Kind) -> bool:
        """Both."""
        return True


def voice(seconds: float) -> tuple[Sound, ...]:
    """Return Opus packets of something like a voice, and none of silence: AAC costs most where there is something to code."""
    time_ = np.arange(round(seconds * AUDIO_RATE)) / AUDIO_RATE
    phase = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.7 * time_)) / AUDIO_RATE
    tone = sum(np.sin(k * phase) / k for k in range(1, 25)) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time_))
    noise = np.random.default_rng(1).normal(size=len(time_))
    pcm = np.repeat((6000 * tone + 300 * noise).clip(-32768, 32767).astype(np.int16), 2)
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = AUDIO_RATE, "stereo", "s16"
    encoder.bit_rate, encoder.options = 48_000, {"frame_duration": "40"}
    packets: list[bytes] = []
    for start in range(0, len(pcm) - 2 * SOUND_SAMPLES + 1, 2 * SOUND_SAMPLES):
        frame = av.AudioFrame.from_ndarray(pcm[start : start + 2 * SOUND_SAMPLES].reshape(1, -1), "s16", "stereo")
        frame.sample_rate, frame.pts = AUDIO_RATE, start // 2
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return tuple(Sound(number * SOUND_SAMPLES, payload) for number, payload in enumerate(packets))


@lru_cache(maxsize=1)
def lesson() -> Clip:
    """Return eight seconds of lecture; filler data brings every picture to its share of the bit rate."""
    drawn = clip(CLIP_SECONDS, fps=FPS, width=1280, height=720, gop_seconds=4.0, bit_rate=BIT_RATE)
    share = BIT_RATE // 8 // FPS
    return Clip(FPS, tuple(_filled(picture, share) for picture in drawn.pictures), voice(CLIP_SECONDS))


def _filled(picture: Picture, size: int) -> Picture:
    missing = size - sum(map(len, picture.nals))
    filler = (b"\x0c" + b"\xff" * missing + b"\x80",) if missing > 0 else ()
    return replace(picture, nals=picture.nals + filler)


def trains(seconds: float) -> list[Train]:
    """Return the lecture as it arrives, one train a picture and a sound packet: times from 0."""
    once, turns = lesson(), -(-int(seconds) // int(CLIP_SECONDS))
    pictures = [
        replace(picture, timestamp=picture.timestamp + round(turn * CLIP_SECONDS * 90_000))
        for turn in range(turns)
        for picture in once.pictures
    ]
    sounds = [
        Sound(number * SOUND_SAMPLES, once.sounds[number % len(once.sounds)].payload)
        for number in range(turns * len(once.sounds))
    ]
    packets = [*video_packets(pictures), *sound_packets(sounds)]
    packets.sort(key=lambda one: (one.arrival, one.kind, one.sequence))
    grouped = groupby(packets, key=lambda one: (one.arrival, one.kind))
    return [(at, list(train)) for (at, _), train in grouped if at < seconds]


async def play(way: Sequence[Train], into: Recording | None) -> None:
    """Hand the trains over at their times; the packets get the arrival that they have now."""
    begun = time.monotonic()
    for at, train in way:
        late = begun + at - time.monotonic()
        if late > PACE / 10:
            await asyncio.sleep(late)
        if into is not None:
            into.receive([replace(one, arrival=begun + at) for one in train], begun + at)


def thread_seconds(thread: threading.Thread) -> float:
    """Return the CPU time of a thread that runs."""
    assert thread.ident is not None
    return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))


async def recorded(folder: Path, seconds: float) -> dict[str, float]:
    """Record at the lecture's own pace; shares are of one core."""
    settings = load(overrides={"recorder": {"min_free_bytes": 0}})
    way = trains(seconds)
    recorder = Recorder(folder, settings.recorder, settings.hls, lambda change: None)
    await recorder.start()
    before = time.thread_time()
    await play(trains(seconds), None)
    pacing = time.thread_time() - before
    name = uuid7()
    recording = recorder.open(name, lecture_id="l", broadcast_id="b", title="bench")
    worker = next(one for one in threading.enumerate() if one.name == f"recorder-{name[-6:]}")
    recording.opened(Lecturer())  # type: ignore[arg-type]  # what the recorder uses of a source
    before = time.thread_time()
    await play(way, recording)
    loop, spent = time.thread_time() - before - pacing, thread_seconds(worker)
    drops, stream = sum(recording.drops.values()), recorder.stream(name)
    held = stream.held_bytes if stream else 0
    recording.closed("closed_by_peer")
    await recording.stop(final=True)
    await recorder.stop()
    return {
        "worker": spent / seconds,
        "loop": loop / seconds,
        "core_share": (spent + loop) / seconds,
        "dropped": drops,
        "stream_megabytes": held / 1e6,
    }


def sound_share() -> float:
    """Return what decoding Opus and coding AAC costs alone, as a share of a core."""
    track, sounds = SoundTrack(load().recorder.aac_bitrate), lesson().sounds
    begun, turns = time.thread_time(), 4
    for number in range(turns * len(sounds)):
        track.add(sounds[number % len(sounds)].payload, number * SOUND_SAMPLES, SOUND_SAMPLES)
        track.take()
    return (time.thread_time() - begun) / (turns * CLIP_SECONDS)


def finishing(folder: Path) -> float:
    """Return the CPU seconds that finishing an hour at this bit rate takes."""
    shelf = Shelf(folder)
    shelf.reel(0.0, lesson(), minutes=60, bits=BIT_RATE)
    begun = time.process_time()
    finish(shelf.folder)
    return time.process_time() - begun


def measure(folder: Path, seconds: float) -> dict[str, Any]:
    """Return all figures of the recorder; `seconds` of lecture take twice as long."""
    found = asyncio.run(recorded(folder / "live", seconds))
    return found | {"sound": sound_share(), "finish_hour_s": finishing(folder / "hour"), "seconds": seconds}
