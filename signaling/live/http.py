"""What WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep-03) have in common: preflight, credentials, `If-Match`, errors.

1. **Authenticate before reading a body**, read at most `sdp.max_bytes` of it, parse last.
2. Every answer, errors included, carries the CORS headers: foreign pages are welcome here, a credential decides.
3. The rate limit is per credential, never per address: a school shares one.
4. A session is touched only by the credential that made it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from broadcaster.errors import (
    BroadcasterError,
    Busy,
    FragmentError,
    MalformedOffer,
    NoCommonCodec,
    RoomClosed,
    UnacceptableOffer,
)
from signaling.api.problems import Problem
from signaling.auth import opaque
from signaling.live.limits import Buckets
from signaling.live.publishing import RETRY_SECONDS, unauthorized
from signaling.live.service import LiveService
from signaling.live.sessions import Direction, Held

SDP: Final = "application/sdp"
FRAGMENT: Final = "application/trickle-ice-sdpfrag"
CORS: Final[Mapping[str, str]] = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Location, ETag, Link, Retry-After, Accept-Post, Accept-Patch, WWW-Authenticate",
}
_PREFLIGHT: Final[Mapping[str, str]] = {
    "Access-Control-Allow-Methods": "OPTIONS, GET, HEAD, POST, PATCH, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
    "Access-Control-Max-Age": "86400",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def guarded(handler: Handler) -> Handler:
    """Turn the errors of services and media plane into problem documents, and add the CORS headers to any answer."""

    @functools.wraps(handler)
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            response = await handler(request)
        except Problem as problem:
            response = problem.response()
        except BroadcasterError as error:
            response = media_problem(error).response()
        response.headers.update(CORS)
        return response

    return handle


def media_problem(error: BroadcasterError) -> Problem:
    """Return the problem behind an error of the media plane."""
    match error:
        case MalformedOffer():
            return Problem(400, "malformed_offer", "not an SDP offer", str(error))
        case UnacceptableOffer():
            return Problem(422, "unacceptable_offer", "this endpoint cannot answer such an offer", str(error))
        case NoCommonCodec():
            return Problem(406, "no_common_codec", "H.264 constrained baseline and Opus are needed", str(error))
        case FragmentError():
            return Problem(400, "malformed_fragment", "not a fragment for this session", str(error))
        case Busy(retry_after=seconds):
            return Problem(503, "busy", "try again later", str(error), headers=retry_after(seconds))
        case RoomClosed():
            return Problem(409, "room_closed", "the lecture stopped", str(error), headers=retry_after(RETRY_SECONDS))
    raise error


def retry_after(seconds: float) -> dict[str, str]:
    """Return the header (RFC 9110 section 10.2.3), at least one whole second."""
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


def credential(request: web.Request) -> str:
    """Return the bearer token (RFC 6750 section 2.1); raise 401 `no_credential`."""
    token = opaque.bearer(request)
    if token is None or not token.isascii():
        raise unauthorized("no_credential", "send Authorization: Bearer")
    return token


def charge(buckets: Buckets, key: object, now: float) -> None:
    """Count a request of a credential; raise 429 `too_many_requests`."""
    wait = buckets.take(key, now)
    if wait > 0:
        raise Problem(429, "too_many_requests", "too many requests", headers=retry_after(wait))


async def text(request: web.Request, media_type: str, limit: int, headers: Mapping[str, str]) -> str:
    """Return the body; raise 415 for another media type (`headers` say which is accepted), 400 when too large or not text."""
    if request.content_type != media_type:
        raise Problem(415, "unsupported_media_type", f"send {media_type}", headers=headers)
    chunks, size = [], 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > limit:
            raise Problem(400, "too_large", "the body is too large", f"at most {limit} bytes")
        chunks.append(chunk)
    try:
        return b"".join(chunks).decode()
    except UnicodeDecodeError as error:
        raise Problem(400, "malformed_offer", "the body is not UTF-8", str(error)) from None


def created(held: Held) -> web.Response:
    """Return the 201 of a new session. `Location` is an absolute path without query: OBS replaces the path by all of it."""
    return web.Response(
        status=201,
        body=held.session.answer.encode(),
        content_type=SDP,
        headers={
            "Location": f"/{held.direction}/session/{held.session.id}",
            "ETag": quoted(held.session.etag),
            "Accept-Patch": FRAGMENT,
            "Cache-Control": "no-store",
        },
    )


def quoted(etag: str) -> str:
    """Return a strong entity tag in its quotes (RFC 9110 section 8.8.3)."""
    return etag if etag.startswith('"') else f'"{etag}"'


def matches(if_match: str, etag: str) -> bool:
    """Whether an `If-Match` list names the entity tag, compared strongly (RFC 9110 section 13.1.1)."""
    return quoted(etag) in {candidate.strip() for candidate in if_match.split(",")}


class SessionResource:
    """GET, HEAD, OPTIONS, PATCH and DELETE of endpoint and session, the same in both directions."""

    def __init__(self, live: LiveService, direction: Direction) -> None:
        self._live = live
        self._direction = direction

    def routes(self) -> list[web.AbstractRouteDef]:
        """Return the routes of everything but POST."""
        endpoint, session = f"/{self._direction}/{{lecture_id}}", f"/{self._direction}/session/{{session_id}}"
        look, preflight = guarded(self.look), guarded(self.preflight)
        return [
            web.options(session, preflight),
            web.get(session, look, allow_head=False),
            web.head(session, look),
            web.patch(session, guarded(self.patch)),
            web.delete(session, guarded(self.delete)),
            web.options(endpoint, preflight),
            web.get(endpoint, look, allow_head=False),
            web.head(endpoint, look),
        ]

    async def preflight(self, request: web.Request) -> web.Response:
        """Answer OPTIONS: no credential is asked for, none is minted (RFC 9725 section 4.2)."""
        accepts = {"Accept-Patch": FRAGMENT} if "session_id" in request.match_info else {"Accept-Post": SDP}
        return web.Response(status=200, headers={**_PREFLIGHT, **accepts})

    async def look(self, request: web.Request) -> web.Response:
        """Answer GET and HEAD: 2xx without content, the same whether a session exists or not."""
        if request.method == "HEAD":
            return web.Response(status=200, headers={"Content-Type": SDP, "Accept-Post": SDP})
        return web.Response(status=204, headers={"Accept-Post": SDP})

    async def patch(self, request: web.Request) -> web.Response:
        """Take candidates (`If-Match: "etag"`, 204) or restart ICE (`If-Match: *`, 200 with a new ETag)."""
        session = self._own(request).session
        condition = request.headers.get("If-Match")
        limit = self._live.settings.sdp.max_bytes
        fragment = await text(request, FRAGMENT, limit, {"Accept-Patch": FRAGMENT})
        if condition is None:
            raise Problem(428, "precondition_required", "send If-Match")
        if condition.strip() == "*":
            answer = session.restart(fragment)
            return web.Response(
                status=200, body=answer.encode(), content_type=FRAGMENT, headers={"ETag": quoted(session.etag)}
            )
        if not matches(condition, session.etag):
            raise Problem(412, "precondition_failed", "the session was restarted meanwhile")
        session.trickle(fragment)
        return web.Response(status=204)

    async def delete(self, request: web.Request) -> web.Response:
        """Close the session (RFC 9725 section 4.2: 200); entity tags play no role."""
        held = self._own(request)
        held.session.close("closed_by_peer")
        self._live.sessions.forget(held.session.id)
        return web.Response(status=200)

    def _own(self, request: web.Request) -> Held:
        """Return the session of the URL if this credential made it; raise 401, 403, 404 or 429."""
        digest = opaque.digest(credential(request))
        held = self._live.sessions.find(request.match_info["session_id"], self._direction)
        if held is None or not held.belongs_to(digest):
            charge(self._live.requests, digest, self._live.clock())
            if held is None:
                raise Problem(404, "no_such_session", "no such session")
            raise Problem(403, "not_your_session", "another credential made this session")
        charge(self._live.requests, (digest, held.session.id), self._live.clock())
        return held
