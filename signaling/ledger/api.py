"""`/api/v1/ledger/roots`: what to note down of the chains, so that nobody can change the past unseen."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from signaling.api.openapi import operation
from signaling.api.parsing import query, reply
from signaling.auth.identity import Permission
from signaling.auth.service import AuthService
from signaling.ledger import roots_csv
from signaling.ledger.documents import DayQuery, DaysQuery, RootsDocument, roots_document
from signaling.ledger.roots_service import RootsService

FILE: Final = "roots.csv"


def routes(auth: AuthService, roots: RootsService) -> list[web.RouteDef]:
    """Return the routes."""
    api = LedgerApi(auth, roots)
    return [
        web.get("/api/v1/ledger/roots", api.of_day),
        web.get("/api/v1/ledger/roots.csv", api.export),
    ]


class LedgerApi:
    """The handlers. Digests tell nothing of what was recorded, so that every node's are shown to whoever may see one."""

    def __init__(self, auth: AuthService, roots: RootsService) -> None:
        self._auth = auth
        self._roots = roots

    @operation("Read the roots of the ledger's chains of a day", query=DayQuery, answer=RootsDocument)
    async def of_day(self, request: web.Request) -> web.Response:
        await self._auth.require(request, Permission.LEDGER_READ)
        day = query(request, DayQuery).day or await self._roots.newest_day()
        return reply(roots_document(day, [] if day is None else await self._roots.roots(day, day)))

    @operation("Export the roots of the ledger's chains day by day", query=DaysQuery, media_type="text/csv")
    async def export(self, request: web.Request) -> web.Response:
        principal = await self._auth.require(request, Permission.LEDGER_READ)
        wanted = query(request, DaysQuery)
        roots = await self._roots.roots(wanted.since, wanted.until)
        filled = wanted.model_dump(mode="json", exclude_defaults=True)
        await self._auth.audit(principal.user_id, "ledger.exported", rows=len(roots), filter=filled)
        headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{FILE}"'}
        body = roots_csv.written(roots)
        return web.Response(body=body, content_type="text/csv", charset="utf-8", headers=headers)
