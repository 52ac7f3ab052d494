"""`/api/v1/coverage`: a term as the caller's node sees it, and its exports. A county sees its own, a school itself; nobody is ranked."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from signaling.api.openapi import operation
from signaling.api.parsing import query, reply
from signaling.api.problems import Problem, not_found
from signaling.attendance.api import CONTENT_TYPES, disposition
from signaling.attendance.exports import Note, checksum, to_csv, to_xlsx
from signaling.attendance.tables import Table, local
from signaling.auth.identity import Permission, Principal
from signaling.auth.service import AuthService
from signaling.coverage import documents as shown
from signaling.coverage import tables
from signaling.coverage.counting import SchoolCoverage, add, cells_of
from signaling.coverage.reports_service import ReportsService
from signaling.coverage.service import CoverageService
from signaling.coverage.term import CountedTerm
from signaling.directory.documents import Code
from signaling.directory.queries import Scope
from signaling.directory.service import DirectoryService

_FILE: Final = re.compile(r"(\d{2})\.(xlsx|csv)")
BELOW: Final = {"prefecture": "county", "county": "school", "school": "class"}
LEVELS: Final = {"prefecture": "州级", "county": "县级", "school": "学校"}


class ExportQuery(BaseModel):
    """Which term, of which node; 05 lists county units or schools, schools where the node is no larger than a county unit."""

    model_config = ConfigDict(extra="forbid")

    term: shown.TermCode | None = None
    node: Code | None = None
    level: shown.Level | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for which term, and the node that it is shown for."""

    principal: Principal
    counted: CountedTerm
    scope: Scope
    unit: shown.Unit


def routes(
    auth: AuthService, directory: DirectoryService, service: CoverageService, reports: ReportsService, hours: float
) -> list[web.RouteDef]:
    """Return the routes; `hours` is how far the schools' clock is ahead of UTC."""
    api = CoverageApi(auth, directory, service, reports, hours)
    return [
        web.get("/api/v1/coverage", api.term),
        web.get("/api/v1/coverage/exports/{table}", api.export),
    ]


class CoverageApi:
    """The handlers."""

    def __init__(
        self,
        auth: AuthService,
        directory: DirectoryService,
        service: CoverageService,
        reports: ReportsService,
        hours: float,
    ) -> None:
        self._auth = auth
        self._directory = directory
        self._service = service
        self._reports = reports
        self._zone = timezone(timedelta(hours=hours))

    @operation("Read the coverage of a term", query=shown.CoverageQuery, answer=shown.CoverageDocument)
    async def term(self, request: web.Request) -> web.Response:
        wanted = query(request, shown.CoverageQuery)
        asked = await self._asked(request, Permission.ATTENDANCE_READ, wanted.term, wanted.node)
        level = _level(asked.unit, wanted.level)
        terms = await self._service.codes()
        return reply(await asyncio.to_thread(document, asked, wanted, level, terms))

    @operation("Export a table of a term: 05, 06 or 07, `.xlsx` or `.csv`", query=ExportQuery, media_type="*/*")
    async def export(self, request: web.Request) -> web.Response:
        wanted = query(request, ExportQuery)
        asked = await self._asked(request, Permission.ATTENDANCE_EXPORT, wanted.term, wanted.node)
        file = _FILE.fullmatch(request.match_info["table"])
        if file is None or file[1] not in tables.NUMBERS:
            raise not_found("export")
        if file[1] == "06" and not asked.principal.may(Permission.TEACHER_READ):
            raise Problem(403, "forbidden", "your role may not see names of staff")
        table = await self._table(asked, file[1], _level(asked.unit, wanted.level))
        detail = {"term": asked.counted.code, "node": asked.unit.code}
        await self._auth.audit(asked.principal.user_id, "coverage.exported", file[1], **detail)
        return await asyncio.to_thread(_file, asked, table, file[2], self._zone)

    async def _asked(self, request: web.Request, permission: Permission, term: str | None, node: str | None) -> Asked:
        principal = await self._auth.require(request, permission)
        unit = await self._unit(principal, node or principal.node)
        code = term or await self._service.current()
        counted = None if code is None else await self._service.term(code)
        if counted is None:
            raise not_found("term")
        return Asked(principal, counted, await self._directory.scope(unit.code), unit)

    async def _unit(self, principal: Principal, node: str) -> shown.Unit:
        """Return a node that the caller's covers; raise 404."""
        mine = await self._directory.scope(principal.node)
        regions = {region.code: region for region in await self._directory.regions()}
        code = await self._directory.region_code(node)
        if code is not None:
            if not mine.includes_region(code):
                raise not_found("node")
            region = regions[code]
            level = "prefecture" if region.level == "prefecture" else "county"
            return shown.Unit.model_validate(
                {"code": code, "name": region.name, "level": level, "parent": region.parent_code}
            )
        found = await self._directory.school(mine, node)
        if found is None:
            raise not_found("node")
        return shown.Unit(code=found.school.code, name=found.school.name, level="school", parent=found.county.code)

    async def _table(self, asked: Asked, number: str, level: str) -> Table:
        if number == "06":
            rows = await self._reports.staffed(asked.counted, asked.scope)
            return await asyncio.to_thread(tables.teacher_table, asked.counted.rules, rows, self._zone)
        if number == "07":
            return tables.parent_table(await self._reports.met(asked.counted, asked.scope))
        whole = (asked.unit.code, asked.unit.name, LEVELS[asked.unit.level])
        by = "county" if level == "county" else "school"
        return await asyncio.to_thread(tables.matrix_table, asked.counted, asked.scope, by, whole)


def _level(unit: shown.Unit, wanted: str | None) -> str:
    """Return what is listed below a node; raise 400 `bad_query` for what does not lie below it."""
    allowed = {"prefecture": ("county", "school"), "county": ("school",), "school": ("class",)}[unit.level]
    if wanted is not None and wanted not in allowed:
        raise Problem(400, "bad_query", f"below a {unit.level} lie: {', '.join(allowed)}")
    return wanted or BELOW[unit.level]


def document(asked: Asked, wanted: shown.CoverageQuery, level: str, terms: Sequence[str]) -> shown.CoverageDocument:
    """Return the answer."""
    counted, rules = asked.counted, asked.counted.rules
    schools = counted.seen(asked.scope)
    totals = add(one.totals for one in schools)
    single = schools[0] if asked.unit.level == "school" and schools else None
    span = counted.spans.get(schools[0].place.region_code if single else asked.unit.code)
    items, classes, total = _below(asked, schools, wanted, level)
    return shown.CoverageDocument.model_validate(
        {
            "term": counted.code,
            "terms": terms,
            "starts_on": None if span is None else span.starts_on,
            "ends_on": None if span is None else span.ends_on,
            "as_of": counted.as_of,
            "unit": asked.unit,
            "rules": shown.rules_document(rules),
            "cells": shown.cells_document(dict(single.cells) if single else cells_of(rules, totals)),
            "totals": shown.totals_document(totals),
            "four": shown.is_whole(totals),
            "notes": single.place.notes if single else (),
            "lectures": shown.lecture_documents(counted, schools),
            "level": level,
            "items": items,
            "classes": classes,
            "total": total,
            "page": wanted.page,
            "size": wanted.size,
        }
    )


def _below(
    asked: Asked, schools: Sequence[SchoolCoverage], wanted: shown.CoverageQuery, level: str
) -> tuple[list[Any], list[Any], int]:
    """Return units and classes of a page, and how many there are."""
    part = slice(wanted.offset, wanted.offset + wanted.size)
    if level == "class":
        every = [made for one in schools for made in one.classes]
        return [], [shown.class_document(made) for made in every[part]], len(every)
    if level == "county":
        units = [shown.county_document(asked.counted.rules, *one) for one in asked.counted.counties(asked.scope)]
        if wanted.lacks is not None:
            units = [one for one in units if shown.open_in(one.cells, wanted.lacks)]
        return units[part], [], len(units)
    lacking = [one for one in schools if wanted.lacks is None or one.cells[wanted.lacks].state in shown.LACKING]
    return [shown.school_document(one) for one in lacking[part]], [], len(lacking)


def _file(asked: Asked, table: Table, kind: str, zone: tzinfo) -> web.Response:
    body = (
        to_csv(table)
        if kind == "csv"
        else to_xlsx(table, note(asked.counted, asked.unit.name, table, asked.principal.name, zone))
    )
    day = asked.counted.as_of.astimezone(zone).strftime("%Y%m%d")
    name = f"{table.number}{table.title}_{asked.unit.name}_{asked.counted.code}_{day}.{kind}"
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": disposition(name, f"{table.number}.{kind}"),
        "X-Report-Checksum": checksum(table),
        "X-Report-Policy": str(asked.counted.rules.version),
        "X-Report-As-Of": asked.counted.as_of.isoformat(),
    }
    charset = "utf-8" if kind == "csv" else None
    return web.Response(body=body, content_type=CONTENT_TYPES[kind], charset=charset, headers=headers)


def note(counted: CountedTerm, unit: str, table: Table, author: str, zone: tzinfo) -> Note:
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
            ("未启用", "表示该项任务系统尚未采集，不表示零"),
            ("制表人", author),
            ("审核人", ""),
            ("生成时间", local(as_of, zone) or ""),
        )
    )


def _days(counted: CountedTerm) -> str:
    first = min(span.starts_on for span in counted.spans.values())
    last = max(span.ends_on for span in counted.spans.values())
    return f"{first} 至 {last}（各县（市、区）以本地学期日历为准）"


def _second(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
