"""Sends a POST to the node that has the lecture: 307, which keeps method and body (RFC 9725 section 4.5), never 301 or 302."""

from __future__ import annotations

from aiohttp import web

from signaling.api.problems import Problem
from signaling.live.service import LiveService


async def refuse_elsewhere(live: LiveService, request: web.Request, lecture_id: str) -> None:
    """Raise 307 `elsewhere` when another node has the lecture. A client sends no credential to another origin by itself."""
    base = await live.elsewhere(lecture_id) if live.elsewhere is not None else None
    if base is not None:
        location = f"{base.rstrip('/')}{request.path}"
        raise Problem(307, "elsewhere", "another node has this lecture", headers={"Location": location})
