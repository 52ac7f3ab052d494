"""Writes the `moov` of a finished file (ISO/IEC 14496-12 section 8.2) from the samples of its parts.

The media data stays where the parts put it; this box is all that makes them a plain MP4. Sample descriptions are copied from
the initialisations, so nothing here knows H.264 or AAC.

1. **The same samples give the same bytes**: no creation time, no random number.
2. A gap before a sample lengthens the sample before it; a gap before the first one becomes an empty edit.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import NamedTuple

from recorder.boxes import box, full_box
from recorder.fragments import Track

MOVIE_TIMESCALE = 90_000
UNITY_MATRIX = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


class Placed(NamedTuple):
    """A sample of the finished file: `offset` in the file, `time` in the track's timescale, `description` from 1."""

    time: int
    duration: int
    offset: int
    size: int
    sync: bool
    description: int


@dataclass(slots=True)
class TrackTable:
    """All samples of one track in order, and the sample descriptions that they refer to."""

    track: Track
    descriptions: list[bytes] = field(default_factory=list)
    samples: list[Placed] = field(default_factory=list)

    @property
    def end(self) -> int:
        """Where the last sample ends, in the track's timescale."""
        return self.samples[-1].time + self.samples[-1].duration if self.samples else 0

    def description(self, entry: bytes) -> int:
        """Return the number (from 1) of this sample entry; equal entries share one."""
        if entry not in self.descriptions:
            self.descriptions.append(entry)
        return self.descriptions.index(entry) + 1


def build_moov(tables: Sequence[TrackTable]) -> bytes:
    """Return the `moov` box; `tables` are in the order of their track ids, each with at least one sample."""
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
    start = table.samples[0].time
    mdhd = full_box("mdhd", 1, 0, struct.pack(">QQIQHH", 0, 0, track.timescale, table.end - start, track.language, 0))
    stbl = box("stbl", _descriptions(table), _times(table.samples), *_syncs(table.samples), *_places(table.samples))
    minf = box("minf", track.media_header, track.data_information, stbl)
    return box("trak", tkhd, *_edits(table, length), box("mdia", mdhd, track.handler_box, minf))


def _edits(table: TrackTable, length: int) -> list[bytes]:
    """ISO/IEC 14496-12 section 8.6.6: an empty edit of the time before the first sample."""
    empty = _movie_time(table.samples[0].time, table.track.timescale)
    if not empty:
        return []
    rows = struct.pack(">QqHH", empty, -1, 1, 0) + struct.pack(">QqHH", length - empty, 0, 1, 0)
    return [box("edts", full_box("elst", 1, 0, struct.pack(">I", 2), rows))]


def _descriptions(table: TrackTable) -> bytes:
    return full_box("stsd", 0, 0, struct.pack(">I", len(table.descriptions)), *table.descriptions)


def _times(samples: Sequence[Placed]) -> bytes:
    """Decoding times: each delta reaches to the next sample, so that a gap lengthens the sample before it."""
    deltas = [after.time - before.time for before, after in pairwise(samples)]
    deltas.append(samples[-1].duration)
    runs = [(len(list(group)), delta) for delta, group in groupby(deltas)]
    return full_box("stts", 0, 0, struct.pack(">I", len(runs)), *(struct.pack(">II", *run) for run in runs))


def _syncs(samples: Sequence[Placed]) -> list[bytes]:
    if all(sample.sync for sample in samples):
        return []
    numbers = [number for number, sample in enumerate(samples, 1) if sample.sync]
    return [full_box("stss", 0, 0, struct.pack(f">{len(numbers) + 1}I", len(numbers), *numbers))]


def _places(samples: Sequence[Placed]) -> tuple[bytes, bytes, bytes]:
    """Chunks are runs of samples that lie side by side under one description (sections 8.7.4 and 8.7.5)."""
    chunks: list[tuple[int, int, int]] = []  # offset, samples, description
    end, description = -1, 0
    for sample in samples:
        if sample.offset == end and sample.description == description:
            offset, count, _ = chunks[-1]
            chunks[-1] = (offset, count + 1, description)
        else:
            description = sample.description
            chunks.append((sample.offset, 1, description))
        end = sample.offset + sample.size
    rows: list[tuple[int, int, int]] = []
    for number, (_, count, entry) in enumerate(chunks, 1):
        if not rows or rows[-1][1:] != (count, entry):
            rows.append((number, count, entry))
    sizes = [sample.size for sample in samples]
    offsets = [chunk[0] for chunk in chunks]
    return (
        full_box("stsc", 0, 0, struct.pack(">I", len(rows)), *(struct.pack(">III", *row) for row in rows)),
        full_box("stsz", 0, 0, struct.pack(f">II{len(sizes)}I", 0, len(sizes), *sizes)),
        full_box("co64", 0, 0, struct.pack(f">I{len(offsets)}Q", len(offsets), *offsets)),
    )
