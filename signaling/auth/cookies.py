"""The cookies of people: one of a login, one between password and code.

1. **No script reads them and no other site sends them along**: HttpOnly, SameSite=Lax.
2. **Over HTTPS they are called `__Host-...`**, and none of another name is read: a browser takes such a cookie from this very host alone,
   over HTTPS alone, so neither a neighbour in the domain nor somebody on the line can plant one (RFC 6265bis section 4.1.3.2).
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from signaling.api.proxy import origin

LOGIN: Final = "jt_login"
HALF: Final = "jt_half"
HOST: Final = "__Host-"


def read(request: web.Request, name: str) -> str | None:
    """Return the value of a cookie, None when there is none."""
    return request.cookies.get(_full(request, name)) or None


def put(response: web.StreamResponse, request: web.Request, name: str, value: str, seconds: int) -> None:
    """Set a cookie."""
    response.set_cookie(
        _full(request, name),
        value,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=_is_secure(request),
    )


def drop(response: web.StreamResponse, request: web.Request, name: str) -> None:
    """Take a cookie away."""
    response.del_cookie(
        _full(request, name), path="/", httponly=True, samesite="Lax", secure=_is_secure(request) or None
    )


def _is_secure(request: web.Request) -> bool:
    return origin(request).startswith("https://")


def _full(request: web.Request, name: str) -> str:
    return HOST + name if _is_secure(request) else name
