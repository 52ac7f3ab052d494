"""Playlists of many random recordings, read by a strict reader."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from recorder.news import Ended, News, PartMade, ReelBegun
from recorder.playlist import Settled, dvr_playlist, index_playlist, live_playlist, vod_playlist
from recorder.store import Store
from recorder.timeline import Piece, Timeline
from recorder.window import Window
from tests.support.hls import PART, Press
from tests.support.m3u8 import Playlist, Wrong, follows, merged, read

RECORDING = "01890000-0000-7000-8000-000000000001"
PART_SECONDS = 0.5


def told(news: Sequence[News]) -> Timeline:
    """Return what a recording holds after its news."""
    timeline = Timeline()
    for one in news:
        if isinstance(one, PartMade):
            timeline.add(one.reel, Piece(one.part, one.data, one.stored))
        elif isinstance(one, ReelBegun):
            timeline.begin(one)
        else:
            timeline.end_reel()
    return timeline


def lecture(*reels: int) -> Press:
    press = Press()
    for segments in reels:
        press.begin()
        press.run(segments)
        press.end()
    return press


segments = st.lists(
    st.tuples(
        st.sampled_from([1, 2, 8, 15]),  # parts
        st.integers(1, PART),  # ticks of the last part
        st.booleans(),  # begins with an IDR picture
        st.booleans(),  # on the disk
    ),
    max_size=8,
)
reels = st.lists(st.tuples(st.sampled_from(["shown", "shown", "hidden"]), st.integers(0, 100), segments), max_size=4)


def printed(choices: list[tuple[str, int, list[tuple[int, int, bool, bool]]]]) -> Press:
    """Make the news of a random recording: reels, pauses between them, forced cuts, parts that miss the disk."""
    press = Press()
    for kind, pause, parts_of in choices:
        press.clock_ns += pause * 1_000_000_000
        press.begin(hidden=kind == "hidden")
        for parts, last, key, stored in parts_of:
            for place in range(parts):
                ticks = last if place == parts - 1 else PART
                press.part(start=place == 0, key=key and place == 0, ticks=ticks, stored=stored)
        press.end()
    return press


# One example is minutes of playlists: twenty here, JIANGTANG_EXAMPLES for more.
@settings(
    max_examples=int(os.environ.get("JIANGTANG_EXAMPLES", "20")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(choices=reels, memory=st.sampled_from([1 << 30, 3000]))
# A reel that ends before its first segment makes no discontinuity, wherever the window begins.
@example(
    choices=[("shown", 0, [(1, 1991, False, False)]), ("shown", 0, []), ("shown", 0, [(15, 9, False, False)] * 6)],
    memory=1 << 30,
)
def test_every_playlist_of_every_recording_is_right_and_follows_the_one_before(
    choices: list[tuple[str, int, list[tuple[int, int, bool, bool]]]], memory: int
) -> None:
    press = printed(choices)
    timeline = Timeline()
    window = Window(Store(Path("/nowhere")).folder(RECORDING), timeline, 32.0, memory)
    before: dict[str, Playlist] = {}
    for news in [*press.made, Ended()]:
        if isinstance(news, PartMade):
            window.add(news)
        elif isinstance(news, ReelBegun):
            timeline.begin(news)
            window.trim()
        elif isinstance(news, Ended):
            timeline.end()
        else:
            timeline.end_reel()
        if not timeline.segments:
            continue
        live = read(live_playlist(timeline, window.first, PART_SECONDS))
        whole = dvr_playlist(timeline, window.settled, PART_SECONDS)
        assert whole == dvr_playlist(timeline, Settled(), PART_SECONDS)
        dvr = read(whole)
        delta = read(dvr_playlist(timeline, window.settled, PART_SECONDS, skip=True))
        for name, one in (("live", live), ("dvr", dvr)):
            if name in before:
                follows(before[name], one)
        if "dvr" in before:
            got = merged(before["dvr"], delta)
            want = [(one.uri, one.map, one.discontinuity, one.parts, one.duration) for one in dvr.segments]
            assert [(one.uri, one.map, one.discontinuity, one.parts, one.duration) for one in got.segments] == want
        assert (live.next, live.hint) == (dvr.next, dvr.hint)
        tail = dvr.segments[-len(live.segments) :]
        assert [(one.msn, one.uri, one.map, one.discontinuity, one.gap) for one in live.segments] == [
            (one.msn, one.uri, one.map, one.discontinuity, one.gap) for one in tail
        ]
        assert window.held_bytes <= memory + 15 * 50
        before = {"live": live, "dvr": dvr}
    hidden = {news.name for news in press.made if isinstance(news, ReelBegun) and news.hidden}
    assert not any(name + "." in one.text for name in hidden for one in before.values())


def test_a_segment_in_progress_and_the_newest_ones_list_their_parts_and_the_next_one_is_hinted() -> None:
    press = Press()
    press.begin()
    press.run(10)
    press.part(start=True)
    timeline = told(press.made)
    playlist = read(live_playlist(timeline, 2, PART_SECONDS))
    assert playlist.sequence == 3
    assert playlist.segments[-1].uri is None
    assert [len(one.parts) for one in playlist.segments] == [0, 0, 0, 8, 8, 8, 8, 8, 1]
    assert playlist.segments[-1].parts[0].independent
    assert not playlist.segments[-2].parts[1].independent
    assert playlist.hint == "e001.p81.m4s"
    assert playlist.control == {"CAN-BLOCK-RELOAD": "YES", "PART-HOLD-BACK": "1.500"}


def test_while_no_reel_is_open_the_first_part_of_the_next_one_is_hinted_until_the_end() -> None:
    timeline = told(lecture(2).made)
    assert read(live_playlist(timeline, 0, PART_SECONDS)).hint == "e002.p0.m4s"
    timeline.end()
    ended = read(live_playlist(timeline, 0, PART_SECONDS))
    assert (ended.ended, ended.hint) == (True, None)


def test_a_window_that_begins_behind_reels_counts_their_discontinuities() -> None:
    timeline = told(lecture(3, 3, 3).made)
    found = {first: read(live_playlist(timeline, first, PART_SECONDS)) for first in range(9)}
    assert [found[first].segments[0].discontinuity for first in range(9)] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert found[7].segments[0].map == "e003.init.mp4"


def test_a_delta_of_three_hours_is_small_and_says_how_much_it_skips() -> None:
    timeline = told(lecture(2700).made)
    settled = Settled()
    for segment in timeline.segments[:-8]:
        settled.append(segment)
    whole = dvr_playlist(timeline, settled, PART_SECONDS)
    delta = dvr_playlist(timeline, settled, PART_SECONDS, skip=True)
    assert len(whole) > 80_000
    assert len(delta) < 6_000
    parsed = read(delta)
    assert parsed.skipped == 2700 - len(parsed.segments)
    assert merged(read(whole), parsed).next == read(whole).next


def test_a_finished_recording_lists_byte_ranges_that_follow_one_another() -> None:
    press = lecture(2)
    press.begin(hidden=True)
    press.run(2)
    press.end()
    press.begin(width=1280)
    press.run(2, size=70)
    press.end()
    playlist = read(vod_playlist(told(press.made)))
    assert (playlist.kind, playlist.ended, playlist.independent) == ("VOD", True, True)
    assert [one.uri for one in playlist.segments] == ["e001.mp4"] * 2 + ["e003.mp4"] * 2
    assert [one.byterange for one in playlist.segments] == [(400, 1000), (400, 1400), (560, 1000), (560, 1560)]
    assert [one.discontinuity for one in playlist.segments] == [0, 0, 1, 1]
    assert playlist.segments[2].map == "e003.init.mp4"


def test_independence_is_not_said_where_a_segment_was_cut_without_an_idr_picture() -> None:
    press = Press()
    press.begin()
    press.run(1)
    press.part(start=True, key=False)
    press.end()
    assert not read(vod_playlist(told(press.made))).independent


def test_the_index_names_codecs_and_size_of_the_newest_picture() -> None:
    press = lecture(2)
    press.begin(width=1280)
    press.run(1)
    text = index_playlist(told(press.made), "recording/live.m3u8")
    assert text.splitlines()[2:] == [
        '#EXT-X-STREAM-INF:BANDWIDTH=800,CODECS="avc1.42e01f,mp4a.40.2",RESOLUTION=1280x720',
        "recording/live.m3u8",
    ]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("#EXT-X-MAP:", "#EXT-X-MAPS:"), "not ours"),
        (("PART-HOLD-BACK=1.500", "PART-HOLD-BACK=1.400"), "three parts"),
        (("#EXTINF:4.00000,", "#EXTINF:9.00000,"), "longer than the target"),
        (("#EXT-X-PRELOAD-HINT", "#EXT-X-ENDLIST\n#EXT-X-PRELOAD-HINT"), "behind EXT-X-ENDLIST"),
        (("DURATION=0.50000", "DURATION=0.60000"), "longer than the part target"),
    ],
)
def test_the_strict_reader_is_strict(change: tuple[str, str], why: str) -> None:
    press = Press()
    press.begin()
    press.run(2)
    text = live_playlist(told(press.made), 0, PART_SECONDS)
    read(text)
    with pytest.raises(Wrong, match=why):
        read(text.replace(*change))
