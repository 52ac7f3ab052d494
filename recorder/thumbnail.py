"""A still picture of a finished recording. The second door to PyAV."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from recorder.errors import BoxError

WIDTH: Final = 480
SHARE: Final = 0.1  # of the way into the recording, at most
LATEST_SECONDS: Final = 60.0


def thumbnail(path: Path, duration_s: float) -> bytes:
    """Return a JPEG of a picture near the beginning; raise `BoxError` when no picture can be decoded."""
    try:
        return _jpeg(_picture(path, min(LATEST_SECONDS, duration_s * SHARE)))
    except av.FFmpegError as error:
        raise BoxError(f"{path.name} has no picture that can be decoded: {error}") from error


def _picture(path: Path, at: float) -> VideoFrame:
    with av.open(str(path)) as container:
        if not container.streams.video:
            raise BoxError(f"{path.name} has no video track")
        stream = container.streams.video[0]
        stream.codec_context.skip_frame = "NONKEY"
        container.seek(round(at * av.time_base), backward=True)
        for frame in container.decode(stream):
            return frame
    raise BoxError(f"{path.name} decodes to no picture")


def _jpeg(frame: VideoFrame) -> bytes:
    width = min(WIDTH, frame.width) & ~1
    height = max(2, round(frame.height * width / frame.width) & ~1)
    small = frame.reformat(width=width, height=height, format="yuvj420p")
    small.pts = 0
    encoder = av.CodecContext.create("mjpeg", "w")
    if not isinstance(encoder, VideoCodecContext):
        raise BoxError("this build of PyAV has no JPEG encoder")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    return b"".join(bytes(packet) for packet in [*encoder.encode(small), *encoder.encode(None)])
