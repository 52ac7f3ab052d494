"""Where the files of a finished recording are: on the local disk, or in the object store.

**Only what viewers may have is found here**: fixed names, and the reels that are not hidden; a recording whose deletion was begun
has no files any more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from config.settings import StoreSettings
from recorder.errors import UnknownRecording
from recorder.objects import ObjectStore
from recorder.store import Folder, Store, read_stored
from recorder.upload import Uploader, is_stored

PUBLIC: Final = frozenset({"video.mp4", "thumb.jpg", "sprite.jpg", "thumbs.vtt", "chapters.vtt", "vod.m3u8"})
REEL_FILE: Final = re.compile(r"(e[0-9]{3,6})(\.init)?\.mp4")
MANIFESTS: Final = 512  # kept in memory: one is some kilobytes


@dataclass(frozen=True, slots=True)
class RemoteObject:
    """A file in the object store: `read` a range, or send the viewer to `url`."""

    key: str
    size: int
    objects: ObjectStore

    async def read(self, offset: int, length: int) -> bytes:
        """Return these bytes; raise `ObjectStoreError`, or `FileNotFoundError` when the object is gone."""
        return await self.objects.read(self.key, offset, length)

    async def url(self) -> str:
        """Return an address from which it can be downloaded for `store.presign_seconds`."""
        return await self.objects.url(self.key)


class Vault:
    """All finished recordings below `root`, here and there. `uploader` is None without an object store."""

    def __init__(self, root: Path, settings: StoreSettings) -> None:
        """Raise `ObjectStoreError` when `[store]` cannot be used."""
        self.store = Store(root)
        self.objects = ObjectStore(settings) if settings.url else None
        self.uploader = Uploader(self.store, self.objects, settings) if self.objects else None

    async def start(self) -> None:
        """Begin to upload."""
        if self.uploader:
            self.uploader.start()

    async def stop(self) -> None:
        """End what runs. Idempotent."""
        if self.uploader:
            await self.uploader.stop()

    def wake(self) -> None:
        """A recording was finished."""
        if self.uploader:
            self.uploader.wake()

    def locate(self, recording_id: str, name: str) -> Path | RemoteObject:
        """Return where a file of a finished recording is; raise `UnknownRecording` when viewers can have no such file."""
        folder = self.store.folder(recording_id)
        if not _is_public(folder, name):
            raise UnknownRecording(f"recording {recording_id} has no file {name[:64]!r}")
        path = folder.path / name
        if path.exists():
            return path
        told = read_stored(folder).get("files", {}).get(name)
        if told is None or self.objects is None:
            raise UnknownRecording(f"file {name!r} of recording {recording_id} is nowhere")
        return RemoteObject(f"{recording_id}/{name}", int(told["bytes"]), self.objects)

    def storage(self, recording_id: str) -> Literal["local", "uploading", "stored"]:
        """Return how far the copy in the object store is."""
        if self.objects is None:
            return "local"
        return "stored" if is_stored(self.store.folder(recording_id)) else "uploading"

    def metrics(self) -> dict[str, int]:
        """Return counters: recordings that wait for their upload, tries that failed."""
        if self.uploader is None:
            return {"uploads_waiting": 0, "uploads_failed": 0}
        return {"uploads_waiting": self.uploader.waiting, "uploads_failed": self.uploader.failed}


def _is_public(folder: Folder, name: str) -> bool:
    try:
        manifest = _manifest(folder.manifest, folder.manifest.stat().st_mtime_ns)
    except FileNotFoundError:
        return False
    match = REEL_FILE.fullmatch(name)
    if match is None:
        return name in PUBLIC
    return f"{match[1]}.mp4" in manifest


@lru_cache(maxsize=MANIFESTS)
def _manifest(path: Path, changed: int) -> frozenset[str]:
    """Return the names of the reels that a manifest shows; `changed` is its time, so that a new one is read again."""
    found: dict[str, Any] | None = Folder(path.parent.name, path.parent).read_manifest()
    return frozenset(reel["name"] for reel in (found or {}).get("reels", ()) if not reel["hidden"])
