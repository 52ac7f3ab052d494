"""The grid of parts and segments, and the same grid found again in the samples."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest

from recorder.boxes import box
from recorder.errors import BoxError
from recorder.grid import LATEST, LONGEST, Cut, Grid, Picture, Span, read_cut

SECOND = 90_000
FRAME = 1920  # ticks of an AAC frame
CUT = Cut()


@dataclass
class Timeline:
    """Samples that come one by one."""

    pictures: list[Picture]
    seconds: float

    @property
    def sounds(self) -> range:
        return range(0, round(self.seconds * SECOND), FRAME)


def cut_while_it_comes(timeline: Timeline) -> list[Span]:
    """Cut as a live reel does: a picture is known when the next one has come, sound comes beside it."""
    grid, spans = Grid(CUT, has_picture=True), []
    for place, held in enumerate(timeline.pictures):
        known = timeline.pictures[: place + 1]
        while (span := cut_next(grid, known, timeline.sounds, held.time, held.time)) is not None:
            spans.append(span)
    end = round(timeline.seconds * SECOND)
    while True:
        span = grid.last(from_on(timeline.pictures, grid.start), first_from(timeline.sounds, grid.start), end)
        if span is None:
            return spans
        spans.append(span)


def cut_next(grid: Grid, pictures: Sequence[Picture], sounds: range, video: int, sound: int) -> Span | None:
    first = first_from(sounds, grid.start)
    known = None if first is None or first >= sound else first
    return grid.next(from_on(pictures, grid.start), known, video_known=video, sound_known=sound)


def from_on(pictures: Sequence[Picture], start: int) -> list[Picture]:
    return [one for one in pictures if one.time >= start]


def first_from(sounds: range, start: int) -> int | None:
    return next((time for time in sounds if time >= start), None)


def steady(fps: int, seconds: float, *, keys: float) -> list[Picture]:
    count = round(keys * fps)
    return [Picture(n * SECOND // fps, n % count == 0) for n in range(round(seconds * fps))]


def restless(seed: int, seconds: float) -> list[Picture]:
    """Pictures at odd times: jitter, pauses of up to three seconds, IDR pictures whenever."""
    dice = random.Random(seed)
    pictures, time = [Picture(0, True)], 0
    while True:
        step = dice.choice((3000, 3750, 9000, 90, dice.randrange(1, 9000), dice.randrange(SECOND, 3 * SECOND)))
        time += step if step < SECOND or dice.random() < 0.05 else 3000
        if time >= seconds * SECOND:
            return pictures
        pictures.append(Picture(time, dice.random() < 0.02))


def check(spans: Sequence[Span], pictures: Sequence[Picture], end: int) -> None:
    """What holds for every reel."""
    assert spans[0].start == 0
    assert spans[0].segment_start
    assert end - FRAME < spans[-1].end <= end, "only a tail in which nothing begins has no part"
    for before, after in pairwise(spans):
        assert before.end == after.start
    begins = [one.start for one in spans if one.segment_start]
    keys = {one.time for one in pictures if one.key}
    for one in spans:
        segment = max(begin for begin in begins if begin <= one.start)
        assert 0 < one.duration <= CUT.part
        assert (one.start - segment) % CUT.part == 0
        if one.duration < CUT.part:
            assert one.end == end or one.end in keys, "only an IDR picture shortens a part"
    for before, after in pairwise(begins):
        assert CUT.segment <= after - before + CUT.part
        assert after - before <= LONGEST + CUT.part


@pytest.mark.parametrize("fps", [10, 15, 24, 25, 30, 60])
@pytest.mark.parametrize("keys", [2.0, 3.3, 4.0, 6.1, 30.0])
def test_steady_pictures_lie_on_the_grid(fps: int, keys: float) -> None:
    timeline = Timeline(steady(fps, 40.0, keys=keys), 40.0)
    check(cut_while_it_comes(timeline), timeline.pictures, 40 * SECOND)


@pytest.mark.parametrize("seed", range(40))
def test_restless_pictures_lie_on_the_grid(seed: int) -> None:
    timeline = Timeline(restless(seed, 40.0), 40.0)
    spans = cut_while_it_comes(timeline)
    check(spans, timeline.pictures, 40 * SECOND)
    for one in spans:
        assert any(one.start <= time < one.end for time in (*timeline.sounds, *(p.time for p in timeline.pictures)))


@pytest.mark.parametrize("seed", range(40))
def test_the_samples_tell_later_how_they_were_cut(seed: int) -> None:
    timeline = Timeline(restless(seed, 40.0), 40.0)
    live = cut_while_it_comes(timeline)
    grid, again = Grid(CUT, has_picture=True), []
    for span in live[:-1]:
        near = [one for one in timeline.pictures if span.start <= one.time < span.end + CUT.part]
        again.append(grid.next(near, first_from(timeline.sounds, span.start), video_known=LATEST, sound_known=LATEST))
    assert again == live[:-1]


def test_a_segment_ends_at_the_first_idr_picture_after_four_seconds() -> None:
    keys = (0, 350_000, 369_000, 500_000)
    pictures = sorted(Picture(n * 9000, n * 9000 in keys) for n in range(100))
    pictures = sorted({*pictures, *(Picture(time, True) for time in keys)})
    spans = cut_while_it_comes(Timeline(pictures, 10.0))
    assert [one.start for one in spans if one.segment_start] == [0, 369_000]
    assert [one.duration for one in spans if one.end == 369_000] == [9000]


def test_a_segment_without_idr_pictures_ends_after_seven_and_a_half_seconds() -> None:
    spans = cut_while_it_comes(Timeline(steady(15, 20.0, keys=100.0), 20.0))
    assert [one.start / SECOND for one in spans if one.segment_start] == [0, 7.5, 15.0]


def test_no_part_is_made_of_a_sliver_without_samples() -> None:
    """The IDR picture comes 100 ticks behind a line of the grid, and no sound begins between: the segment begins on the line."""
    line = 8 * CUT.part
    pictures = [
        *(Picture(n * 3000, n == 0) for n in range(120)),
        Picture(line + 100, True),
        Picture(line + 90_000, False),
    ]
    grid = Grid(CUT, has_picture=True, start=line, segment=0)
    span = grid.next(from_on(pictures, line), line + 500, video_known=line + 90_000, sound_known=line + 90_000)
    assert span == Span(line, CUT.part, True)


def test_nothing_is_cut_on_a_guess() -> None:
    grid = Grid(CUT, has_picture=True)
    pictures = steady(30, 1.0, keys=4.0)
    assert grid.next(pictures, 0, video_known=44_999, sound_known=LATEST) is None
    assert grid.next(pictures, 0, video_known=LATEST, sound_known=44_999) is None
    assert grid.next(pictures, 0, video_known=45_000, sound_known=45_000) == Span(0, 45_000, True)


def test_sound_alone_has_segments_of_four_seconds() -> None:
    grid, spans = Grid(CUT, has_picture=False), []
    while (span := grid.next((), grid.start, video_known=0, sound_known=20 * SECOND)) is not None:
        spans.append(span)
    assert [one.start / SECOND for one in spans if one.segment_start] == [0, 4, 8, 12, 16]
    assert {one.duration for one in spans} == {CUT.part}


def test_the_cut_is_kept_in_the_initialisation() -> None:
    other = Cut.of(0.3, 2.0)
    assert read_cut(box("moov", box("trak"), other.mark())) == other
    assert read_cut(box("moov", box("free", bytes(12)[:3]))) == Cut()
    with pytest.raises(BoxError, match="whose grid cannot be read"):
        read_cut(box("moov", box("free", bytes(12))))
