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
    moof = moof_of(part)
    samples: dict[int, list[Sample]] = {}
    for traf in boxes(part, moof.body, moof.end):
        if traf.kind == "traf":
            track_id, found = _fragment(part, moof.start, traf, defaults)
            samples.setdefault(track_id, []).extend(found)
    return samples


def _fragment(part: bytes, moof: int, traf: Box, defaults: dict[int, Defaults]) -> tuple[int, list[Sample]]:
    tfhd = find(part, "tfhd", start=traf.body, end=traf.end)
    tfdt = find(part, "tfdt", start=traf.body, end=traf.end)
    track_id, default = _header(part, tfhd, defaults)
    time = struct.unpack_from(">Q" if part[tfdt.body] else ">I", part, tfdt.body + 4)[0]
    samples: list[Sample] = []
    for trun in boxes(part, traf.body, traf.end):
        if trun.kind == "trun":
            for sample in _run(part, moof, trun, default, time):
                samples.append(sample)
                time = sample.time + sample.duration
    return track_id, samples


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


def _run(part: bytes, moof: int, trun: Box, default: Defaults, time: int) -> Iterator[Sample]:
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
    row = struct.Struct(f">{len(fields)}I")
    if count * row.size > trun.end - offset:
        raise BoxError(f"a run of {count} samples does not fit its box")
    columns = {flag: column for column, flag in enumerate(fields)}
    size_at, flags_at = columns.get(SAMPLE_SIZE), columns.get(SAMPLE_FLAGS)
    duration_at = columns.get(SAMPLE_DURATION)
    for number in range(count):
        values = row.unpack_from(part, offset)
        offset += row.size
        size = default.size if size_at is None else values[size_at]
        duration = default.duration if duration_at is None else values[duration_at]
        unsaid = first_flags if number == 0 else default.flags
        sample_flags = unsaid if flags_at is None else values[flags_at]
        yield Sample(time, duration, place, size, not sample_flags & NOT_SYNC)
        time += duration
        place += size
