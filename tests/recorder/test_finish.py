"""Finishing: the same bytes each time, a preview, chapters, gaps; older manifests are read."""

from __future__ import annotations

import hashlib
import json
import re
import time
from pathlib import Path

import av
import pytest

from recorder.finish import finish, finished
from recorder.segment import ReelReader
from tests.support.media import access_units, clip, shown_counters
from tests.support.reels import Shelf, files, lecture

HOUR = 3600.0
WITHIN = 4.0  # twice the goal: tests share their processor


@pytest.mark.parametrize("reels", [1, 2])
def test_finishing_twice_gives_the_same_bytes_of_every_file(tmp_path: Path, reels: int) -> None:
    folder = lecture(tmp_path, *(clip(6.0, first=1000 * number) for number in range(reels)))
    done = finish(folder)
    before = files(folder)
    assert done.sha256 == hashlib.sha256(before[folder.file(done.path_mp4.name).name]).hexdigest()  # type: ignore[union-attr]
    assert {"thumbs.vtt", "sprite.jpg", "thumb.jpg", "chapters.vtt", "vod.m3u8", "e001.init.mp4"} <= set(before)
    finish(folder)
    assert files(folder) == before
    for name in ("manifest.json", "sprite.jpg", "thumbs.vtt", "thumb.jpg", "vod.m3u8", "chapters.vtt", "e001.init.mp4"):
        (folder.path / name).unlink()
    folder.joined.unlink(missing_ok=True)
    finish(folder)
    assert files(folder) == before


def test_several_reels_become_one_file_with_every_picture(tmp_path: Path) -> None:
    clips = [clip(4.0), clip(4.0, first=500, width=640, height=360)]
    done = finish(lecture(tmp_path, *clips))
    assert done.path_mp4 is not None
    assert access_units(done.path_mp4) == [one.nals for source in clips for one in source.pictures]
    assert done.duration_s == pytest.approx(8.0, abs=0.05)


def test_the_preview_shows_the_pictures_of_its_times(tmp_path: Path) -> None:
    source = clip(22.0, gop_seconds=2.0)
    folder = lecture(tmp_path, source)
    done = finish(folder)
    cues = re.findall(r"(\S+) --> (\S+)\nsprite.jpg#xywh=(\d+),(\d+),(\d+),(\d+)\n", folder.thumbs.read_text())
    assert [cue[0] for cue in cues] == [f"00:00:{second:02}.000" for second in (0, 5, 10, 15, 20)]
    assert cues[-1][1] == f"00:00:{done.duration_s:06.3f}"
    assert [tuple(map(int, cue[2:])) for cue in cues] == [(160 * place, 0, 160, 90) for place in range(5)]
    with av.open(str(folder.sprite)) as picture:
        frame = next(picture.decode(video=0))
        assert (frame.width, frame.height) == (800, 90)
    assert folder.sprite == done.sprite


def test_chapters_and_gaps_name_their_reason(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.reel(0.0, clip(4.0))
    shelf.note("mark", mark="pause", at="2026-01-01T00:00:04+00:00")
    shelf.note("state", state="gap", reason="pause")
    shelf.note("mark", mark="resume", at="2026-01-01T00:00:34+00:00")
    shelf.reel(34.0, clip(4.0))
    shelf.note("state", state="gap", reason="closed_by_peer")
    shelf.reel(50.0, clip(4.0))
    shelf.reel(54.0, clip(4.0, width=640, height=360))  # another size, no gap
    shelf.note("mark", mark="cut", at="2026-01-01T00:00:58+00:00")
    shelf.reel(58.0, clip(4.0), hidden=True)
    shelf.note("mark", mark="resume", at="2026-01-01T00:01:02+00:00")
    shelf.reel(62.0, clip(4.0))
    shelf.note("state", state="degraded", reason="DiskFull")
    shelf.note("state", state="wait_key", reason="disk_free")
    shelf.reel(76.0, clip(4.0))
    done = finish(shelf.folder)
    near = [(round(one["start_s"]), one["kind"]) for one in done.chapters]
    assert near == [(0, "start"), (4, "resume"), (8, "return"), (16, "resume"), (20, "recovered")]
    gaps = [(round(one["at_s"]), round(one["seconds"]), one["reason"]) for one in done.gaps]
    assert gaps == [(4, 30, "paused"), (8, 12, "source_lost"), (16, 4, "cut"), (20, 10, "disk_full")]
    text = shelf.folder.chapters.read_text()
    assert text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:04.")
    assert text.count("-->") == 5
    assert "e005" not in shelf.folder.playlist.read_text()


def test_the_playlist_names_ranges_of_the_reels(tmp_path: Path) -> None:
    folder = lecture(tmp_path, clip(6.0), clip(6.0, first=500))
    finish(folder)
    text = folder.playlist.read_text()
    found = [tuple(map(int, one)) for one in re.findall(r"#EXT-X-BYTERANGE:(\d+)@(\d+)\ne001", text)]
    reader = ReelReader(folder.reel(1))
    assert sum(size for size, _ in found) == reader.media_end - reader.head
    assert found[0][1] == reader.head
    assert (folder.path / "e001.init.mp4").read_bytes() == reader.init


def test_a_reel_without_a_picture_that_decodes_is_finished_without_preview(tmp_path: Path) -> None:
    folder = lecture(tmp_path, clip(4.0))
    reader = ReelReader(folder.reel(1))
    data = bytearray(folder.reel(1).read_bytes())
    for sample in reader.samples()[1]:
        data[sample.offset + 4 : sample.offset + sample.size] = b"\x65" + bytes(sample.size - 5)
    folder.reel(1).write_bytes(data)
    (folder.path / "e001.idx").unlink()
    done = finish(folder)
    assert done.path_mp4 is not None
    assert done.problems == ["no_picture"]
    assert (done.thumbnail, done.sprite, done.thumbs) == (None, None, None)


def test_a_manifest_of_version_1_is_read(tmp_path: Path) -> None:
    folder = lecture(tmp_path, clip(4.0), clip(4.0, first=500))
    finish(folder)
    manifest = json.loads(folder.manifest.read_text())
    old = {key: value for key, value in manifest.items() if key not in ("gaps", "sprite", "thumbs", "marks")}
    old |= {"version": 1, "chapters": manifest["marks"]}
    folder.manifest.write_text(json.dumps(old))
    done = finish(folder)
    assert folder.read_manifest() == old
    assert done == finished(folder, old)
    assert [one["kind"] for one in done.chapters] == ["start", "resume"]
    assert (done.gaps, done.sprite, done.thumbs) == ([], None, None)


@pytest.mark.server
@pytest.mark.quiet
def test_an_hour_is_finished_in_two_seconds_of_processor_time(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    source = clip(8.0, fps=24, width=1280, height=720, gop_seconds=4.0, bit_rate=1_500_000)
    path = shelf.reel(0.0, source, minutes=60, bits=1_500_000)
    begun = time.process_time()
    done = finish(shelf.folder)
    spent = time.process_time() - begun
    assert done.duration_s == pytest.approx(HOUR, abs=0.5)
    assert done.bytes == path.stat().st_size > 6e8
    assert spent < WITHIN
    with av.open(str(path)) as film:
        assert film.streams.video[0].frames == round(HOUR * 24)


def test_shown_pictures_are_in_order_after_a_join(tmp_path: Path) -> None:
    done = finish(lecture(tmp_path, clip(4.0), clip(4.0, first=500)))
    assert done.path_mp4 is not None
    assert [n for _, n in shown_counters(done.path_mp4)] == [*range(60), *range(500, 560)]
