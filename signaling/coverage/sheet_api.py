"""`/api/v1/schools/{code}/sheets`: what stands on a school's one-page reports, of a term or of a lecture. Who may see the figures may."""

from __future__ import annotations

import asyncio

from aiohttp import web

from signaling.api.openapi import operation
from signaling.api.parsing import query, reply
from signaling.api.problems import Problem, not_found
from signaling.attendance.service import AttendanceService
from signaling.auth.identity import Permission, Principal
from signaling.auth.service import AuthService
from signaling.coverage import sheet
from signaling.coverage.service import CoverageService
from signaling.coverage.sheet_documents import LectureSheet, NamedDocument, SheetQuery, TermSheet
from signaling.directory.service import DirectoryService
from signaling.lectures.access import Access
from signaling.ledger.chain import Root
from signaling.ledger.errors import DamagedEntry
from signaling.ledger.roots_service import RootsService


def routes(
    auth: AuthService,
    access: Access,
    directory: DirectoryService,
    coverage: CoverageService,
    attendance: AttendanceService,
    roots: RootsService,
) -> list[web.RouteDef]:
    """Return the routes."""
    api = SheetApi(auth, access, directory, coverage, attendance, roots)
    return [
        web.get("/api/v1/schools/{school_code}/sheet", api.of_term),
        web.get("/api/v1/schools/{school_code}/sheets/{lecture_id}", api.of_lecture),
    ]


class SheetApi:
    """The handlers."""

    def __init__(
        self,
        auth: AuthService,
        access: Access,
        directory: DirectoryService,
        coverage: CoverageService,
        attendance: AttendanceService,
        roots: RootsService,
    ) -> None:
        self._auth = auth
        self._access = access
        self._directory = directory
        self._coverage = coverage
        self._attendance = attendance
        self._roots = roots

    @operation("Read the one-page report of a school's term", query=SheetQuery, answer=TermSheet)
    async def of_term(self, request: web.Request) -> web.Response:
        principal = await self._auth.require(request, Permission.ATTENDANCE_READ)
        wanted = query(request, SheetQuery).term
        school, county = await self._school(request, principal)
        code = wanted or await self._coverage.current()
        counted = None if code is None else await self._coverage.term(code)
        if counted is None:
            raise not_found("term")
        if school.code not in counted.by_code:
            raise not_found("school")
        figures = await asyncio.to_thread(sheet.term_figures, counted, counted.by_code[school.code], county)
        return reply(TermSheet(figures=figures, seal=sheet.seal(figures, counted.as_of, await self._newest())))

    @operation("Read the one-page report of a lecture in a school", answer=LectureSheet)
    async def of_lecture(self, request: web.Request) -> web.Response:
        lecture_id = request.match_info["lecture_id"]
        principal = await self._access.guard(request, Permission.ATTENDANCE_READ, lecture_id)
        school, county = await self._school(request, principal)
        scope = await self._directory.scope(school.code)
        try:
            made = await self._attendance.report(lecture_id, scope, school.code)
        except DamagedEntry as error:
            raise Problem(500, "ledger_damaged", "a stored row cannot be read", str(error)) from error
        if made is None or not made.report.classes:
            raise not_found("lecture")
        figures = sheet.lecture_figures(made, school, county)
        return reply(LectureSheet(figures=figures, seal=sheet.seal(figures, made.as_of, await self._newest())))

    async def _school(self, request: web.Request, principal: Principal) -> tuple[NamedDocument, NamedDocument]:
        """Return the school of the address and its county unit; 404 for what the caller's node does not cover."""
        mine = await self._directory.scope(principal.node)
        found = await self._directory.school(mine, request.match_info["school_code"])
        if found is None:
            raise not_found("school")
        county = NamedDocument(code=found.county.code, name=found.county.name)
        return NamedDocument(code=found.school.code, name=found.school.name), county

    async def _newest(self) -> list[Root]:
        """Return the roots of the ledger's last day: digests tell nothing of what was recorded."""
        day = await self._roots.newest_day()
        return [] if day is None else await self._roots.roots(day, day)
