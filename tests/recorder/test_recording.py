"""From packets to the finished file, without threads: what is stored is what was sent, and where it belongs."""

from __future__ import annotations

import math
import random
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path

import pytest

from broadcaster.media import Kind, MediaPacket, SenderClock
from recorder.finish import FinishedRecording, finish
from recorder.messages import Closed, Marked, Opened
from recorder.states import State
from tests.support.media import Clip, access_units, clip, find_beeps, heard, shown_counters
from tests.support.taping import Deck, recorder_settings, stream

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def decode_errors(path: Path) -> str:
    """Return what ffmpeg complains of when it decodes the whole file."""
    command = ["ffmpeg", "-v", "error", "-xerror", "-i", str(path), "-f", "null", "-"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def probe(path: Path, entry: str) -> str:
    """Return one value of ffprobe."""
    command = ["ffprobe", "-v", "error", "-show_entries", entry, "-of", "csv=p=0", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def media(done: FinishedRecording) -> Path:
    assert done.path_mp4 is not None
    return done.path_mp4


def offsets(path: Path, source: Clip, first: int = 0) -> list[float]:
    """Return by how many seconds each beep is heard after the picture it belongs to."""
    pictures = {counter: time for time, counter in shown_counters(path) if counter is not None}
    start, samples = heard(path)
    found = []
    for beep in (start + one for one in find_beeps(samples)):
        nearest = min(
            (pictures[n] for n in range(first, first + len(source.pictures), source.fps) if n in pictures),
            key=lambda time: abs(time - beep),
        )
        found.append(beep - nearest)
    return found


def test_stored_access_units_are_the_sent_ones(tmp_path: Path) -> None:
    sent = clip(6.0)
    deck = Deck(tmp_path)
    deck.open()
    deck.play(stream(sent))
    deck.end()
    done = finish(deck.folder)
    assert access_units(media(done)) == [picture.nals for picture in sent.pictures]
    assert [n for _, n in shown_counters(media(done))] == [picture.counter for picture in sent.pictures]
    assert done.problems == []
    assert done.duration_s == pytest.approx(6.0, abs=0.05)
    assert float(probe(media(done), "format=duration")) == pytest.approx(6.0, abs=0.05)
    assert decode_errors(media(done)) == ""
    assert done.thumbnail is not None
    assert done.thumbnail.read_bytes()[:2] == b"\xff\xd8"


STUTTER = (3000, 6000, 90, 17370, 24390, 62190, 19800, 45000, 90000, 120000)  # 90 kHz steps of a starved studio


@pytest.mark.parametrize("seed", [4, 5])
def test_a_studio_that_stutters_is_recorded_at_its_own_times(tmp_path: Path, seed: int) -> None:
    """With these seeds FFmpeg's muxer aborted the process when durations were guessed."""
    sent, dice = clip(6.0), random.Random(seed)
    steps = [dice.choice(STUTTER) for _ in sent.pictures[1:]]
    times = list(accumulate(steps, initial=0))
    pictures = tuple(replace(picture, timestamp=at) for picture, at in zip(sent.pictures, times, strict=True))
    stuttered = replace(sent, pictures=pictures, sounds=clip(math.ceil(times[-1] / 90_000)).sounds)
    deck = Deck(tmp_path)
    deck.open()
    deck.play(stream(stuttered))
    deck.end()
    shown = shown_counters(media(finish(deck.folder)))
    assert [n for _, n in shown] == [picture.counter for picture in pictures]
    assert [time for time, _ in shown] == pytest.approx([at / 90_000 for at in times], abs=0.001)


def test_the_growing_reel_is_playable_before_it_is_finished(tmp_path: Path) -> None:
    sent = clip(6.0)
    deck = Deck(tmp_path)
    deck.open()
    deck.play(stream(sent))
    reel = deck.folder.reels()[0]
    shown = shown_counters(reel)
    assert len(shown) / sent.fps > 6.0 - 1.5
    assert decode_errors(reel) == ""
    deck.end()


@pytest.mark.parametrize("skew", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("late", ["video", "sound"])
def test_lips_are_in_sync_when_one_stream_comes_later(tmp_path: Path, skew: float, late: str) -> None:
    sent = clip(8.0)
    deck = Deck(tmp_path)
    deck.open()
    delays = {"video_delay": skew if late == "video" else 0.0, "sound_delay": skew if late == "sound" else 0.0}
    deck.play(stream(sent, **delays))
    deck.end()
    settled = offsets(media(finish(deck.folder)), sent)[3:]
    assert len(settled) >= 4
    assert max(map(abs, settled)) <= 0.04


@pytest.mark.parametrize("skew", [0.0, 0.05, 0.2])
def test_lips_are_in_sync_when_one_track_begins_later(tmp_path: Path, skew: float) -> None:
    """The microphone opens later than the camera: no sound before, then sound in its place, with no report at all."""
    sent = clip(6.0)
    late = [
        item
        for item in stream(sent, with_reports=False)
        if not (
            isinstance(item, MediaPacket) and item.kind is Kind.AUDIO and item.timestamp < 7_000_000 + skew * 48_000
        )
    ]
    deck = Deck(tmp_path)
    deck.open()
    deck.play(late)
    deck.end()
    found = offsets(media(finish(deck.folder)), sent)
    assert max(map(abs, found)) <= 0.04


def test_sound_without_holes_when_packets_and_seconds_are_missing(tmp_path: Path) -> None:
    sent = clip(6.0)
    kept = [
        item
        for item in stream(sent)
        if not (isinstance(item, MediaPacket) and item.kind is Kind.AUDIO)
        or (item.sequence % 7 and not 2.2 < item.arrival < 4.3)
    ]
    deck = Deck(tmp_path)
    deck.open()
    deck.play(kept)
    deck.end()
    path = media(finish(deck.folder))
    start, samples = heard(path)
    assert start == pytest.approx(0.0, abs=0.001)
    assert len(samples) / 48_000 == pytest.approx(6.0, abs=0.06)
    assert decode_errors(path) == ""
    beeps = find_beeps(samples)
    assert [round(beep) for beep in beeps if beep > 4.5] == [5]


def test_a_silent_track_stands_for_a_missing_microphone(tmp_path: Path) -> None:
    sent = clip(6.0)
    deck = Deck(tmp_path)
    deck.open(sound=False)
    deck.play([one for one in stream(sent) if isinstance(one, MediaPacket) and one.kind is Kind.VIDEO])
    deck.end()
    path = media(finish(deck.folder))
    _, samples = heard(path)
    assert len(samples) / 48_000 == pytest.approx(6.0, abs=0.06)
    assert float(abs(samples).max()) < 0.001
    assert len(access_units(path)) == len(sent.pictures)


def test_sound_alone_is_recorded(tmp_path: Path) -> None:
    sent = clip(8.0)
    deck = Deck(tmp_path)
    deck.open(video=False)
    deck.play([one for one in stream(sent) if isinstance(one, MediaPacket) and one.kind is Kind.AUDIO])
    deck.end()
    done = finish(deck.folder)
    assert done.problems == ["no_picture"]
    assert done.duration_s == pytest.approx(8.0, abs=0.1)
    assert len(find_beeps(heard(media(done))[1])) == 8


def test_a_reconnect_begins_a_reel_and_the_file_goes_on(tmp_path: Path) -> None:
    one, two = clip(4.0), clip(4.0, first=1000, width=480, height=270)
    deck = Deck(tmp_path)
    deck.open()
    deck.play(stream(one))
    deck.tell(Closed("consent_lost"))
    assert deck.tape.state is State.GAP
    deck.open()
    deck.play(stream(two, start=30.0, sequence=90))
    deck.end()
    done = finish(deck.folder)
    path = media(done)
    assert path.name == "video.mp4"
    assert [reel.name for reel in deck.folder.reels()] == ["e001.mp4", "e002.mp4"]
    assert done.duration_s == pytest.approx(8.0, abs=0.1)
    assert [n for _, n in shown_counters(path)] == [p.counter for p in (*one.pictures, *two.pictures)]
    assert decode_errors(path) == ""
    assert max(map(abs, offsets(path, one) + offsets(path, two, 1000))) < 5.1
    start, samples = heard(path)
    assert start == pytest.approx(0.0, abs=0.001)
    assert len(samples) / 48_000 == pytest.approx(8.0, abs=0.1)
    assert len(find_beeps(samples)) == 8


def test_another_picture_size_in_the_same_source_begins_a_reel(tmp_path: Path) -> None:
    one, two = clip(2.0), clip(2.0, width=480, height=270, first=30)
    moved = [
        replace(
            item,
            timestamp=item.timestamp + (180_000 if item.kind is Kind.VIDEO else 96_000),
            sequence=item.sequence + 500,
        )
        for item in stream(two, start=2.0, with_reports=False)
        if isinstance(item, MediaPacket)
    ]
    first = [item for item in stream(one, with_reports=False) if isinstance(item, MediaPacket)]
    shift = 1000 + 500 - 1 - max(item.sequence for item in first if item.kind is Kind.VIDEO)
    moved = [replace(item, sequence=item.sequence - shift) if item.kind is Kind.VIDEO else item for item in moved]
    sound = max(item.sequence for item in first if item.kind is Kind.AUDIO) + 1 - 1500
    moved = [replace(item, sequence=item.sequence + sound) if item.kind is Kind.AUDIO else item for item in moved]
    deck = Deck(tmp_path)
    deck.open()
    deck.play([*first, *moved])
    deck.end()
    assert len(deck.folder.reels()) == 2
    assert [n for _, n in shown_counters(media(finish(deck.folder)))] == list(range(60))


def test_a_jump_of_the_clock_begins_a_reel(tmp_path: Path) -> None:
    sent = clip(6.0)
    items = [one for one in stream(sent, with_reports=False) if isinstance(one, MediaPacket)]
    jump = [
        replace(one, timestamp=one.timestamp + 3600 * one.kind.clock_rate) if one.arrival >= 4.0 else one
        for one in items
    ]
    deck = Deck(tmp_path)
    deck.open()
    deck.play(jump)
    deck.end()
    assert len(deck.folder.reels()) == 2
    done = finish(deck.folder)
    assert done.duration_s == pytest.approx(6.0, abs=0.2)


def test_a_pause_is_left_out_and_named(tmp_path: Path) -> None:
    one, two = clip(4.0), clip(4.0, first=1000)
    deck = Deck(tmp_path)
    deck.open()
    deck.play(stream(one))
    deck.tell(Marked("pause", BEGIN + timedelta(seconds=4)))
    deck.play(stream(two, start=5.0), until=60.0)  # the studio's preview goes on: not recorded
    deck.tell(Marked("resume", BEGIN + timedelta(seconds=60)))
    deck.tell(Opened(True, True))
    deck.play(stream(two, start=60.0, sequence=9))
    deck.end()
    done = finish(deck.folder)
    manifest = deck.folder.read_manifest()
    assert manifest is not None
    assert done.duration_s == pytest.approx(8.0, abs=0.1)
    assert [(m["event"], m["at_s"]) for m in manifest["marks"]] == [
        ("pause", pytest.approx(4.0, abs=0.05)),
        ("resume", pytest.approx(4.0, abs=0.05)),
    ]


def test_a_pause_of_the_same_source_is_no_loss(tmp_path: Path) -> None:
    sent = clip(20.0)
    deck = Deck(tmp_path)
    deck.open()
    items = stream(sent)
    deck.play([one for one in items if one.arrival < 4.0])
    deck.tell(Marked("pause", BEGIN + timedelta(seconds=4)))
    deck.play([], until=15.0)
    deck.tell(Marked("resume", BEGIN + timedelta(seconds=15)))
    deck.play([one for one in items if one.arrival >= 15.0])
    deck.end()
    done = finish(deck.folder)
    assert done.problems == []
    path = media(done)
    shown = [counter for _, counter in shown_counters(path)]
    assert shown == [*range(60), *range(240, 300)]
    assert max(map(abs, offsets(path, sent))) <= 0.04
    assert len(deck.wishes) >= 2


def test_what_comes_while_cut_is_kept_but_not_shown(tmp_path: Path) -> None:
    one, bad, two = clip(4.0), clip(4.0, first=500), clip(4.0, first=1000)
    deck = Deck(tmp_path)
    deck.open()
    deck.play(stream(one))
    deck.tell(Marked("cut", BEGIN + timedelta(seconds=4)))
    deck.open()
    deck.play(stream(bad, start=5.0, sequence=7))
    deck.tell(Closed("cut"))
    deck.now = 20.0
    deck.tell(Marked("resume", BEGIN + timedelta(seconds=20)))
    deck.open()
    deck.play(stream(two, start=20.0, sequence=9))
    deck.end()
    done = finish(deck.folder)
    assert [n for _, n in shown_counters(media(done))] == [p.counter for p in (*one.pictures, *two.pictures)]
    assert len(deck.folder.reels()) == 3
    manifest = deck.folder.read_manifest()
    assert manifest is not None
    assert [reel["hidden"] for reel in manifest["reels"]] == [False, True, False]
    assert len(manifest["hidden"]) == 1
    assert manifest["hidden"][0]["to"] == (BEGIN + timedelta(seconds=20)).isoformat()


def test_finishing_again_gives_the_same_bytes(tmp_path: Path) -> None:
    deck = Deck(tmp_path)
    deck.open()
    deck.play(stream(clip(6.0)))
    deck.end()
    first = finish(deck.folder)
    assert finish(deck.folder) == first
    deck.folder.manifest.unlink()
    assert finish(deck.folder) == first


def test_a_crash_between_the_two_steps_of_finishing_is_undone(tmp_path: Path) -> None:
    deck = Deck(tmp_path)
    deck.open()
    deck.play(stream(clip(6.0)))
    deck.end()
    reel = deck.folder.reels()[0]
    whole = reel.read_bytes()
    first = finish(deck.folder)
    deck.folder.manifest.unlink()
    flipped = reel.read_bytes()
    reel.write_bytes(whole + flipped[len(whole) : len(whole) + 1000])  # the moov half written, the header not turned
    assert finish(deck.folder).sha256 == first.sha256


def test_a_finished_recording_goes_on_after_it_was_opened_again(tmp_path: Path) -> None:
    deck = Deck(tmp_path)
    deck.open()
    deck.play(stream(clip(4.0)))
    deck.end()
    assert finish(deck.folder).duration_s == pytest.approx(4.0, abs=0.1)
    again = Deck(tmp_path, folder=deck.folder)
    again.open()
    again.tape.begin()
    again.play(stream(clip(4.0, first=1000)))
    again.end()
    done = finish(deck.folder)
    assert done.duration_s == pytest.approx(8.0, abs=0.1)
    assert len(shown_counters(media(done))) == 120


def test_nothing_recorded_is_said_so(tmp_path: Path) -> None:
    deck = Deck(tmp_path)
    deck.open()
    deck.end()
    done = finish(deck.folder)
    assert (done.path_mp4, done.sha256, done.problems) == (None, None, ["no_media"])


def test_a_full_disk_degrades_and_recording_goes_on_when_there_is_room(tmp_path: Path) -> None:
    deck = Deck(tmp_path, recorder_settings(min_free_bytes=1000))
    deck.open()
    items = stream(clip(12.0))
    deck.play([one for one in items if one.arrival < 3.0])
    deck.free_bytes = 10
    deck.play([one for one in items if 3.0 <= one.arrival < 4.0])
    assert deck.tape.state is State.DEGRADED
    deck.free_bytes = 1 << 30
    deck.play([one for one in items if one.arrival >= 4.0])
    deck.end()
    assert deck.changes == ["degraded", "recording", "finalising"]
    done = finish(deck.folder)
    assert "disk_full" in done.problems
    assert done.duration_s > 4.0
    assert decode_errors(media(done)) == ""


def test_a_false_report_moves_nothing(tmp_path: Path) -> None:
    sent = clip(8.0)
    items = [
        replace(one, ntp=one.ntp + 3.0)
        if isinstance(one, SenderClock) and one.arrival == 4.0 and one.kind is Kind.AUDIO
        else one
        for one in stream(sent)
    ]
    deck = Deck(tmp_path)
    deck.open()
    deck.play(items)
    deck.end()
    assert max(map(abs, offsets(media(finish(deck.folder)), sent))) <= 0.04
