"""What must hold for the parts that a recording tells and stores, whatever was sent."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from itertools import pairwise

from recorder.news import News, PartMade, ReelBegun

PART, SEGMENT, TARGET = 45_000, 4 * 90_000, 8 * 90_000


def parts_by_reel(news: Iterable[News]) -> dict[str, list[PartMade]]:
    """Return the parts told, by the name of their reel."""
    found: dict[str, list[PartMade]] = {}
    for one in news:
        if isinstance(one, ReelBegun):
            found[one.name] = []
        elif isinstance(one, PartMade):
            found[one.reel].append(one)
    return found


def begun(news: Iterable[News]) -> list[ReelBegun]:
    """Return the reels told."""
    return [one for one in news if isinstance(one, ReelBegun)]


def check_grid(parts: Sequence[PartMade]) -> None:
    """Assert that parts follow one another without holes, none is longer than half a second, and only the last of a segment is shorter;
    that segments last at least four seconds but for the last one and never eight, and begin with an IDR picture or are cut at the latest
    place."""
    assert parts
    assert parts[0].part.segment_start
    assert parts[0].part.start == 0
    for place, one in enumerate(parts):
        assert one.part.seq == place
        assert 0 < one.part.duration <= PART
        assert one.part.crc32 == zlib.crc32(one.data)
        assert one.part.length == len(one.data)
    for one, after in pairwise(parts):
        assert one.part.start + one.part.duration == after.part.start
        assert one.part.duration == PART or after.part.segment_start
    starts = [one.part.start for one in parts if one.part.segment_start]
    lengths = [after - start for start, after in pairwise(starts)]
    assert all(SEGMENT <= length < TARGET for length in lengths), lengths
    keys = [one.part.key for one in parts if one.part.segment_start]
    assert all(key or length >= 7.5 * 90_000 for key, length in zip(keys[1:], lengths, strict=True))
