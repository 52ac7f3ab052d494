"""`/api/v1/classes`: the classes of the schools that the caller's node covers; a school's own administrators keep them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from aiohttp import web

from signaling.api import etags
from signaling.api.openapi import operation
from signaling.api.paging import Page, page_of
from signaling.api.parsing import body, query, reply
from signaling.api.problems import not_found
from signaling.auth.identity import Permission, Principal
from signaling.auth.service import AuthService
from signaling.directory.class_documents import (
    ClassDocument,
    ClassEdit,
    ClassQuery,
    ClassRecord,
    Closing,
    NewClass,
    Spelling,
    SpellingQuery,
    class_document,
    class_record,
)
from signaling.directory.queries import ClassFilter, Scope
from signaling.directory.schools_service import SchoolsService
from signaling.directory.service import DirectoryService


def routes(
    auth: AuthService, directory: DirectoryService, schools: SchoolsService, today: Callable[[], date]
) -> list[web.RouteDef]:
    """Return the routes of classes; `today` is the local day."""
    api = ClassesApi(auth, directory, schools, today)
    one = "/api/v1/classes/{class_id}"
    return [
        web.post("/api/v1/schools/{school_code}/classes", api.add_class),
        web.get("/api/v1/schools/{school_code}/class-name", api.spelling),
        web.get("/api/v1/classes", api.classes),
        web.get(one, api.one_class),
        web.patch(one, api.change_class),
        web.post(f"{one}/close", api.close_class),
    ]


class ClassesApi:
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

    @operation("List classes", query=ClassQuery, answer=Page[ClassDocument])
    async def classes(self, request: web.Request) -> web.Response:
        _, scope = await self._caller(request, Permission.DIRECTORY_READ)
        wanted = query(request, ClassQuery)
        narrowed = ClassFilter(
            county="" if wanted.county is None else await self._directory.region_code(wanted.county) or wanted.county,
            school="" if wanted.school is None else await self._directory.school_code(wanted.school),
            stage=wanted.stage or "",
            text=wanted.q,
            state=wanted.state,
            sort=wanted.sort or "",
            today=self._today(),
        )
        items, total = await self._directory.classes(scope, narrowed, wanted.size, wanted.offset)
        return reply(page_of([class_document(item, self._today()) for item in items], total, wanted))

    @operation("Add a class", body=NewClass, answer=ClassRecord, status=201)
    async def add_class(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request, Permission.DIRECTORY_EDIT)
        school = await self._directory.school(scope, request.match_info["school_code"])
        if school is None:
            raise not_found("school")
        order = await body(request, NewClass)
        made = await self._schools.add_class(school.school.code, order.name, order.pupils, principal.user_id)
        return await self._class_reply(scope, made.id, 201)

    @operation("Tell which class a spelling means in a school", query=SpellingQuery, answer=Spelling)
    async def spelling(self, request: web.Request) -> web.Response:
        _, scope = await self._caller(request, Permission.DIRECTORY_READ)
        found = await self._directory.school(scope, request.match_info["school_code"])
        if found is None:
            raise not_found("school")
        school, wanted = found.school, query(request, SpellingQuery)
        key, name, taken = await self._schools.spelled(school.code, school.kind, wanted.name)
        return reply(
            Spelling(
                name=name,
                code=key.code,
                entry_year=key.entry_year,
                stage=key.stage,
                number=key.number,
                taken=taken,
            )
        )

    @operation("Read a class with its screens", answer=ClassRecord)
    async def one_class(self, request: web.Request) -> web.Response:
        _, scope = await self._caller(request, Permission.DIRECTORY_READ)
        return await self._class_reply(scope, request.match_info["class_id"], 200)

    @operation("Change a class", body=ClassEdit, answer=ClassRecord, if_match=True)
    async def change_class(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request, Permission.DIRECTORY_EDIT)
        class_id, version = await self._of_class(request, scope)
        etags.require(request, version)
        order = await body(request, ClassEdit)
        values = {name: value for name, value in order.model_dump(exclude_unset=True).items() if value is not None}
        await self._schools.change_class(class_id, version, values, principal.user_id)
        return await self._class_reply(scope, class_id, 200)

    @operation("Close a class", body=Closing, answer=ClassRecord, if_match=True)
    async def close_class(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request, Permission.DIRECTORY_EDIT)
        class_id, version = await self._of_class(request, scope)
        etags.require(request, version)
        order = await body(request, Closing)
        await self._schools.close_class(class_id, version, order.on, principal.user_id)
        return await self._class_reply(scope, class_id, 200)

    async def _of_class(self, request: web.Request, scope: Scope) -> tuple[str, int]:
        found = await self._directory.school_class(scope, request.match_info["class_id"])
        if found is None:
            raise not_found("class")
        return found[0].school_class.id, found[0].school_class.version

    async def _class_reply(self, scope: Scope, class_id: str, status: int) -> web.Response:
        found = await self._directory.school_class(scope, class_id)
        if found is None:
            raise not_found("class")
        item, screens = found
        headers = etags.header(item.school_class.version)
        return reply(class_record(item, screens, self._today()), status, headers)
