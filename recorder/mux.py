"""The door to PyAV: Opus to AAC-LC, nothing else. Parts are written by `recorder.moof`, pictures are only copied.

FFmpeg's own fragments were used before and measured: with pictures that jitter by ±22 ms, at 10, 24 and 30 a second, 13 to 19 of
24 parts were longer than the 0.5 s asked for (up to 0.61 s, where low-latency HLS allows none), all came up to 0.12 s late, and
its muxer aborted the whole process when a duration was guessed too long.

1. The AAC encoder's first packet (1,024 samples of priming, time -1,024) is dropped, so that time stays what it was.
2. **The frames have no holes**: what is missing before a packet becomes silence, what overlaps is cut.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import av
from av.audio.codeccontext import AudioCodecContext

from broadcaster.media import AUDIO_CLOCK_RATE
from recorder.errors import BoxError
from recorder.init import SoundFormat
from recorder.moof import SoundSample

SAMPLE_BYTES: Final = 4  # 16-bit stereo
AAC_SAMPLES: Final = 1024
AUDIO_TIME: Final = Fraction(1, AUDIO_CLOCK_RATE)


class OpusDecoder:
    """Opus packets to 16-bit stereo samples at 48 kHz."""

    def __init__(self) -> None:
        self._decoder = _codec("opus", "r")
        self._decoder.sample_rate = AUDIO_CLOCK_RATE
        self._decoder.layout = "stereo"
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


class AacEncoder:
    """16-bit stereo samples at 48 kHz to AAC frames."""

    def __init__(self, bitrate: int) -> None:
        self._encoder = _codec("aac", "w")
        self._encoder.sample_rate = AUDIO_CLOCK_RATE
        self._encoder.layout = "stereo"
        self._encoder.format = "fltp"
        self._encoder.time_base = AUDIO_TIME
        self._encoder.bit_rate = bitrate
        self._encoder.open()
        self.format = SoundFormat(bytes(self._encoder.extradata or b""), bitrate)
        self._resampler = av.AudioResampler(format="fltp", layout="stereo", rate=AUDIO_CLOCK_RATE)

    def encode(self, pcm: bytes, position: int) -> list[SoundSample]:
        """Take the 1,024 samples at `position`; return the frames that became complete."""
        frame = av.AudioFrame(format="s16", layout="stereo", samples=AAC_SAMPLES)
        frame.planes[0].update(pcm)
        frame.sample_rate = AUDIO_CLOCK_RATE
        frame.time_base = AUDIO_TIME
        frame.pts = position
        return [sample for one in self._resampler.resample(frame) for sample in self._code(one)]

    def close(self) -> list[SoundSample]:
        """Return the frames that the encoder still holds; it is used up."""
        return self._code(None)

    def _code(self, frame: av.AudioFrame | None) -> list[SoundSample]:
        try:
            packets = self._encoder.encode(frame)
        except av.FFmpegError as error:
            raise BoxError(f"the AAC encoder refused a frame: {error}") from error
        return [
            SoundSample(packet.pts, AAC_SAMPLES, bytes(packet))
            for packet in packets
            if packet.pts is not None and packet.pts >= 0
        ]


class SoundTrack:
    """The sound of one reel from its first sample on. `take` returns AAC frames without holes between them."""

    def __init__(self, bitrate: int) -> None:
        self._decoder = OpusDecoder()
        self._encoder = AacEncoder(bitrate)
        self.format = self._encoder.format
        self._pcm = bytearray()
        self._coded = 0  # samples given to the encoder
        self._frames: list[SoundSample] = []

    @property
    def end(self) -> int:
        """The sample up to which there is sound."""
        return self._coded + len(self._pcm) // SAMPLE_BYTES

    def add(self, payload: bytes, position: int, samples: int) -> None:
        """Take one Opus packet that begins at sample `position`: a hole before it becomes silence, an overlap is cut."""
        pcm = self._decoder.decode(payload, samples)
        self.fill(position)
        overlap = (self.end - position) * SAMPLE_BYTES
        self._pcm += pcm[max(0, overlap) :]
        self._encode()

    def fill(self, position: int) -> None:
        """Add silence up to sample `position`, a second at a time."""
        while (missing := position - self.end) > 0:
            self._pcm += bytes(min(missing, AUDIO_CLOCK_RATE) * SAMPLE_BYTES)
            self._encode()

    def take(self) -> list[SoundSample]:
        """Return the frames that became complete since the last call."""
        frames, self._frames = self._frames, []
        return frames

    def close(self) -> list[SoundSample]:
        """Fill the last frame with silence and return what is left; the track is used up."""
        if self.end:
            self.fill(-(-self.end // AAC_SAMPLES) * AAC_SAMPLES)
            self._frames += self._encoder.close()
        return self.take()

    def _encode(self) -> None:
        size = AAC_SAMPLES * SAMPLE_BYTES
        while len(self._pcm) >= size:
            self._frames += self._encoder.encode(bytes(self._pcm[:size]), self._coded)
            del self._pcm[:size]
            self._coded += AAC_SAMPLES


def _codec(name: str, mode: str) -> AudioCodecContext:
    codec = av.CodecContext.create(name, "r" if mode == "r" else "w")
    if not isinstance(codec, AudioCodecContext):
        raise BoxError(f"this build of PyAV has no codec {name}")
    return codec
