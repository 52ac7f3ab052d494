"""The outermost middleware: every error under `/api` and `/hls` becomes a problem document, every request a log line.

1. **No exception reaches aiohttp**: what nobody expected is 500 `internal` with a log id, and the traceback is in the log.
2. A response that aiohttp made itself (404, 405, 413) becomes a problem document too.
"""

from __future__ import annotations

import secrets
import time
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from signaling.api.problems import Problem
from signaling.api.proxy import client

log = structlog.get_logger("http")
QUIET: Final = web.RequestKey("quiet", bool)
"""A handler that was asked what thousands ask every minute sets it on its request: the log tells of it only when details are wanted."""

CODES = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
    415: "not_json",
}


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer problems, log the request with its short id."""
    request_id = secrets.token_hex(4)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request=request_id)
    started = time.monotonic()
    response = await _answer(request, handler, request_id)
    milliseconds = round((time.monotonic() - started) * 1000, 1)
    quiet = request.method in {"GET", "HEAD"} or request.path.startswith("/socket.io") or QUIET in request
    write = log.debug if quiet and response.status < 500 else log.info
    write(
        "< request",
        method=request.method,
        path=_shown(request.path),
        status=response.status,
        ms=milliseconds,
        client=client(request).remote,
    )
    return response


def _shown(path: str) -> str:
    """Shorten the secret part of a session's URL (RFC 9725 section 5), as logs outlive sessions."""
    head, mark, session = path.partition("/session/")
    return head + mark + session[:8] if head in {"/whip", "/whep"} else path


async def _answer(request: web.Request, handler: Handler, request_id: str) -> web.StreamResponse:
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.HTTPException as error:
        if error.status < 400 or not _speaks_problems(request):
            raise
        return _from_http(error).response()
    except Exception:
        log.exception("x unexpected error", path=request.path)
        return Problem(500, "internal", "the server made a mistake", log_id=request_id).response()


def _speaks_problems(request: web.Request) -> bool:
    return request.path.startswith(("/api/", "/hls/"))


def _from_http(error: web.HTTPException) -> Problem:
    kept = {name: error.headers[name] for name in ("Allow", "Retry-After") if name in error.headers}
    return Problem(error.status, CODES.get(error.status, "http_error"), error.reason.lower(), headers=kept)
