"""What HLS serves of finished recordings: playlists made of their files, and those files by checked names.

1. A finished recording does not change: what was read once is kept for the `KEPT` recordings asked for last.
2. **A hidden reel has no name here.** Neither its file nor a segment of it can be asked for (`recorder.vault` sees to files).
3. Files are read off the loop. Media that is in the object store alone is read from there; its playlist stayed here.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from recorder.errors import UnknownRecording
from recorder.playlist import UNKNOWN_BITS, VOD_VERSION, index_playlist, vod_playlist
from recorder.store import Folder
from recorder.timeline import Timeline, read_timeline
from recorder.vault import RemoteObject, Vault
from recorder.window import Span
from signaling.library.replaying import Stretches, place_of, stretches

BASE: Final = "{base}"
KEPT: Final = 32
"""Recordings whose playlists are kept; one of two hours takes some 200 kB."""


@dataclass(frozen=True, slots=True)
class Programme:
    """A finished recording: `inits` by reel, `segments` by reel and number with their place in the reel's file; both are
    empty when the reels are not on the local disk any more.

    `stretches` says which time of the broadcast is where in the files.
    `index` is the multivariant playlist, in which `BASE` stands for what goes before the address of the other one.
    """

    index: str
    vod: bytes
    inits: dict[str, bytes] = field(default_factory=dict)
    segments: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)
    stretches: Stretches = field(default_factory=dict)


class FinishedRecordings:
    """Reads what was finished."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._kept: OrderedDict[str, Programme] = OrderedDict()

    async def programme(self, recording_id: str) -> Programme | None:
        """Return a finished recording, None when there is nothing to see in it."""
        found = self._kept.pop(recording_id, None) or await asyncio.to_thread(self._read, recording_id)
        if found is not None:
            self._kept[recording_id] = found
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    async def place_of(self, recording_id: str, time_ms: int) -> float | None:
        """Return where in a recording a Unix time (ms) lies, in seconds; None when nothing of it can be seen."""
        programme = await self.programme(recording_id)
        return None if programme is None or not programme.stretches else place_of(programme.stretches, time_ms)

    def forget(self, recording_id: str) -> None:
        """Read a recording anew when it is asked for again."""
        self._kept.pop(recording_id, None)

    async def file(self, recording_id: str, name: str) -> Path | RemoteObject | None:
        """Return where a file is, None when there is none; `name` was made of `pieces`."""
        try:
            return await asyncio.to_thread(self._vault.locate, recording_id, name)
        except UnknownRecording:
            return None

    def segment(self, recording_id: str, programme: Programme, reel: str, msn: int) -> Span | None:
        """Return the place of a segment of the live playlists: a class that had rewound goes on after the end."""
        place = programme.segments.get((reel, msn))
        return Span(self._vault.store.folder(recording_id).path / f"{reel}.mp4", *place) if place else None

    def _read(self, recording_id: str) -> Programme | None:
        try:
            folder = self._vault.store.folder(recording_id)
        except UnknownRecording:
            return None
        timeline = read_timeline(folder)
        return _programme(timeline) if timeline.segments else _stored(folder)


def _stored(folder: Folder) -> Programme | None:
    """Return a recording whose media is elsewhere, by the playlist that was written when it was finished."""
    try:
        vod = folder.playlist.read_bytes()
    except FileNotFoundError:
        return None
    head = f"#EXTM3U\n#EXT-X-VERSION:{VOD_VERSION}\n#EXT-X-STREAM-INF:BANDWIDTH={UNKNOWN_BITS}\n"
    return Programme(f"{head}{BASE}vod.m3u8\n", vod, stretches=stretches(vod.decode()))


def _programme(timeline: Timeline) -> Programme:
    vod = vod_playlist(timeline)
    return Programme(
        index=index_playlist(timeline, BASE + "vod.m3u8"),
        vod=vod.encode(),
        stretches=stretches(vod),
        inits={name: reel.init for name, reel in timeline.reels.items()},
        segments={
            (segment.reel.name, segment.msn): (segment.offset, segment.size)
            for segment in timeline.segments
            if segment.stored and segment.size
        },
    )
