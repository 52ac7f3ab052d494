"""Reads a playlist of byte ranges as a player does that knows nothing else: lines, `EXT-X-MAP`, `EXT-X-BYTERANGE`, cut bytes."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path

import av

from tests.support.media import nal_units


@dataclass(frozen=True)
class Cut:
    """One media segment: the initialisation that belongs to it, its bytes, its seconds, whether a discontinuity precedes it."""

    init: str
    data: bytes
    seconds: float
    discontinuity: bool


def cut_segments(playlist: Path) -> list[Cut]:
    """Return the segments of a playlist whose files lie beside it; what is no playlist of that kind is an `AssertionError`."""
    lines = playlist.read_text("utf-8").splitlines()
    assert lines[0] == "#EXTM3U"
    assert lines[-1] == "#EXT-X-ENDLIST"
    found: list[Cut] = []
    init, seconds, span, discontinuity = "", 0.0, (0, 0), False
    for line in lines:
        if match := re.fullmatch(r'#EXT-X-MAP:URI="([\w.]+)"', line):
            init = match[1]
        elif match := re.fullmatch(r"#EXTINF:([\d.]+),", line):
            seconds = float(match[1])
        elif match := re.fullmatch(r"#EXT-X-BYTERANGE:(\d+)@(\d+)", line):
            span = int(match[1]), int(match[2])
        elif line == "#EXT-X-DISCONTINUITY":
            discontinuity = True
        elif not line.startswith("#"):
            length, offset = span
            data = (playlist.parent / line).read_bytes()[offset : offset + length]
            assert len(data) == length
            found.append(Cut(init, data, seconds, discontinuity))
            discontinuity = False
    return found


def units_in(data: bytes) -> list[tuple[bytes, ...]]:
    """Return the NAL units of every access unit in an initialisation and what follows it."""
    with av.open(io.BytesIO(data), "r") as container:
        packets = [bytes(one) for one in container.demux(container.streams.video[0]) if one.size]
    return [nal_units(packet) for packet in packets]
