"""A whole hour through the whole recorder, with everything at once that goes wrong with clocks: measured in the finished file.

Each of the 90,000 sound packets goes the whole way and is decoded and coded to AAC; pictures are few and tiny. All of the hour is
recorded, of the finished file the sixth around the 490 flashes is decoded. It takes most of a minute of CPU, nearly all of it AAC.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.finish import finish
from tests.support.lips import Lecturer, measure
from tests.support.taping import Deck

HOUR = 3600.0
MUTES = ((300.0, 300.7), (500.0, 503.0), (700.0, 760.0), (1500.0, 1500.3), (2000.0, 2200.0), (3000.0, 3008.0))
WRONG = ((900.0, 0.318), (1700.0, -0.045), (2500.0, 3.0))


@pytest.mark.timeout(600)  # most of a minute of CPU, on a machine that may be busy with other tests
@pytest.mark.parametrize(
    "lecturer",
    [
        Lecturer(HOUR, drift=500e-6, muted=MUTES, wrong_reports=WRONG, sound_begins=0.2, sound_delay=0.08),
        Lecturer(HOUR, drift=-500e-6, muted=MUTES, wrong_reports=WRONG, video_begins=0.05, video_delay=0.23),
    ],
    ids=["sound_clock_fast", "sound_clock_slow"],
)
def test_an_hour_stays_within_40_ms(tmp_path: Path, lecturer: Lecturer) -> None:
    deck = Deck(tmp_path)
    deck.open()
    deck.play(lecturer.items())
    deck.end()
    done = finish(deck.folder)
    assert [reel.name for reel in deck.folder.reels()] == ["e001.mp4"]
    assert done.path_mp4 is not None
    assert done.duration_s == pytest.approx(HOUR, abs=1.0)
    offsets = measure(done.path_mp4, lecturer)
    assert len(offsets.times) >= 440
    assert offsets.worst <= 0.04, offsets.listed(0.04)
    assert abs(offsets.slope) * HOUR <= 0.005
