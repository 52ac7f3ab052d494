"""Loss, repair and reordering between studio and recorder: what is stored is everything that can be decoded, and nothing else."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from recorder.finish import finish
from tests.recorder.test_recording import decode_errors
from tests.support.media import access_units, shown_counters
from tests.support.netem import ANSWER, FPS, Lesson, Network, give
from tests.support.parts import check_grid, parts_by_reel
from tests.support.taping import Deck

SECONDS = 20.0
REORDER_WAIT = 0.5
TICKS = 0.25  # a tick of the recorder, two pictures until the studio is asked and answers
MATRIX = [
    pytest.param(
        Network(loss, nack, reorder),
        id=f"loss{round(100 * loss)}-{'nack' if nack else 'plain'}-{'reorder' if reorder else 'order'}",
    )
    for loss in (0.0, 0.01, 0.05)
    for nack in (False, True)
    for reorder in (False, True)
]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("network", MATRIX)
def test_what_is_stored(tmp_path: Path, network: Network, seed: int) -> None:
    deck = Deck(tmp_path)
    deck.open()
    lesson = give(deck, SECONDS, network, seed=seed)
    deck.end()
    done = finish(deck.folder)
    assert [reel.name for reel in deck.folder.reels()] == ["e001.mp4"]
    assert done.path_mp4 is not None
    check_pictures(done.path_mp4, lesson)
    check_sound(done.path_mp4)
    check_freezes(lesson)
    check_grid(parts_by_reel(deck.news)["e001"])
    if network.nack or not network.loss:
        assert lesson.storable() == list(range(len(lesson.pictures)))
    else:
        assert lesson.freezes()
        assert lesson.lost_sounds


def check_pictures(path: Path, lesson: Lesson) -> None:
    """Assert that all that could be decoded is stored, bit by bit, decodes without a complaint and shows what was drawn."""
    stored = lesson.storable()
    assert access_units(path) == [lesson.pictures[number].nals for number in stored]
    assert [number for _, number in shown_counters(path)] == stored
    assert decode_errors(path) == ""


def check_sound(path: Path) -> None:
    """Assert that AAC frame follows AAC frame from 0 to the end of the picture."""
    times, end = [], 0.0
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.size and packet.stream.type == "audio":
                times.append(packet.pts)
            elif packet.size:
                end = float(((packet.pts or 0) + (packet.duration or 0)) * (packet.time_base or 0))
    assert times == list(range(0, 1024 * len(times), 1024))
    assert end > SECONDS - 1.0
    assert 1024 * len(times) / 48_000 == pytest.approx(end, abs=1024 / 48_000)


def check_freezes(lesson: Lesson) -> None:
    """Assert that the picture stands still for no longer than it takes to notice the loss and to get the next IDR picture.

    An IDR picture that is lost in its turn is asked for again: then it is counted from that one.
    """
    for first, again in lesson.freezes():
        keys = [number for number in range(first + 1, again + 1) if lesson.pictures[number].key]
        assert keys[-1] == again
        for lost, key in zip([first, *keys], keys, strict=False):
            assert (key - lost) / FPS <= REORDER_WAIT + ANSWER + TICKS
