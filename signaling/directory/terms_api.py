"""`/api/v1/terms`: the calendar of school years, per county unit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from aiohttp import web

from signaling.api import etags
from signaling.api.openapi import operation
from signaling.api.parsing import body, query, reply
from signaling.api.problems import Problem, not_found
from signaling.auth.identity import Permission, Principal
from signaling.auth.service import AuthService
from signaling.directory.queries import Scope
from signaling.directory.service import DirectoryService
from signaling.directory.term_documents import (
    CurrentQuery,
    CurrentTerm,
    TermDocument,
    TermList,
    TermOrder,
    TermQuery,
    term_document,
)
from signaling.directory.terms import Span, year_of
from signaling.directory.terms_service import TermsService


def routes(
    auth: AuthService, directory: DirectoryService, terms: TermsService, today: Callable[[], date]
) -> list[web.RouteDef]:
    """Return the routes of terms."""
    api = TermsApi(auth, directory, terms, today)
    one = "/api/v1/terms/{region}/{term}"
    return [
        web.get("/api/v1/terms", api.listing),
        web.get("/api/v1/terms/current", api.current),
        web.put(one, api.put),
        web.delete(one, api.remove),
    ]


class TermsApi:
    """The handlers."""

    def __init__(
        self, auth: AuthService, directory: DirectoryService, terms: TermsService, today: Callable[[], date]
    ) -> None:
        self._auth = auth
        self._directory = directory
        self._terms = terms
        self._today = today

    async def _caller(self, request: web.Request, permission: Permission) -> tuple[Principal, Scope]:
        principal = await self._auth.require(request, permission)
        return principal, await self._directory.scope(principal.node)

    @operation("List the terms of the prefecture and of the caller's county units", query=TermQuery, answer=TermList)
    async def listing(self, request: web.Request) -> web.Response:
        _, scope = await self._caller(request, Permission.DIRECTORY_READ)
        wanted = query(request, TermQuery)
        regions = await self._visible(scope)
        if wanted.county is not None:
            regions &= {await self._directory.region_code(wanted.county) or ""}
        rows = await self._terms.terms(sorted(regions), wanted.year)
        return reply(TermList(items=[term_document(row) for row in rows]))

    @operation("Read the term of today, or of a day", query=CurrentQuery, answer=CurrentTerm)
    async def current(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request, Permission.DIRECTORY_READ)
        wanted = query(request, CurrentQuery)
        own = await self._own_region(principal, scope)
        region = own if wanted.county is None else await self._directory.region_code(wanted.county) or ""
        if region not in await self._visible(scope):
            raise not_found("county unit")
        found = await self._terms.on_day(region, wanted.day or self._today())
        return reply(CurrentTerm(term=term_document(found) if found else None))

    @operation("Set a term; a new one without If-Match", body=TermOrder, answer=TermDocument)
    async def put(self, request: web.Request) -> web.Response:
        principal, region = await self._editor(request)
        code = request.match_info["term"]
        year_of(code)
        found = await self._terms.one(region, code)
        if found is not None:
            etags.require(request, found.version)
        order = await body(request, TermOrder)
        version = found.version if found else None
        made = await self._terms.put(region, code, Span(order.starts_on, order.ends_on), version, principal.user_id)
        return reply(term_document(made), headers=etags.header(made.version))

    @operation("Take a term away", status=204, if_match=True)
    async def remove(self, request: web.Request) -> web.Response:
        principal, region = await self._editor(request)
        found = await self._terms.one(region, request.match_info["term"])
        if found is None:
            raise not_found("term")
        etags.require(request, found.version)
        await self._terms.remove(region, found.code, found.version, principal.user_id)
        return web.Response(status=204)

    async def _editor(self, request: web.Request) -> tuple[Principal, str]:
        principal, scope = await self._caller(request, Permission.TERM_EDIT)
        region = await self._directory.region_code(request.match_info["region"])
        if region is None or region not in await self._visible(scope):
            raise not_found("county unit")
        if not scope.includes_region(region):
            raise Problem(403, "forbidden", "the prefecture's terms are set by the prefecture")
        return principal, region

    async def _visible(self, scope: Scope) -> set[str]:
        """Return the regions whose terms the caller may see: the prefecture's, which hold where a county unit says nothing."""
        counties = {one.code for one in await self._directory.county_nodes(scope, self._today())}
        return counties | {row.code for row in await self._directory.regions() if row.level == "prefecture"}

    async def _own_region(self, principal: Principal, scope: Scope) -> str:
        if scope.school is None:
            return principal.node
        counties = await self._directory.county_nodes(scope, self._today())
        return counties[0].code if counties else ""
