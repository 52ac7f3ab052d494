"""`/api/v1/audit`: the log of who did what, for those whose role grants it; a county or a school reads of its own people."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone
from typing import Final

from aiohttp import web

from config.settings import AuditSettings
from signaling.api.openapi import operation
from signaling.api.parsing import query, reply
from signaling.api.problems import Problem
from signaling.auth import audit_documents as shown
from signaling.auth import audit_export
from signaling.auth.audit_queries import AuditFilter
from signaling.auth.audit_service import AuditService
from signaling.auth.identity import Permission, Principal
from signaling.auth.service import AuthService
from signaling.db.base import utc_now
from signaling.directory.queries import Scope
from signaling.directory.service import DirectoryService

FILE: Final = "audit.csv"


def routes(
    auth: AuthService,
    directory: DirectoryService,
    audit: AuditService,
    settings: AuditSettings,
    utc_offset_hours: float,
) -> list[web.RouteDef]:
    """Return the routes; times of exports are ahead of UTC by the hours."""
    api = AuditApi(auth, directory, audit, settings, timezone(timedelta(hours=utc_offset_hours)))
    return [
        web.get("/api/v1/audit", api.listing),
        web.get("/api/v1/audit/actions", api.actions),
        web.get("/api/v1/audit/export.csv", api.export),
    ]


class AuditApi:
    """The handlers."""

    def __init__(
        self,
        auth: AuthService,
        directory: DirectoryService,
        audit: AuditService,
        settings: AuditSettings,
        zone: timezone,
    ) -> None:
        self._auth = auth
        self._directory = directory
        self._audit = audit
        self._settings = settings
        self._zone = zone

    async def _caller(self, request: web.Request) -> tuple[Principal, Scope]:
        principal = await self._auth.require(request, Permission.AUDIT_READ)
        return principal, await self._directory.scope(principal.node)

    async def _filter(self, wanted: shown.Narrowed) -> AuditFilter:
        actor = await self._audit.actor_id(wanted.actor) if wanted.actor else ""
        return AuditFilter(actor, wanted.action, wanted.subject, wanted.since, wanted.until)

    @operation("Read the audit log, the newest first", query=shown.AuditQuery, answer=shown.AuditPage)
    async def listing(self, request: web.Request) -> web.Response:
        _, scope = await self._caller(request)
        wanted = query(request, shown.AuditQuery)
        most = self._settings.count_rows
        found = await self._audit.page(scope, await self._filter(wanted), wanted.size, wanted.offset, most + 1)
        page = shown.AuditPage(
            items=[shown.line_document(line) for line in found[0]],
            total=min(found[1], most),
            total_is_capped=found[1] > most,
            page=wanted.page,
            size=wanted.size,
            retention_days=self._settings.retention_days,
        )
        return reply(page)

    @operation("List the actions that the log may hold, with their sentences", answer=shown.Actions)
    async def actions(self, request: web.Request) -> web.Response:
        await self._caller(request)
        return reply(shown.all_actions())

    @operation("Export the audit log; 422 export_too_large", query=shown.Narrowed, media_type="text/csv")
    async def export(self, request: web.Request) -> web.StreamResponse:
        principal, scope = await self._caller(request)
        wanted = query(request, shown.Narrowed)
        narrowed, most = await self._filter(wanted), self._settings.export_rows
        narrowed = replace(narrowed, until=narrowed.until or utc_now())  # not the row that tells of this export
        rows = await self._audit.count(scope, narrowed, most + 1)
        if rows > most:
            raise Problem(422, "export_too_large", "choose a shorter time", most=most)
        await self._auth.audit(principal.user_id, "audit.exported", rows=rows, filter=shown.filled(wanted))
        response = web.StreamResponse(headers={"Cache-Control": "no-store"})
        response.headers["Content-Disposition"] = f'attachment; filename="{FILE}"'
        response.content_type, response.charset = "text/csv", "utf-8"
        await response.prepare(request)
        await response.write(audit_export.head())
        async for lines in self._audit.chunks(scope, narrowed, rows):
            await response.write(audit_export.chunk(lines, self._zone))
        await response.write_eof()
        return response
