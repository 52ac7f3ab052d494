"""Links of classes for a school's administrators: `/api/v1/schools/{school}/homes`. Nobody else gets one: who has it watches.

Those of its county unit and of the prefecture are among them: nobody may make an administrator who could do more than himself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from aiohttp import web

from signaling.api.openapi import operation
from signaling.api.parsing import body, reply
from signaling.api.problems import not_found
from signaling.api.proxy import origin
from signaling.api.qr import qr
from signaling.auth.identity import Permission, Principal
from signaling.auth.service import AuthService
from signaling.directory.service import DirectoryService
from signaling.home import documents as shown
from signaling.home.links_service import ClassLink, HomeLecture, LinksService


def routes(
    auth: AuthService,
    directory: DirectoryService,
    links: LinksService,
    replay: timedelta,
    forget: Callable[[], None],
) -> list[web.RouteDef]:
    """Return the routes."""
    api = SchoolApi(auth, directory, links, replay, forget)
    base = "/api/v1/schools/{school_code}/homes"
    return [
        web.get(base, api.lectures),
        web.get(base + "/{lecture_id}", api.classes),
        web.post(base + "/{lecture_id}/links", api.issue),
    ]


class SchoolApi:
    """The handlers; `forget` is told that links were made."""

    def __init__(
        self,
        auth: AuthService,
        directory: DirectoryService,
        links: LinksService,
        replay: timedelta,
        forget: Callable[[], None],
    ) -> None:
        self._auth = auth
        self._directory = directory
        self._links = links
        self._replay = replay
        self._forget = forget

    @operation("List the parents' lectures for a school, the latest first", answer=shown.LectureList)
    async def lectures(self, request: web.Request) -> web.Response:
        _, school = await self._school(request)
        found = await self._links.lectures(school)
        return reply(shown.LectureList(items=[self._lecture(one) for one in found]))

    @operation("Read the links of a school's classes to a parents' lecture", answer=shown.LinkList)
    async def classes(self, request: web.Request) -> web.Response:
        _, school = await self._school(request)
        return self._answer(request, *await self._links.classes(school, request.match_info["lecture_id"]))

    @operation("Make links for classes, or new ones in place of the old", body=shown.LinkOrder, answer=shown.LinkList)
    async def issue(self, request: web.Request) -> web.Response:
        principal, school = await self._school(request)
        order = await body(request, shown.LinkOrder)
        lecture_id = request.match_info["lecture_id"]
        made = await self._links.issue(school, lecture_id, order.class_ids, principal.user_id, renew=order.renew)
        self._forget()
        return self._answer(request, *made)

    def _answer(self, request: web.Request, lecture: HomeLecture, links: Sequence[ClassLink]) -> web.Response:
        items = []
        for one in links:
            url = None if one.code is None else f"{origin(request)}/home/{one.code}"
            items.append(shown.link_document(one, url, None if url is None else qr(url)))
        return reply(shown.LinkList(lecture=self._lecture(lecture), items=items))

    def _lecture(self, one: HomeLecture) -> shown.LectureDocument:
        until: datetime | None = None if one.ended_at is None else one.ended_at + self._replay
        return shown.lecture_document(one, until)

    async def _school(self, request: web.Request) -> tuple[Principal, str]:
        principal = await self._auth.require(request, Permission.HOME_LINK)
        scope = await self._directory.scope(principal.node)
        found = await self._directory.school(scope, request.match_info["school_code"])
        if found is None:
            raise not_found("school")
        return principal, found.school.code
