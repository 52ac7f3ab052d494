"""What HLS serves of finished recordings: playlists made of their files, and those files by checked names.

1. A finished recording does not change: what was read once is kept for the `KEPT` recordings asked for last.
2. **A hidden reel has no name here.** Neither its file nor a segment of it can be asked for.
3. Files are read off the loop.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from recorder.errors import UnknownRecording
from recorder.playlist import index_playlist, vod_playlist
from recorder.store import Store
from recorder.timeline import Timeline, read_timeline
from recorder.window import Span

BASE: Final = "{base}"
KEPT: Final = 32
"""Recordings whose playlists are kept; one of two hours takes some 200 kB."""


@dataclass(frozen=True, slots=True)
class Programme:
    """A finished recording: `inits` by reel, `segments` by reel and number with their place in the reel's file.

    `index` is the multivariant playlist, in which `BASE` stands for what goes before the address of the other one.
    """

    index: str
    vod: bytes
    inits: dict[str, bytes]
    segments: dict[tuple[str, int], tuple[int, int]]


class FinishedRecordings:
    """Reads what was finished below the recorder's folder."""

    def __init__(self, root: Path) -> None:
        self._store = Store(root)
        self._kept: OrderedDict[str, Programme] = OrderedDict()

    async def programme(self, recording_id: str) -> Programme | None:
        """Return a finished recording, None when there is nothing to see in it."""
        found = self._kept.pop(recording_id, None) or await asyncio.to_thread(self._read, recording_id)
        if found is not None:
            self._kept[recording_id] = found
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    def forget(self, recording_id: str) -> None:
        """Read a recording anew when it is asked for again."""
        self._kept.pop(recording_id, None)

    def reel(self, recording_id: str, reel: str) -> Path:
        """Return where the file of a reel lies; `reel` is a key of `Programme.inits`."""
        return self._store.folder(recording_id).path / f"{reel}.mp4"

    def aside(self, recording_id: str, name: str) -> Path:
        """Return where previews or chapters lie; `name` comes from `pieces.Aside`."""
        return self._store.folder(recording_id).path / name

    def segment(self, recording_id: str, programme: Programme, reel: str, msn: int) -> Span | None:
        """Return the place of a segment of the live playlists: a class that had rewound goes on after the end."""
        place = programme.segments.get((reel, msn))
        return Span(self.reel(recording_id, reel), *place) if place else None

    def _read(self, recording_id: str) -> Programme | None:
        try:
            folder = self._store.folder(recording_id)
        except UnknownRecording:
            return None
        timeline = read_timeline(folder)
        return _programme(timeline) if timeline.segments else None


def _programme(timeline: Timeline) -> Programme:
    return Programme(
        index=index_playlist(timeline, BASE + "vod.m3u8"),
        vod=vod_playlist(timeline).encode(),
        inits={name: reel.init for name, reel in timeline.reels.items()},
        segments={
            (segment.reel.name, segment.msn): (segment.offset, segment.size)
            for segment in timeline.segments
            if segment.stored and segment.size
        },
    )
