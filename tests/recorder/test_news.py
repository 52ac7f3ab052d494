"""What the tape tells while it records: parts on the grid, numbers that go on, a disk that fills, a camera that goes off."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path

import pytest

from broadcaster.media import Kind, MediaPacket, SenderClock
from recorder.finish import finish
from recorder.fragments import read_init, read_part
from recorder.journal import read_lines
from recorder.messages import Closed
from recorder.news import Ended, News, PartMade, ReelBegun, ReelEnded
from recorder.segment import ReelReader, beside, read_index
from recorder.states import State
from tests.support.media import access_units, clip, find_beeps, heard
from tests.support.taping import Deck, recorder_settings, stream

PART = 45_000
SECOND = 90_000


def reels(news: Sequence[News]) -> list[ReelBegun]:
    return [one for one in news if isinstance(one, ReelBegun)]


def parts(news: Sequence[News], reel: str | None = None) -> list[PartMade]:
    return [one for one in news if isinstance(one, PartMade) and reel in (None, one.reel)]


def check(news: Sequence[News]) -> None:
    """What holds for all news: order, the grid, sound and picture without holes, numbers that grow."""
    assert isinstance(news[-1], Ended)
    kinds = [kind for kind, _ in groupby(type(one) for one in news[:-1])]
    assert kinds in ([ReelBegun, PartMade, ReelEnded] * (len(kinds) // 3), [])
    segment = 0
    for reel in reels(news):
        made = [one.part for one in parts(news, reel.name)]
        assert [one.seq for one in made] == list(range(len(made)))
        assert made[0].start == 0
        assert all(0 < one.duration <= PART for one in made)
        assert all(before.start + before.duration == after.start for before, after in pairwise(made))
        assert all(before.duration == PART for before, after in pairwise(made) if not after.segment_start), (
            "only the last part of a segment is short"
        )
        begins = [one.start for one in made if one.segment_start]
        assert all(3.5 * SECOND <= after - before <= 8.5 * SECOND for before, after in pairwise(begins))
        assert reel.first_segment >= segment
        segment = reel.first_segment + len(begins)
        check_samples(reel, parts(news, reel.name))
    walls = [reel.wall_ns for reel in reels(news)]
    assert walls == sorted(walls)


def check_samples(reel: ReelBegun, made: Sequence[PartMade]) -> None:
    tracks, defaults = read_init(reel.init)
    ends = dict.fromkeys(tracks, 0)
    for one in made:
        for track, samples in read_part(one.data, defaults).items():
            for sample in samples:
                assert sample.time == ends[track]
                assert sample.duration <= 10 * tracks[track].timescale
                ends[track] = sample.time + sample.duration
                tick = sample.time * SECOND // tracks[track].timescale
                assert one.part.start <= tick < one.part.start + one.part.duration
    assert (reel.width is None) == (len(tracks) == 1)


def lossy(items: Sequence[MediaPacket | SenderClock], seed: int, loss: float) -> list[MediaPacket | SenderClock]:
    """Lose packets and let others come up to 80 ms late."""
    dice = random.Random(seed)
    return [
        replace(one, arrival=one.arrival + dice.choice((0.0, 0.0, 0.0, 0.08)))
        for one in items
        if not (isinstance(one, MediaPacket) and dice.random() < loss)
    ]


def test_parts_are_told_and_are_what_is_stored(tmp_path: Path) -> None:
    deck = Deck(tmp_path)
    deck.open()
    deck.play(stream(clip(12.0)))
    deck.end()
    check(deck.news)
    reader = ReelReader(deck.folder.reels()[0])
    assert [one.part for one in parts(deck.news)] == reader.parts
    assert all(one.stored for one in parts(deck.news))
    whole = reader.path.read_bytes()
    assert [whole[part.offset : part.end] for part in reader.parts] == [one.data for one in parts(deck.news)]
    assert [part.start // SECOND for part in reader.parts if part.segment_start] == [0, 4, 8]
    begun = reels(deck.news)[0]
    assert (begun.name, begun.init, begun.first_segment, begun.hidden) == ("e001", reader.init, 0, False)
    assert (begun.codecs[:5], begun.width, begun.height) == ("avc1.", 320, 180)


@pytest.mark.parametrize("loss", [0.0, 0.01, 0.05])
@pytest.mark.parametrize("seed", [1, 2])
def test_parts_stay_on_the_grid_when_packets_are_late_and_lost(tmp_path: Path, seed: int, loss: float) -> None:
    deck = Deck(tmp_path)
    deck.open()
    deck.play(lossy(stream(clip(20.0)), seed, loss))
    deck.end()
    check(deck.news)
    assert sum(one.part.duration for one in parts(deck.news)) / SECOND == pytest.approx(20.0, abs=2.0)


def test_a_part_is_told_at_once(tmp_path: Path) -> None:
    """Beside its own length a part waits for the picture that follows it, and for the sound that was sent with it."""
    deck = Deck(tmp_path)
    told: list[tuple[float, PartMade]] = []
    deck.tape.tell = lambda one: told.append((deck.now, one)) if isinstance(one, PartMade) else None
    deck.open()
    deck.play(stream(clip(12.0)))
    late = [now - (one.part.start + one.part.duration) / SECOND for now, one in told]
    assert len(late) >= 22
    assert max(late) <= 0.15


def test_a_wish_is_raised_when_a_segment_is_due(tmp_path: Path) -> None:
    deck = Deck(tmp_path)
    deck.open()
    deck.play(stream(clip(12.0, gop_seconds=100.0)))
    deck.end()
    check(deck.news)
    assert deck.wishes[:2] == ["source_found", "segment"]
    assert [one.part.start / SECOND for one in parts(deck.news) if one.part.segment_start] == [0, 7.5]
    assert [one.part.key for one in parts(deck.news) if one.part.segment_start] == [True, False]


def test_a_full_disk_interrupts_nothing(tmp_path: Path) -> None:
    source = clip(24.0)
    items = stream(source)
    deck = Deck(tmp_path, recorder_settings(min_free_bytes=1000))
    deck.open()
    deck.play([one for one in items if one.arrival < 3.2])
    deck.free_bytes = 10
    deck.play([one for one in items if 3.2 <= one.arrival < 9.0])
    assert deck.tape.state is State.DEGRADED
    on_disk = len(read_index(deck.folder.reels()[0]))
    deck.free_bytes = 1 << 30
    deck.play([one for one in items if one.arrival >= 9.0])
    deck.end()
    check(deck.news)
    assert deck.changes == ["degraded", "recording", "finalising"]
    assert [one.name for one in reels(deck.news)] == ["e001", "e002"]
    stored = [one.stored for one in parts(deck.news, "e001")]
    assert stored == [True] * on_disk + [False] * (len(stored) - on_disk)
    assert 0 < on_disk < len(stored)
    assert all(one.stored for one in parts(deck.news, "e002"))
    assert "disk_free" in deck.wishes
    told = sum(one.part.duration for one in parts(deck.news)) / SECOND
    assert told == pytest.approx(24.0, abs=0.1)
    done = finish(deck.folder)
    assert "disk_full" in done.problems
    assert done.duration_s == pytest.approx(told - sum(not one for one in stored) * 0.5, abs=0.5)


def test_a_disk_with_room_again_is_noticed_without_a_source(tmp_path: Path) -> None:
    deck = Deck(tmp_path, recorder_settings(min_free_bytes=1000), free_bytes=10)
    deck.open()
    deck.play([one for one in stream(clip(6.0)) if one.arrival < 4.0])
    deck.tell(Closed("consent_lost"))
    assert deck.tape.state is State.DEGRADED
    deck.free_bytes = 1 << 30
    deck.play([], until=12.0)
    assert deck.tape.state is State.GAP
    assert deck.changes == ["degraded", "recording"]


def test_what_begins_on_a_full_disk_is_in_memory_only(tmp_path: Path) -> None:
    deck = Deck(tmp_path, recorder_settings(min_free_bytes=1000), free_bytes=10)
    deck.open()
    deck.play(stream(clip(6.0)))
    deck.tell(Closed("consent_lost"))
    deck.open()
    deck.free_bytes = 1 << 30
    deck.play(stream(clip(12.0), start=10.0, sequence=90))
    deck.end()
    check(deck.news)
    names = [one.name for one in reels(deck.news)]
    assert [path.stem for path in deck.folder.reels()] == names[-1:]
    assert [any(one.stored for one in parts(deck.news, name)) for name in names] == [False] * (len(names) - 1) + [True]
    assert len(set(names)) == len(names) >= 2


def test_a_camera_that_goes_off_leaves_the_sound_and_its_last_idr_picture(tmp_path: Path) -> None:
    source = clip(20.0)
    items = [
        one
        for one in stream(source)
        if not (isinstance(one, MediaPacket) and one.kind is Kind.VIDEO and 6.1 < one.arrival < 14.0)
    ]
    first = max(
        one.sequence for one in items if isinstance(one, MediaPacket) and one.kind is Kind.VIDEO and one.arrival < 7
    )
    after = min(
        one.sequence for one in items if isinstance(one, MediaPacket) and one.kind is Kind.VIDEO and one.arrival > 7
    )
    items = [
        replace(one, sequence=one.sequence - (after - first - 1))
        if isinstance(one, MediaPacket) and one.kind is Kind.VIDEO and one.arrival > 7
        else one
        for one in items
    ]
    deck = Deck(tmp_path)
    deck.open()
    deck.play(items)
    deck.end()
    check(deck.news)
    assert [one.width for one in reels(deck.news)] == [320]
    done = finish(deck.folder)
    assert done.path_mp4 is not None
    assert done.problems == ["picture_frozen"]
    before = [one for one in source.pictures if one.timestamp / SECOND <= 6.1]
    after_it = [one.nals for one in source.pictures if one.timestamp / SECOND >= 14.0]
    still = [one.nals for one in before if one.key][-1]
    repeated = deck.tape.drops["picture_repeated"]
    assert 6 <= repeated <= 8
    assert access_units(done.path_mp4) == [one.nals for one in before] + [still] * repeated + after_it
    assert done.duration_s == pytest.approx(20.0, abs=0.2)
    beeps = find_beeps(heard(done.path_mp4)[1])
    assert len(beeps) == 20
    assert all(0.9 < after - before < 1.1 for before, after in pairwise(beeps))


def test_the_picture_that_comes_back_needs_an_idr_picture(tmp_path: Path) -> None:
    """Until it comes the sound goes on with the repeated picture, and the wish is raised again and again."""
    source = clip(20.0, gop_seconds=10.0)
    video = [one for one in stream(source) if isinstance(one, MediaPacket) and one.kind is Kind.VIDEO]
    sound = [one for one in stream(source) if one not in video]
    kept = [one for one in video if not 1.0 < one.arrival < 4.0]
    lost = sum(1.0 < one.arrival < 4.0 for one in video)
    kept = [replace(one, sequence=one.sequence - lost) if one.arrival >= 4.0 else one for one in kept]
    deck = Deck(tmp_path)
    deck.open()
    deck.play([*kept, *sound])
    deck.end()
    check(deck.news)
    assert [one.width for one in reels(deck.news)] == [320]
    assert deck.wishes.count("camera_back") >= 3


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    deck = Deck(tmp_path)
    deck.open()
    deck.play(stream(clip(12.0)))
    deck.tell(Closed("shutdown"))
    again = Deck(tmp_path, folder=deck.folder, now=60.0)
    again.open()
    again.play(stream(clip(6.0), start=60.0))
    (begun,) = reels(again.news)
    assert (begun.name, begun.first_segment) == ("e002", 3)


def test_numbers_go_on_after_a_crash(tmp_path: Path) -> None:
    deck = Deck(tmp_path)
    deck.open()
    deck.play(stream(clip(12.0)))
    assert sum(one.part.segment_start for one in parts(deck.news)) == 3
    again = Deck(tmp_path, folder=deck.folder, now=60.0)
    again.open()
    again.play(stream(clip(6.0), start=60.0))
    assert [(one.name, one.first_segment) for one in reels(again.news)] == [("e002", 3)]


def test_numbers_are_not_used_again_after_what_was_in_memory_only(tmp_path: Path) -> None:
    deck = Deck(tmp_path, recorder_settings(min_free_bytes=1000))
    deck.open()
    items = stream(clip(24.0))
    deck.play([one for one in items if one.arrival < 6.0])
    deck.free_bytes = 10
    deck.play([one for one in items if one.arrival >= 6.0])
    told = sum(one.part.segment_start for one in parts(deck.news))
    assert sum(part.segment_start for part in read_index(deck.folder.reels()[0])) < told
    again = Deck(tmp_path, folder=deck.folder, now=24.0)
    again.open()
    again.play(stream(clip(6.0), start=24.0))
    (begun,) = reels(again.news)
    assert begun.first_segment >= told
    assert begun.name == "e002"


def test_the_journal_tells_the_first_segment_of_each_reel(tmp_path: Path) -> None:
    deck = Deck(tmp_path)
    for number in range(3):
        deck.now = 20.0 * number
        deck.open()
        deck.play(stream(clip(6.0), start=deck.now))
        deck.tell(Closed("consent_lost"))
    lines = [one for one in read_lines(deck.folder.journal) if one["event"] == "reel"]
    assert [one["first_segment"] for one in lines] == [0, 2, 4]
    assert [one.first_segment for one in reels(deck.news)] == [0, 2, 4]


def test_index_lines_of_another_version_are_rebuilt(tmp_path: Path) -> None:
    deck = Deck(tmp_path)
    deck.open()
    deck.play(lossy(stream(clip(20.0)), 3, 0.0))
    deck.end()
    reel = deck.folder.reels()[0]
    index = beside(reel, ".idx")
    known = read_index(reel)
    index.write_text('{"seq":0,"offset":1200,"length":9}\n')
    assert read_index(reel) == []
    finish(deck.folder)
    rebuilt = [replace(one, wall_ns=0) for one in read_index(reel)]
    assert rebuilt == [replace(one, wall_ns=0) for one in known]
