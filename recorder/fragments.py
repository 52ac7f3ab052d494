"""Reads fragmented MP4 (ISO/IEC 14496-12 section 8.8): the tracks of an initialisation, the samples of a part.

**A part is self-contained**: its `moof` says where its samples lie and when they are shown (`tfdt`, `trun` offsets relative to
the `moof`), so that it can be read at any place of any file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from recorder.boxes import Box, box_at, boxes, find
from recorder.errors import BoxError

BASE_DATA_OFFSET = 0x1
DEFAULT_DURATION = 0x8
DEFAULT_SIZE = 0x10
DEFAULT_FLAGS = 0x20
DATA_OFFSET = 0x1
FIRST_FLAGS = 0x4
SAMPLE_DURATION = 0x100
SAMPLE_SIZE = 0x200
SAMPLE_FLAGS = 0x400
SAMPLE_COMPOSITION = 0x800
NOT_SYNC = 0x10000


@dataclass(frozen=True, slots=True)
class Track:
    """One track of an initialisation; the boxes are kept as bytes, to be copied into a finished file."""

    track_id: int
    handler: str
    timescale: int
    language: int
    width: int
    height: int
    handler_box: bytes
    media_header: bytes
    data_information: bytes
    sample_description: bytes


class Sample(NamedTuple):
    """One sample: `offset` from the first byte of the part, `time` and `duration` in the track's timescale."""

    time: int
    duration: int
    offset: int
    size: int
    sync: bool


class Run(NamedTuple):
    """Samples of one track that lie side by side and follow each other in time: its columns, since an hour has 300,000 samples.

    `offset` and `time` are those of the first sample; `syncs` are the places (from 0) of the sync samples within the run.
    """

    time: int
    offset: int
    durations: tuple[int, ...]
    sizes: tuple[int, ...]
    syncs: tuple[int, ...]

    @property
    def end(self) -> int:
        """Where its last sample ends, in the track's timescale."""
        return self.time + sum(self.durations)

    def samples(self) -> Iterator[Sample]:
        """Yield the samples one by one."""
        time, offset, syncs = self.time, self.offset, set(self.syncs)
        for place, (duration, size) in enumerate(zip(self.durations, self.sizes, strict=True)):
            yield Sample(time, duration, offset, size, place in syncs)
            time += duration
            offset += size


@dataclass(frozen=True, slots=True)
class Defaults:
    """What `trex` and `tfhd` say for samples whose `trun` is silent."""

    duration: int = 0
    size: int = 0
    flags: int = 0


def read_init(data: bytes) -> tuple[dict[int, Track], dict[int, Defaults]]:
    """Return the tracks and the sample defaults of an initialisation by track id; raise `BoxError`."""
    moov = find(data, "moov")
    tracks: dict[int, Track] = {}
    defaults: dict[int, Defaults] = {}
    for box in boxes(data, moov.body, moov.end):
        if box.kind == "trak":
            track = _track(data, box)
            tracks[track.track_id] = track
        elif box.kind == "mvex":
            for trex in boxes(data, box.body, box.end):
                if trex.kind == "trex":
                    track_id, _, duration, size, flags = struct.unpack_from(">5I", data, trex.body + 4)
                    defaults[track_id] = Defaults(duration, size, flags)
    return tracks, defaults


def _track(data: bytes, trak: Box) -> Track:
    mdia = find(data, "mdia", start=trak.body, end=trak.end)
    minf = find(data, "minf", start=mdia.body, end=mdia.end)
    tkhd = find(data, "tkhd", start=trak.body, end=trak.end)
    mdhd = find(data, "mdhd", start=mdia.body, end=mdia.end)
    hdlr = find(data, "hdlr", start=mdia.body, end=mdia.end)
    header = next(box for box in boxes(data, minf.body, minf.end) if box.kind in ("vmhd", "smhd"))
    dinf = find(data, "dinf", start=minf.body, end=minf.end)
    stsd = find(data, "stbl", "stsd", start=minf.body, end=minf.end)
    if data[tkhd.body] != 0 or data[mdhd.body] != 0:
        raise BoxError("track headers of version 1 are not written by this recorder")
    width, height = struct.unpack_from(">II", data, tkhd.end - 8)
    timescale, _, language = struct.unpack_from(">IIH", data, mdhd.body + 12)
    return Track(
        track_id=struct.unpack_from(">I", data, tkhd.body + 12)[0],
        handler=data[hdlr.body + 8 : hdlr.body + 12].decode("latin-1"),
        timescale=timescale,
        language=language,
        width=width >> 16,
        height=height >> 16,
        handler_box=data[hdlr.start : hdlr.end],
        media_header=data[header.start : header.end],
        data_information=data[dinf.start : dinf.end],
        sample_description=data[stsd.start : stsd.end],
    )


def moof_of(part: bytes) -> Box:
    """Return the `moof` of a part; raise `BoxError` when it is cut off. The media data need not be there."""
    offset = 0
    while True:
        box = box_at(part, offset, len(part))
        if box.kind == "moof":
            return box
        offset = box.end


def read_part(part: bytes, defaults: dict[int, Defaults]) -> dict[int, list[Sample]]:
    """Return the samples of a part by track id; `part` may end behind its `moof`. Raise `BoxError`."""
    samples: dict[int, list[Sample]] = {}
    for track_id, run in read_runs(part, defaults):
        samples.setdefault(track_id, []).extend(run.samples())
    return samples


def read_runs(part: bytes, defaults: dict[int, Defaults]) -> Iterator[tuple[int, Run]]:
    """Yield the runs of a part with their track ids; `part` may end behind its `moof`. Raise `BoxError`."""
    moof = moof_of(part)
    for traf in boxes(part, moof.body, moof.end):
        if traf.kind == "traf":
            yield from _fragment(part, moof.start, traf, defaults)


def _fragment(part: bytes, moof: int, traf: Box, defaults: dict[int, Defaults]) -> Iterator[tuple[int, Run]]:
    inside = [*boxes(part, traf.body, traf.end)]
    kinds = {one.kind: one for one in inside}
    if "tfhd" not in kinds or "tfdt" not in kinds:
        raise BoxError("a track fragment without tfhd or tfdt")
    track_id, default = _header(part, kinds["tfhd"], defaults)
    tfdt = kinds["tfdt"]
    time = struct.unpack_from(">Q" if part[tfdt.body] else ">I", part, tfdt.body + 4)[0]
    for trun in inside:
        if trun.kind == "trun":
            run = _run(part, moof, trun, default, time)
            time += sum(run.durations)
            yield track_id, run


def _header(part: bytes, tfhd: Box, defaults: dict[int, Defaults]) -> tuple[int, Defaults]:
    flags, track_id = struct.unpack_from(">II", part, tfhd.body)
    flags &= 0xFFFFFF
    if flags & BASE_DATA_OFFSET:
        raise BoxError("a part with absolute data offsets cannot be moved")
    base = defaults.get(track_id, Defaults())
    offset = tfhd.body + 8 + (4 if flags & 0x2 else 0)
    values = [base.duration, base.size, base.flags]
    for place, flag in enumerate((DEFAULT_DURATION, DEFAULT_SIZE, DEFAULT_FLAGS)):
        if flags & flag:
            values[place] = struct.unpack_from(">I", part, offset)[0]
            offset += 4
    return track_id, Defaults(*values)


def _run(part: bytes, moof: int, trun: Box, default: Defaults, time: int) -> Run:
    """Read a `trun` (section 8.8.8) by columns."""
    flags, count = struct.unpack_from(">II", part, trun.body)
    flags &= 0xFFFFFF
    offset = trun.body + 8
    if not flags & DATA_OFFSET:
        raise BoxError("a run without data offset is not written by this recorder")
    place = moof + struct.unpack_from(">i", part, offset)[0]
    offset += 4
    first_flags = default.flags
    if flags & FIRST_FLAGS:
        first_flags = struct.unpack_from(">I", part, offset)[0]
        offset += 4
    fields = [flag for flag in (SAMPLE_DURATION, SAMPLE_SIZE, SAMPLE_FLAGS, SAMPLE_COMPOSITION) if flags & flag]
    if count * 4 * len(fields) > trun.end - offset:
        raise BoxError(f"a run of {count} samples does not fit its box")
    values = struct.unpack_from(f">{count * len(fields)}I", part, offset)
    columns = {flag: values[column :: len(fields)] for column, flag in enumerate(fields)}
    unsaid = (first_flags, *(default.flags,) * (count - 1))[:count]
    return Run(
        time,
        place,
        columns.get(SAMPLE_DURATION, (default.duration,) * count),
        columns.get(SAMPLE_SIZE, (default.size,) * count),
        tuple(n for n, word in enumerate(columns.get(SAMPLE_FLAGS, unsaid)) if not word & NOT_SYNC),
    )
