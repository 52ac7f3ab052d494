"""The door to the object store: S3 and what speaks like it.

1. **Names are `<prefix>/<recording id>/<file>`**, of checked ids and fixed file names alone.
2. A file is sent in chunks of `CHUNK_BYTES`, at most `CHUNKS_AT_ONCE` of them in memory, outside the interpreter's lock.
3. Whatever goes wrong on the way is an `ObjectStoreError` whose text bears no key.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from config.settings import StoreSettings
from recorder.errors import ObjectStoreError

CHUNK_BYTES: Final = 8 << 20
CHUNKS_AT_ONCE: Final = 2
TIMEOUT: Final = "60s"
TYPES: Final = {
    ".mp4": "video/mp4",
    ".jpg": "image/jpeg",
    ".vtt": "text/vtt",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".json": "application/json",
}


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What the store says of an object."""

    bytes: int
    etag: str


class ObjectStore:
    """One bucket and prefix. Methods are coroutines of any event loop; they raise `ObjectStoreError`."""

    def __init__(self, settings: StoreSettings) -> None:
        """Raise `ObjectStoreError` when the settings cannot be used; no connection is made."""
        url = urlsplit(settings.url)
        endpoint = settings.endpoint or None
        options = {
            "region": settings.region,
            "access_key_id": settings.access_key or None,
            "secret_access_key": settings.secret_key or None,
            "endpoint": endpoint,
            "virtual_hosted_style_request": False if endpoint else None,
        }
        with _told("open", settings.url):
            self._store = S3Store(
                url.netloc,
                prefix=url.path.strip("/") or None,
                client_options={"allow_http": bool(endpoint and endpoint.startswith("http://")), "timeout": TIMEOUT},
                retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=30)},
                **{key: value for key, value in options.items() if value is not None},  # type: ignore[arg-type]
            )
        self._presign = timedelta(seconds=settings.presign_seconds)

    async def put(self, key: str, path: Path) -> StoredObject:
        """Store a local file and return what the store says of it."""
        kind = TYPES.get(path.suffix, "application/octet-stream")
        with _told("put", key):
            await obstore.put_async(
                self._store,
                key,
                path,
                attributes={"Content-Type": kind},
                chunk_size=CHUNK_BYTES,
                max_concurrency=CHUNKS_AT_ONCE,
            )
        found = await self.head(key)
        if found is None:
            raise ObjectStoreError(f"{key} was stored and is not there")
        return found

    async def head(self, key: str) -> StoredObject | None:
        """Return what the store says of an object, or None when it has none of this name."""
        try:
            with _told("head", key):
                meta = await obstore.head_async(self._store, key)
        except FileNotFoundError:
            return None
        return StoredObject(meta["size"], meta["e_tag"] or "")

    async def read(self, key: str, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`; raise `FileNotFoundError` when there is no such object."""
        with _told("read", key):
            return bytes(await obstore.get_range_async(self._store, key, start=offset, length=length))

    async def sha256(self, key: str) -> str:
        """Read the whole object back and return its SHA-256."""
        digest = hashlib.sha256()
        with _told("read", key):
            answer = await obstore.get_async(self._store, key)
            async for chunk in answer.stream(min_chunk_size=CHUNK_BYTES):
                await asyncio.to_thread(digest.update, bytes(chunk))  # some 20 ms, in which packets are looked after
        return digest.hexdigest()

    async def url(self, key: str) -> str:
        """Return an address from which anybody can download the object for `store.presign_seconds`."""
        with _told("sign", key):
            return str(await obstore.sign_async(self._store, "GET", key, self._presign))

    async def names(self, folder: str) -> list[str]:
        """Return the keys below a folder."""
        with _told("list", folder):
            found = await obstore.list(self._store, prefix=folder).collect_async()
        return [one["path"] for one in found]

    async def remove(self, keys: list[str]) -> None:
        """Remove objects; those that are not there are no error."""
        for key in keys:
            try:
                with _told("remove", key):
                    await obstore.delete_async(self._store, key)
            except FileNotFoundError:
                continue


@contextmanager
def _told(doing: str, key: str) -> Iterator[None]:
    """Turn what the library raises into our error: its first line says enough, the rest may show a signed request."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (BaseError, OSError, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ObjectStoreError(f"object store, {doing} {key}: {first[:300]}") from None
