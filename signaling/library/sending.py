"""HLS answers: playlists, bytes in memory, spans of files, whole files by ranges.

1. **Live playlists are never cached**: asking for them in order is the evidence of delivery. Media is immutable: its name says all.
2. A file is never read in the event loop.
3. What all who wait are sent is compressed once.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest

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
_RANGE: Final = re.compile(r"bytes ([0-9]+)-([0-9]+)/[0-9]+")


Sent = Callable[[int, int], None]
"""Is told the first byte of a file and the one after the last, when all between them was handed to the connection."""


class SentFile(web.FileResponse):
    """A file, or a range of it, that tells when it was sent whole."""

    sent: Sent | None = None

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        """Send it; raises `ConnectionError` when the client is gone before the last byte."""
        writer = await super().prepare(request)
        if self.sent is not None and request.method == hdrs.METH_GET:
            if self.status == 206 and (match := _RANGE.fullmatch(self.headers.get(hdrs.CONTENT_RANGE, ""))):
                self.sent(int(match[1]), int(match[2]) + 1)
            elif self.status == 200:
                self.sent(0, self.content_length or 0)
        return writer


class SentBytes(web.Response):
    """Media from memory that tells when it was sent whole; `first` is its place in its file."""

    sent: Sent | None = None
    first: int = 0

    async def write_eof(self, data: bytes = b"") -> None:
        """Send it; raises `ConnectionError` when the client is gone before the last byte."""
        length = len(self.body) if isinstance(self.body, bytes) else 0
        asked = self._req
        await super().write_eof(data)
        tell, self.sent = self.sent, None  # aiohttp may end an answer twice
        if tell is not None and asked is not None and asked.method == hdrs.METH_GET:
            tell(self.first, self.first + length)


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


async def media(pieces: Sequence[bytes | Span], cache: str = IMMUTABLE) -> SentBytes:
    """Return media that lies in pieces in memory or on the disk; raise `OSError` when the disk does not give them."""
    if all(isinstance(piece, bytes) for piece in pieces):
        data = b"".join(piece for piece in pieces if isinstance(piece, bytes))
    else:
        data = await asyncio.to_thread(_read, pieces)
    return SentBytes(body=data, headers={hdrs.CONTENT_TYPE: MP4, hdrs.CACHE_CONTROL: cache})


def file(path: Path, media_type: str, cache: str, sent: Sent | None = None) -> web.FileResponse:
    """Return a file: aiohttp answers ranges, `If-Range` and `ETag`, and 404 when it is not there (RFC 9110 sections 13, 14)."""
    response = SentFile(path, headers={hdrs.CONTENT_TYPE: media_type, hdrs.CACHE_CONTROL: cache})
    response.sent = sent
    return response


async def segment(span: Span, sent: Sent | None) -> web.Response:
    """Return one segment of a finished recording; raise `OSError` when the disk does not give it."""
    data = await asyncio.to_thread(_read_span, span)
    response = SentBytes(body=data, headers={hdrs.CONTENT_TYPE: MP4, hdrs.CACHE_CONTROL: IMMUTABLE})
    response.sent, response.first = sent, span.offset
    return response


async def remote(
    request: web.Request, place: RemoteObject, media_type: str, cache: str, sent: Sent | None = None
) -> web.StreamResponse:
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
    if sent is not None:
        sent(start, stop)
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
