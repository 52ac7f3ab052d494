"""`/api/v1/counties`, `/tree`, `/schools`: the directory as the caller's node may see and change it.

1. **What a scope does not cover does not exist**: a foreign school and a missing one give the same 404, a foreign county an empty list.
2. Schools are kept by prefecture and county units; a school's own administrators keep its classes (`classes_api`).
3. Only the prefecture moves a school from one county unit to another.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from aiohttp import web

from signaling.api import etags
from signaling.api.openapi import operation
from signaling.api.paging import Page, page_of
from signaling.api.parsing import body, query, reply
from signaling.api.problems import Problem, not_found
from signaling.auth.identity import Permission, Principal
from signaling.auth.service import AuthService
from signaling.directory import documents as shown
from signaling.directory.class_documents import SchoolWithClasses, class_document
from signaling.directory.lifecycle import Happening, wrong
from signaling.directory.queries import ClassFilter, SchoolFilter, Scope
from signaling.directory.schools_service import SchoolsService
from signaling.directory.service import DirectoryService
from signaling.directory.trees import found_list, node_list


def routes(
    auth: AuthService, directory: DirectoryService, schools: SchoolsService, today: Callable[[], date]
) -> list[web.RouteDef]:
    """Return the routes of the directory; `today` is the local day."""
    api = DirectoryApi(auth, directory, schools, today)
    school = "/api/v1/schools/{school_code}"
    return [
        web.get("/api/v1/tree", api.tree),
        web.get("/api/v1/tree/search", api.search),
        web.get("/api/v1/counties", api.counties),
        web.get("/api/v1/schools", api.schools),
        web.post("/api/v1/schools", api.add_school),
        web.get(school, api.school),
        web.patch(school, api.change_school),
        web.get(f"{school}/events", api.events),
        web.post(f"{school}/events", api.happened),
    ]


class DirectoryApi:
    """The handlers."""

    def __init__(
        self, auth: AuthService, directory: DirectoryService, schools: SchoolsService, today: Callable[[], date]
    ) -> None:
        self._auth = auth
        self._directory = directory
        self._schools = schools
        self._today = today

    async def _caller(self, request: web.Request, permission: Permission) -> tuple[Principal, Scope]:
        principal = await self._auth.require(request, permission)
        return principal, await self._directory.scope(principal.node)

    async def _region(self, code: str | None) -> str:
        """Return the region that a code names; one that names none stays as it is, and no school lies in it."""
        return "" if code is None else await self._directory.region_code(code) or code

    @operation(
        "List the children of a node, or where the caller's tree begins", query=shown.TreeQuery, answer=shown.NodeList
    )
    async def tree(self, request: web.Request) -> web.Response:
        _, scope = await self._caller(request, Permission.DIRECTORY_READ)
        return reply(await node_list(self._directory, scope, query(request, shown.TreeQuery).parent, self._today()))

    @operation("Find county units and schools, at most 50", query=shown.SearchQuery, answer=shown.FoundList)
    async def search(self, request: web.Request) -> web.Response:
        _, scope = await self._caller(request, Permission.DIRECTORY_READ)
        return reply(await found_list(self._directory, scope, query(request, shown.SearchQuery).q, self._today()))

    @operation(
        "List the county units that concern the caller, with what they have",
        query=shown.CountyQuery,
        answer=shown.CountyList,
    )
    async def counties(self, request: web.Request) -> web.Response:
        _, scope = await self._caller(request, Permission.DIRECTORY_READ)
        rows = await self._directory.counties(scope, self._today(), query(request, shown.CountyQuery).direct)
        return reply(shown.CountyList(items=[shown.county_document(row) for row in rows]))

    @operation("List schools", query=shown.SchoolQuery, answer=Page[shown.SchoolDocument])
    async def schools(self, request: web.Request) -> web.Response:
        _, scope = await self._caller(request, Permission.DIRECTORY_READ)
        wanted = query(request, shown.SchoolQuery)
        narrowed = SchoolFilter(
            county=await self._region(wanted.county),
            kind=wanted.kind or "",
            text=wanted.q,
            urban_rural=wanted.urban_rural or "",
            state=wanted.state,
            sort=wanted.sort or "",
            today=self._today(),
        )
        items, total = await self._directory.schools(scope, narrowed, wanted.size, wanted.offset)
        return reply(page_of([shown.school_document(item) for item in items], total, wanted))

    @operation("Add a school", body=shown.NewSchool, answer=shown.SchoolDocument, status=201)
    async def add_school(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request, Permission.DIRECTORY_EDIT)
        _refuse_school(scope)
        order = await body(request, shown.NewSchool)
        region = await self._county(scope, order.county, "county")
        values = order.model_dump(exclude={"county"}) | {"region_code": region}
        school = await self._schools.add(values, principal.user_id)
        return await self._school_reply(scope, school.code, 201)

    @operation("Read a school with its classes, by its code or an older one", answer=SchoolWithClasses)
    async def school(self, request: web.Request) -> web.Response:
        _, scope = await self._caller(request, Permission.DIRECTORY_READ)
        found = await self._directory.school(scope, request.match_info["school_code"])
        if found is None:
            raise not_found("school")
        code = found.school.code
        classes, _ = await self._directory.classes(scope, ClassFilter(school=code), 1000)
        document = SchoolWithClasses(
            **shown.school_document(found).model_dump(),
            aliases=await self._directory.aliases(code),
            class_list=[class_document(item, self._today()) for item in classes],
        )
        return reply(document, headers=etags.header(found.school.version))

    @operation("Correct a school", body=shown.SchoolEdit, answer=shown.SchoolDocument, if_match=True)
    async def change_school(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request, Permission.DIRECTORY_EDIT)
        code, version = await self._of_school(request, scope)
        _refuse_school(scope)
        etags.require(request, version)
        order = await body(request, shown.SchoolEdit)
        values = {name: value for name, value in order.model_dump(exclude_unset=True).items() if value is not None}
        await self._schools.change(code, version, values, principal.user_id)
        return await self._school_reply(scope, code, 200)

    @operation("List what happened to a school, the latest first", answer=shown.EventList)
    async def events(self, request: web.Request) -> web.Response:
        _, scope = await self._caller(request, Permission.DIRECTORY_READ)
        code, _ = await self._of_school(request, scope)
        rows = await self._schools.events(code)
        return reply(shown.EventList(items=[shown.event_document(row) for row in rows]))

    @operation("Write down what happened to a school", body=shown.NewEvent, answer=shown.EventDocument, status=201)
    async def happened(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request, Permission.DIRECTORY_EDIT)
        code, _ = await self._of_school(request, scope)
        _refuse_school(scope)
        order = await body(request, shown.NewEvent)
        if order.kind == "moved" and scope.regions is not None:
            raise Problem(403, "forbidden", "only the prefecture moves a school to another county unit")
        region = None if order.region is None else await self._county(scope, order.region, "region")
        if order.into is not None and await self._directory.school(scope, order.into) is None:
            raise Problem(422, "bad_successor", "no other open school has that code", errors=[wrong("into")])
        event = Happening(
            order.kind, order.on, order.into, region, order.code, order.name, order.classes == "move", order.note
        )
        return reply(shown.event_document(await self._schools.happened(code, event, principal.user_id)), 201)

    async def _of_school(self, request: web.Request, scope: Scope) -> tuple[str, int]:
        found = await self._directory.school(scope, request.match_info["school_code"])
        if found is None:
            raise not_found("school")
        return found.school.code, found.school.version

    async def _county(self, scope: Scope, code: str, field: str) -> str:
        region = await self._directory.region_code(code, "county")
        if region is None or not scope.includes_region(region):
            raise Problem(422, "unknown_county", "no county unit of yours has that code", errors=[wrong(field)])
        return region

    async def _school_reply(self, scope: Scope, code: str, status: int) -> web.Response:
        found = await self._directory.school(scope, code)
        if found is None:
            raise not_found("school")
        return reply(shown.school_document(found), status, etags.header(found.school.version))


def _refuse_school(scope: Scope) -> None:
    if scope.school is not None:
        raise Problem(403, "forbidden", "schools are kept by their county unit")
