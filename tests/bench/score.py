"""The lecture that every contender of `make bench` sends: 720p at 1.5 Mb/s as packets, four seconds at a time.

30 frames a second of 6 packets of 1,062 bytes, every 4 s a keyframe of 60 packets instead, and one Opus packet of 100 bytes every
40 ms: 219 packets a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from broadcaster.media import Kind

HEADER_BYTES: Final = 12
VIDEO_BYTES: Final = 1_062
SOUND_BYTES: Final = 100
FRAME_PACKETS: Final = 6
KEYFRAME_PACKETS: Final = 60
FRAMES_A_SECOND: Final = 30
SOUNDS_A_SECOND: Final = 25
GOP_SECONDS: Final = 4


@dataclass(frozen=True)
class Step:
    """Packets that the lecturer sends at once: how many, and how many bytes of payload each has."""

    kind: Kind
    packets: int
    payload: int
    keyframe: bool = False


def score() -> list[Step]:
    """Return one group of pictures with its sound."""
    steps: list[Step] = []
    sounds = 0
    for frame in range(GOP_SECONDS * FRAMES_A_SECOND):
        packets = KEYFRAME_PACKETS if frame == 0 else FRAME_PACKETS
        steps.append(Step(Kind.VIDEO, packets, VIDEO_BYTES - HEADER_BYTES, keyframe=frame == 0))
        while sounds * FRAMES_A_SECOND < (frame + 1) * SOUNDS_A_SECOND:
            steps.append(Step(Kind.AUDIO, 1, SOUND_BYTES - HEADER_BYTES))
            sounds += 1
    return steps


PACKETS: Final = sum(step.packets for step in score())
PACKETS_A_SECOND: Final = PACKETS / GOP_SECONDS
