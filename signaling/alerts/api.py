"""`/api/v1/alerts`: alarms and reminders, what people answer, and the schools to call."""

from __future__ import annotations

from aiohttp import web

from signaling.alerts import documents as shown
from signaling.alerts.call_list_service import CallListService
from signaling.alerts.service import AlertFilter, AlertsService
from signaling.api.openapi import operation
from signaling.api.paging import Page, page_of
from signaling.api.parsing import body, query, reply
from signaling.auth.identity import Permission, Principal
from signaling.auth.service import AuthService
from signaling.directory.queries import Scope
from signaling.directory.service import DirectoryService
from signaling.lectures.access import Access


def routes(
    auth: AuthService, access: Access, directory: DirectoryService, alerts: AlertsService, calls: CallListService
) -> list[web.RouteDef]:
    """Return the routes."""
    api = AlertsApi(auth, access, directory, alerts, calls)
    one = "/api/v1/alerts/{alert_id}"
    return [
        web.get("/api/v1/alerts", api.listing),
        web.get("/api/v1/alerts/counts", api.counts),
        web.get(one, api.one),
        web.post(f"{one}/acknowledge", api.acknowledge),
        web.post(f"{one}/contacted", api.contacted),
        web.get("/api/v1/lectures/{lecture_id}/absent", api.absent),
    ]


class AlertsApi:
    """The handlers."""

    def __init__(
        self,
        auth: AuthService,
        access: Access,
        directory: DirectoryService,
        alerts: AlertsService,
        calls: CallListService,
    ) -> None:
        self._auth = auth
        self._access = access
        self._directory = directory
        self._alerts = alerts
        self._calls = calls

    async def _caller(self, request: web.Request, permission: Permission) -> tuple[Principal, Scope]:
        principal = await self._auth.require(request, permission)
        return principal, await self._directory.scope(principal.node)

    @operation("List alarms and reminders, open ones first", query=shown.AlertQuery, answer=Page[shown.AlertDocument])
    async def listing(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request, Permission.ALERT_READ)
        wanted = query(request, shown.AlertQuery)
        node = "" if wanted.below else principal.node
        narrowed = AlertFilter(wanted.state, node, wanted.lecture or "", wanted.rule or "")
        rows, total = await self._alerts.page(scope, narrowed, wanted.size, wanted.offset)
        return reply(page_of([shown.alert_document(row) for row in rows], total, wanted))

    @operation("Count the open alarms of one's own node", answer=shown.AlertCounts)
    async def counts(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request, Permission.ALERT_READ)
        open_ones, unanswered = await self._alerts.counts(scope, principal.node)
        return reply(shown.AlertCounts(open=open_ones, unacknowledged=unanswered))

    @operation("Read an alarm with what happened to it", answer=shown.AlertHistory)
    async def one(self, request: web.Request) -> web.Response:
        _, scope = await self._caller(request, Permission.ALERT_READ)
        return await self._answer(request, scope)

    @operation("Say that one takes care of an alarm", body=shown.Answer, answer=shown.AlertHistory)
    async def acknowledge(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request, Permission.ALERT_ANSWER)
        order = await body(request, shown.Answer)
        await self._alerts.acknowledge(scope, request.match_info["alert_id"], principal, order.note)
        return await self._answer(request, scope)

    @operation("Say that one has called the school or unit of an alarm", body=shown.Answer, answer=shown.AlertHistory)
    async def contacted(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request, Permission.ALERT_ANSWER)
        order = await body(request, shown.Answer)
        await self._alerts.contacted(scope, request.match_info["alert_id"], principal, order.note)
        return await self._answer(request, scope)

    @operation(
        "List the schools of one's own that are not connected to a lecture, and why",
        query=shown.CallListQuery,
        answer=shown.CallListDocument,
    )
    async def absent(self, request: web.Request) -> web.Response:
        lecture_id = request.match_info["lecture_id"]
        principal, _ = await self._access.lecture(request, lecture_id, Permission.ALERT_READ)
        wanted = query(request, shown.CallListQuery)
        scope = await self._directory.scope(principal.node)
        found = await self._calls.absent(lecture_id, scope, wanted.size, wanted.offset)
        return reply(shown.call_list_document(found, wanted))

    async def _answer(self, request: web.Request, scope: Scope) -> web.Response:
        return reply(shown.alert_history(*await self._alerts.one(scope, request.match_info["alert_id"])))
