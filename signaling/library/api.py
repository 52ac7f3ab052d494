"""`/api/v1/recordings`: the catalogue and the media behind it.

**Whoever may not see a recording is told that there is none**: after log-in and role are checked, a foreign recording and a
missing one give the same 404.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from signaling.api.openapi import operation
from signaling.api.parsing import reply
from signaling.api.problems import not_available, not_found
from signaling.auth.identity import Permission, Principal
from signaling.library.models import RecordingEntry
from signaling.library.service import LibraryService

PREFIX = "/api/v1/recordings"


class Auth(Protocol):
    """Who is asking (`signaling.auth.service.AuthService`)."""

    async def require(self, request: web.BaseRequest, permission: Permission) -> Principal:
        """Return the caller or raise 401 or 403."""


MayRead = Callable[[Principal, str], Awaitable[bool]]
"""Whether the caller may see the lecture with this id (`signaling.lectures.access.Access.may_read`)."""


def routes(library: LibraryService, auth: Auth, may_read: MayRead) -> list[web.RouteDef]:
    """Return the routes of the library."""

    async def entry(request: web.Request) -> RecordingEntry:
        principal = await auth.require(request, Permission.RECORDING_READ)
        found = await library.get(request.match_info["recording_id"])
        if found is None or not await may_read(principal, found.lecture_id):
            raise not_found("recording")
        return found

    @operation("List the recordings that the caller may see, newest first; `lecture_id` narrows it to one lecture")
    async def listing(request: web.Request) -> web.Response:
        principal = await auth.require(request, Permission.RECORDING_READ)
        entries = await library.list(request.query.get("lecture_id"))
        allowed = {one: await may_read(principal, one) for one in {entry.lecture_id for entry in entries}}
        return reply([document(entry) for entry in entries if allowed[entry.lecture_id]])

    @operation("Read one recording")
    async def one(request: web.Request) -> web.Response:
        return reply(document(await entry(request)))

    @operation("Watch or download the finished MP4; ranges are answered")
    async def video(request: web.Request) -> web.StreamResponse:
        found = await entry(request)
        files = await library.files(found)
        if files is None:
            raise not_found("video")
        return _file(files.mp4, "video/mp4", f"{found.id}.mp4")

    @operation("Get a still picture of the recording")
    async def thumbnail(request: web.Request) -> web.StreamResponse:
        found = await entry(request)
        files = await library.files(found)
        if files is None or files.thumbnail is None:
            raise not_found("picture")
        return _file(files.thumbnail, "image/jpeg", f"{found.id}.jpg")

    async def playlists(request: web.Request) -> web.StreamResponse:
        """The interface is fixed; the answer says that it is not offered yet."""
        raise not_available("HLS")

    return [
        web.get("/hls/{lecture_id}/{name:.+}", playlists),
        web.get(PREFIX, listing),
        web.get(PREFIX + "/{recording_id}", one),
        web.get(PREFIX + "/{recording_id}/video.mp4", video),
        web.get(PREFIX + "/{recording_id}/thumbnail.jpg", thumbnail),
    ]


def _file(path: Path, content_type: str, name: str) -> web.FileResponse:
    """Answer with a file: aiohttp does ranges, `If-Range` and `ETag` (RFC 9110 sections 13 and 14)."""
    headers = {
        "Content-Type": content_type,
        "Content-Disposition": f'inline; filename="{name}"',
        "Cache-Control": "private, max-age=3600",
        "X-Content-Type-Options": "nosniff",
    }
    return web.FileResponse(path, headers=headers)


def document(entry: RecordingEntry) -> dict[str, Any]:
    """Return the document of a recording."""
    ready = entry.state == "ready"
    base = f"{PREFIX}/{entry.id}"
    return {
        "id": entry.id,
        "lecture_id": entry.lecture_id,
        "title": entry.title,
        "state": entry.state,
        "started_at": entry.started_at.isoformat(),
        "ended_at": entry.ended_at.isoformat() if entry.ended_at else None,
        "duration_s": entry.duration_s,
        "bytes": entry.bytes,
        "sha256": entry.sha256,
        "mp4_url": f"{base}/video.mp4" if ready else None,
        "hls_url": None,
        "thumbnail_url": f"{base}/thumbnail.jpg" if ready and entry.has_thumbnail else None,
        "problems": list(entry.problems or ()),
    }
