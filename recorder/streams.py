"""The running recordings as streams, from their opening until some seconds after their end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from config.settings import HlsSettings
from recorder.live import LiveStream
from recorder.news import Ended, News
from recorder.store import Folder
from recorder.timeline import Timeline, read_timeline

log = structlog.get_logger("recorder")


class Streams:
    """All of one process. Methods belong to the event loop, but `read`."""

    def __init__(self, hls: HlsSettings, part_seconds: float) -> None:
        self._hls = hls
        self._part_seconds = part_seconds
        self._streams: dict[str, LiveStream] = {}
        self._read: dict[str, Timeline] = {}  # by `keep`, for `open`
        self._farewells: dict[str, asyncio.TimerHandle] = {}

    def get(self, recording_id: str) -> LiveStream | None:
        """Return the stream of a recording that is open or has just ended."""
        return self._streams.get(recording_id)

    async def keep(self, folder: Folder) -> None:
        """Read what a recording that will be continued holds; its reels must be whole."""
        self._read[folder.recording_id] = await asyncio.to_thread(_read, folder)

    def open(self, folder: Folder) -> Callable[[News], None]:
        """Begin a stream or go on with it, and return what takes its news.

        What `keep` did not read is read here: a recording that is opened again in the same process, which is rare.
        """
        self._forget(folder.recording_id)
        timeline = self._read.pop(folder.recording_id, None) or _read(folder)
        stream = LiveStream(folder, timeline, self._hls, self._part_seconds)
        self._streams[folder.recording_id] = stream
        return stream.take

    def end(self, recording_id: str) -> None:
        """Tell everybody that nothing follows, and forget the stream after `hls.farewell_seconds`."""
        stream = self._streams.get(recording_id)
        if stream is not None:
            stream.take(Ended())
            loop = asyncio.get_running_loop()
            self._farewells[recording_id] = loop.call_later(self._hls.farewell_seconds, self._forget, recording_id)

    def close(self) -> None:
        """Send away all who wait, forget everything. Idempotent."""
        for recording_id in list(self._streams):
            self._forget(recording_id)

    def _forget(self, recording_id: str) -> None:
        farewell = self._farewells.pop(recording_id, None)
        if farewell is not None:
            farewell.cancel()
        stream = self._streams.pop(recording_id, None)
        if stream is not None:
            stream.close()


def _read(folder: Folder) -> Timeline:
    """Return what the files hold; a stream that cannot go on begins anew, it must not keep the lecture from being recorded."""
    try:
        return read_timeline(folder)
    except (OSError, KeyError, ValueError) as error:
        log.warning("x stream begins anew", recording=folder.recording_id, error=str(error))
        return Timeline()
