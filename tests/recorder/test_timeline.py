"""Numbers of segments: through hidden reels, through holes, through a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.capacity import judge
from recorder.live import LiveStream
from recorder.messages import Ended, Marked
from recorder.news import PartMade, ReelBegun, ReelEnded
from recorder.playlist import Settled, dvr_playlist, vod_playlist
from recorder.timeline import Piece, Timeline, read_timeline
from signaling.db.base import utc_now
from tests.support.hls import Press, hls_settings
from tests.support.m3u8 import read
from tests.support.media import clip
from tests.support.taping import Deck, recorder_settings, stream


def told(deck_or_press: Deck | Press) -> Timeline:
    """Return what the news say."""
    timeline = Timeline()
    news = deck_or_press.news if isinstance(deck_or_press, Deck) else deck_or_press.made
    for one in news:
        match one:
            case PartMade():
                timeline.add(one.reel, Piece(one.part, one.data, one.stored))
            case ReelBegun():
                timeline.begin(one)
            case ReelEnded():
                timeline.end_reel()
    return timeline


def dvr(timeline: Timeline) -> str:
    return dvr_playlist(timeline, Settled(), 0.5)


def taped(root: Path) -> Deck:
    """A lecture with a cut in its middle: a reel, a hidden one, a reel."""
    deck = Deck(root)
    deck.open()
    deck.play(stream(clip(9.0), start=0.0), until=10.0)
    deck.tell(Marked("cut", utc_now()))
    deck.play(stream(clip(9.0, first=20_000), start=10.0), until=20.0)
    deck.tell(Marked("resume", utc_now()))
    deck.play(stream(clip(9.0, first=40_000), start=20.0), until=30.0)
    return deck


def test_the_files_say_what_the_news_said(tmp_path: Path) -> None:
    deck = taped(tmp_path)
    deck.tell(Ended(False))
    by_news, by_files = told(deck), read_timeline(deck.folder)
    assert len(by_news.segments) >= 3
    assert len(by_news.reels) >= 2
    assert dvr(by_files) == dvr(by_news)
    assert by_files.next_number == by_news.next_number
    assert read(vod_playlist(by_files)).complete


async def test_a_stream_goes_on_after_a_restart_with_the_numbers_it_had(tmp_path: Path) -> None:
    deck = taped(tmp_path)
    deck.tell(Ended(False))
    before = read(dvr(told(deck)))
    timeline = read_timeline(deck.folder)
    going_on = LiveStream(deck.folder, timeline, hls_settings(), 0.5)
    press = Press(segment=timeline.next_number, reel=3, clock_ns=before_ns(timeline))
    going_on.take(press.begin())
    for news in press.run(2):
        going_on.take(news)
    after = read((await going_on.playlist("dvr")).decode())
    assert [one.uri for one in after.complete][: len(before.complete)] == [one.uri for one in before.complete]
    assert not any(one.gap for one in after.segments)
    assert after.segments[len(before.complete)].discontinuity == before.segments[-1].discontinuity + 1
    (data,) = {span.path for span in await going_on.segment("e001", 0) if not isinstance(span, bytes)} or {None}
    assert data in (None, deck.folder.path / "e001.mp4")


def before_ns(timeline: Timeline) -> int:
    return timeline.segments[-1].wall_end_ns


def test_segments_that_were_in_memory_only_are_gaps_of_the_time_that_passed() -> None:
    press = Press()
    press.begin()
    press.run(2)
    press.end()
    press.segment += 3  # on no disk, and the process that knew them is gone
    press.clock_ns += 12_000_000_000
    press.begin()
    press.run(1)
    playlist = read(dvr(told(press)))
    assert [one.gap for one in playlist.segments] == [False, False, True, True, True, False]
    assert [one.duration for one in playlist.segments[2:5]] == pytest.approx([4.0] * 3, abs=0.001)
    assert [one.uri for one in playlist.segments[2:5]] == [f"e001.s{msn}.m4s" for msn in (2, 3, 4)]
    assert [one.discontinuity for one in playlist.segments] == [0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize(("passed", "length"), [(0, 0.1), (100, 8.0)])
def test_a_gap_is_never_empty_nor_longer_than_the_target_duration(passed: int, length: float) -> None:
    press = Press()
    press.begin()
    press.run(1)
    press.end()
    press.segment += 1
    press.clock_ns += passed * 1_000_000_000
    press.begin()
    assert [one.duration for one in read(dvr(told(press))).segments][1:] == [pytest.approx(length)]


def test_numbers_that_go_back_are_not_told_twice() -> None:
    press = Press()
    press.begin()
    press.run(3)
    press.end()
    press.segment = 1
    press.begin()
    press.run(2)
    timeline = told(press)
    assert [segment.msn for segment in timeline.segments] == [0, 1, 2, 3, 4]
    assert not any(segment.lost for segment in timeline.segments)
    assert timeline.next_number == 3


def test_a_damaged_number_does_not_fill_the_memory() -> None:
    press = Press()
    press.segment = 1 << 60
    press.begin()
    press.run(1)
    assert len(told(press).segments) == 10_801


def test_a_disk_is_judged_by_hours_share_and_reserve() -> None:
    settings = recorder_settings(min_free_bytes=1_000_000_000, admission_bits=8_000_000, admission_hours=2.0)
    hour = 3_600_000_000
    total = 100 * hour
    found = judge(1_000_000_000 + 20 * hour, total, settings)
    assert (found.state, found.hours_left) == ("ok", 20.0)
    assert judge(9 * hour, total, settings).state == "low"  # less than a tenth
    assert judge(1_000_000_000 + hour, 5 * hour, settings).state == "low"  # less than two hours
    full = judge(999_999_999, total, settings)
    assert (full.state, full.hours_left) == ("full", 0.0)
