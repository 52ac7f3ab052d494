"""The door to PyAV: H.264 copied and Opus coded to AAC-LC into fragmented MP4, in memory.

PyAV's muxer is used as it is (`cmaf+empty_moov+frag_keyframe+skip_trailer`): it begins a part at each IDR picture and after
`part_seconds`, and hands the bytes over when the next packet comes. It holds a stream back until the other one has caught up;
`max_interleave_delta` bounds that, and sound without holes keeps it from happening.

1. **The Python file object never raises**: bytes are collected in memory, writing them is `recorder.segment`'s work.
2. Both streams begin at 0, the first IDR picture; sound before it is cut off.
3. The AAC encoder's first packet (1,024 samples of priming, time -1,024) is dropped, so that time stays what it was.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from broadcaster.media import AUDIO_CLOCK_RATE, VIDEO_CLOCK_RATE
from recorder.boxes import PartSplitter
from recorder.errors import BoxError

SAMPLE_BYTES: Final = 4  # 16-bit stereo
AAC_SAMPLES: Final = 1024
VIDEO_TIME: Final = Fraction(1, VIDEO_CLOCK_RATE)
AUDIO_TIME: Final = Fraction(1, AUDIO_CLOCK_RATE)
INTERLEAVE_MICROSECONDS: Final = 300_000


def picture_size(annex_b: bytes) -> tuple[int, int]:
    """Return width and height of an IDR picture, by decoding it: once a reel. Raise `BoxError` when it is not decodable."""
    decoder = av.CodecContext.create("h264", "r")
    if not isinstance(decoder, VideoCodecContext):
        raise BoxError("this build of PyAV has no H.264 decoder")
    try:
        frames = decoder.decode(av.Packet(annex_b)) + decoder.decode(None)
    except av.FFmpegError as error:
        raise BoxError(f"the first picture of a reel cannot be decoded: {error}") from error
    if not frames:
        raise BoxError("the first picture of a reel decodes to nothing")
    return frames[0].width, frames[0].height


class OpusDecoder:
    """Opus packets to 16-bit stereo samples at 48 kHz."""

    def __init__(self) -> None:
        decoder = av.CodecContext.create("opus", "r")
        if not isinstance(decoder, AudioCodecContext):
            raise BoxError("this build of PyAV has no Opus decoder")
        decoder.sample_rate = AUDIO_CLOCK_RATE
        decoder.layout = "stereo"
        self._decoder = decoder
        self._resampler = av.AudioResampler(format="s16", layout="stereo", rate=AUDIO_CLOCK_RATE)

    def decode(self, payload: bytes, samples: int) -> bytes:
        """Return the samples of one packet; a packet that cannot be decoded is `samples` of silence."""
        try:
            frames = self._decoder.decode(av.Packet(payload))
        except av.FFmpegError:
            return bytes(samples * SAMPLE_BYTES)
        pcm = bytearray()
        for frame in frames:
            frame.pts = None
            for one in self._resampler.resample(frame):
                pcm += bytes(one.planes[0])[: one.samples * SAMPLE_BYTES]
        return bytes(pcm)


class _Collector:
    """The file object that PyAV writes to."""

    def __init__(self) -> None:
        self._splitter = PartSplitter()
        self.complete: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Take bytes."""
        self.complete += self._splitter.feed(bytes(data))
        return len(data)


class ReelMuxer:
    """One reel in the making. `size` is None for a reel without picture."""

    def __init__(self, size: tuple[int, int] | None, *, aac_bitrate: int, part_seconds: float) -> None:
        self._out = _Collector()
        self._container = av.open(
            self._out,
            "w",
            format="mp4",
            options={
                "movflags": "cmaf+empty_moov+frag_keyframe+skip_trailer",
                "frag_duration": str(round(part_seconds * 1_000_000)),
                "max_interleave_delta": str(INTERLEAVE_MICROSECONDS),
            },
        )
        self._video: VideoStream | None = None
        if size is not None:
            video = self._container.add_mux_stream("h264", width=size[0], height=size[1], time_base=VIDEO_TIME)
            assert isinstance(video, VideoStream)
            self._video = video
        self._sound: AudioStream = self._container.add_stream("aac", rate=AUDIO_CLOCK_RATE, layout="stereo")
        self._sound.bit_rate = aac_bitrate
        self._decoder = OpusDecoder()
        self._pcm = bytearray()
        self._coded = 0  # samples given to the encoder

    @property
    def sound_end(self) -> int:
        """The sample up to which there is sound."""
        return self._coded + len(self._pcm) // SAMPLE_BYTES

    def add_picture(self, annex_b: bytes, time: int, duration: int, key: bool) -> None:
        """Take one access unit shown at `time` (90 kHz, growing)."""
        if self._video is None:
            raise BoxError("this reel has no picture")
        packet = av.Packet(annex_b)
        packet.stream = self._video
        packet.time_base = VIDEO_TIME
        packet.pts = packet.dts = time
        packet.duration = duration
        packet.is_keyframe = key
        self._mux(packet)

    def add_sound(self, payload: bytes, position: int, samples: int) -> None:
        """Take one Opus packet that begins at sample `position`: a hole before it becomes silence, an overlap is cut."""
        pcm = self._decoder.decode(payload, samples)
        self.fill_sound(position)
        overlap = (self.sound_end - position) * SAMPLE_BYTES
        self._pcm += pcm[max(0, overlap) :]
        self._encode()

    def fill_sound(self, position: int) -> None:
        """Add silence up to sample `position`, a second at a time."""
        while (missing := position - self.sound_end) > 0:
            self._pcm += bytes(min(missing, AUDIO_CLOCK_RATE) * SAMPLE_BYTES)
            self._encode()

    def take(self) -> list[bytes]:
        """Return what became complete since the last call: first the initialisation, then parts."""
        complete, self._out.complete = self._out.complete, []
        return complete

    def close(self) -> list[bytes]:
        """Write what is left and return it; the muxer is used up."""
        if self._coded or self._pcm:
            self.fill_sound(-(-self.sound_end // AAC_SAMPLES) * AAC_SAMPLES)
            self._mux_sound(None)
        self._container.close()
        return self.take()

    def _encode(self) -> None:
        size = AAC_SAMPLES * SAMPLE_BYTES
        while len(self._pcm) >= size:
            frame = av.AudioFrame(format="s16", layout="stereo", samples=AAC_SAMPLES)
            frame.planes[0].update(bytes(self._pcm[:size]))
            frame.sample_rate = AUDIO_CLOCK_RATE
            frame.time_base = AUDIO_TIME
            frame.pts = self._coded
            del self._pcm[:size]
            self._coded += AAC_SAMPLES
            self._mux_sound(frame)

    def _mux_sound(self, frame: av.AudioFrame | None) -> None:
        for packet in self._sound.encode(frame):
            if packet.pts is not None and packet.pts >= 0:
                self._mux(packet)

    def _mux(self, packet: av.Packet[Any]) -> None:
        try:
            self._container.mux(packet)
        except av.FFmpegError as error:
            raise BoxError(f"the muxer refused a packet at {packet.pts}: {error}") from error
