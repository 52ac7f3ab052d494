"""Small pictures of a recording: decode one IDR picture, make it small, lay many side by side, code a JPEG. The second door to PyAV.

**No file is opened here**: callers bring the bytes of an IDR picture and what its initialisation says, so that nothing but the
pictures asked for is read or decoded. One thread, no random number: the same bytes in give the same bytes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from recorder.errors import BoxError

FORMAT: Final = "yuvj420p"
QUALITY: Final = "7"  # of 2 to 31, the smaller the better: a hundred tiles are some 300 KB
Picture = VideoFrame  # what callers, which do not import PyAV, pass from one function to the next
BLACK: Final = (0, 128, 128)


class KeyDecoder:
    """Decodes IDR pictures, each by itself; `configuration` is the body of an `avcC` box (ISO/IEC 14496-15 section 5.3.3)."""

    def __init__(self, configuration: bytes) -> None:
        decoder = av.CodecContext.create("h264", "r")
        if not isinstance(decoder, VideoCodecContext):
            raise BoxError("this build of PyAV has no H.264 decoder")
        decoder.extradata = configuration
        decoder.thread_count = 1
        decoder.options = {"skip_loop_filter": "all"}  # invisible at this size, a fifth of the time
        self._decoder = decoder

    def decode(self, sample: bytes) -> VideoFrame:
        """Return the picture of a sample (NAL units with their lengths); raise `BoxError` when it cannot be decoded."""
        try:
            frames = [*self._decoder.decode(av.Packet(sample)), *self._decoder.decode(None)]
        except av.FFmpegError as error:
            raise BoxError(f"a picture of {len(sample)} bytes cannot be decoded: {error}") from error
        finally:
            self._decoder.flush_buffers()
        if not frames:
            raise BoxError(f"{len(sample)} bytes decode to no picture")
        return frames[0]


def shrink(frame: VideoFrame, width: int, height: int) -> VideoFrame:
    """Return the picture in this size; both numbers are even."""
    return frame.reformat(width=width, height=height, format=FORMAT, interpolation="FAST_BILINEAR")


def jpeg(frame: VideoFrame) -> bytes:
    """Return the picture as a JPEG."""
    encoder = av.CodecContext.create("mjpeg", "w")
    if not isinstance(encoder, VideoCodecContext):
        raise BoxError("this build of PyAV has no JPEG encoder")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, FORMAT
    encoder.time_base = Fraction(1, 25)
    encoder.thread_count = 1
    encoder.options = {"qmin": QUALITY, "qmax": QUALITY, "bitexact": "1"}
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def grid(tiles: Sequence[VideoFrame], columns: int) -> VideoFrame:
    """Return one picture of all tiles, which have the same even size, row by row; what is left over is black."""
    width, height = tiles[0].width, tiles[0].height
    rows = -(-len(tiles) // columns)
    whole = VideoFrame(width * columns, height * rows, FORMAT)
    for place, colour in enumerate(BLACK):
        half = 1 if place == 0 else 2
        plane = whole.planes[place]
        line, wide = plane.line_size, width // half
        data = bytearray(bytes((colour,)) * plane.buffer_size)
        for number, tile in enumerate(tiles):
            row, column = divmod(number, columns)
            source, step = memoryview(tile.planes[place]), tile.planes[place].line_size
            for y in range(height // half):
                at = (row * (height // half) + y) * line + column * wide
                data[at : at + wide] = source[y * step : y * step + wide]
        plane.update(bytes(data))
    return whole
