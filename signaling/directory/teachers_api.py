"""`/api/v1/teachers`: the staff of the schools that the caller's node covers. Names are for those who keep them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Final

from aiohttp import web

from signaling.api import etags
from signaling.api.openapi import operation
from signaling.api.paging import Page, page_of
from signaling.api.parsing import body, query, reply
from signaling.api.problems import not_found
from signaling.auth.identity import Permission, Principal
from signaling.auth.service import AuthService
from signaling.directory.queries import Scope
from signaling.directory.service import DirectoryService
from signaling.directory.teacher_documents import (
    Moving,
    NewTeacher,
    SubjectList,
    TeacherDocument,
    TeacherEdit,
    TeacherQuery,
    teacher_document,
)
from signaling.directory.teachers import ListedTeacher, TeacherFilter
from signaling.directory.teachers_service import TeachersService


def routes(
    auth: AuthService, directory: DirectoryService, teachers: TeachersService, today: Callable[[], date]
) -> list[web.RouteDef]:
    """Return the routes of teachers; `today` is the local day."""
    api = TeachersApi(auth, directory, teachers, today)
    one = "/api/v1/teachers/{teacher_id}"
    return [
        web.get("/api/v1/teachers", api.teachers),
        web.get("/api/v1/teachers/subjects", api.subjects),
        web.post("/api/v1/schools/{school_code}/teachers", api.add),
        web.get(one, api.one),
        web.patch(one, api.change),
        web.post(f"{one}/leave", api.leave),
        web.post(f"{one}/return", api.come_back),
    ]


SUBJECTS: Final = 200
"""Subjects that a list of them holds at most."""


async def filter_of(directory: DirectoryService, wanted: TeacherQuery, today: date) -> TeacherFilter:
    """Return what a query narrows, older codes of counties and schools included."""
    return TeacherFilter(
        county="" if wanted.county is None else await directory.region_code(wanted.county) or wanted.county,
        school="" if wanted.school is None else await directory.school_code(wanted.school),
        subject=wanted.subject,
        text=wanted.q,
        state=wanted.state,
        sort=wanted.sort or "",
        today=today,
    )


class TeachersApi:
    """The handlers."""

    def __init__(
        self, auth: AuthService, directory: DirectoryService, teachers: TeachersService, today: Callable[[], date]
    ) -> None:
        self._auth = auth
        self._directory = directory
        self._teachers = teachers
        self._today = today

    async def _caller(self, request: web.Request, permission: Permission) -> tuple[Principal, Scope]:
        principal = await self._auth.require(request, permission)
        return principal, await self._directory.scope(principal.node)

    @operation("List teachers", query=TeacherQuery, answer=Page[TeacherDocument])
    async def teachers(self, request: web.Request) -> web.Response:
        _, scope = await self._caller(request, Permission.TEACHER_READ)
        wanted = query(request, TeacherQuery)
        narrowed = await filter_of(self._directory, wanted, self._today())
        items, total = await self._teachers.teachers(scope, narrowed, wanted.size, wanted.offset)
        return reply(page_of([teacher_document(item) for item in items], total, wanted))

    @operation("List the subjects that teachers have, at most 200", answer=SubjectList)
    async def subjects(self, request: web.Request) -> web.Response:
        _, scope = await self._caller(request, Permission.TEACHER_READ)
        return reply(SubjectList(items=await self._teachers.subjects(scope, SUBJECTS)))

    @operation("Add a teacher", body=NewTeacher, answer=TeacherDocument, status=201)
    async def add(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request, Permission.TEACHER_EDIT)
        school = await self._directory.school(scope, request.match_info["school_code"])
        if school is None:
            raise not_found("school")
        order = await body(request, NewTeacher)
        made = await self._teachers.add(school.school.code, order.model_dump(), principal.user_id)
        return await self._reply(scope, made.id, 201)

    @operation("Read a teacher", answer=TeacherDocument)
    async def one(self, request: web.Request) -> web.Response:
        _, scope = await self._caller(request, Permission.TEACHER_READ)
        return await self._reply(scope, request.match_info["teacher_id"])

    @operation("Correct a teacher", body=TeacherEdit, answer=TeacherDocument, if_match=True)
    async def change(self, request: web.Request) -> web.Response:
        principal, scope, found = await self._edited(request)
        order = await body(request, TeacherEdit)
        values = {name: value for name, value in order.model_dump(exclude_unset=True).items() if value is not None}
        await self._teachers.change(found.teacher.id, found.teacher.version, values, principal.user_id)
        return await self._reply(scope, found.teacher.id)

    @operation("Write down when a teacher left", body=Moving, answer=TeacherDocument, if_match=True)
    async def leave(self, request: web.Request) -> web.Response:
        principal, scope, found = await self._edited(request)
        order = await body(request, Moving)
        await self._teachers.leave(found.teacher.id, found.teacher.version, order.on, principal.user_id)
        return await self._reply(scope, found.teacher.id)

    @operation("Write down when a teacher came back", body=Moving, answer=TeacherDocument, if_match=True)
    async def come_back(self, request: web.Request) -> web.Response:
        principal, scope, found = await self._edited(request)
        order = await body(request, Moving)
        await self._teachers.come_back(found.teacher.id, found.teacher.version, order.on, principal.user_id)
        return await self._reply(scope, found.teacher.id)

    async def _edited(self, request: web.Request) -> tuple[Principal, Scope, ListedTeacher]:
        principal, scope = await self._caller(request, Permission.TEACHER_EDIT)
        found = await self._teachers.teacher(scope, request.match_info["teacher_id"])
        if found is None:
            raise not_found("teacher")
        etags.require(request, found.teacher.version)
        return principal, scope, found

    async def _reply(self, scope: Scope, teacher_id: str, status: int = 200) -> web.Response:
        found = await self._teachers.teacher(scope, teacher_id)
        if found is None:
            raise not_found("teacher")
        return reply(teacher_document(found), status, etags.header(found.teacher.version))
