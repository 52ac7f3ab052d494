"""`/api/v1/imports`: bring a file, see what is wrong with it and what it would change, commit it.

1. **Everybody imports for their own node**: a county unit its schools, a school its classes and staff. A row of others is a bad row, and
   its reason is the same whether there is such a thing elsewhere or not.
2. The check begins by itself. A commit and a discard name the version that was looked at (`If-Match`).
3. **A file with one bad row is not committed.** The bad rows can be downloaded, corrected and brought again with `corrects`: the good rows
   are taken along.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date
from typing import Any, Final

from aiohttp import web

from signaling.api import etags
from signaling.api.openapi import operation
from signaling.api.paging import Page, PageQuery, page_of
from signaling.api.parsing import query, reply
from signaling.api.problems import Problem, not_found
from signaling.auth.identity import Permission, Principal
from signaling.auth.service import AuthService
from signaling.directory import import_findings as findings
from signaling.directory.import_documents import (
    BadRow,
    ChangedRow,
    ChangeQuery,
    ErrorsFileQuery,
    ImportDocument,
    ImportQuery,
    Upload,
    import_document,
)
from signaling.directory.import_jobs import ImportJobs
from signaling.directory.import_jobs_service import ImportJobsService, JobFilter, ListedJob
from signaling.directory.import_service import ImportService
from signaling.directory.importing import LINE, REASON
from signaling.directory.queries import Scope
from signaling.directory.sending import Wanted, send
from signaling.directory.service import DirectoryService
from signaling.directory.sheets import CONTENT_TYPES, Cell
from signaling.directory.templates import COLUMNS, TITLES, template

PART: Final = 500
FORMATS: Final = ("xlsx", "csv")


def routes(
    auth: AuthService,
    directory: DirectoryService,
    jobs: ImportJobs,
    services: tuple[ImportJobsService, ImportService],
    today: Callable[[], date],
) -> list[web.RouteDef]:
    """Return the routes of imports; `today` is the local day."""
    api = ImportApi(auth, directory, jobs, services, today)
    one = "/api/v1/imports/{import_id}"
    return [
        web.get("/api/v1/imports/templates/{template}", api.template),
        web.get("/api/v1/imports", api.imports),
        web.post("/api/v1/imports", api.bring),
        web.get(one, api.one),
        web.delete(one, api.discard),
        web.get(f"{one}/errors", api.errors),
        web.get(f"{one}/errors.{{format}}", api.errors_file),
        web.get(f"{one}/changes", api.changes),
        web.post(f"{one}/check", api.check),
        web.post(f"{one}/commit", api.commit),
    ]


class ImportApi:
    """The handlers."""

    def __init__(
        self,
        auth: AuthService,
        directory: DirectoryService,
        jobs: ImportJobs,
        services: tuple[ImportJobsService, ImportService],
        today: Callable[[], date],
    ) -> None:
        self._auth = auth
        self._directory = directory
        self._jobs = jobs
        self._table, self._imports = services
        self._today = today
        self._turns = asyncio.Semaphore(jobs.settings.exports_at_once)

    async def _caller(self, request: web.Request) -> tuple[Principal, Scope]:
        principal = await self._auth.require(request, Permission.DIRECTORY_IMPORT)
        return principal, await self._directory.scope(principal.node)

    async def _job(self, request: web.Request) -> tuple[Principal, Scope, ListedJob]:
        principal, scope = await self._caller(request)
        found = await self._table.job(scope, request.match_info["import_id"])
        if found is None:
            raise not_found("import")
        return principal, scope, found

    @operation("Download the workbook to fill in: `schools.xlsx`, `classes.xlsx` or `teachers.xlsx`", media_type="*/*")
    async def template(self, request: web.Request) -> web.Response:
        _, scope = await self._caller(request)
        kind, _, ending = request.match_info["template"].partition(".")
        if kind not in COLUMNS or ending != "xlsx":
            raise not_found("template")
        counties = await self._imports.counties()
        names = [name for code, name in counties.items() if scope.includes_region(code)]
        made = await asyncio.to_thread(template, kind, names)
        named = {"Content-Disposition": f'attachment; filename="{kind}.xlsx"', "Cache-Control": "no-store"}
        return web.Response(body=made, content_type=CONTENT_TYPES["xlsx"], headers=named)

    @operation("List imports, the latest first", query=ImportQuery, answer=Page[ImportDocument])
    async def imports(self, request: web.Request) -> web.Response:
        _, scope = await self._caller(request)
        wanted = query(request, ImportQuery)
        narrowed = JobFilter(wanted.kind or "", wanted.state or "")
        items, total = await self._table.jobs(scope, narrowed, wanted.size, wanted.offset)
        return reply(page_of([self._document(item) for item in items], total, wanted))

    @operation(
        "Bring a file of schools, classes or teachers; its check begins",
        query=Upload,
        answer=ImportDocument,
        takes="application/octet-stream",
        status=201,
    )
    async def bring(self, request: web.Request) -> web.Response:
        principal, scope = await self._caller(request)
        order = query(request, Upload)
        if order.kind == "schools" and scope.school is not None:
            raise Problem(403, "forbidden", "schools are kept by their county unit")
        if order.kind == "teachers" and not principal.may(Permission.TEACHER_EDIT):
            raise Problem(403, "forbidden", "your role may not do this")
        if order.corrects is not None:
            await self._corrected(scope, order)
        values = {"kind": order.kind, "file_name": order.name, "corrects": order.corrects}
        values |= {"node": principal.node, "actor": principal.user_id}
        job = await self._jobs.bring(request.content.iter_chunked(1 << 16), values)
        found = await self._table.job(scope, job.id)
        if found is None:
            raise not_found("import")
        headers = {"Location": f"/api/v1/imports/{job.id}", **etags.header(found.job.version)}
        return reply(self._document(found), 201, headers)

    async def _corrected(self, scope: Scope, order: Upload) -> None:
        former = await self._table.job(scope, order.corrects or "")
        if former is None or former.job.kind != order.kind or former.job.state not in {"refused", "checked"}:
            raise Problem(422, "bad_correction", "there is no such import that this file could correct")
        self._jobs.folder(former.job)

    @operation("Read how far an import is and what was found", answer=ImportDocument)
    async def one(self, request: web.Request) -> web.Response:
        _, _, found = await self._job(request)
        return self._reply(found)

    @operation("List the bad rows of an import", query=PageQuery, answer=Page[BadRow])
    async def errors(self, request: web.Request) -> web.Response:
        _, _, found = await self._job(request)
        wanted = query(request, PageQuery)
        items, total = await self._found(found, findings.ERRORS, wanted.size, wanted.offset)
        return reply(page_of([BadRow.model_validate(item) for item in items], total, wanted))

    @operation(
        "Download the bad rows with their reasons, to be corrected: `.xlsx` or `.csv`",
        query=ErrorsFileQuery,
        media_type="*/*",
    )
    async def errors_file(self, request: web.Request) -> web.StreamResponse:
        _, _, found = await self._job(request)
        kind = request.match_info["format"]
        if kind not in FORMATS:
            raise not_found("file")
        encoding = query(request, ErrorsFileQuery).encoding
        columns = COLUMNS[found.job.kind]
        title = f"{TITLES[found.job.kind]}导入错误行"
        headers = (LINE, *columns, REASON)
        wanted = Wanted(kind, title, headers, title, encoding=encoding)
        return await send(request, wanted, self._bad_rows(found, columns), self._turns)

    async def _bad_rows(self, found: ListedJob, columns: Sequence[str]) -> AsyncIterator[Sequence[Sequence[Cell]]]:
        offset, total = 0, 1
        while offset < total:
            items, total = await self._found(found, findings.ERRORS, PART, offset)
            yield [_bad_row(item, columns) for item in items]
            offset += PART

    @operation("List what an import would change", query=ChangeQuery, answer=Page[ChangedRow])
    async def changes(self, request: web.Request) -> web.Response:
        _, _, found = await self._job(request)
        wanted = query(request, ChangeQuery)
        items, total = await self._found(found, wanted.action, wanted.size, wanted.offset)
        return reply(page_of([ChangedRow.model_validate(item) for item in items], total, wanted))

    async def _found(self, found: ListedJob, name: str, size: int, offset: int) -> tuple[list[Any], int]:
        return await asyncio.to_thread(findings.page, self._jobs.folder(found.job), name, size, offset)

    @operation("Check an import again", answer=ImportDocument, if_match=True, status=202)
    async def check(self, request: web.Request) -> web.Response:
        return await self._order(request, "check")

    @operation(
        "Write an import into the directory, in one transaction", answer=ImportDocument, if_match=True, status=202
    )
    async def commit(self, request: web.Request) -> web.Response:
        return await self._order(request, "commit")

    async def _order(self, request: web.Request, order: str) -> web.Response:
        principal, scope, found = await self._job(request)
        job = found.job
        etags.require(request, job.version)
        if order == "commit":
            await self._may_be_committed(found)
        await self._jobs.order(job, job.version, order, principal.user_id)
        again = await self._table.job(scope, job.id)
        return self._reply(again or found, 202)

    async def _may_be_committed(self, found: ListedJob) -> None:
        job = found.job
        if job.state == "refused":
            raise Problem(409, "rows_are_bad", "the file has bad rows", bad=job.bad)
        if job.state == "checked":
            stamp = await self._imports.stamp(job.kind, await self._directory.scope(job.node))
            if stamp != job.stamp:
                raise Problem(409, "directory_changed", "the directory has changed since the check; check again")

    @operation("Throw an import away", status=204, if_match=True)
    async def discard(self, request: web.Request) -> web.Response:
        principal, _, found = await self._job(request)
        etags.require(request, found.job.version)
        await self._jobs.discard(found.job, found.job.version, principal.user_id)
        return web.Response(status=204)

    def _document(self, found: ListedJob) -> ImportDocument:
        return import_document(found, self._jobs.step(found.job.id))

    def _reply(self, found: ListedJob, status: int = 200) -> web.Response:
        return reply(self._document(found), status, etags.header(found.job.version))


def _bad_row(item: dict[str, Any], columns: Sequence[str]) -> list[Cell]:
    cells = item["cells"]
    return [
        item["line"],
        *(cells.get(column, "") for column in columns),
        f"{item['column']}：{item['reason']}".lstrip("："),
    ]
