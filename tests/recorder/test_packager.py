"""Our own fragments, read back by FFmpeg and by ourselves."""

from __future__ import annotations

import hashlib
import random
import subprocess
from dataclasses import replace
from pathlib import Path

import av
import pytest

from recorder.errors import BoxError
from recorder.fragments import read_init, read_part
from recorder.grid import Cut, Picture
from recorder.init import PictureFormat, build_init, codecs
from recorder.moof import PictureSample, SoundSample, build_part
from recorder.mux import AacEncoder
from recorder.packager import Packager
from recorder.sps import picture_size
from tests.support.media import Clip, access_units, clip, find_beeps, heard

SIZES = [(320, 180), (322, 182), (640, 360), (1280, 720), (1920, 1080), (358, 202), (176, 144)]


def picture_format(source: Clip) -> PictureFormat:
    sps, pps = (next(nal for nal in source.pictures[0].nals if nal[0] & 0x1F == kind) for kind in (7, 8))
    return PictureFormat.of(sps, pps)


def packed(source: Clip, times: list[int] | None = None) -> tuple[Packager, list[bytes]]:
    """Return the packager and its parts of a clip whose pictures come at `times`."""
    times = times or [one.timestamp for one in source.pictures]
    packager = Packager(picture_format(source), Cut(), aac_bitrate=96_000)
    due = [(time / 90_000, 0, place) for place, time in enumerate(times)]
    due += [(one.timestamp / 48_000 + 0.04, 1, place) for place, one in enumerate(source.sounds)]
    parts, held = [], None
    for _, kind, place in sorted(due):
        if kind:
            one = source.sounds[place]
            packager.sound.add(one.payload, one.timestamp, 1920)
        else:
            if held is not None:
                before = source.pictures[held]
                packager.add_picture(before.nals, times[held], times[place] - times[held], before.key)
            held = place
        parts += packager.take(None if held is None else Picture(times[held], source.pictures[held].key))
    assert held is not None
    packager.add_picture(source.pictures[held].nals, times[held], 6000, source.pictures[held].key)
    packager.sound.fill((times[held] + 6000) * 48 // 90)
    return packager, [one.data for one in (*parts, *packager.close())]


def test_ffmpeg_reads_what_was_sent(tmp_path: Path) -> None:
    source = clip(12.0)
    packager, parts = packed(source)
    path = tmp_path / "reel.mp4"
    path.write_bytes(packager.init + b"".join(parts))
    assert access_units(path) == [one.nals for one in source.pictures]
    start, samples = heard(path)
    assert start == 0.0
    assert len(samples) / 48_000 == pytest.approx(12.0, abs=0.022)
    assert len(find_beeps(samples)) == 12
    decoded = subprocess.run(
        ["ffmpeg", "-v", "warning", "-xerror", "-i", str(path), "-f", "null", "-"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert decoded.stderr == ""


def test_every_part_alone_is_a_file_behind_the_initialisation(tmp_path: Path) -> None:
    source = clip(12.0)
    packager, parts = packed(source)
    units = []
    for number, part in enumerate(parts):
        path = tmp_path / f"{number}.mp4"
        path.write_bytes(packager.init + part)
        units += access_units(path)
    assert units == [one.nals for one in source.pictures]


def test_the_same_samples_give_the_same_bytes() -> None:
    one, two = ([packager.init, *parts] for packager, parts in (packed(clip(6.0)), packed(clip(6.0))))
    assert [hashlib.sha256(blob).digest() for blob in one] == [hashlib.sha256(blob).digest() for blob in two]


@pytest.mark.parametrize("seed", range(6))
def test_both_tracks_run_without_holes_through_jitter_and_freezes(seed: int) -> None:
    source, dice, times = clip(12.0), random.Random(seed), [0]
    while len(times) < len(source.pictures):
        times.append(times[-1] + dice.choice((6000, dice.randrange(1, 9000), 6000, dice.randrange(1, 2 * 90_000))))
        if times[-1] > 11 * 90_000:
            break
    shown = replace(source, pictures=source.pictures[: len(times)])
    packager, parts = packed(shown, times)
    _, defaults = read_init(packager.init)
    ends = {1: 0, 2: 0}
    for part in parts:
        found = read_part(part, defaults)
        assert found[2], "every part has sound"
        for track, samples in found.items():
            for one in samples:
                assert one.time == ends[track]
                ends[track] = one.time + one.duration
    assert ends[1] == times[-1] + 6000


def test_samples_are_read_back_as_they_were_written() -> None:
    packager, _ = packed(clip(6.0))
    _, defaults = read_init(packager.init)
    pictures = [PictureSample(1 << 33, 3000, True, b"abc"), PictureSample((1 << 33) + 3000, 90, False, b"defgh")]
    sounds = [SoundSample(1 << 34, 1024, b"12"), SoundSample((1 << 34) + 1024, 1024, b"3456")]
    part = build_part(7, pictures, sounds)
    found = read_part(part, defaults)
    assert [(s.time, s.duration, s.sync, part[s.offset : s.offset + s.size]) for s in found[1]] == [
        (one.time, one.duration, one.key, one.data) for one in pictures
    ]
    assert [(s.time, s.duration, s.sync, part[s.offset : s.offset + s.size]) for s in found[2]] == [
        (one.time, one.duration, True, one.data) for one in sounds
    ]
    assert list(read_part(build_part(8, [], sounds), defaults)) == [2]


@pytest.mark.parametrize("size", SIZES)
def test_the_parameter_set_tells_the_size(size: tuple[int, int]) -> None:
    source = clip(0.2, width=size[0], height=size[1])
    found = picture_format(source)
    assert (found.width, found.height) == size
    assert codecs(found) == f"avc1.{found.sps[1:4].hex()},mp4a.40.2"
    for end in range(1, len(found.sps) - 4):
        try:
            picture_size(found.sps[:end])
        except BoxError:
            continue


@pytest.mark.parametrize("profile", ["baseline", "main", "high"])
def test_the_size_is_read_in_every_profile(profile: str) -> None:
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = 1278, 718, "yuv420p"
    encoder.options = {"profile": profile, "preset": "medium", "x264-params": "cqm=jvt" if profile == "high" else ""}
    encoder.flags |= 1 << 22  # global header
    encoder.open()
    sps = next(nal for nal in (encoder.extradata or b"").split(b"\0\0\0\1") if nal and nal[0] & 0x1F == 7)
    assert picture_size(sps) == (1278, 718)


def test_a_mutated_parameter_set_is_refused_or_has_a_size() -> None:
    sps, chance = picture_format(clip(0.2)).sps, random.Random(3)
    for _ in range(3000):
        data = bytearray(sps)
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(1, len(data))] = chance.randrange(256)
        try:
            width, height = picture_size(bytes(data))
        except BoxError:
            continue
        assert 0 < width <= 16_384
        assert 0 < height <= 32_768


def test_a_reel_of_sound_alone_has_one_track() -> None:
    init = build_init(None, AacEncoder(96_000).format, Cut())
    tracks, _ = read_init(init)
    assert [(one.handler, one.timescale) for one in tracks.values()] == [("soun", 48_000)]
    assert codecs(None) == "mp4a.40.2"
