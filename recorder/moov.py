"""Writes the `moov` of a finished file (ISO/IEC 14496-12 section 8.2) from the samples of its parts.

The media data stays where the parts put it; this box is all that makes them a plain MP4. Sample descriptions are copied from
the initialisations, so nothing here knows H.264 or AAC.

1. **The same samples give the same bytes**: no creation time, no random number.
2. A gap before a run lengthens the sample before it; a gap before the first one becomes an empty edit.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from recorder.boxes import box, full_box
from recorder.fragments import Run, Track

MOVIE_TIMESCALE = 90_000
UNITY_MATRIX = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


class Placed(NamedTuple):
    """A run in the finished file: its samples lie side by side under one description (numbered from 1)."""

    run: Run
    description: int


@dataclass(slots=True)
class TrackTable:
    """All runs of one track in order, and the sample descriptions that they refer to."""

    track: Track
    descriptions: list[bytes] = field(default_factory=list)
    runs: list[Placed] = field(default_factory=list)
    start: int = 0  # of the first run
    end: int = 0  # of the last run, in the track's timescale

    def add(self, run: Run, description: int) -> None:
        """Append a run that does not begin before the last one ends."""
        if not self.runs:
            self.start = run.time
        self.runs.append(Placed(run, description))
        self.end = run.end

    def description(self, entry: bytes) -> int:
        """Return the number (from 1) of this sample entry; equal entries share one."""
        if entry not in self.descriptions:
            self.descriptions.append(entry)
        return self.descriptions.index(entry) + 1


def build_moov(tables: Sequence[TrackTable]) -> bytes:
    """Return the `moov` box; `tables` are in the order of their track ids, each with at least one run."""
    length = max(_movie_time(table.end, table.track.timescale) for table in tables)
    header = full_box(
        "mvhd", 1, 0, struct.pack(">QQIQ", 0, 0, MOVIE_TIMESCALE, length), struct.pack(">IH10x", 0x10000, 0x100),
        UNITY_MATRIX, bytes(24), struct.pack(">I", len(tables) + 1),
    )  # fmt: skip
    return box("moov", header, *(_trak(number, table) for number, table in enumerate(tables, 1)))


def _movie_time(value: int, timescale: int) -> int:
    return (value * MOVIE_TIMESCALE + timescale // 2) // timescale


def _trak(number: int, table: TrackTable) -> bytes:
    track = table.track
    length = _movie_time(table.end, track.timescale)
    volume = 0x100 if track.handler == "soun" else 0
    tkhd = full_box(
        "tkhd", 1, 3, struct.pack(">QQIIQ8xHHHH", 0, 0, number, 0, length, 0, 0, volume, 0),
        UNITY_MATRIX, struct.pack(">II", track.width << 16, track.height << 16),
    )  # fmt: skip
    media = table.end - table.start
    mdhd = full_box("mdhd", 1, 0, struct.pack(">QQIQHH", 0, 0, track.timescale, media, track.language, 0))
    runs = [placed.run for placed in table.runs]
    stbl = box("stbl", _descriptions(table), _times(runs), *_syncs(runs), *_places(table.runs))
    minf = box("minf", track.media_header, track.data_information, stbl)
    return box("trak", tkhd, *_edits(table, length), box("mdia", mdhd, track.handler_box, minf))


def _edits(table: TrackTable, length: int) -> list[bytes]:
    """ISO/IEC 14496-12 section 8.6.6: an empty edit of the time before the first sample."""
    empty = _movie_time(table.start, table.track.timescale)
    if not empty:
        return []
    rows = struct.pack(">QqHH", empty, -1, 1, 0) + struct.pack(">QqHH", length - empty, 0, 1, 0)
    return [box("edts", full_box("elst", 1, 0, struct.pack(">I", 2), rows))]


def _descriptions(table: TrackTable) -> bytes:
    return full_box("stsd", 0, 0, struct.pack(">I", len(table.descriptions)), *table.descriptions)


def _times(runs: Sequence[Run]) -> bytes:
    """Decoding times: each delta reaches to the next sample, so that a gap lengthens the sample before it."""
    deltas: list[int] = []
    end = runs[0].time
    for run in runs:
        if run.time != end:
            deltas[-1] += run.time - end
        deltas += run.durations
        end = run.end
    rows = [(sum(1 for _ in group), delta) for delta, group in groupby(deltas)]
    return full_box("stts", 0, 0, struct.pack(">I", len(rows)), *(struct.pack(">II", *row) for row in rows))


def _syncs(runs: Sequence[Run]) -> list[bytes]:
    if all(len(run.syncs) == len(run.sizes) for run in runs):
        return []
    numbers: list[int] = []
    before = 1
    for run in runs:
        numbers += [before + place for place in run.syncs]
        before += len(run.sizes)
    return [full_box("stss", 0, 0, struct.pack(f">{len(numbers) + 1}I", len(numbers), *numbers))]


def _places(placed: Sequence[Placed]) -> tuple[bytes, bytes, bytes]:
    """Each run is a chunk: samples that lie side by side under one description (sections 8.7.4 and 8.7.5)."""
    rows: list[tuple[int, int, int]] = []
    sizes: list[int] = []
    for number, (run, entry) in enumerate(placed, 1):
        sizes += run.sizes
        if not rows or rows[-1][1:] != (len(run.sizes), entry):
            rows.append((number, len(run.sizes), entry))
    offsets = [one.run.offset for one in placed]
    return (
        full_box("stsc", 0, 0, struct.pack(">I", len(rows)), *(struct.pack(">III", *row) for row in rows)),
        full_box("stsz", 0, 0, struct.pack(f">II{len(sizes)}I", 0, len(sizes), *sizes)),
        full_box("co64", 0, 0, struct.pack(f">I{len(offsets)}Q", len(offsets), *offsets)),
    )
