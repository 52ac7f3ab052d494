"""The cookie that lets a browser's own player read playlists and parts: `jt_watch`, for one lecture's path alone."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from signaling.api.proxy import origin

WATCH: Final = "jt_watch"


def set_watch(request: web.Request, response: web.StreamResponse, lecture_id: str, token: str, seconds: int) -> None:
    """Give the browser a watch token for `/hls/{lecture_id}/`, out of the reach of scripts; `Secure` over HTTPS."""
    response.set_cookie(
        WATCH,
        token,
        path=f"/hls/{lecture_id}/",
        max_age=seconds,
        httponly=True,
        samesite="Lax",
        secure=origin(request).startswith("https://"),
    )
