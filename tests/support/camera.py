"""A lecturer whose pictures can be decoded: counters coded as H.264 while they are sent, beeps as Opus, keyframes when wished.

Texture moves below the counter, so that a group of pictures weighs what a lecture at this bitrate weighs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction

import av
import numpy as np
from av.video.frame import PictureType

from tests.support import counter as counters
from tests.support.media import NTP_UNIX, VIDEO_RATE, clip, h264_payloads, split_annex_b
from tests.support.peer import Peer

SOUND_SECONDS = 0.04


class Camera:
    """Draws and codes pictures of 1280x720. `drawn` tells when each counter was drawn, in milliseconds since 1970."""

    def __init__(self, *, fps: int = 15, bit_rate: int = 1_500_000, gop_seconds: float = 4.0) -> None:
        self.width, self.height, self.fps = 1280, 720, fps
        self.drawn: dict[int, float] = {}
        self.news = asyncio.Event()
        self.key_bytes: list[int] = []
        self._texture = np.random.default_rng(1).integers(0, 48, (self.height * 4 // 9, self.width), dtype=np.uint8)
        self._encoder = av.CodecContext.create("libx264", "w")
        self._encoder.width, self._encoder.height, self._encoder.pix_fmt = self.width, self.height, "yuv420p"
        self._encoder.time_base, self._encoder.framerate = Fraction(1, fps), Fraction(fps)
        self._encoder.bit_rate, self._encoder.thread_count = bit_rate, 1
        rate = bit_rate // 1000
        gop = round(gop_seconds * fps)
        self._encoder.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "profile": "baseline",
            "x264-params": f"keyint={gop}:min-keyint=1:scenecut=0:repeat-headers=1:slices=1"
            f":vbv-maxrate={rate}:vbv-bufsize={rate // 2}",
        }

    def picture(self, *, key: bool) -> tuple[bytes, ...]:
        """Draw the next counter and return its NAL units."""
        number = len(self.drawn)
        plane = np.full((self.height * 3 // 2, self.width), 128, dtype=np.uint8)
        plane[: self.height] = counters.draw(number, self.width, self.height)
        top = self.height * 5 // 9
        plane[top : self.height] = 96 + np.roll(self._texture, 3 * number, axis=1)[: self.height - top]
        frame = av.VideoFrame.from_ndarray(plane, format="yuv420p")
        frame.pts = number
        frame.pict_type = PictureType.I if key else PictureType.NONE
        self.drawn[number] = time.time() * 1000
        nals = split_annex_b(b"".join(bytes(packet) for packet in self._encoder.encode(frame)))
        if any(nal[0] & 0x1F == 5 for nal in nals):
            self.key_bytes.append(sum(map(len, nals)))
        return nals

    async def until(self, number: int) -> None:
        """Return when picture `number` was drawn."""
        while number not in self.drawn:
            self.news.clear()
            await self.news.wait()


async def _show(camera: Camera, peer: Peer, begun: float) -> None:
    """Send pictures in real time until cancelled."""
    asked, stream = 0, peer.lecture.video
    while True:
        key, asked = peer.plis > asked, peer.plis
        nals = await asyncio.to_thread(camera.picture, key=key)
        payloads = h264_payloads(nals)
        camera.news.set()
        for place, payload in enumerate(payloads):
            peer.send_rtp(stream.packet(payload, marker=place == len(payloads) - 1))
        stream.timestamp += VIDEO_RATE // camera.fps
        if len(camera.drawn) % camera.fps == 1:
            peer.send_sender_reports(time.time() + NTP_UNIX)
        await asyncio.sleep(max(0.0, begun + len(camera.drawn) / camera.fps - time.monotonic()))


async def _speak(peer: Peer, begun: float) -> None:
    """Send beeps in real time until cancelled."""
    sounds, stream = clip().sounds, peer.lecture.audio
    number = 0
    while True:
        peer.send_rtp(stream.packet(sounds[number % len(sounds)].payload, marker=number == 0))
        stream.timestamp += 1920
        number += 1
        await asyncio.sleep(max(0.0, begun + number * SOUND_SECONDS - time.monotonic()))


@asynccontextmanager
async def on_air(camera: Camera, peer: Peer) -> AsyncIterator[None]:
    """Send the lecture of `camera` by a connected peer while the block runs."""
    begun = time.monotonic()
    tasks = [asyncio.create_task(_show(camera, peer, begun)), asyncio.create_task(_speak(peer, begun))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
