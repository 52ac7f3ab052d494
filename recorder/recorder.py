"""The recorder of one process: opens recordings, finishes them, recovers them after a crash, and has their running streams.

**Finishing runs off the media loop**, one recording at a time, and never while its worker still writes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from config.settings import HlsSettings, RecorderSettings
from recorder.capacity import Capacity, judge
from recorder.finish import FinishedRecording, finish, finished, recover_reels
from recorder.journal import read_lines
from recorder.live import LiveStream
from recorder.recording import Tape
from recorder.sink import Recording
from recorder.states import PUBLIC, Event, RecordingChanged, State, step
from recorder.store import Folder, Store
from recorder.streams import Streams

log = structlog.get_logger("recorder")


@dataclass(frozen=True, slots=True)
class RecoveredRecording:
    """A recording that was not finished when the process ended: finished now, or kept open (`finished` is None)."""

    id: str
    lecture_id: str | None
    broadcast_id: str | None
    problems: list[str]
    finished: FinishedRecording | None


class Recorder:
    """All recordings below `root`. Methods belong to one event loop; `on_event` is called in it."""

    def __init__(
        self,
        root: Path,
        settings: RecorderSettings,
        hls: HlsSettings,
        on_event: Callable[[RecordingChanged], None],
        *,
        free_bytes: Callable[[], int] | None = None,
    ) -> None:
        self._store = Store(root)
        self._settings = settings
        self._on_event = on_event
        self._free_bytes = free_bytes or self._measure
        self._streams = Streams(hls, settings.part_seconds)
        self._open: dict[str, Recording] = {}
        self._finishing = asyncio.Lock()

    async def start(self, keep: Collection[str] = ()) -> list[RecoveredRecording]:
        """Recover every recording without a manifest: those in `keep` (their broadcast still runs) stay open.

        One that cannot be recovered, for instance because the disk is full, is logged and left as it is: it must not keep
        the server from starting.
        """
        self._store.root.mkdir(parents=True, exist_ok=True)
        recovered = []
        for folder in list(self._store.folders()):
            if folder.manifest.exists() and folder.recording_id not in keep:
                continue
            try:
                recovered.append(await self._recover(folder, keep_open=folder.recording_id in keep))
            except Exception as error:
                log.exception("x not recovered", recording=folder.recording_id, error=str(error))
        return recovered

    async def stop(self) -> None:
        """Close all files and streams; recordings that are not finished can be opened again. Idempotent."""
        self._streams.close()
        recordings = list(self._open.values())
        self._open.clear()
        await asyncio.gather(*(recording.stop(final=False) for recording in recordings))

    def open(self, recording_id: str, *, lecture_id: str, broadcast_id: str, title: str) -> Recording:
        """Return the recording, begun now or continued in a new reel; the same one while it is open."""
        if recording_id not in self._open:
            loop = asyncio.get_running_loop()
            folder = self._store.folder(recording_id)
            tell = self._streams.open(folder)
            tape = Tape(
                folder,
                self._settings,
                {
                    "recording_id": recording_id,
                    "lecture_id": lecture_id,
                    "broadcast_id": broadcast_id,
                    "title": title,
                },
                changed=lambda state, reason: self._changed_in(loop, recording_id, state, reason),
                free_bytes=self._free_bytes,
            )
            self._open[recording_id] = Recording(recording_id, tape, self._settings.queue_packets, loop, tell)
        return self._open[recording_id]

    def get(self, recording_id: str) -> Recording | None:
        """Return the recording if it is open."""
        return self._open.get(recording_id)

    def stream(self, recording_id: str) -> LiveStream | None:
        """Return the running stream of a recording that is open, or that ended at most `hls.farewell_seconds` ago.

        Nothing here knows whether the lecture is cut: after a restart too the caller says so (`LiveStream.cut`).
        """
        return self._streams.get(recording_id)

    def capacity(self) -> Capacity:
        """Return how much lecture the disk still takes; raise `OSError` when it cannot be asked."""
        status = self._disk()
        return judge(self._free_bytes(), status.f_blocks * status.f_frsize, self._settings)

    async def finish(self, recording_id: str) -> FinishedRecording:
        """End the recording and return its finished form. Idempotent; raise `OSError` when the disk refuses it."""
        folder = self._store.folder(recording_id)
        recording = self._open.pop(recording_id, None)
        if recording is not None:
            await recording.stop(final=True)
            self._streams.end(recording_id)
        async with self._finishing:
            return await self._finish(folder)

    def read(self, recording_id: str) -> FinishedRecording | None:
        """Return what the manifest of a finished recording says, or None while there is none."""
        folder = self._store.folder(recording_id)
        manifest = folder.read_manifest()
        return None if manifest is None else finished(folder, manifest)

    def manifest(self, recording_id: str) -> dict[str, Any] | None:
        """Return the whole manifest of a finished recording, or None while there is none."""
        return self._store.folder(recording_id).read_manifest()

    def metrics(self) -> dict[str, int]:
        """Return counters: open recordings, packets in their queues, packets not recorded by reason."""
        counters = {"open": len(self._open), "queued": sum(one.queued for one in self._open.values())}
        for recording in self._open.values():
            for reason, count in recording.drops.items():  # a copy: the worker goes on counting
                counters[f"dropped_{reason}"] = counters.get(f"dropped_{reason}", 0) + count
        return counters

    async def _recover(self, folder: Folder, *, keep_open: bool) -> RecoveredRecording:
        lines = await asyncio.to_thread(read_lines, folder.journal)
        about = next((line for line in lines if line.get("event") == "opened"), {})
        problems = await asyncio.to_thread(recover_reels, folder)
        if keep_open:
            await self._streams.keep(folder)
        done = None if keep_open else await self._finish(folder)
        log.info("- recovered", recording=folder.recording_id, kept_open=keep_open, problems=problems)
        return RecoveredRecording(
            folder.recording_id, about.get("lecture_id"), about.get("broadcast_id"), problems, done
        )

    async def _finish(self, folder: Folder) -> FinishedRecording:
        state = step(State.ENDING, Event.CLOSED)
        self._changed(folder.recording_id, PUBLIC[state], "end")
        result = await asyncio.to_thread(finish, folder)
        event = Event.FINISHED if result.path_mp4 else Event.NOTHING_TO_FINISH
        self._changed(folder.recording_id, PUBLIC[step(state, event)], str(event))
        return result

    def _changed_in(self, loop: asyncio.AbstractEventLoop, recording_id: str, state: str, reason: str) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._changed, recording_id, state, reason)

    def _changed(self, recording_id: str, state: str, reason: str) -> None:
        self._on_event(RecordingChanged(recording_id, state, reason))

    def _measure(self) -> int:
        status = self._disk()
        return status.f_bavail * status.f_frsize

    def _disk(self) -> os.statvfs_result:
        """Ask the disk of the recordings; their folder may not be there yet."""
        return os.statvfs(next(place for place in (self._store.root, *self._store.root.parents) if place.exists()))
