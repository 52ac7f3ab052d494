"""Routes of attendance and exports, during a lecture and after it.

A county sees its own county, a school itself: rows, sums and rates cover the caller's node only.
"""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta, timezone, tzinfo
from typing import Final
from urllib.parse import quote

from aiohttp import web

from config.settings import AttendanceSettings
from signaling.api.openapi import operation
from signaling.api.parsing import query, reply
from signaling.api.problems import Problem, not_available, not_found
from signaling.attendance.bulletin import checksum as bulletin_checksum
from signaling.attendance.bulletin import draft, silent_schools
from signaling.attendance.document import document
from signaling.attendance.exports import Note, checksum, to_csv, to_xlsx
from signaling.attendance.policy import Policy, UnknownPolicy
from signaling.attendance.report import LectureReport
from signaling.attendance.schemas import AttendanceDocument, AttendanceQuery, BulletinDocument
from signaling.attendance.service import AttendanceService
from signaling.attendance.sheets_service import SheetsService
from signaling.attendance.tables import BESIDE, PLANNED, TABLES, Table, local
from signaling.auth.identity import Permission, Principal
from signaling.directory.service import DirectoryService
from signaling.lectures.access import Access
from signaling.ledger.errors import DamagedEntry

CONTENT_TYPES: Final = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
}
COUNTING: Final = (
    ("班级覆盖率", "（达标＋达标(未确认)＋补看达标）÷（应播－免计）；待确认的班级暂不计入分子"),
    ("学生覆盖率", "实到÷（应到－免计班级应到）；实到为教师确认的人数，不超过应到，来宾不计"),
    ("学校达标率", "达标学校÷（应参加学校－全部班级免计的学校）"),
    ("待核", "待核只提示复核，不影响结果"),
)
BLANK: Final = "表示尚未采集（如实到人数须由教师确认），不表示零"
BLANK_FULL: Final = "表示没有（如尚无人确认人数），不表示零"
ANSWERABLE: Final[dict[str, Permission]] = {"04": Permission.ALERT_ANSWER}
"""What else the caller of an export must be allowed: 04 is for those who answer for a school, not for those who look at figures."""
_FILE: Final = re.compile(r"(\d{2})\.(xlsx|csv)")
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f\\/:*?"<>|]+')


def routes(
    service: AttendanceService,
    sheets: SheetsService,
    access: Access,
    directory: DirectoryService,
    settings: AttendanceSettings,
) -> list[web.AbstractRouteDef]:
    """Return the routes; everything is under the lecture, so that its rules of access hold."""
    api = AttendanceApi(service, sheets, access, directory, settings)
    return [
        web.get("/api/v1/lectures/{lecture_id}/attendance", api.attendance),
        web.get("/api/v1/lectures/{lecture_id}/exports/{file}", api.export),
        web.get("/api/v1/lectures/{lecture_id}/bulletin", api.bulletin),
    ]


class AttendanceApi:
    """Handlers."""

    def __init__(
        self,
        service: AttendanceService,
        sheets: SheetsService,
        access: Access,
        directory: DirectoryService,
        settings: AttendanceSettings,
    ) -> None:
        self._service = service
        self._sheets = sheets
        self._access = access
        self._directory = directory
        self._zone = timezone(timedelta(hours=settings.report_utc_offset_hours))

    @operation("Read the attendance of a lecture", query=AttendanceQuery, answer=AttendanceDocument)
    async def attendance(self, request: web.Request) -> web.Response:
        _, made = await self._report(request, Permission.ATTENDANCE_READ)
        body = await asyncio.to_thread(lambda: json.dumps(document(made), ensure_ascii=False).encode())
        return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})

    @operation("Export a table: 01 to 04, 10 or 11, `.xlsx` or `.csv`", query=AttendanceQuery, media_type="*/*")
    async def export(self, request: web.Request) -> web.Response:
        wanted = _FILE.fullmatch(request.match_info["file"])
        if wanted is None or wanted[1] not in {*TABLES, *BESIDE, *PLANNED}:
            raise not_found("export")
        if wanted[1] in ANSWERABLE:
            await self._access.guard(request, ANSWERABLE[wanted[1]], request.match_info["lecture_id"])
        principal, made = await self._report(request, Permission.ATTENDANCE_EXPORT, wanted[1])
        if wanted[1] in BESIDE:
            table = await self._sheets.table(wanted[1], made, self._zone)
            return await asyncio.to_thread(_written, made, table, principal, wanted[2], self._zone)
        return await asyncio.to_thread(_file, made, principal, wanted[1], wanted[2], self._zone)

    @operation(
        "Draft the bulletin of a lecture, to be checked by a person", query=AttendanceQuery, answer=BulletinDocument
    )
    async def bulletin(self, request: web.Request) -> web.Response:
        _, made = await self._report(request, Permission.ATTENDANCE_READ)
        contacts = await self._sheets.contacts(made.lecture_id, silent_schools(made.report), made.as_of)
        text = draft(made, {code for code, one in contacts.items() if one.called_at is not None}, self._zone)
        version, digest = made.report.policy.version, bulletin_checksum(text)
        return reply(BulletinDocument(text=text, policy_version=version, as_of=made.as_of, checksum=digest))

    async def _report(
        self, request: web.Request, permission: Permission, number: str = "01"
    ) -> tuple[Principal, LectureReport]:
        lecture_id = request.match_info["lecture_id"]
        principal, _ = await self._access.lecture(request, lecture_id, permission)
        if number in PLANNED:
            raise not_available(f"export {number}")
        wanted = query(request, AttendanceQuery)
        scope = await self._directory.scope(principal.node)
        try:
            made = await self._service.report(
                lecture_id, scope, principal.node, policy=wanted.policy, as_of=wanted.as_of
            )
        except UnknownPolicy as error:
            raise Problem(400, "unknown_policy", "there is no such version of the policy", str(error)) from error
        except DamagedEntry as error:
            raise Problem(500, "ledger_damaged", "a stored row cannot be read", str(error)) from error
        if made is None:
            raise not_found("lecture")
        return principal, made


def _file(made: LectureReport, principal: Principal, number: str, kind: str, zone: tzinfo) -> web.Response:
    table = TABLES[number](made.report, made.unit, zone, made.names)
    return _written(made, table, principal, kind, zone)


def _written(made: LectureReport, table: Table, principal: Principal, kind: str, zone: tzinfo) -> web.Response:
    body = to_csv(table) if kind == "csv" else to_xlsx(table, note(made, table, principal.name, zone))
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": disposition(file_name(made, table, kind, zone), f"{table.number}.{kind}"),
        "X-Report-Checksum": checksum(table),
        "X-Report-Policy": str(made.report.policy.version),
        "X-Report-As-Of": made.as_of.isoformat(),
    }
    charset = "utf-8" if kind == "csv" else None
    return web.Response(body=body, content_type=CONTENT_TYPES[kind], charset=charset, headers=headers)


def note(made: LectureReport, table: Table, author: str, zone: tzinfo) -> Note:
    """Return what stands on the sheet 说明; the check sum is added by the writer."""
    begin, end = local(made.started_at, zone) or "未开播", local(made.ended_at, zone) or "进行中"
    policy = made.report.policy
    return Note(
        (
            ("表名", f"{table.number} {table.title}"),
            ("场次", made.title),
            ("填报单位", made.unit[1]),
            ("统计区间", begin if made.started_at is None else f"{begin} 至 {end}"),
            ("口径版本", f"{policy.version}（{policy.name}）"),
            ("口径说明", policy.summary),
            ("学校达标标准", _school_standard(policy)),
            *(() if policy.credit is None else COUNTING),
            ("数据版本(as-of)", made.as_of.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")),
            ("空白单元格", BLANK if policy.credit is None else BLANK_FULL),
            ("制表人", author),
            ("审核人", ""),
            ("生成时间", (made.made_at or made.as_of).astimezone(zone).strftime("%Y-%m-%d %H:%M")),
        )
    )


def _school_standard(policy: Policy) -> str:
    strict = f"班级覆盖率不低于{float(policy.school_ratio):.0%}"
    if policy.credit is None:
        return strict
    return f"{strict}；宽口径不低于{float(policy.credit.school_ratio_lenient):.0%}"


def file_name(made: LectureReport, table: Table, kind: str, zone: tzinfo) -> str:
    """Return the Chinese file name, free of what file systems refuse."""
    day = (made.started_at or made.as_of).astimezone(zone).strftime("%Y%m%d")
    return _UNSAFE.sub("_", f"{table.number}{table.title}_{made.title[:60]}_{day}") + f".{kind}"


def disposition(name: str, plain: str) -> str:
    """Return the header value: `plain` for old clients, `name` by RFC 8187 as RFC 6266 asks for."""
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
