"""Routes of the missing and of urging: a county unit its own schools, the prefecture all; a school reads what it was sent."""

from __future__ import annotations

from aiohttp import web

from signaling.alerts import urging_documents as shown
from signaling.alerts.urging import Choice
from signaling.alerts.urging_service import UrgingService
from signaling.api.openapi import operation
from signaling.api.paging import Page, page_of
from signaling.api.parsing import body, query, reply
from signaling.api.problems import Problem
from signaling.auth.identity import Permission, Principal, Role
from signaling.auth.service import AuthService
from signaling.directory.queries import Scope
from signaling.directory.service import DirectoryService
from signaling.lectures.access import Access


def routes(auth: AuthService, access: Access, directory: DirectoryService, urging: UrgingService) -> list[web.RouteDef]:
    """Return the routes."""
    api = UrgingApi(auth, access, directory, urging)
    lecture = "/api/v1/lectures/{lecture_id}"
    return [
        web.get(f"{lecture}/missing", api.missing),
        web.post(f"{lecture}/missing/{{school_code}}/contacted", api.called),
        web.post(f"{lecture}/urgings/preview", api.preview),
        web.post(f"{lecture}/urgings", api.send),
        web.get(f"{lecture}/urgings", api.listing),
        web.get(f"{lecture}/urgings/{{urging_id}}", api.receipts),
        web.get("/api/v1/urgings", api.own),
        web.post("/api/v1/urgings/{urging_id}/receipts", api.take),
    ]


class UrgingApi:
    """The handlers."""

    def __init__(self, auth: AuthService, access: Access, directory: DirectoryService, urging: UrgingService) -> None:
        self._auth = auth
        self._access = access
        self._directory = directory
        self._urging = urging

    async def _caller(self, request: web.Request, permission: Permission) -> tuple[str, Principal, Scope]:
        lecture_id = request.match_info["lecture_id"]
        principal, _ = await self._access.lecture(request, lecture_id, permission)
        return lecture_id, principal, await self._directory.scope(principal.node)

    async def _keeper(self, request: web.Request) -> tuple[str, Principal, Scope]:
        """Return who may urge: a school does not urge itself."""
        lecture_id, principal, scope = await self._caller(request, Permission.ALERT_ANSWER)
        if principal.role is Role.SCHOOL_ADMIN:
            raise Problem(403, "forbidden", "schools are urged by their county unit or the prefecture")
        return lecture_id, principal, scope

    @operation(
        "List the schools of one's own of which classes are missing right now, and why",
        query=shown.MissingQuery,
        answer=shown.MissingDocument,
    )
    async def missing(self, request: web.Request) -> web.Response:
        lecture_id, _, scope = await self._caller(request, Permission.ALERT_READ)
        wanted = query(request, shown.MissingQuery)
        choice = Choice((wanted.county,) if wanted.county else (), (wanted.reason,) if wanted.reason else (), wanted.q)
        found = await self._urging.missing(lecture_id, scope, choice, wanted.size, wanted.offset)
        return reply(shown.missing_document(found, wanted))

    @operation("Say that one has called a school about a lecture", body=shown.CallNote, status=204)
    async def called(self, request: web.Request) -> web.Response:
        lecture_id, principal, scope = await self._caller(request, Permission.ALERT_ANSWER)
        order = await body(request, shown.CallNote)
        await self._urging.called(lecture_id, scope, request.match_info["school_code"], principal, order.note)
        return web.Response(status=204)

    @operation(
        "Show who would be urged now, and what they would read", body=shown.UrgingOrder, answer=shown.UrgingPreview
    )
    async def preview(self, request: web.Request) -> web.Response:
        lecture_id, _, scope = await self._keeper(request)
        order = await body(request, shown.UrgingOrder)
        planned = await self._urging.preview(lecture_id, scope, _choice(order), order.note)
        return reply(shown.preview_document(*planned))

    @operation(
        "Urge the missing schools on their consoles and over their channels; 409 not_running, nobody_missing, urged_already",
        body=shown.UrgingOrder,
        answer=shown.UrgingSent,
        status=201,
    )
    async def send(self, request: web.Request) -> web.Response:
        lecture_id, principal, scope = await self._keeper(request)
        order = await body(request, shown.UrgingOrder)
        made, planned = await self._urging.send(lecture_id, scope, _choice(order), order.note, principal)
        sent = shown.UrgingSent(
            id=made, schools=len(planned.schools), classes=planned.classes, recent=len(planned.recent)
        )
        return reply(sent, 201)

    @operation("List the urgings of a lecture with what became of them", answer=shown.UrgingList)
    async def listing(self, request: web.Request) -> web.Response:
        lecture_id, _, scope = await self._caller(request, Permission.ALERT_READ)
        found = await self._urging.listing(lecture_id, scope)
        return reply(shown.UrgingList(items=[shown.urging_document(one) for one in found]))

    @operation(
        "List the schools of an urging: sent, shown, read by whom, connected since",
        query=shown.ReceiptQuery,
        answer=Page[shown.ReceiptDocument],
    )
    async def receipts(self, request: web.Request) -> web.Response:
        lecture_id, _, scope = await self._caller(request, Permission.ALERT_READ)
        wanted = query(request, shown.ReceiptQuery)
        urging_id = request.match_info["urging_id"]
        rows, total = await self._urging.receipts(lecture_id, urging_id, scope, wanted.size, wanted.offset)
        return reply(page_of([shown.receipt_document(one) for one in rows], total, wanted))

    @operation("List what one's own school was urged to about lectures that run", answer=shown.OwnUrgings)
    async def own(self, request: web.Request) -> web.Response:
        principal = await self._auth.require(request, Permission.ALERT_READ)
        found = await self._urging.own(principal.node) if principal.role is Role.SCHOOL_ADMIN else []
        return reply(shown.OwnUrgings(items=[shown.own_document(one) for one in found]))

    @operation("Say that an urging of one's own school was shown or read", body=shown.ReceiptOrder, status=204)
    async def take(self, request: web.Request) -> web.Response:
        principal = await self._auth.require(request, Permission.ALERT_ANSWER)
        order = await body(request, shown.ReceiptOrder)
        await self._urging.take(request.match_info["urging_id"], principal.node, order.kind, principal.user_id)
        return web.Response(status=204)


def _choice(order: shown.UrgingOrder) -> Choice:
    return Choice(tuple(order.counties), tuple(dict.fromkeys(order.reasons)))
