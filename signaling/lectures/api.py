"""Read lectures. What changes their state is in `signaling.live`."""

from __future__ import annotations

from aiohttp import web

from signaling.api import etags
from signaling.api.openapi import operation
from signaling.api.paging import Page, page_of
from signaling.api.parsing import query, reply
from signaling.api.problems import Problem, not_found
from signaling.auth.identity import Permission, Principal
from signaling.auth.service import AuthService
from signaling.directory.queries import Scope
from signaling.directory.service import DirectoryService
from signaling.lectures.access import SCOPED, Access
from signaling.lectures.document import LectureDocuments
from signaling.lectures.plan_documents import (
    ClassLecture,
    ClassLectureQuery,
    LectureDocument,
    LectureList,
    LectureQuery,
    Lecturer,
)
from signaling.lectures.queries import LectureFilters
from signaling.lectures.service import LectureOfClass, LectureService
from signaling.live.states import State


def routes(
    auth: AuthService,
    access: Access,
    documents: LectureDocuments,
    lectures: LectureService,
    directory: DirectoryService,
) -> list[web.RouteDef]:
    """Return the routes that read `/api/v1/lectures`, and those of one class."""
    api = LecturesApi(auth, access, documents, lectures, directory)
    return [
        web.get("/api/v1/lectures", api.listing),
        web.get("/api/v1/lectures/{lecture_id}", api.one),
        web.get("/api/v1/classes/{class_id}/lectures", api.of_class),
    ]


class LecturesApi:
    """The handlers."""

    def __init__(
        self,
        auth: AuthService,
        access: Access,
        documents: LectureDocuments,
        lectures: LectureService,
        directory: DirectoryService,
    ) -> None:
        self._auth = auth
        self._access = access
        self._documents = documents
        self._lectures = lectures
        self._directory = directory

    @operation("List the lectures that the caller may see, newest first", query=LectureQuery, answer=LectureList)
    async def listing(self, request: web.Request) -> web.Response:
        principal = await self._auth.require(request, Permission.LECTURE_READ)
        wanted = query(request, LectureQuery)
        filters = LectureFilters(
            by=wanted.lecturer_id,
            review=wanted.review,
            topic=wanted.topic,
            called_off=wanted.called_off,
            oldest_first=wanted.order == "oldest",
            since=wanted.since,
            until=wanted.until,
            text=wanted.q,
        )
        infos, total = await self._access.visible(principal, filters, wanted.size, wanted.offset)
        items = await self._documents.of_infos(infos, await self._part(principal))
        return reply({"items": items, "total": total, "page": wanted.page, "size": wanted.size})

    @operation("Read a lecture with its live state", answer=LectureDocument)
    async def one(self, request: web.Request) -> web.Response:
        lecture_id = request.match_info["lecture_id"]
        principal, info = await self._access.lecture(request, lecture_id, Permission.LECTURE_READ)
        document = await self._documents.of_info(info, await self._part(principal))
        return reply(document, headers=etags.header(info.version))

    async def _part(self, principal: Principal) -> Scope | None:
        """Return what of a lecture is the caller's own county or school; None for whom all of it is."""
        return await self._directory.scope(principal.node) if principal.role in SCOPED else None

    @operation(
        "List the approved lectures for a class, past and coming, newest first",
        query=ClassLectureQuery,
        answer=Page[ClassLecture],
    )
    async def of_class(self, request: web.Request) -> web.Response:
        principal = await self._auth.require(request, Permission.DIRECTORY_READ)
        if not principal.may(Permission.LECTURE_READ):
            raise Problem(403, "forbidden", "your role may not do this")
        class_id = request.match_info["class_id"]
        if await self._directory.school_class(await self._directory.scope(principal.node), class_id) is None:
            raise not_found("class")
        wanted = query(request, ClassLectureQuery)
        rows, total = await self._lectures.of_class(class_id, wanted.since, wanted.until, wanted.size, wanted.offset)
        return reply(page_of([self._class_lecture(row) for row in rows], total, wanted))

    def _class_lecture(self, row: LectureOfClass) -> ClassLecture:
        lecture = row.lecture
        return ClassLecture(
            id=lecture.id,
            title=lecture.title,
            topic=lecture.topic,
            lecturer=Lecturer(id=lecture.lecturer_id, name=lecture.lecturer_name),
            scheduled_at=lecture.scheduled_at,
            minutes=lecture.minutes,
            state=State(self._lectures.state_of(lecture.id)).value,
            called_off_at=lecture.called_off_at,
            called_off_reason=lecture.called_off_reason,
            expected=row.expected,
            joined_at=row.joined_at,
        )
