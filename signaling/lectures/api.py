"""Read lectures. What changes their state is in `signaling.live`."""

from __future__ import annotations

from aiohttp import web

from signaling.api.openapi import operation
from signaling.api.parsing import reply
from signaling.auth.identity import Permission
from signaling.auth.service import AuthService
from signaling.lectures.access import Access
from signaling.lectures.document import LectureDocuments


def routes(auth: AuthService, access: Access, documents: LectureDocuments) -> list[web.RouteDef]:
    """Return the routes that read `/api/v1/lectures`."""

    @operation("List the lectures that the caller may see, newest first")
    async def listing(request: web.Request) -> web.Response:
        principal = await auth.require(request, Permission.LECTURE_READ)
        items = [await documents.of_info(info) for info in await access.visible(principal)]
        return reply({"items": items})

    @operation("Read a lecture with its live state")
    async def one(request: web.Request) -> web.Response:
        _, info = await access.lecture(request, request.match_info["lecture_id"], Permission.LECTURE_READ)
        return reply(await documents.of_info(info))

    return [web.get("/api/v1/lectures", listing), web.get("/api/v1/lectures/{lecture_id}", one)]
