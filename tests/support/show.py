"""A lecture in acts, published in real time by a process of its own: `python -m tests.support.show URL KEY ACT...`.

An act is `WIDTHxHEIGHT:SECONDS`; a `+` in front continues the session of the act before it with another picture size, otherwise the
lecturer connects anew with the same key. An act of size 0x0 has sound alone: the picture stands still. Each picture is told as a line
`COUNTER UNIX_SECONDS` when it is sent; counters go on through all acts. Everything is encoded before the first
connection, so that encoding delays nothing.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp

from broadcaster.media import VIDEO_CLOCK_RATE
from tests.support.media import Picture
from tests.support.obs import FPS, Camera, Obs

PAUSE_SECONDS = 0.5  # between two connections


@dataclass(frozen=True)
class Act:
    """Some seconds of one picture size, 0 for no picture at all; `continues` the session of the act before it."""

    width: int
    height: int
    seconds: int
    continues: bool = False

    @classmethod
    def parse(cls, word: str) -> Act:
        """Read the form of the command line."""
        size, _, seconds = word.removeprefix("+").partition(":")
        width, _, height = size.partition("x")
        return cls(int(width), int(height), int(seconds), word.startswith("+"))

    def __str__(self) -> str:
        return f"{'+' * self.continues}{self.width}x{self.height}:{self.seconds}"

    def camera(self, first: int) -> Camera:
        """Return what is captured, with pictures from counter `first` on; they are not sent when the act has none."""
        size = (self.width, self.height) if self.width else (Camera.width, Camera.height)
        return Camera(0.0, float(self.seconds), *size, first)


class Teller(Obs):
    """An output that tells each picture it sends; while `dark` time goes on without pictures."""

    dark = False

    def _send_picture(self, picture: Picture) -> None:
        if self.dark:
            self.peer.lecture.video.timestamp += VIDEO_CLOCK_RATE // FPS
            self.counters.append(picture.counter)
            self._sent.set()
            return
        super()._send_picture(picture)
        sys.stdout.write(f"{picture.counter} {time.time():.3f}\n")
        sys.stdout.flush()


async def play(url: str, key: str, acts: list[Act]) -> None:
    """Publish the acts one after another."""
    cameras, first = [], 0
    for act in acts:
        cameras.append(act.camera(first))
        first += len(cameras[-1].clip.pictures)
    loop, obs = asyncio.get_running_loop(), None
    async with aiohttp.ClientSession() as http:
        for act, camera in zip(acts, cameras, strict=True):
            if obs is not None and not act.continues:
                await obs.stop()
                await asyncio.sleep(PAUSE_SECONDS)
                obs = None
            if obs is None:
                obs = Teller(http, url, key)
                await obs.start()
            obs.dark = not act.width
            begun = replace(camera, begun=loop.time())
            sent = len(obs.counters)
            async with obs.streaming(begun):
                await obs.until_sent(sent + act.seconds * FPS - FPS, act.seconds + 10.0)
        if obs is not None:
            await obs.stop()


class Show:
    """The process as its test sees it: `sent` fills with (counter, Unix seconds); `until` waits for a counter."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.sent: dict[int, float] = {}
        self._grown = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            counter, at = line.split()
            with self._grown:
                self.sent[int(counter)] = float(at)
                self._grown.notify_all()

    def until(self, counter: int, seconds: float = 60.0) -> float:
        """Return when the picture with this counter was sent, as Unix seconds. Raises `TimeoutError`."""
        with self._grown:
            if not self._grown.wait_for(lambda: any(one >= counter for one in self.sent), seconds):
                raise TimeoutError(f"picture {counter} was not sent within {seconds} s")
            return min(at for one, at in self.sent.items() if one >= counter)


@contextmanager
def showing(demo: dict[str, Any], *acts: Act) -> Iterator[Show]:
    """Publish to a demo server in a process that ends with the block."""
    command = [sys.executable, "-m", "tests.support.show", demo["whip_url"], demo["whip_token"], *map(str, acts)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield Show(process)
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    asyncio.run(play(sys.argv[1], sys.argv[2], [Act.parse(word) for word in sys.argv[3:]]))
