"""Assessments of pupils: what a school held in a term, and one number for each class. **No name of a pupil comes in or goes out.**"""

from __future__ import annotations

from datetime import date

from aiohttp import web

from signaling.api import etags
from signaling.api.openapi import operation
from signaling.api.parsing import body, query, reply
from signaling.api.problems import not_found
from signaling.auth.identity import Permission, Principal
from signaling.auth.service import AuthService
from signaling.coverage import assessments_documents as shown
from signaling.coverage.assessments_service import AssessmentsService, Place, Sheet
from signaling.coverage.obligations import Kind, Obligations
from signaling.directory.models import Term
from signaling.directory.service import DirectoryService
from signaling.directory.terms_service import TermsService


def routes(
    auth: AuthService,
    directory: DirectoryService,
    terms: TermsService,
    service: AssessmentsService,
    rules: Obligations,
) -> list[web.RouteDef]:
    """Return the routes."""
    api = AssessmentsApi(auth, directory, terms, service, rules)
    of_school = "/api/v1/schools/{school_code}/assessments"
    one = of_school + "/{kind}/{day}"
    return [web.get(of_school, api.listing), web.get(one, api.read), web.put(one, api.put)]


class AssessmentsApi:
    """The handlers. A school enters its own, a county unit for its schools."""

    def __init__(
        self,
        auth: AuthService,
        directory: DirectoryService,
        terms: TermsService,
        service: AssessmentsService,
        rules: Obligations,
    ) -> None:
        self._auth = auth
        self._directory = directory
        self._terms = terms
        self._service = service
        self._rules = rules

    @operation(
        "List the assessments that a school held in a term", query=shown.AssessmentsQuery, answer=shown.AssessmentList
    )
    async def listing(self, request: web.Request) -> web.Response:
        wanted = query(request, shown.AssessmentsQuery)
        _, school = await self._school(request, Permission.ATTENDANCE_READ)
        term = await self._term(school, wanted.term)
        days = term.starts_on, term.ends_on
        held = await self._service.held(school, *days)
        minimum = self._rules.minimum[Kind.ASSESSMENT]
        return reply(shown.list_document(self._rules, minimum, term.code, days, held))

    @operation("Read the numbers of an assessment, class by class", answer=shown.AssessmentDocument)
    async def read(self, request: web.Request) -> web.Response:
        _, school = await self._school(request, Permission.ATTENDANCE_READ)
        return _answer(await self._service.sheet(school, request.match_info["kind"], _day(request)))

    @operation(
        "Enter the numbers of an assessment; 409 `term_closed`",
        body=shown.AssessmentOrder,
        answer=shown.AssessmentDocument,
        if_match=True,
    )
    async def put(self, request: web.Request) -> web.Response:
        principal, school = await self._school(request, Permission.ATTENDANCE_CONFIRM)
        kind, day = request.match_info["kind"], _day(request)
        order = await body(request, shown.AssessmentOrder)
        version = (await self._service.sheet(school, kind, day)).version
        etags.require(request, version)
        return _answer(await self._service.enter(school, kind, day, order.numbers(), version, principal.user_id))

    async def _term(self, school: Place, code: str | None) -> Term:
        """Return a term of a school, the one of today (in the holidays the last that began) when none is named; raise 404."""
        calendar = await self._calendar(school)
        begun = [one for one in calendar if one.starts_on <= self._service.today()] if code is None else calendar
        for term in begun:
            if code in (None, term.code):
                return term
        raise not_found("term")

    async def _calendar(self, school: Place) -> list[Term]:
        """Return the terms of a school's county unit, the prefecture's where it has none of its own; the latest first."""
        own = await self._terms.terms([school.region])
        tops = [row.code for row in await self._directory.regions() if row.level == "prefecture"]
        return own or await self._terms.terms(tops)

    async def _school(self, request: web.Request, permission: Permission) -> tuple[Principal, Place]:
        principal = await self._auth.require(request, permission)
        scope = await self._directory.scope(principal.node)
        found = await self._directory.school(scope, request.match_info["school_code"])
        if found is None:
            raise not_found("school")
        return principal, Place(found.school.code, found.school.region_code)


def _day(request: web.Request) -> date:
    try:
        return date.fromisoformat(request.match_info["day"])
    except ValueError:
        raise not_found("day") from None


def _answer(sheet: Sheet) -> web.Response:
    return reply(shown.sheet_document(sheet), headers=etags.header(sheet.version))
