"""Finished recordings in Chromium: duration, pictures, seeking, sound, served by ranges as the library does it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from recorder.finish import finish
from recorder.messages import Closed
from tests.support.chromium import chromium
from tests.support.counter import DECODER_JS
from tests.support.media import clip
from tests.support.taping import Deck, stream

WATCH = """
async ({ url, places }) => {
  const decode = DECODER;
  const video = document.createElement('video');
  video.src = url;
  document.body.append(video);
  const event = (name) => new Promise((done, fail) => {
    video.addEventListener(name, done, { once: true });
    video.addEventListener('error', () => fail(new Error('media error ' + video.error.message)), { once: true });
  });
  await event('loadeddata');
  const canvas = new OffscreenCanvas(320, 180);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const counters = [];
  for (const place of places) {
    const shown = new Promise((done) => {
      const look = (now, frame) =>
        Math.abs(frame.mediaTime - place) < 0.1 ? done() : video.requestVideoFrameCallback(look);
      video.requestVideoFrameCallback(look);
    });
    video.currentTime = place;
    await shown;
    context.drawImage(video, 0, 0, 320, 180);
    counters.push(decode(context.getImageData(0, 0, 320, 180).data, 320, 180));
  }
  video.currentTime = 0;
  video.muted = true;
  video.playbackRate = 4;
  const ended = event('ended');
  await video.play();
  await ended;
  return {
    duration: video.duration, counters, size: [video.videoWidth, video.videoHeight], end: video.currentTime,
    sound: video.webkitAudioDecodedByteCount > 0, pictures: video.getVideoPlaybackQuality().totalVideoFrames,
  };
}
""".replace("DECODER", DECODER_JS.strip())


@contextmanager
def served(path: Path) -> Iterator[str]:
    """Serve a file and an empty page on a free port, from a thread of its own; yield the address."""
    loop = asyncio.new_event_loop()

    async def start() -> tuple[web.AppRunner, int]:
        app = web.Application()

        async def page(request: web.Request) -> web.Response:
            return web.Response(text="<!doctype html><title>recording</title>", content_type="text/html")

        async def video(request: web.Request) -> web.FileResponse:
            return web.FileResponse(path, headers={"Content-Type": "video/mp4"})

        app.add_routes([web.get("/", page), web.get("/video.mp4", video)])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return runner, runner.addresses[0][1]

    runner, port = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def watch(path: Path, places: list[float]) -> dict[str, Any]:
    """Play a file in Chromium; return what was seen at the given seconds."""
    with served(path) as address, chromium("--autoplay-policy=no-user-gesture-required") as browser:
        page = browser.new_page()
        page.goto(address)
        result: dict[str, Any] = page.evaluate(WATCH, {"url": "/video.mp4", "places": places})
        return result


@pytest.mark.browser
def test_a_recording_of_one_reel_plays_and_seeks(tmp_path: Path) -> None:
    deck = Deck(tmp_path)
    deck.open()
    deck.play(stream(clip(6.0)))
    deck.end()
    done = finish(deck.folder)
    assert done.path_mp4 is not None
    seen = watch(done.path_mp4, [0.51, 5.51, 2.51])
    assert seen["duration"] == pytest.approx(6.0, abs=0.05)
    assert seen["counters"] == [7, 82, 37]
    assert seen["size"] == [320, 180]
    assert seen["sound"]
    assert seen["end"] == pytest.approx(6.0, abs=0.05)


@pytest.mark.browser
def test_a_recording_of_two_reels_and_sizes_plays_and_seeks_across(tmp_path: Path) -> None:
    deck = Deck(tmp_path)
    deck.open()
    deck.play(stream(clip(4.0)))
    deck.tell(Closed("consent_lost"))
    deck.open()
    deck.play(stream(clip(4.0, first=1000, width=480, height=270), start=30.0, sequence=90))
    deck.end()
    done = finish(deck.folder)
    assert done.path_mp4 is not None
    seen = watch(done.path_mp4, [0.51, 7.55, 1.51, 4.55])
    assert seen["duration"] == pytest.approx(8.0, abs=0.1)
    assert seen["counters"] == [7, 1053, 22, 1008]
    assert seen["size"] == [480, 270]
    assert seen["sound"]
