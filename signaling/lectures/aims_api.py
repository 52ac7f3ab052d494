"""`/api/v1/aims`: whom a planner may aim a lecture at. The planner's node decides; reading the directory is another right.

A lecturer sees the names of county units and schools here and the numbers of schools, and nothing else of the directory.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from aiohttp import web

from signaling.api.openapi import operation
from signaling.api.parsing import query, reply
from signaling.directory.documents import FoundList, NodeList, SearchQuery, TreeQuery
from signaling.directory.service import DirectoryService
from signaling.directory.trees import found_list, node_list
from signaling.lectures.access import Access


def routes(access: Access, directory: DirectoryService, today: Callable[[], date]) -> list[web.RouteDef]:
    """Return the routes; `today` is the local day."""
    api = AimsApi(access, directory, today)
    return [web.get("/api/v1/aims", api.below), web.get("/api/v1/aims/search", api.search)]


class AimsApi:
    """The handlers."""

    def __init__(self, access: Access, directory: DirectoryService, today: Callable[[], date]) -> None:
        self._access = access
        self._directory = directory
        self._today = today

    @operation(
        "List what lies below a node that the caller may aim a lecture at, or where that begins",
        query=TreeQuery,
        answer=NodeList,
    )
    async def below(self, request: web.Request) -> web.Response:
        principal = await self._access.planner(request)
        scope = await self._directory.scope(principal.node)
        return reply(await node_list(self._directory, scope, query(request, TreeQuery).parent, self._today()))

    @operation("Find what the caller may aim a lecture at, at most 50", query=SearchQuery, answer=FoundList)
    async def search(self, request: web.Request) -> web.Response:
        principal = await self._access.planner(request)
        scope = await self._directory.scope(principal.node)
        return reply(await found_list(self._directory, scope, query(request, SearchQuery).q, self._today()))
