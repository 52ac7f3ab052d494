"""Answers with the files of a recording."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from recorder.vault import RemoteObject
from signaling.api.problems import not_found
from signaling.library.models import RecordingEntry
from signaling.library.service import LibraryService


async def video(library: LibraryService, entry: RecordingEntry) -> web.FileResponse:
    """Answer with the finished MP4, or send the caller to the object store; raise 404 while there is none."""
    files = await library.files(entry)
    if files is None:
        raise not_found("video")
    if isinstance(files.mp4, RemoteObject):
        raise web.HTTPFound(await files.mp4.url(), headers={"Cache-Control": "no-store"})
    return _file(files.mp4, "video/mp4", f"{entry.id}.mp4")


async def thumbnail(library: LibraryService, entry: RecordingEntry) -> web.FileResponse:
    """Answer with the still picture; raise 404 while there is none."""
    files = await library.files(entry)
    if files is None or files.thumbnail is None:
        raise not_found("picture")
    return _file(files.thumbnail, "image/jpeg", f"{entry.id}.jpg")


def _file(path: Path, content_type: str, name: str) -> web.FileResponse:
    """Answer with a file: aiohttp does ranges, `If-Range` and `ETag` (RFC 9110 sections 13 and 14)."""
    headers = {
        "Content-Type": content_type,
        "Content-Disposition": f'inline; filename="{name}"',
        "Cache-Control": "private, max-age=3600",
        "X-Content-Type-Options": "nosniff",
    }
    return web.FileResponse(path, headers=headers)
