"""What protects the pages and the API from other sites.

1. **No state changes by GET.**
2. **CSRF**: an unsafe request without a Bearer token must come from our own pages: `Sec-Fetch-Site` says `same-origin` (or `none`,
   typed by the user); a browser that does not send it must send our exact `Origin`. SameSite=Lax on the cookie stands behind that.
3. Media endpoints (`/whip`, `/whep`) are open to other origins: they take Bearer tokens only and look at no cookie. Socket.IO has an
   origin check of its own (`signaling/realtime/origins.py`), for WebSocket too.
4. HTTPS is made binding (HSTS) only when `http.public_url` says so: on a trial machine it would break other ports.
5. Every page has a Content-Security-Policy; the class screen may not use camera and microphone at all.
"""

from __future__ import annotations

import re

from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict

from signaling.api.problems import Problem
from signaling.api.proxy import PROXIES, client, origin

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
HOST = re.compile(r"[A-Za-z0-9.:\[\]-]+")
FOREIGN = ("/whip/", "/whep/", "/socket.io/")
COMMON = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self' wss:; media-src 'self' blob:; "
    "img-src 'self' data: blob:; style-src 'self'; style-src-attr 'unsafe-inline'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
CLASS_PERMISSIONS = "camera=(), microphone=(), display-capture=(), geolocation=()"
STUDIO_PERMISSIONS = "camera=(self), microphone=(self), display-capture=(self), geolocation=()"
EXTRA_HEADERS: web.RequestKey[dict[str, str]] = web.RequestKey("extra_headers", dict)
"""Key of a request under which a handler leaves headers that its answer must carry, whether it succeeds or not."""
CONSOLE_PERMISSIONS = "camera=(), microphone=(), display-capture=(), geolocation=()"


def check_origin(request: web.Request) -> None:
    """Raise 403 `cross_site` when an unsafe request may come from another site."""
    if request.method in SAFE or request.path.startswith(FOREIGN) or "Authorization" in request.headers:
        return
    if not _from_our_pages(request):
        raise Problem(403, "cross_site", "the request came from another site")


def _from_our_pages(request: web.Request) -> bool:
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    return request.headers.get("Origin") == origin(request)


@web.middleware
async def csrf(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what may come from another site."""
    check_origin(request)
    return await handler(request)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler: put the common headers on every response."""
    for name, value in {**COMMON, **request.get(EXTRA_HEADERS, {})}.items():
        response.headers.setdefault(name, value)
    if request.path.startswith("/api/"):
        response.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    response.headers["Server"] = "jiangtang"
    if origin(request).startswith("https://") and request.config_dict[PROXIES].public_url:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")


def page_headers(request: web.Request, permissions: str) -> CIMultiDict[str]:
    """Return the headers of a page. Over plain HTTP its WebSocket goes to this host alone."""
    asked = client(request)
    policy = POLICY
    if asked.scheme == "http" and HOST.fullmatch(asked.host):
        policy = POLICY.replace("connect-src 'self'", f"connect-src 'self' ws://{asked.host}")
    return CIMultiDict(
        {"Content-Security-Policy": policy, "Permissions-Policy": permissions, "Cache-Control": "no-cache"}
    )
