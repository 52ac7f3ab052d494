"""Copies finished recordings into the object store in the background.

1. **Recording comes first**: one file at a time, nothing in memory but two chunks of it, no upload on any path of the media loop.
2. `manifest.json` is uploaded last: **what has a manifest in the store is whole there**. `stored.json` in the folder, written
   after every file, says what is there, so that a restart goes on with the file that was under way.
3. Nothing is lost when the store is away: it is tried again every `store.retry_seconds` for as long as it takes.
4. After `store.local_days` the media of a stored recording leaves the local disk, and only when the copy, **read back whole, has
   the same SHA-256**. The manifest, pictures and playlists stay.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from config.settings import StoreSettings
from recorder.errors import ObjectStoreError, RecorderError
from recorder.objects import ObjectStore
from recorder.retention import drop_media
from recorder.store import MANIFEST, Folder, Store, read_stored, write_atomically

log = structlog.get_logger("recorder")

LOOK_SECONDS: Final = 3600.0  # between two looks at what may leave the local disk
SUFFIXES: Final = (".mp4", ".idx", ".jpg", ".vtt", ".m3u8", ".jsonl")


def is_stored(folder: Folder) -> bool:
    """Whether the present manifest, and so all that it names, is in the object store."""
    told = read_stored(folder).get("manifest")
    return told is not None and folder.manifest.exists() and told == _sha256(folder.manifest)


class Uploader:
    """Owns one task. `wake` after a recording was finished; `counters` for the metrics."""

    def __init__(
        self,
        store: Store,
        objects: ObjectStore,
        settings: StoreSettings,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._objects = objects
        self._settings = settings
        self._now = now
        self._work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.waiting = 0
        self.failed = 0
        self.failing = 0  # recordings whose last try failed
        self.on_stored: Callable[[str, str], Awaitable[None]] | None = None  # recording id, `uploading` or `stored`

    def start(self) -> None:
        """Begin with what is not stored yet."""
        self._work.set()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Give up what is under way; it is uploaded again after the next start. Idempotent."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def wake(self) -> None:
        """Look for finished recordings now."""
        self._work.set()

    async def _run(self) -> None:
        while True:
            self._work.clear()
            try:
                await self.round()
            except Exception as error:  # nothing in a folder may end the uploads of all others
                self.failed += 1
                log.exception("x upload", error=str(error))
            pause = self._settings.retry_seconds if self.waiting else LOOK_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._work.wait(), pause)

    async def round(self) -> None:
        """Upload every finished recording that is not stored, oldest first; then drop local media whose days are over."""
        due = await asyncio.to_thread(self._due)
        self.waiting = len(due)
        for folder in due:
            if await self._tried(self.upload(folder), folder):
                self.waiting -= 1
        self.failing = self.waiting
        if self._settings.local_days:
            for folder in await asyncio.to_thread(self._old):
                await self._tried(self.drop(folder), folder)

    async def _tried(self, work: Any, folder: Folder) -> bool:
        try:
            await work
        except (ObjectStoreError, RecorderError, OSError) as error:
            self.failed += 1
            log.warning("x upload", recording=folder.recording_id, error=str(error))
            return False
        except Exception as error:  # whoever is told may fail as well, and must not end the round of all others
            self.failed += 1
            log.exception("x upload", recording=folder.recording_id, error=str(error))
            return False
        return True

    def _due(self) -> list[Folder]:
        return [one for one in self._store.folders() if one.manifest.exists() and not is_stored(one)]

    def _old(self) -> list[Folder]:
        latest = (self._now() - timedelta(days=self._settings.local_days)).isoformat()
        return [
            one
            for one in self._store.folders()
            if is_stored(one) and (not read_stored(one).get("local_removed") or _media(one)) and _ended(one) < latest
        ]

    async def upload(self, folder: Folder) -> None:
        """Upload one recording, or what is missing of it. Raise `ObjectStoreError` or `OSError`."""
        await self._tell(folder, "uploading")
        stored = await asyncio.to_thread(read_stored, folder)
        known: dict[str, Any] = stored.get("files", {})
        for path in await asyncio.to_thread(_files, folder):
            sha256, size = await asyncio.to_thread(_sha256, path), path.stat().st_size
            if known.get(path.name, {}).get("sha256") == sha256:
                continue
            known[path.name] = {"bytes": size, "sha256": sha256, "etag": await self._put(folder, path, size)}
            await asyncio.to_thread(_write, folder, {**stored, "files": known, "manifest": None})
        manifest = await asyncio.to_thread(_sha256, folder.manifest)
        await self._put(folder, folder.manifest, folder.manifest.stat().st_size)
        await self._tell(folder, "stored")  # before the marker: after a crash it is told again, not never
        await asyncio.to_thread(_write, folder, {**stored, "files": known, "manifest": manifest})
        log.info("> recording stored", recording=folder.recording_id, files=len(known))

    async def _tell(self, folder: Folder, where: str) -> None:
        if self.on_stored is not None:
            await self.on_stored(folder.recording_id, where)

    async def _put(self, folder: Folder, path: Path, size: int) -> str:
        found = await self._objects.put(f"{folder.recording_id}/{path.name}", path)
        if found.bytes != size:
            raise ObjectStoreError(f"{path.name} has {found.bytes} bytes in the object store, not {size}")
        return found.etag

    async def drop(self, folder: Folder) -> None:
        """Remove the local media of a stored recording after reading the copy back, unless that was done before a crash."""
        stored = await asyncio.to_thread(read_stored, folder)
        verified = stored.get("local_removed", False)
        for path in [] if verified else await asyncio.to_thread(_media, folder):
            told = stored["files"].get(path.name)
            if told is None or await self._objects.sha256(f"{folder.recording_id}/{path.name}") != told["sha256"]:
                raise ObjectStoreError(f"{path.name} of {folder.recording_id} is not the same in the object store")
        await asyncio.to_thread(_write, folder, {**stored, "local_removed": True})
        await asyncio.to_thread(drop_media, _media(folder))
        log.info("- local media removed", recording=folder.recording_id)


def _files(folder: Folder) -> list[Path]:
    found = [path for path in folder.path.iterdir() if path.suffix in SUFFIXES and path.name != MANIFEST]
    return sorted(found)


def _media(folder: Folder) -> list[Path]:
    joined = [folder.joined] if folder.joined.exists() else []
    return [*folder.reels(), *joined]


def _ended(folder: Folder) -> str:
    manifest = folder.read_manifest() or {}
    return str(manifest.get("ended_at") or "9999")


def _write(folder: Folder, stored: dict[str, Any]) -> None:
    write_atomically(folder.stored, json.dumps(stored, ensure_ascii=False, indent=1).encode())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
