"""HLS answers: playlists, bytes in memory, spans of files, whole files by ranges.

1. **Live playlists are never cached**: asking for them in order is the evidence of delivery. Media is immutable: its name says all.
2. A file is never read in the event loop.
3. What all who wait are sent is compressed once.
"""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web

from recorder.playlist import MEDIA_TYPE
from recorder.vault import RemoteObject
from recorder.window import Span
from signaling.api.problems import Problem

IMMUTABLE: Final = "private, max-age=31536000, immutable"
"""Kept by the browser that may see it; a proxy in front keeps it too when it asks `/hls-auth` (config/nginx.conf)."""
NEVER: Final = "no-store"
SHORT: Final = "private, max-age=60"
MP4: Final = "video/mp4"
CHUNK: Final = 1 << 20
_WORTH_BYTES: Final = 1000
_KEPT_TEXTS: Final = 64


class Playlists:
    """Makes answers of playlists, compressed for those who take that. `LiveStream` gives all who ask the same bytes."""

    def __init__(self) -> None:
        self._compressed: dict[str, tuple[bytes, bytes]] = {}

    def answer(self, request: web.Request, text: bytes, cache: str = NEVER) -> web.Response:
        """Return the playlist."""
        headers = {hdrs.CONTENT_TYPE: MEDIA_TYPE, hdrs.CACHE_CONTROL: cache, hdrs.VARY: "Accept-Encoding"}
        if len(text) >= _WORTH_BYTES and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
            headers[hdrs.CONTENT_ENCODING] = "gzip"
            text = self._compress(f"{request.path}?{'_HLS_skip' in request.query}", text)
        return web.Response(body=text, headers=headers)

    def _compress(self, key: str, text: bytes) -> bytes:
        known = self._compressed.pop(key, None)
        if known is None or known[0] is not text:
            known = (text, gzip.compress(text, 1, mtime=0))
        self._compressed[key] = known
        if len(self._compressed) > _KEPT_TEXTS:
            del self._compressed[next(iter(self._compressed))]
        return known[1]


async def media(pieces: Sequence[bytes | Span], cache: str = IMMUTABLE) -> web.Response:
    """Return media that lies in pieces in memory or on the disk; raise `OSError` when the disk does not give them."""
    if all(isinstance(piece, bytes) for piece in pieces):
        data = b"".join(piece for piece in pieces if isinstance(piece, bytes))
    else:
        data = await asyncio.to_thread(_read, pieces)
    return web.Response(body=data, headers={hdrs.CONTENT_TYPE: MP4, hdrs.CACHE_CONTROL: cache})


def file(path: Path, media_type: str, cache: str) -> web.FileResponse:
    """Return a file: aiohttp answers ranges, `If-Range` and `ETag`, and 404 when it is not there (RFC 9110 sections 13, 14)."""
    return web.FileResponse(path, headers={hdrs.CONTENT_TYPE: media_type, hdrs.CACHE_CONTROL: cache})


async def remote(request: web.Request, place: RemoteObject, media_type: str, cache: str) -> web.StreamResponse:
    """Return a file of the object store, or one range of it, `CHUNK` bytes at a time; 416 for a range that is not there."""
    headers = {hdrs.CONTENT_TYPE: media_type, hdrs.CACHE_CONTROL: cache, hdrs.ACCEPT_RANGES: "bytes"}
    start, stop, status = 0, place.size, 200
    if hdrs.RANGE in request.headers:
        try:
            start, stop, _ = request.http_range.indices(place.size)
        except ValueError:
            start, stop = 1, 0
        if start >= stop:
            raise Problem(416, "bad_range", "no such range", headers={hdrs.CONTENT_RANGE: f"bytes */{place.size}"})
        headers[hdrs.CONTENT_RANGE] = f"bytes {start}-{stop - 1}/{place.size}"
        status = 206
    first = await place.read(start, min(CHUNK, stop - start)) if request.method != hdrs.METH_HEAD else b""
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = stop - start
    await response.prepare(request)
    if request.method == hdrs.METH_HEAD:
        return response
    await response.write(first)
    for place_of_chunk in range(start + len(first), stop, CHUNK):
        await response.write(await place.read(place_of_chunk, min(CHUNK, stop - place_of_chunk)))
    await response.write_eof()
    return response


def _read(pieces: Sequence[bytes | Span]) -> bytes:
    return b"".join(piece if isinstance(piece, bytes) else _read_span(piece) for piece in pieces)


def _read_span(span: Span) -> bytes:
    descriptor = os.open(span.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.pread(descriptor, span.length, span.offset)
    finally:
        os.close(descriptor)
    if len(data) != span.length:
        raise OSError(f"{span.path.name} ends before {span.offset + span.length}")
    return data
