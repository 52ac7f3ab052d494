"""Writes one part, `moof` and `mdat` (ISO/IEC 14496-12 section 8.8), from its samples. Values in, bytes out.

1. **The same samples give the same bytes.**
2. A part is self-contained: data offsets count from its `moof` (`default-base-is-moof`), times are absolute (`tfdt` version 1).
3. A track without samples in a part has no `traf` in it: while the picture is frozen parts hold sound alone.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

from recorder.boxes import HEADER, box, full_box

VIDEO_TRACK: Final = 1
SOUND_TRACK: Final = 2
SYNC: Final = 0x02000000  # depends on no other sample (section 8.8.3.1)
DIFFERENCE: Final = 0x01010000  # depends on others, is no sync sample
BASE_IS_MOOF: Final = 0x020000
DURATION_AND_FLAGS: Final = 0x28  # of `tfhd`: defaults for all samples
OFFSET_DURATION_SIZE_FLAGS: Final = 0x701  # of `trun`
OFFSET_SIZE: Final = 0x201


class PictureSample(NamedTuple):
    """An access unit: `time` and `duration` in 90 kHz ticks of the reel, NAL units with four bytes of length each."""

    time: int
    duration: int
    key: bool
    data: bytes


class SoundSample(NamedTuple):
    """An AAC frame: `time` in samples at 48 kHz of the reel."""

    time: int
    duration: int
    data: bytes


def build_part(number: int, pictures: Sequence[PictureSample], sounds: Sequence[SoundSample]) -> bytes:
    """Return part `number` (from 1, growing within the reel); both sequences are in order, one of them may be empty."""
    media = b"".join([one.data for one in pictures] + [one.data for one in sounds])
    body = sum(len(one.data) for one in pictures)
    size = len(_moof(number, pictures, sounds, 0, 0))
    start = size + HEADER.size
    return _moof(number, pictures, sounds, start, start + body) + box("mdat", media)


def _moof(
    number: int, pictures: Sequence[PictureSample], sounds: Sequence[SoundSample], video_at: int, sound_at: int
) -> bytes:
    tracks = []
    if pictures:
        tracks.append(_video(pictures, video_at))
    if sounds:
        tracks.append(_sound(sounds, sound_at))
    return box("moof", full_box("mfhd", 0, 0, struct.pack(">I", number)), *tracks)


def _video(samples: Sequence[PictureSample], offset: int) -> bytes:
    rows = b"".join(
        struct.pack(">III", one.duration, len(one.data), SYNC if one.key else DIFFERENCE) for one in samples
    )
    return box(
        "traf",
        full_box("tfhd", 0, BASE_IS_MOOF, struct.pack(">I", VIDEO_TRACK)),
        _begin(samples[0].time),
        full_box("trun", 0, OFFSET_DURATION_SIZE_FLAGS, struct.pack(">Ii", len(samples), offset), rows),
    )


def _sound(samples: Sequence[SoundSample], offset: int) -> bytes:
    sizes = struct.pack(f">{len(samples)}I", *(len(one.data) for one in samples))
    return box(
        "traf",
        full_box(
            "tfhd", 0, BASE_IS_MOOF | DURATION_AND_FLAGS, struct.pack(">III", SOUND_TRACK, samples[0].duration, SYNC)
        ),
        _begin(samples[0].time),
        full_box("trun", 0, OFFSET_SIZE, struct.pack(">Ii", len(samples), offset), sizes),
    )


def _begin(time: int) -> bytes:
    return full_box("tfdt", 1, 0, struct.pack(">Q", time))
