"""`/api/v1/counties` and `/api/v1/schools`: the directory as the caller's node may see it.

**What a scope does not cover does not exist**: a foreign school and a missing one give the same 404, a foreign county an empty list.
"""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from signaling.api.openapi import operation
from signaling.api.parsing import reply
from signaling.api.problems import Problem, not_found
from signaling.auth.identity import Permission
from signaling.auth.service import AuthService
from signaling.directory.queries import SchoolFilter, Scope
from signaling.directory.service import DirectoryService, ListedClass, ListedSchool

PAGE: Final = 50
LONGEST_PAGE: Final = 200
LONGEST_TEXT: Final = 64
MOST_PAGES: Final = 100_000


def routes(auth: AuthService, directory: DirectoryService) -> list[web.RouteDef]:
    """Return the routes that read the directory."""

    async def scope_of(request: web.Request) -> Scope:
        principal = await auth.require(request, Permission.DIRECTORY_READ)
        return await directory.scope(principal.node)

    @operation("List the county units that the caller's node concerns, with the number of its schools in each")
    async def counties(request: web.Request) -> web.Response:
        rows = await directory.counties(await scope_of(request))
        items = [{"code": row.code, "name": row.name, "gb2260": row.gb2260, "schools": number} for row, number in rows]
        return reply({"items": items})

    @operation(
        "List schools: `county`, `kind` and `q` (words of the name, or a beginning of the code) narrow, `page` and `size` page"
    )
    async def listing(request: web.Request) -> web.Response:
        scope = await scope_of(request)
        page, size = _number(request, "page", 1, MOST_PAGES), _number(request, "size", PAGE, LONGEST_PAGE)
        wanted = SchoolFilter(*(request.query.get(name, "")[:LONGEST_TEXT] for name in ("county", "kind", "q")))
        items, total = await directory.schools(scope, wanted, size, (page - 1) * size)
        return reply({"items": [_school(item) for item in items], "total": total, "page": page, "size": size})

    @operation("Read a school with its classes")
    async def one(request: web.Request) -> web.Response:
        found = await directory.school(await scope_of(request), request.match_info["school_code"])
        if found is None:
            raise not_found("school")
        school, classes = found
        return reply(_school(school) | {"class_list": [_class(item) for item in classes]})

    return [
        web.get("/api/v1/counties", counties),
        web.get("/api/v1/schools", listing),
        web.get("/api/v1/schools/{school_code}", one),
    ]


def _number(request: web.Request, name: str, default: int, most: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
        raise Problem(400, "bad_query", f"{name} is a number from 1 to {most}")
    return int(text)


def _school(item: ListedSchool) -> dict[str, Any]:
    return {
        "code": item.school.code,
        "name": item.school.name,
        "county": {"code": item.county.code, "name": item.county.name},
        "kind": item.school.kind,
        "urban_rural": item.school.urban_rural,
        "classes": item.classes,
        "pupils": item.pupils,
        "screens": item.screens,
    }


def _class(item: ListedClass) -> dict[str, Any]:
    made = item.school_class
    return {
        "id": made.id,
        "code": made.code,
        "name": made.name,
        "entry_year": made.entry_year,
        "stage": made.stage,
        "number": made.number,
        "pupils": made.pupils,
        "screens": item.screens,
    }
