"""Sound and picture of the finished file are at most 40 ms apart, early or late, from the first beep on.

What is measured is the file: at what second a numbered picture is shown, at what sample the beep that was made with it is heard. The
figures contain the 6.5 ms by which every Opus encoder is late. `test_lip_sync_hour.py` has the whole hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from broadcaster.media import Kind, MediaPacket, SenderClock
from recorder.clock import DISAGREEMENT
from recorder.finish import finish
from tests.support.lips import Lecturer, Offsets, measure
from tests.support.taping import Deck

LIMIT = 0.04
LOOK_AHEAD = 0.0065


def recorded(folder: Path, lecturer: Lecturer, items: Sequence[MediaPacket | SenderClock] | None = None) -> Offsets:
    """Record, finish and measure one lecture without any break in it."""
    deck = Deck(folder)
    deck.open()
    deck.play(lecturer.items() if items is None else items)
    deck.end()
    done = finish(deck.folder)
    assert [reel.name for reel in deck.folder.reels()] == ["e001.mp4"]
    assert done.path_mp4 is not None
    return measure(done.path_mp4, lecturer)


def assert_in_sync(offsets: Offsets, beeps: int, limit: float = LIMIT) -> None:
    """All beeps are within the limit, and there are as many as were meant to be looked at."""
    assert len(offsets.times) >= beeps
    assert offsets.worst <= limit, offsets.listed(limit)


@pytest.mark.parametrize(("video", "sound"), [(0.0, 0.0), (0.05, 0.0), (0.2, 0.0), (0.0, 0.05), (0.0, 0.2)])
@pytest.mark.parametrize("drift", [0.0, 500e-6, -500e-6])
def test_one_track_begins_later(tmp_path: Path, video: float, sound: float, drift: float) -> None:
    lecturer = Lecturer(30.0, drift=drift, video_begins=video, sound_begins=sound)
    assert_in_sync(recorded(tmp_path, lecturer), 11)


@pytest.mark.parametrize(("video", "sound"), [(0.05, 0.0), (0.2, 0.0), (0.0, 0.05), (0.0, 0.2)])
def test_paths_of_different_length(tmp_path: Path, video: float, sound: float) -> None:
    """Arrival alone would be wrong by the skew until the first report about sound, after 2.2 s: it is waited for."""
    lecturer = Lecturer(30.0, video_delay=0.03 + video, sound_delay=0.03 + sound)
    assert_in_sync(recorded(tmp_path, lecturer), 11)


def test_a_microphone_that_opens_later_is_in_its_place_after_its_first_report(tmp_path: Path) -> None:
    """Until then nothing tells a longer path from a later word, and the live stream does not stop to wait: the error is the skew."""
    skew, opens = 0.2, 8.0
    lecturer = Lecturer(40.0, sound_begins=opens, sound_delay=0.03 + skew, beep_every=1.4)
    offsets = recorded(tmp_path, lecturer)
    settled = opens + lecturer.first_sound_report + 1.0
    before = [off for time, off in zip(offsets.times, offsets.seconds, strict=True) if time < settled]
    after = [off for time, off in zip(offsets.times, offsets.seconds, strict=True) if time > settled]
    assert max(map(abs, before)) <= skew + 0.02
    assert len(after) >= 15
    assert max(map(abs, after)) <= LIMIT


def test_without_any_report_arrival_keeps_them_together(tmp_path: Path) -> None:
    lecturer = Lecturer(30.0, drift=500e-6, sound_begins=0.2)
    packets = [one for one in lecturer.items() if isinstance(one, MediaPacket)]
    assert_in_sync(recorded(tmp_path, lecturer, packets), 11)


MUTES = ((14.0, 14.3), (20.0, 20.9), (25.0, 26.2), (30.0, 39.5), (45.0, 45.04))


@pytest.mark.parametrize("drift", [500e-6, -500e-6])
def test_sound_that_stops_and_goes_on(tmp_path: Path, drift: float) -> None:
    lecturer = Lecturer(70.0, drift=drift, muted=MUTES, beep_every=1.4, sound_delay=0.08)
    assert_in_sync(recorded(tmp_path, lecturer), 35)


@pytest.mark.parametrize("delay", [0.03, 0.23])
def test_a_mute_of_a_minute_is_no_jump(tmp_path: Path, delay: float) -> None:
    """What the reports said before it still holds after it, before the first new one: also with a path of its own."""
    lecturer = Lecturer(110.0, drift=500e-6, muted=((30.0, 92.0),), beep_every=1.2, sound_delay=delay)
    assert_in_sync(recorded(tmp_path, lecturer), 35)


@pytest.mark.parametrize("error", [DISAGREEMENT - 0.005, 0.1, 0.25, 0.318, -0.4, 3.0])
@pytest.mark.parametrize("after", [8.0, 30.0])
def test_one_wrong_report(tmp_path: Path, after: float, error: float) -> None:
    lecturer = Lecturer(60.0, drift=500e-6, wrong_reports=((after, error),), beep_every=2.04)
    assert_in_sync(recorded(tmp_path, lecturer), 25)


def test_a_wrong_first_report_that_contradicts_arrival(tmp_path: Path) -> None:
    lecturer = Lecturer(40.0, wrong_reports=((0.0, 0.318),), beep_every=1.2)
    assert_in_sync(recorded(tmp_path, lecturer), 25)


def test_reports_that_come_late(tmp_path: Path) -> None:
    lecturer = Lecturer(40.0, first_sound_report=9.0, beep_every=1.2, drift=-500e-6)
    assert_in_sync(recorded(tmp_path, lecturer), 25)


def test_the_meter_sees_what_is_wrong(tmp_path: Path) -> None:
    """Sound whose timestamps lie by 60 ms against all reports is found to be 60 ms off."""
    lecturer = Lecturer(30.0, jitter=0.0)
    items = [
        SenderClock(one.kind, one.ntp - 0.06, one.timestamp, one.arrival)
        if isinstance(one, SenderClock) and one.kind is Kind.AUDIO
        else one
        for one in lecturer.items()
    ]
    offsets = recorded(tmp_path, lecturer, items)
    settled = [off for time, off in zip(offsets.times, offsets.seconds, strict=True) if time > 5]
    assert settled == pytest.approx([LOOK_AHEAD - 0.06] * len(settled), abs=0.005)
