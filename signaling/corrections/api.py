"""`/api/v1/corrections`: asking for corrections and deciding about those of others."""

from __future__ import annotations

from aiohttp import web

from signaling.api import etags
from signaling.api.openapi import operation
from signaling.api.paging import page_of
from signaling.api.parsing import body, query, reply
from signaling.auth.identity import Permission, Principal
from signaling.auth.service import AuthService
from signaling.corrections import documents as shown
from signaling.corrections import rules
from signaling.corrections.effect import Effect, Wish
from signaling.corrections.queries import CorrectionFilter
from signaling.corrections.reasons import reasons
from signaling.corrections.service import CorrectionsService
from signaling.corrections.values import Listed
from signaling.directory.queries import Scope
from signaling.directory.service import DirectoryService
from signaling.lectures.access import Access


def routes(
    auth: AuthService, access: Access, directory: DirectoryService, service: CorrectionsService, days: int
) -> list[web.RouteDef]:
    """Return the routes; `days` is how long corrections are asked for."""
    api = CorrectionsApi(auth, access, directory, service, days)
    one = "/api/v1/corrections/{correction_id}"
    return [
        web.get("/api/v1/corrections", api.listing),
        web.get("/api/v1/corrections/choices", api.choices),
        web.get("/api/v1/corrections/waiting", api.waiting),
        web.post("/api/v1/corrections", api.ask),
        web.post("/api/v1/corrections/preview", api.preview),
        web.get(one, api.read),
        web.post(f"{one}/decision", api.decide),
        web.post(f"{one}/withdrawal", api.withdraw),
    ]


class CorrectionsApi:
    """The handlers. A school sees its own, a county unit its schools', the prefecture all."""

    def __init__(
        self, auth: AuthService, access: Access, directory: DirectoryService, service: CorrectionsService, days: int
    ) -> None:
        self._auth = auth
        self._access = access
        self._directory = directory
        self._service = service
        self._days = days

    @operation(
        "List the corrections of the caller's node, what waits first",
        query=shown.CorrectionQuery,
        answer=shown.CorrectionPage,
    )
    async def listing(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request, Permission.ATTENDANCE_READ)
        wanted = query(request, shown.CorrectionQuery)
        narrowed = CorrectionFilter(wanted.state, wanted.lecture_id, wanted.school)
        found, total = await self._service.listing(scope, narrowed, wanted.size, wanted.offset)
        return reply(page_of([shown.row_document(one, principal.user_id) for one in found], total, wanted))

    @operation("Tell how many corrections of others wait for the caller to decide", answer=shown.Waiting)
    async def waiting(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request, Permission.CORRECTION_DECIDE)
        return reply(shown.Waiting(waiting=await self._service.waiting_for(scope, principal.user_id)))

    @operation("Tell which reasons and results a correction can have", answer=shown.Choices)
    async def choices(self, request: web.Request) -> web.Response:
        await self._auth.require(request, Permission.ATTENDANCE_READ)
        return reply(shown.choices(list(reasons().values()), self._days))

    @operation("Tell what a correction would change", body=shown.CorrectionOrder, answer=shown.EffectDocument)
    async def preview(self, request: web.Request) -> web.Response:
        _, scope, wish = await self._wish(request)
        _, effect = await self._service.seen(wish, scope)
        return reply(shown.effect_document(effect))

    @operation(
        "Ask for a correction; 409 `not_ended`, `too_late`, `term_closed`, `changes_nothing`, `already_asked`",
        body=shown.CorrectionOrder,
        answer=shown.CorrectionDocument,
        status=201,
    )
    async def ask(self, request: web.Request) -> web.Response:
        principal, scope, wish = await self._wish(request)
        made = await self._service.ask(wish, principal, scope)
        return await self._answer(await self._service.one(made, scope), principal, 201)

    @operation("Read a correction, while it waits with what it would change now", answer=shown.CorrectionDocument)
    async def read(self, request: web.Request) -> web.Response:
        principal, _, found = await self._found(request, Permission.ATTENDANCE_READ)
        return await self._answer(found, principal)

    @operation(
        "Approve or reject what somebody else asked for; 403 `own_request`, 409 `term_closed`, `changes_nothing`",
        body=shown.DecisionOrder,
        answer=shown.CorrectionDocument,
        if_match=True,
    )
    async def decide(self, request: web.Request) -> web.Response:
        principal, scope, found = await self._found(request, Permission.CORRECTION_DECIDE)
        order = await body(request, shown.DecisionOrder)
        rules.after(found.state, order.decision)
        rules.check_person(order.decision, principal.user_id, found.row.requested_by)
        effect = await self._effect(found)
        etags.require(request, shown.version(effect))
        await self._service.decide(found.row.id, order.decision, order.note, principal, scope, effect)
        return await self._answer(await self._service.one(found.row.id, scope), principal)

    @operation("Withdraw a correction that one asked for", answer=shown.CorrectionDocument)
    async def withdraw(self, request: web.Request) -> web.Response:
        principal, scope, found = await self._found(request, Permission.CORRECTION_REQUEST)
        await self._service.decide(found.row.id, "withdraw", "", principal, scope, None)
        return await self._answer(await self._service.one(found.row.id, scope), principal)

    async def _caller(self, request: web.Request, permission: Permission) -> tuple[Principal, Scope]:
        principal = await self._auth.require(request, permission)
        return principal, await self._directory.scope(principal.node)

    async def _wish(self, request: web.Request) -> tuple[Principal, Scope, Wish]:
        principal, scope = await self._caller(request, Permission.CORRECTION_REQUEST)
        order = await body(request, shown.CorrectionOrder)
        await self._access.guard(request, Permission.ATTENDANCE_READ, order.lecture_id)
        return principal, scope, Wish(**order.model_dump())

    async def _found(self, request: web.Request, permission: Permission) -> tuple[Principal, Scope, Listed]:
        principal, scope = await self._caller(request, permission)
        return principal, scope, await self._service.one(request.match_info["correction_id"], scope)

    async def _effect(self, found: Listed) -> Effect | None:
        return await self._service.effect_of(found) if found.state == rules.REQUESTED else None

    async def _answer(self, found: Listed, principal: Principal, status: int = 200) -> web.Response:
        effect = await self._effect(found)
        told = shown.document(found, principal.user_id, effect)
        return reply(told, status, headers=etags.header(shown.version(effect)))
