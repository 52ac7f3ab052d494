"""The pictures that a lecturer sent, and the same pictures in every form in which they are given away: hashes of access units.

Sent = in the finished file = cut out of it by the byte ranges of `vod.m3u8` = in the live parts as they were told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import pytest

from broadcaster.media import MediaPacket
from recorder.finish import finish
from recorder.messages import Closed, Marked
from tests.support.media import Picture, access_units, clip, sound_packets, video_packets
from tests.support.parts import begun, check_grid, parts_by_reel
from tests.support.ranges import cut_segments, units_in
from tests.support.taping import SOUND_OFFSET, VIDEO_OFFSET, Deck, stream

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SMALL, LARGE = (640, 360), (1280, 720)


def hashes(units: Iterable[Sequence[bytes]]) -> list[str]:
    """Return a hash for each access unit; where a NAL unit ends is part of it."""
    return [hashlib.sha256(b"".join(len(nal).to_bytes(4, "big") + nal for nal in unit)).hexdigest() for unit in units]


def one_piece(deck: Deck) -> tuple[Picture, ...]:
    sent = clip(10.0)
    deck.open()
    deck.play(stream(sent))
    return sent.pictures


def reconnect(deck: Deck) -> tuple[Picture, ...]:
    one, two = clip(6.0), clip(5.0, first=1000)
    deck.open()
    deck.play(stream(one))
    deck.tell(Closed("consent_lost"))
    deck.open()
    deck.play(stream(two, start=30.0, sequence=90))
    return one.pictures + two.pictures


def larger_picture(deck: Deck) -> tuple[Picture, ...]:
    """The same source goes on with another picture size, as studios do when the network got better."""
    one = clip(5.0, width=SMALL[0], height=SMALL[1])
    two = clip(5.0, width=LARGE[0], height=LARGE[1], first=75, bit_rate=1_000_000)
    later = tuple(replace(picture, timestamp=picture.timestamp + 5 * 90_000) for picture in two.pictures)
    pictures = one.pictures + later
    deck.open()
    deck.play([*video_packets(pictures, offset=VIDEO_OFFSET), *sound_packets(clip(10.0).sounds, offset=SOUND_OFFSET)])
    return pictures


def clock_jump(deck: Deck) -> tuple[Picture, ...]:
    sent = clip(10.0)
    items = [one for one in stream(sent, with_reports=False) if isinstance(one, MediaPacket)]
    jump = [
        replace(one, timestamp=one.timestamp + 3600 * one.kind.clock_rate) if one.arrival >= 6.0 else one
        for one in items
    ]
    deck.open()
    deck.play(jump)
    return sent.pictures


def pause(deck: Deck) -> tuple[Picture, ...]:
    """The studio goes on through the pause: what it sends then is not recorded."""
    sent = clip(20.0)
    items = stream(sent)
    deck.open()
    deck.play([one for one in items if one.arrival < 6.0])
    deck.tell(Marked("pause", BEGIN + timedelta(seconds=6)))
    deck.play([one for one in items if 6.0 <= one.arrival < 12.0])
    deck.tell(Marked("resume", BEGIN + timedelta(seconds=12)))
    deck.play([one for one in items if one.arrival >= 12.0])
    return tuple(picture for picture in sent.pictures if not 6.0 <= picture.timestamp / 90_000 < 12.0)


@pytest.mark.parametrize(
    ("lecture", "reels"), [(one_piece, 1), (reconnect, 2), (larger_picture, 2), (clock_jump, 2), (pause, 2)]
)
def test_every_form_holds_the_pictures_that_were_sent(
    tmp_path: Path, lecture: Callable[[Deck], tuple[Picture, ...]], reels: int
) -> None:
    deck = Deck(tmp_path)
    sent = hashes(picture.nals for picture in lecture(deck))
    deck.end()
    done = finish(deck.folder)
    assert done.path_mp4 is not None
    assert len(deck.folder.reels()) == reels
    assert hashes(access_units(done.path_mp4)) == sent
    assert hashes(by_news(deck)) == sent
    assert hashes(by_ranges(deck.folder.playlist)) == sent
    inits = [path.with_name(f"{path.stem}.init.mp4").read_bytes() for path in deck.folder.reels()]
    assert inits == [reel.init for reel in begun(deck.news)]


def by_news(deck: Deck) -> list[tuple[bytes, ...]]:
    """Return the access units of the live parts, as players of the live stream put them together."""
    parts = parts_by_reel(deck.news)
    units = []
    for reel in begun(deck.news):
        check_grid(parts[reel.name])
        units += units_in(reel.init + b"".join(one.data for one in parts[reel.name]))
    return units


def by_ranges(playlist: Path) -> list[tuple[bytes, ...]]:
    """Return the access units of the byte ranges, each segment behind the initialisation that the playlist names for it."""
    segments = cut_segments(playlist)
    independent = "#EXT-X-INDEPENDENT-SEGMENTS" in playlist.read_text("utf-8")
    units = []
    for name, group in groupby(segments, key=lambda one: one.init):
        init = (playlist.parent / name).read_bytes()
        cuts = list(group)
        assert [one.discontinuity for one in cuts] == [cuts[0] is not segments[0]] + [False] * (len(cuts) - 1)
        units += units_in(init + b"".join(one.data for one in cuts))
        for one in cuts:
            alone = units_in(init + one.data)
            assert not independent or any(nal[0] & 0x1F == 5 for nal in alone[0])
            assert one.seconds < 8.5
    return units


def test_what_was_told_is_what_is_stored(tmp_path: Path) -> None:
    """Byte for byte: the live parts of a reel are its file."""
    deck = Deck(tmp_path)
    reconnect(deck)
    deck.end()
    parts = parts_by_reel(deck.news)
    for path in deck.folder.reels():
        stored, told = path.read_bytes(), parts[path.stem]
        assert told[-1].part.offset + told[-1].part.length == len(stored)
        for one in told:
            assert one.stored
            assert stored[one.part.offset : one.part.offset + one.part.length] == one.data


def test_the_byte_ranges_are_the_live_parts(tmp_path: Path) -> None:
    """Sound too: finishing turned 16 bytes in front of them and moved none."""
    deck = Deck(tmp_path)
    one_piece(deck)
    deck.end()
    finish(deck.folder)
    told = b"".join(one.data for one in parts_by_reel(deck.news)["e001"])
    cut = b"".join(one.data for one in cut_segments(deck.folder.playlist))
    assert told == cut
