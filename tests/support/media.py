"""Synthetic lectures: pictures with a frame counter, a beep each second, as H.264 and Opus, as RTP, and read back from files.

Picture n shows counter `first + n`; with 15 pictures a second the beep of second s begins together with picture 15 s. Encoded
clips are cached, they are the same for all tests of a process.
"""

from __future__ import annotations

import math
import re
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from broadcaster.media import Kind, MediaPacket, SenderClock
from tests.support import counter as counters

AUDIO_RATE = 48_000
VIDEO_RATE = 90_000
SOUND_SAMPLES = 1920  # 40 ms
BEEP_HZ = 1000
BEEP_SECONDS = 0.06
MTU = 1100
NTP_UNIX = 2_208_988_800

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Picture:
    """One coded access unit: NAL units without start codes."""

    counter: int
    timestamp: int
    nals: tuple[bytes, ...]
    key: bool

    @property
    def annex_b(self) -> bytes:
        """The byte stream format with four-byte start codes."""
        return b"".join(b"\0\0\0\1" + nal for nal in self.nals)


@dataclass(frozen=True)
class Sound:
    """One Opus packet."""

    timestamp: int
    payload: bytes


@dataclass(frozen=True)
class Clip:
    """A coded lecture; timestamps begin at 0."""

    fps: int
    pictures: tuple[Picture, ...]
    sounds: tuple[Sound, ...]

    @property
    def seconds(self) -> float:
        """The length of the picture track."""
        return len(self.pictures) / self.fps


# -- making


def video_frame(counter: int, width: int, height: int) -> av.VideoFrame:
    """Return the picture with this counter."""
    plane = np.full((height * 3 // 2, width), 128, dtype=np.uint8)
    plane[:height] = counters.draw(counter, width, height)
    return av.VideoFrame.from_ndarray(plane, format="yuv420p")


def beeps(seconds: float) -> Samples:
    """Return mono samples at 48 kHz with a beep at the beginning of every second."""
    time = np.arange(round(seconds * AUDIO_RATE)) / AUDIO_RATE
    tone = 0.5 * np.sin(2 * np.pi * BEEP_HZ * time)
    return np.where(time % 1.0 < BEEP_SECONDS, tone, 0.0).astype(np.float32)


@lru_cache(maxsize=8)
def clip(
    seconds: float = 6.0,
    *,
    fps: int = 15,
    width: int = 320,
    height: int = 180,
    gop_seconds: float = 2.0,
    bit_rate: int = 300_000,
    first: int = 0,
) -> Clip:
    """Return a coded lecture: H.264 constrained baseline with parameter sets at each IDR picture, Opus in 40 ms packets."""
    return Clip(
        fps,
        tuple(_pictures(round(seconds * fps), fps, width, height, round(gop_seconds * fps), bit_rate, first)),
        tuple(_sounds(seconds)),
    )


def _pictures(count: int, fps: int, width: int, height: int, gop: int, bit_rate: int, first: int) -> Iterator[Picture]:
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.bit_rate = Fraction(1, fps), Fraction(fps), bit_rate
    encoder.thread_count = 1
    encoder.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "profile": "baseline",
        "x264-params": f"keyint={gop}:min-keyint={gop}:scenecut=0:repeat-headers=1:slices=1",
    }
    for number in range(count):
        frame = video_frame(first + number, width, height)
        frame.pts = number
        for packet in encoder.encode(frame):
            nals = split_annex_b(bytes(packet))
            key = any(nal[0] & 0x1F == 5 for nal in nals)
            yield Picture(first + number, number * VIDEO_RATE // fps, nals, key)


def _sounds(seconds: float) -> Iterator[Sound]:
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = AUDIO_RATE, "stereo", "s16"
    encoder.bit_rate, encoder.options = 48_000, {"frame_duration": "40"}
    pcm = (np.repeat(beeps(seconds), 2) * 32767).astype(np.int16)
    number = 0
    for start in range(0, len(pcm) - 2 * SOUND_SAMPLES + 1, 2 * SOUND_SAMPLES):
        chunk = pcm[start : start + 2 * SOUND_SAMPLES].reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(chunk, format="s16", layout="stereo")
        frame.sample_rate, frame.pts = AUDIO_RATE, start // 2
        for packet in encoder.encode(frame):
            yield Sound(number * SOUND_SAMPLES, bytes(packet))
            number += 1


def split_annex_b(data: bytes) -> tuple[bytes, ...]:
    """Return the NAL units of a byte stream (ITU-T H.264 annex B)."""
    marks = [(match.start(), match.end()) for match in re.finditer(rb"\x00\x00\x00?\x01", data)]
    ends = [start for start, _ in marks[1:]] + [len(data)]
    return tuple(data[begin:end] for (_, begin), end in zip(marks, ends, strict=True))


def write_camera(path: Path, seconds: float, *, fps: int = 20, width: int = 1280, height: int = 720) -> None:
    """Write a Motion-JPEG file for Chromium's `--use-file-for-fake-video-capture`; it plays it in a loop."""
    with av.open(str(path), "w", format="mjpeg") as out:
        stream = out.add_stream("mjpeg", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p"
        stream.options = {"q": "3"}
        for number in range(round(seconds * fps)):
            out.mux(stream.encode(video_frame(number, width, height).reformat(format="yuvj420p")))
        out.mux(stream.encode(None))


def write_microphone(path: Path, seconds: float) -> None:
    """Write a WAV file for Chromium's `--use-file-for-fake-audio-capture`."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(AUDIO_RATE)
        out.writeframes((beeps(seconds) * 32767).astype("<i2").tobytes())


# -- RTP


def h264_payloads(nals: Sequence[bytes], mtu: int = MTU) -> list[bytes]:
    """Return RTP payloads: parameter sets in one STAP-A, small NAL units alone, large ones as FU-A (RFC 6184)."""
    payloads: list[bytes] = []
    parameters = [nal for nal in nals if nal[0] & 0x1F in (7, 8)]
    if len(parameters) > 1:
        payloads.append(b"\x78" + b"".join(len(nal).to_bytes(2, "big") + nal for nal in parameters))
        nals = [nal for nal in nals if nal[0] & 0x1F not in (7, 8)]
    for nal in nals:
        payloads += [nal] if len(nal) <= mtu else _fragments(nal, mtu)
    return payloads


def _fragments(nal: bytes, mtu: int) -> list[bytes]:
    size = mtu - 2
    pieces = [nal[start : start + size] for start in range(1, len(nal), size)]
    last = len(pieces) - 1
    return [
        bytes((nal[0] & 0xE0 | 28, nal[0] & 0x1F | (place == 0) << 7 | (place == last) << 6)) + piece
        for place, piece in enumerate(pieces)
    ]


def video_packets(
    pictures: Sequence[Picture], *, sequence: int = 1000, offset: int = 90_000, start: float = 0.0, delay: float = 0.0
) -> list[MediaPacket]:
    """Return the packets; `offset` is added to timestamps, a picture of time t arrives at `start + t + delay`."""
    packets: list[MediaPacket] = []
    for picture in pictures:
        payloads = h264_payloads(picture.nals)
        arrival = start + picture.timestamp / VIDEO_RATE + delay
        for place, payload in enumerate(payloads):
            marker = place == len(payloads) - 1
            packets.append(
                MediaPacket(
                    index=len(packets),
                    kind=Kind.VIDEO,
                    sequence=sequence + len(packets),
                    timestamp=picture.timestamp + offset,
                    marker=marker,
                    keyframe=picture.key,
                    starts_keyframe=picture.key and place == 0,
                    arrival=arrival,
                    payload=payload,
                )
            )
    return packets


def sound_packets(
    sounds: Sequence[Sound], *, sequence: int = 5000, offset: int = 48_000, start: float = 0.0, delay: float = 0.0
) -> list[MediaPacket]:
    """Return the packets; a sound of time t arrives at `start + t + 0.04 + delay`, when it was complete."""
    return [
        MediaPacket(
            index=place,
            kind=Kind.AUDIO,
            sequence=sequence + place,
            timestamp=sound.timestamp + offset,
            marker=False,
            keyframe=False,
            starts_keyframe=False,
            arrival=start + sound.timestamp / AUDIO_RATE + SOUND_SAMPLES / AUDIO_RATE + delay,
            payload=sound.payload,
        )
        for place, sound in enumerate(sounds)
    ]


def reports(kind: Kind, seconds: float, *, offset: int, start: float = 0.0, every: float = 1.0) -> list[SenderClock]:
    """Return sender reports of a lecturer whose clock showed 2026-01-01 at time 0."""
    epoch = NTP_UNIX + 1_767_225_600.0
    count = math.floor(seconds / every)
    return [
        SenderClock(kind, epoch + n * every, offset + round(n * every * kind.clock_rate), start + n * every)
        for n in range(count)
    ]


# -- reading back


def access_units(path: Path | str) -> list[tuple[bytes, ...]]:
    """Return the NAL units of every access unit of an MP4 file, as they are stored."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        units = [bytes(packet) for packet in container.demux(stream) if packet.size]
    return [nal_units(unit) for unit in units]


def nal_units(unit: bytes) -> tuple[bytes, ...]:
    """Return the NAL units of an access unit as MP4 stores it, each behind its length."""
    nals: list[bytes] = []
    while unit:
        size = int.from_bytes(unit[:4], "big")
        nals.append(unit[4 : 4 + size])
        unit = unit[4 + size :]
    return tuple(nals)


def shown_counters(path: Path | str) -> list[tuple[float, int | None]]:
    """Return time and counter of every decoded picture; the counter is None where it cannot be read."""
    with av.open(str(path)) as container:
        frames = container.decode(container.streams.video[0])
        return [(float(frame.time or 0), counters.decode(frame.to_ndarray(format="gray"))) for frame in frames]


def heard(path: Path | str) -> tuple[float, Samples]:
    """Return the time of the first sample and the mono samples at 48 kHz of the sound of a file."""
    blocks: list[Samples] = []
    start = 0.0
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=AUDIO_RATE)
        for number, frame in enumerate(container.decode(container.streams.audio[0])):
            start = float(frame.time or 0) if number == 0 else start
            blocks += [one.to_ndarray().reshape(-1) for one in resampler.resample(frame)]
    return start, np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)


def find_beeps(samples: Samples, rate: int = AUDIO_RATE, level: float = 0.1) -> list[float]:
    """Return the seconds at which beeps begin: the level is passed after at least a quarter of a second of quiet."""
    loud = np.flatnonzero(np.abs(samples) > level)
    if not len(loud):
        return []
    begins = np.concatenate(([True], np.diff(loud) > rate // 4))
    return [float(place) / rate for place in loud[begins]]
