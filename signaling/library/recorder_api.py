"""`/api/v1/recorder`: the recorder and its disk, for those who run the server."""

from __future__ import annotations

from aiohttp import web

from signaling.api.openapi import operation
from signaling.api.parsing import reply
from signaling.auth.identity import Permission
from signaling.library.api import Auth
from signaling.library.schemas import RecorderDocument
from signaling.library.space import Space


def routes(space: Space, auth: Auth) -> list[web.AbstractRouteDef]:
    """Return the route of prefecture and operators."""

    @operation(
        "Tell how much can still be recorded: `state` is ok, low (warn) or full (recordings pause)",
        answer=RecorderDocument,
    )
    async def report(request: web.Request) -> web.Response:
        await auth.require(request, Permission.RECORDER_READ)
        return reply(space.report())

    return [web.get("/api/v1/recorder", report)]
