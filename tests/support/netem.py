"""A studio that codes while it sends, a network that loses and reorders by a seed, the scheduler that asks it for IDR pictures.

Time is handed in: what a test records in a second of its own is half a minute of lecture. What reached the recorder, late or not, is
known of each packet, so that a test can say exactly which pictures it could have stored.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Final

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from broadcaster.forward.keyframes import KeyframeScheduler
from broadcaster.media import Kind, MediaPacket, SenderClock
from tests.support.media import Picture, clip, reports, sound_packets, split_annex_b, video_frame, video_packets
from tests.support.taping import SOUND_OFFSET, VIDEO_OFFSET, Deck

ANSWER: Final = 0.1  # seconds from a request until the studio begins an IDR picture
DELAY: Final = 0.02
REPAIR: Final = (0.06, 0.12)  # seconds by which a packet that is sent again comes later
SHUFFLE: Final = 0.2, (0.005, 0.06)  # how many are overtaken, and by how much
FPS: Final = 15


@dataclass(frozen=True)
class Network:
    """What it does to packets: the share it loses, whether NACK brings them back, whether they overtake one another."""

    loss: float = 0.0
    nack: bool = False
    reorder: bool = False


@dataclass
class Lesson:
    """What was sent and what of it can have arrived."""

    pictures: list[Picture] = field(default_factory=list)
    complete: list[bool] = field(default_factory=list)
    lost_sounds: int = 0

    def storable(self) -> list[int]:
        """Return the numbers of the pictures that can be decoded from what arrived: after a loss from the next whole IDR on."""
        found, decodable = [], False
        for number, (picture, whole) in enumerate(zip(self.pictures, self.complete, strict=True)):
            decodable = whole and (decodable or picture.key)
            if decodable:
                found.append(number)
        return found

    def freezes(self) -> list[tuple[int, int]]:
        """Return which pictures are missing, as (first missing, first shown again)."""
        shown = self.storable()
        return [(one + 1, after) for one, after in pairwise(shown) if after > one + 1]


class Camera:
    """Codes one picture at a time: constrained baseline, an IDR picture when asked for one."""

    def __init__(self, width: int, height: int, bit_rate: int) -> None:
        encoder = av.CodecContext.create("libx264", "w")
        assert isinstance(encoder, VideoCodecContext)
        encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
        encoder.time_base, encoder.framerate, encoder.bit_rate = Fraction(1, FPS), Fraction(FPS), bit_rate
        encoder.thread_count = 1
        encoder.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "profile": "baseline",
            "x264-params": "keyint=100000:scenecut=0:repeat-headers=1:slices=1:force-idr=1",
            "forced-idr": "1",
        }
        self._encoder, self._size = encoder, (width, height)

    def picture(self, number: int, key: bool) -> Picture:
        """Return picture `number`."""
        frame = video_frame(number, *self._size)
        frame.pts, frame.pict_type = number, PictureType.I if key else PictureType.NONE
        (packet,) = self._encoder.encode(frame)
        nals = split_annex_b(bytes(packet))
        return Picture(number, number * 90_000 // FPS, nals, any(nal[0] & 0x1F == 5 for nal in nals))


def give(deck: Deck, seconds: float, network: Network, *, seed: int, bit_rate: int = 400_000) -> Lesson:
    """Send a lecture of so many seconds through the network into the recorder, which wishes for IDR pictures meanwhile."""
    dice, lesson = random.Random(seed), Lesson()
    camera, scheduler = Camera(320, 180, bit_rate), KeyframeScheduler(0.5, 0.6, 4.0)
    sounds = sound_packets(clip(seconds).sounds, offset=SOUND_OFFSET, delay=DELAY)
    way: list[MediaPacket | SenderClock] = [
        one
        for kind, offset in ((Kind.VIDEO, VIDEO_OFFSET), (Kind.AUDIO, SOUND_OFFSET))
        for one in reports(kind, seconds, offset=offset)
    ]
    for packet in sounds:
        arrived = _through(packet, network, dice)
        lesson.lost_sounds += arrived is None
        way += [arrived] if arrived else []
    sequence, answer_at = 1000, 0.0
    for number in range(round(seconds * FPS)):
        now = number / FPS
        key, answer_at = (True, float("inf")) if now >= answer_at else (False, answer_at)
        picture = camera.picture(number, key)
        sent = video_packets([picture], sequence=sequence, offset=VIDEO_OFFSET, delay=DELAY)
        sequence += len(sent)
        arrived_packets = [one for one in (_through(packet, network, dice) for packet in sent) if one is not None]
        lesson.pictures.append(picture)
        lesson.complete.append(len(arrived_packets) == len(sent))
        way += arrived_packets
        if picture.key:
            scheduler.idr(now)
        before = len(deck.wishes)
        deck.play([one for one in way if one.arrival <= now], until=now)
        way = [one for one in way if one.arrival > now]
        for reason in deck.wishes[before:]:
            scheduler.wish(reason)
        if scheduler.due(now):
            answer_at = min(answer_at, now + ANSWER)
    deck.play(way, until=seconds + 1.0)
    return lesson


def _through(packet: MediaPacket, network: Network, dice: random.Random) -> MediaPacket | None:
    """Return the packet as it arrives, or None."""
    later = 0.0
    if dice.random() < network.loss:
        if not network.nack:
            return None
        later = dice.uniform(*REPAIR)
    elif network.reorder and dice.random() < SHUFFLE[0]:
        later = dice.uniform(*SHUFFLE[1])
    return replace(packet, arrival=packet.arrival + later)
