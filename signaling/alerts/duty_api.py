"""`/api/v1/lectures/{id}/duty`: who watches over a lecture."""

from __future__ import annotations

from aiohttp import web

from signaling.alerts import documents as shown
from signaling.alerts.duty_service import DutyService
from signaling.api import etags
from signaling.api.openapi import operation
from signaling.api.parsing import body, query, reply
from signaling.auth.identity import Permission, Principal
from signaling.lectures.access import Access
from signaling.lectures.service import LectureInfo


def routes(access: Access, duty: DutyService) -> list[web.RouteDef]:
    """Return the routes."""
    api = DutyApi(access, duty)
    one = "/api/v1/lectures/{lecture_id}/duty"
    return [web.get(one, api.read), web.put(one, api.put), web.get(f"{one}/candidates", api.candidates)]


class DutyApi:
    """The handlers."""

    def __init__(self, access: Access, duty: DutyService) -> None:
        self._access = access
        self._duty = duty

    async def _lecture(self, request: web.Request, permission: Permission) -> tuple[Principal, LectureInfo]:
        return await self._access.lecture(request, request.match_info["lecture_id"], permission)

    @operation("Tell who watches over a lecture", answer=shown.DutyDocument)
    async def read(self, request: web.Request) -> web.Response:
        _, lecture = await self._lecture(request, Permission.LECTURE_READ)
        return await self._answer(lecture.id)

    @operation("Say who watches over a lecture", body=shown.DutyOrder, answer=shown.DutyDocument, if_match=True)
    async def put(self, request: web.Request) -> web.Response:
        principal, lecture = await self._lecture(request, Permission.DUTY_EDIT)
        _, version = await self._duty.roster(lecture.id)
        etags.require(request, version)
        order = await body(request, shown.DutyOrder)
        await self._duty.set(lecture.id, version, order.people, principal.user_id)
        return await self._answer(lecture.id)

    @operation("List who may be put on duty", query=shown.CandidateQuery, answer=shown.CandidateList)
    async def candidates(self, request: web.Request) -> web.Response:
        _, lecture = await self._lecture(request, Permission.DUTY_EDIT)
        found = await self._duty.candidates(lecture.id, query(request, shown.CandidateQuery).q)
        return reply(shown.CandidateList(items=[shown.keeper_document(one) for one in found]))

    async def _answer(self, lecture_id: str) -> web.Response:
        people, version = await self._duty.roster(lecture_id)
        document = shown.DutyDocument(items=[shown.keeper_document(one) for one in people], version=version)
        return reply(document, headers=etags.header(version))
