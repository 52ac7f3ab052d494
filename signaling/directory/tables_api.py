"""`/api/v1/tables`: what the lists show, as files: the same filters, the columns that somebody chose, all pages.

Who exported what is in the audit log. So many at once are made (`imports.exports_at_once`), more wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Final, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from signaling.api.openapi import operation
from signaling.api.parsing import query
from signaling.api.problems import Problem, not_found
from signaling.auth.identity import Permission, Principal
from signaling.auth.service import AuthService
from signaling.directory import tables
from signaling.directory.class_documents import ClassQuery
from signaling.directory.documents import SchoolQuery
from signaling.directory.queries import ClassFilter, SchoolFilter, Scope
from signaling.directory.sending import Wanted, send
from signaling.directory.service import DirectoryService
from signaling.directory.sheets import CONTENT_TYPES, Cell
from signaling.directory.tables import Column, Line, Sight, Table
from signaling.directory.tables_service import Lines, TablesService
from signaling.directory.teacher_documents import TeacherQuery
from signaling.directory.teachers_api import filter_of
from signaling.screens import queries as screens
from signaling.screens.documents import ScreenQuery

PERMISSIONS: Final = {"teachers": Permission.TEACHER_READ, "screens": Permission.SCREEN_READ}


class Choice(BaseModel):
    """Which columns, by the names of the list with commas between, and how the text of a CSV is written."""

    columns: str | None = Field(default=None, max_length=400, pattern=r"^[a-z_,]+$")
    encoding: Literal["utf-8", "gb18030"] = "utf-8"


class SchoolTableQuery(SchoolQuery, Choice):
    """The schools to export."""


class ClassTableQuery(ClassQuery, Choice):
    """The classes to export."""


class TeacherTableQuery(TeacherQuery, Choice):
    """The teachers to export."""


class ScreenTableQuery(ScreenQuery, Choice):
    """The screens to export."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the server is: the local day and the hours by which it is ahead of UTC."""

    today: Callable[[], date]
    hours: float


def routes(
    auth: AuthService, directory: DirectoryService, service: TablesService, at_once: int, place: Place
) -> list[web.RouteDef]:
    """Return the routes of exports."""
    api = TablesApi(auth, directory, service, at_once, place)
    return [
        web.get("/api/v1/tables/schools.{format}", api.schools),
        web.get("/api/v1/tables/classes.{format}", api.classes),
        web.get("/api/v1/tables/teachers.{format}", api.teachers),
        web.get("/api/v1/tables/screens.{format}", api.screens),
    ]


class TablesApi:
    """The handlers."""

    def __init__(
        self, auth: AuthService, directory: DirectoryService, service: TablesService, at_once: int, place: Place
    ) -> None:
        self._auth = auth
        self._directory = directory
        self._service = service
        self._turns = asyncio.Semaphore(at_once)
        self._place = place

    @operation("Export schools: `.xlsx` or `.csv`", query=SchoolTableQuery, media_type="*/*")
    async def schools(self, request: web.Request) -> web.StreamResponse:
        async def read(scope: Scope, wanted: SchoolTableQuery) -> Lines:
            names = wanted.kind or "", wanted.urban_rural or "", wanted.sort or ""
            narrowed = SchoolFilter(
                county=await self._county(wanted.county),
                kind=names[0],
                text=wanted.q,
                urban_rural=names[1],
                state=wanted.state,
                sort=names[2],
                today=self._place.today(),
            )
            return self._service.schools(scope, narrowed)

        return await self._export(request, "schools", tables.SCHOOLS, SchoolTableQuery, read)

    @operation("Export classes: `.xlsx` or `.csv`", query=ClassTableQuery, media_type="*/*")
    async def classes(self, request: web.Request) -> web.StreamResponse:
        async def read(scope: Scope, wanted: ClassTableQuery) -> Lines:
            narrowed = ClassFilter(
                county=await self._county(wanted.county),
                school="" if wanted.school is None else await self._directory.school_code(wanted.school),
                stage=wanted.stage or "",
                text=wanted.q,
                state=wanted.state,
                sort=wanted.sort or "",
                today=self._place.today(),
            )
            return self._service.classes(scope, narrowed)

        return await self._export(request, "classes", tables.CLASSES, ClassTableQuery, read)

    @operation("Export teachers: `.xlsx` or `.csv`", query=TeacherTableQuery, media_type="*/*")
    async def teachers(self, request: web.Request) -> web.StreamResponse:
        async def read(scope: Scope, wanted: TeacherTableQuery) -> Lines:
            return self._service.teachers(scope, await filter_of(self._directory, wanted, self._place.today()))

        return await self._export(request, "teachers", tables.TEACHERS, TeacherTableQuery, read)

    @operation("Export the inventory of screens: `.xlsx` or `.csv`", query=ScreenTableQuery, media_type="*/*")
    async def screens(self, request: web.Request) -> web.StreamResponse:
        async def read(scope: Scope, wanted: ScreenTableQuery) -> Lines:
            narrowed = screens.ScreenFilter(
                county=await self._county(wanted.county),
                school=wanted.school or "",
                text=wanted.q,
                state=wanted.state,
                key=wanted.key or "",
                tier=wanted.tier or "",
            )
            return self._service.screens(screens.screens(scope, narrowed, datetime.now(UTC)))

        return await self._export(request, "screens", tables.SCREENS, ScreenTableQuery, read)

    async def _county(self, code: str | None) -> str:
        return "" if code is None else await self._directory.region_code(code) or code

    async def _export(
        self,
        request: web.Request,
        name: str,
        table: Table,
        model: Any,
        read: Callable[[Scope, Any], Awaitable[Lines]],
    ) -> web.StreamResponse:
        principal = await self._auth.require(request, Permission.DIRECTORY_EXPORT)
        if name in PERMISSIONS and not principal.may(PERMISSIONS[name]):
            raise Problem(403, "forbidden", "your role may not do this")
        kind = request.match_info["format"]
        if kind not in CONTENT_TYPES:
            raise not_found("file")
        asked = query(request, model)
        columns = table.chosen(asked.columns)
        scope = await self._directory.scope(principal.node)
        zone = timezone(timedelta(hours=self._place.hours))
        sight = Sight(self._place.today(), zone)
        told = {
            key: value for key, value in request.query.items() if key not in {"page", "size", "columns", "encoding"}
        }
        headers = [column.header for column in columns]
        notes = await self._notes(principal, table, told, datetime.now(zone))
        file = Wanted(kind, table.title, headers, f"{table.title}_{sight.today:%Y%m%d}", notes, asked.encoding)
        await self._auth.audit(principal.user_id, "directory.exported", name, filters=told)
        return await send(request, file, _cells(await read(scope, asked), columns, sight), self._turns)

    async def _notes(
        self, principal: Principal, table: Table, told: dict[str, str], now: datetime
    ) -> list[tuple[str, str]]:
        filters = "；".join(f"{name}={value}" for name, value in told.items()) or "无"
        return [
            ("表名", table.title),
            ("填报单位", await self._service.node_name(principal.node)),
            ("统计时点", now.strftime("%Y-%m-%d %H:%M")),
            ("筛选条件", filters),
            ("制表人", principal.name),
            ("审核人", ""),
            ("生成时间", now.strftime("%Y-%m-%d %H:%M:%S")),
        ]


async def _cells(lines: Lines, columns: Sequence[Column], sight: Sight) -> AsyncIterator[Sequence[Sequence[Cell]]]:
    def cells(line: Line) -> list[Cell]:
        return [column.cell(line, sight) for column in columns]

    async for part in lines:
        yield [cells(line) for line in part]
