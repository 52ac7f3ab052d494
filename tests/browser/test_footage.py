"""Real footage through our own pages: camera and microphone play a clip, a classroom shows and hears it, the recording holds it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support import footage
from tests.support.chromium import STUDIO_ARGUMENTS, chromium
from tests.support.classroom import Classroom, Studio
from tests.support.library import download, finished_recording
from tests.support.media import heard
from tests.support.observer import keep_connections, looks, sound_of
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.quiet, pytest.mark.timeout(240)]

FPS = 15
SECONDS = 10
BLACK, STILL = 20.0, 0.5  # levels of 255: a picture below is black; a difference below is noise of coding
AUDIBLE = 0.005  # of full scale


@pytest.fixture(scope="module")
def devices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    """The arguments that make Chromium play the clip as its camera and microphone."""
    folder, clip = tmp_path_factory.mktemp("devices"), footage.clip()
    camera, microphone = folder / "camera.y4m", folder / "microphone.wav"
    assert footage.write_camera(clip, camera, FPS) >= 4 * FPS
    assert footage.write_microphone(clip, microphone) >= 4
    yield (f"--use-file-for-fake-video-capture={camera}", f"--use-file-for-fake-audio-capture={microphone}")
    camera.unlink()


def test_a_real_picture_and_sound_reach_a_classroom_and_the_recording(
    server: Server, devices: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = server.demo()
    assert demo is not None
    with chromium(*STUDIO_ARGUMENTS, *devices, "--autoplay-policy=no-user-gesture-required") as browser:
        studio = Studio(browser, demo["studio_url"], synthetic=False)
        studio.prepare()
        studio.start()
        room = Classroom(browser, demo["classroom_urls"][0], watch=False, network=keep_connections)
        room.enter()
        room.until("live")
        before = sound_of(room.page)
        shown = looks(room.page, count=FPS * SECONDS)
        level = sound_of(room.page).level_since(before)
        studio.end()
        room.until("ended")
        assert studio.errors + room.errors == []

    with capsys.disabled():
        print(f"\nclassroom: {shown}, sound level {level:.3f}")
    assert shown.frames >= FPS * SECONDS - 2, "the picture on show when counting began counts before it is presented"
    assert shown.luma > BLACK
    assert shown.moving >= 0.5
    assert level > AUDIBLE

    entry = finished_recording(server, demo)
    path = download(server, demo, entry["mp4_url"], tmp_path / "lecture.mp4")
    lumas, differences, sizes = _decoded(path)
    start, samples = heard(path)
    level = math.sqrt(np.mean(np.square(samples)))
    with capsys.disabled():
        print(
            f"recording: {entry['duration_s']} s, {len(lumas)} pictures {sizes}, sound {level:.3f} RMS from {start:.3f} s"
        )
    assert set(sizes) == {(footage.WIDTH, footage.HEIGHT)}
    assert len(lumas) >= FPS * SECONDS * 0.9
    assert np.mean(lumas) > BLACK
    assert np.mean(np.array(differences) > STILL) >= 0.5
    assert level > AUDIBLE
    assert len(samples) / footage.AUDIO_RATE == pytest.approx(entry["duration_s"], abs=1.0)


def _decoded(path: Path) -> tuple[list[float], list[float], dict[tuple[int, int], int]]:
    """Return the mean luma of every picture, the mean differences of neighbours, and how many there are of each size."""
    lumas: list[float] = []
    differences: list[float] = []
    sizes: dict[tuple[int, int], int] = {}
    before: np.ndarray[tuple[int, ...], np.dtype[np.int16]] | None = None
    with av.open(str(path)) as film:
        for frame in film.decode(video=0):
            sizes[frame.width, frame.height] = sizes.get((frame.width, frame.height), 0) + 1
            small = frame.reformat(320, 180, "gray").to_ndarray().astype(np.int16)
            lumas.append(float(small.mean()))
            if before is not None:
                differences.append(float(np.abs(small - before).mean()))
            before = small
    return lumas, differences, sizes
