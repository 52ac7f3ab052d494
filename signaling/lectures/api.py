"""Read lectures. What changes their state is in `signaling.live`."""

from __future__ import annotations

from aiohttp import web

from signaling.api import etags
from signaling.api.openapi import operation
from signaling.api.parsing import query, reply
from signaling.auth.identity import Permission
from signaling.auth.service import AuthService
from signaling.lectures.access import Access
from signaling.lectures.document import LectureDocuments
from signaling.lectures.plan_documents import LectureDocument, LectureList, LectureQuery
from signaling.lectures.queries import LectureFilters


def routes(auth: AuthService, access: Access, documents: LectureDocuments) -> list[web.RouteDef]:
    """Return the routes that read `/api/v1/lectures`."""

    @operation("List the lectures that the caller may see, newest first", query=LectureQuery, answer=LectureList)
    async def listing(request: web.Request) -> web.Response:
        principal = await auth.require(request, Permission.LECTURE_READ)
        wanted = query(request, LectureQuery)
        filters = LectureFilters(review=wanted.review, since=wanted.since, until=wanted.until, text=wanted.q)
        infos, total = await access.visible(principal, filters, wanted.size, wanted.offset)
        items = await documents.of_infos(infos)
        return reply({"items": items, "total": total, "page": wanted.page, "size": wanted.size})

    @operation("Read a lecture with its live state", answer=LectureDocument)
    async def one(request: web.Request) -> web.Response:
        _, info = await access.lecture(request, request.match_info["lecture_id"], Permission.LECTURE_READ)
        return reply(await documents.of_info(info), headers=etags.header(info.version))

    return [web.get("/api/v1/lectures", listing), web.get("/api/v1/lectures/{lecture_id}", one)]
