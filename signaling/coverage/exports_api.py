"""`/api/v1/coverage/exports`: the tables of a term, made now or given again as they were, and which were made."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Final

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict

from signaling.api.openapi import operation
from signaling.api.paging import Page, PageQuery, page_of
from signaling.api.parsing import query, reply
from signaling.api.problems import Problem, not_found
from signaling.attendance.api import CONTENT_TYPES, disposition
from signaling.attendance.exports import Note, to_csv, to_xlsx
from signaling.attendance.tables import Table, local
from signaling.auth.identity import Permission
from signaling.auth.service import AuthService
from signaling.coverage import documents as shown
from signaling.coverage import tables
from signaling.coverage.asking import Asking, Caller, level_below
from signaling.coverage.calendar import days
from signaling.coverage.frozen import Frozen, Key
from signaling.coverage.frozen_service import FrozenService, TooMany
from signaling.coverage.reports_service import ReportsService
from signaling.coverage.service import CoverageService
from signaling.coverage.term import CountedTerm
from signaling.directory.documents import Code
from signaling.live.http import retry_after

_FILE: Final = re.compile(r"(\d{2})\.(xlsx|csv)")
LEVELS: Final = {"prefecture": "州级", "county": "县级", "school": "学校"}
STAFF: Final = "06"
"""The table with names of staff."""
AGAIN_SECONDS: Final = 3600


class ExportQuery(BaseModel):
    """Which term, of which node; 05 lists county units or schools, schools where the node is no larger than a county unit.

    `as_of` leaves out what was recorded later; the same one gives the same table again. What lies ahead is now.
    """

    model_config = ConfigDict(extra="forbid")

    term: shown.TermCode | None = None
    node: Code | None = None
    level: shown.Level | None = None
    as_of: AwareDatetime | None = None


class ExportsQuery(PageQuery):
    """Whose exports of which term."""

    term: shown.TermCode | None = None
    node: Code | None = None


class ExportRow(BaseModel):
    """An export that was made and is given again for its `as_of`; `directory_at` is when schools, classes and staff were read for it."""

    number: str
    level: str
    as_of: datetime
    directory_at: datetime
    at: datetime
    rules_version: int
    checksum: str
    by: str


ExportPage = Page[ExportRow]


def routes(
    auth: AuthService,
    asking: Asking,
    service: CoverageService,
    reports: ReportsService,
    frozen: FrozenService,
    hours: float,
) -> list[web.RouteDef]:
    """Return the routes; `hours` is how far the schools' clock is ahead of UTC."""
    api = ExportsApi(auth, asking, service, reports, frozen, hours)
    return [
        web.get("/api/v1/coverage/exports", api.listing),
        web.get("/api/v1/coverage/exports/{table}", api.export),
    ]


class ExportsApi:
    """The handlers."""

    def __init__(
        self,
        auth: AuthService,
        asking: Asking,
        service: CoverageService,
        reports: ReportsService,
        frozen: FrozenService,
        hours: float,
    ) -> None:
        self._auth = auth
        self._asking = asking
        self._service = service
        self._reports = reports
        self._frozen = frozen
        self._zone = timezone(timedelta(hours=hours))

    @operation("List the exports of a term that were made of a node", query=ExportsQuery, answer=ExportPage)
    async def listing(self, request: web.Request) -> web.Response:
        wanted = query(request, ExportsQuery)
        caller = await self._asking.caller(request, Permission.ATTENDANCE_EXPORT, wanted.node)
        numbers = tables.NUMBERS if caller.principal.may(Permission.TEACHER_READ) else tables.NUMBERS - {STAFF}
        term = await self._asking.code(wanted.term)
        found, total = await self._frozen.listing(term, caller.unit.code, numbers, wanted.size, wanted.offset)
        rows = [ExportRow.model_validate(one, from_attributes=True) for one in found]
        return reply(page_of(rows, total, wanted))

    @operation("Export a table of a term: 05, 06 or 07, `.xlsx` or `.csv`", query=ExportQuery, media_type="*/*")
    async def export(self, request: web.Request) -> web.Response:
        wanted = query(request, ExportQuery)
        caller = await self._asking.caller(request, Permission.ATTENDANCE_EXPORT, wanted.node)
        file = _FILE.fullmatch(request.match_info["table"])
        if file is None or file[1] not in tables.NUMBERS:
            raise not_found("export")
        if file[1] == STAFF and not caller.principal.may(Permission.TEACHER_READ):
            raise Problem(403, "forbidden", "your role may not see names of staff")
        level = level_below(caller.unit, wanted.level)
        code = await self._asking.code(wanted.term)
        key = Key(code, caller.unit.code, file[1], level if file[1] == "05" else "")
        made = await self._made(key, caller, wanted.as_of)
        detail = {"term": code, "node": caller.unit.code, "as_of": made.as_of.isoformat()}
        await self._auth.audit(caller.principal.user_id, "coverage.exported", file[1], **detail)
        return await asyncio.to_thread(_file, made, key, caller.unit.name, file[2], self._zone)

    async def _made(self, key: Key, caller: Caller, as_of: datetime | None) -> Frozen:
        """Return an export as it was made, or make it and keep it; raise 404 or 429."""
        if as_of is not None and as_of <= self._frozen.now():
            known = await self._frozen.find(key, as_of)
            counted = None if known is not None else await self._service.term_until(key.term, as_of)
        else:
            counted = await self._service.term(key.term)
            known = None if counted is None else await self._frozen.find(key, counted.as_of)
        if known is not None:
            return known
        if counted is None:
            raise not_found("term")
        table = await self._table(key, counted, caller)
        lines = note(counted, caller.unit.name, table, caller.principal.name, self._zone, self._frozen.now())
        try:
            return await self._frozen.keep(
                key, table, lines.lines, counted.rules.version, counted.as_of, caller.principal.user_id
            )
        except TooMany as error:
            raise Problem(
                429,
                "too_many_requests",
                "so many exports a day are kept",
                str(error),
                headers=retry_after(AGAIN_SECONDS),
            ) from error

    async def _table(self, key: Key, counted: CountedTerm, caller: Caller) -> Table:
        if key.number == STAFF:
            rows = await self._reports.staffed(counted, caller.scope)
            return await asyncio.to_thread(tables.teacher_table, counted.rules, rows, self._zone)
        if key.number == "07":
            return tables.parent_table(counted.rules, await self._reports.met(counted, caller.scope))
        unit = caller.unit
        whole = (unit.code, unit.name, LEVELS[unit.level])
        by = "county" if key.level == "county" else "school"
        return await asyncio.to_thread(tables.matrix_table, counted, caller.scope, by, whole)


def _file(made: Frozen, key: Key, unit: str, kind: str, zone: tzinfo) -> web.Response:
    table = made.table
    body = to_csv(table) if kind == "csv" else to_xlsx(table, Note(made.note))
    day = made.as_of.astimezone(zone).strftime("%Y%m%d")
    name = f"{table.number}{table.title}_{unit}_{key.term}_{day}.{kind}"
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": disposition(name, f"{table.number}.{kind}"),
        "X-Report-Checksum": made.checksum,
        "X-Report-Policy": str(made.rules_version),
        "X-Report-As-Of": made.as_of.isoformat(),
    }
    charset = "utf-8" if kind == "csv" else None
    return web.Response(body=body, content_type=CONTENT_TYPES[kind], charset=charset, headers=headers)


def note(counted: CountedTerm, unit: str, table: Table, author: str, zone: tzinfo, now: datetime) -> Note:
    """Return what stands on the sheet 说明; the check sum is added by the writer."""
    rules, as_of = counted.rules, counted.as_of
    return Note(
        (
            ("表名", f"{table.number} {table.title}"),
            ("学期", counted.code),
            ("填报单位", unit),
            ("统计区间", _days(counted)),
            ("口径版本", f"{rules.version}（{rules.name}）"),
            ("口径说明", rules.summary),
            ("完成标准", f"{float(rules.strict_ratio):.0%}；另列{float(rules.lenient_ratio):.0%}口径"),
            ("数据版本(as-of)", _second(as_of, zone)),
            ("名册取自", f"{_second(now, zone)}（学校、班级、班额、教师和场次设置以此时为准）"),
            ("未启用", "表示该项任务系统尚未采集，不表示零"),
            ("制表人", author),
            ("审核人", ""),
            ("生成时间", local(now, zone) or ""),
        )
    )


def _days(counted: CountedTerm) -> str:
    first, last = days(counted.spans)
    return f"{first} 至 {last}（各县（市、区）以本地学期日历为准）"


def _second(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
