"""`GET /api/v1/lectures/{id}/evidence`: the whole board of what the caller's node covers."""

from __future__ import annotations

from aiohttp import web

from signaling.api.openapi import operation
from signaling.auth.identity import Permission
from signaling.lectures.access import SCOPED, Access
from signaling.wall.keeper import Wall
from signaling.wall.schemas import EvidenceDocument


def routes(wall: Wall, access: Access) -> list[web.AbstractRouteDef]:
    """Return the routes."""
    return [web.get("/api/v1/lectures/{lecture_id}/evidence", WallApi(wall, access).evidence)]


class WallApi:
    """The handlers."""

    def __init__(self, wall: Wall, access: Access) -> None:
        self._wall = wall
        self._access = access

    @operation(
        "Read how far every expected class has come, what it gets now, and why not; changes are pushed",
        answer=EvidenceDocument,
    )
    async def evidence(self, request: web.Request) -> web.Response:
        lecture_id = request.match_info["lecture_id"]
        caller = await self._access.guard(request, Permission.BOARD_READ, lecture_id)
        body = await self._wall.whole(lecture_id, caller.node if caller.role in SCOPED else "")
        return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})
