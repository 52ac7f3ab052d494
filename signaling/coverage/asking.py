"""Who asks for a term, for which node, and what lies below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from signaling.api.problems import Problem, not_found
from signaling.auth.identity import Permission, Principal
from signaling.auth.service import AuthService
from signaling.coverage import documents as shown
from signaling.coverage.service import CoverageService
from signaling.coverage.term import CountedTerm
from signaling.directory.queries import Scope
from signaling.directory.service import DirectoryService

BELOW: Final = {"prefecture": "county", "county": "school", "school": "class"}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and the node that a term is shown for."""

    principal: Principal
    scope: Scope
    unit: shown.Unit


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for which term, and the node that it is shown for."""

    principal: Principal
    counted: CountedTerm
    scope: Scope
    unit: shown.Unit


class Asking:
    """Finds out who asks for what."""

    def __init__(self, auth: AuthService, directory: DirectoryService, service: CoverageService) -> None:
        self._auth = auth
        self._directory = directory
        self._service = service

    async def caller(self, request: web.Request, permission: Permission, node: str | None) -> Caller:
        """Return who asks for a node, their own when none is named; raise 401, 403 or 404."""
        principal = await self._auth.require(request, permission)
        unit = await self._unit(principal, node or principal.node)
        return Caller(principal, await self._directory.scope(unit.code), unit)

    async def code(self, term: str | None) -> str:
        """Return the code of a term, of the present one when none is named; raise 404."""
        code = term or await self._service.current()
        if code is None:
            raise not_found("term")
        return code

    async def asked(self, request: web.Request, permission: Permission, term: str | None, node: str | None) -> Asked:
        """Return who asks, with the count of the term as of now; raise 401, 403 or 404."""
        caller = await self.caller(request, permission, node)
        counted = await self._service.term(await self.code(term))
        if counted is None:
            raise not_found("term")
        return Asked(caller.principal, counted, caller.scope, caller.unit)

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


def level_below(unit: shown.Unit, wanted: str | None) -> str:
    """Return what is listed below a node; raise 400 `bad_query` for what does not lie below it."""
    allowed = {"prefecture": ("county", "school"), "county": ("school",), "school": ("class",)}[unit.level]
    if wanted is not None and wanted not in allowed:
        raise Problem(400, "bad_query", f"below a {unit.level} lie: {', '.join(allowed)}")
    return wanted or BELOW[unit.level]
