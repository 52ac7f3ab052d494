"""Results of connection tests: `/api/v1/screens/{screen_id}/line-tests` and how many screens were tested."""

from __future__ import annotations

import json

from aiohttp import web

from signaling.api.openapi import operation
from signaling.api.parsing import body, query, reply
from signaling.api.problems import not_found
from signaling.auth.identity import Permission
from signaling.auth.service import AuthService
from signaling.directory.queries import Scope
from signaling.directory.service import DirectoryService
from signaling.lines import documents as shown
from signaling.lines.models import LineTest
from signaling.lines.service import LinesService
from signaling.screens.gate import ScreenGate
from signaling.screens.service import ScreensService

PATH = "/api/v1/screens/{screen_id}/line-tests"


def routes(
    auth: AuthService, directory: DirectoryService, screens: ScreensService, lines: LinesService, gate: ScreenGate
) -> list[web.RouteDef]:
    """Return the routes."""
    api = LinesApi(auth, directory, screens, lines, gate)
    return [
        web.post(PATH, api.report),
        web.get(PATH, api.last),
        web.get("/api/v1/line-tests/summary", api.summary),
    ]


class LinesApi:
    """The handlers."""

    def __init__(
        self,
        auth: AuthService,
        directory: DirectoryService,
        screens: ScreensService,
        lines: LinesService,
        gate: ScreenGate,
    ) -> None:
        self._auth = auth
        self._directory = directory
        self._screens = screens
        self._lines = lines
        self._gate = gate

    @operation(
        "Report a connection test as the paired screen; the same run again replaces it",
        body=shown.LineTestOrder,
        answer=shown.LineTestDocument,
        status=201,
    )
    async def report(self, request: web.Request) -> web.Response:
        screen = await self._gate.admit(request)
        order = await body(request, shown.LineTestOrder)
        row = await self._lines.report(screen.id, request.headers.get("User-Agent", ""), order)
        return reply(_document(row), 201)

    @operation("Read the last connection tests of a screen, the newest first", answer=shown.LineTestList)
    async def last(self, request: web.Request) -> web.Response:
        scope = await self._scope(request)
        screen_id = request.match_info["screen_id"]
        if await self._screens.one(scope, screen_id) is None:
            raise not_found("screen")
        return reply(shown.LineTestList(items=[_document(row) for row in await self._lines.last(screen_id)]))

    @operation("Count the paired screens and those that were tested", query=shown.SummaryQuery, answer=shown.Summary)
    async def summary(self, request: web.Request) -> web.Response:
        scope = await self._scope(request)
        wanted = query(request, shown.SummaryQuery)
        county = wanted.county and (await self._directory.region_code(wanted.county) or wanted.county)
        return reply(await self._lines.summary(scope, county or "", wanted.school or ""))

    async def _scope(self, request: web.Request) -> Scope:
        principal = await self._auth.require(request, Permission.SCREEN_READ)
        return await self._directory.scope(principal.node)


def _document(row: LineTest) -> shown.LineTestDocument:
    lines = [shown.Line.model_validate(line) for line in json.loads(row.lines)]
    return shown.LineTestDocument.model_validate(
        {"id": row.id, "at": row.at, "verdict": row.verdict, "agent": row.agent, "lines": lines}
    )
