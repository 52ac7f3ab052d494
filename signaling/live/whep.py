"""WHEP, the endpoint of viewers (draft-ietf-wish-whep-03): `POST /whep/{lecture_id}`.

Counter-offers of section 4.2 are declined: the codec pair is fixed, so the server can always answer the viewer's offer.
"""

from __future__ import annotations

from aiohttp import web

from broadcaster.errors import Busy
from signaling.auth import opaque
from signaling.live import http
from signaling.live.redirect import refuse_elsewhere
from signaling.live.service import LiveService
from signaling.live.sessions import Direction


def routes(live: LiveService) -> list[web.AbstractRouteDef]:
    """Return the routes of viewers."""
    endpoint = Whep(live)
    resource = http.SessionResource(live, Direction.WATCH)
    return [web.post("/whep/{lecture_id}", http.guarded(endpoint.post)), *resource.routes()]


class Whep:
    """The endpoint."""

    def __init__(self, live: LiveService) -> None:
        self._live = live

    async def post(self, request: web.Request) -> web.Response:
        """Begin to watch: 201 with the answer, or 400, 401, 403, 406, 409, 415, 422, 429, 503."""
        live, lecture_id = self._live, request.match_info["lecture_id"]
        token = http.credential(request)
        digest = opaque.digest(token)
        claims = live.watching.claims(token)
        http.charge(live.monitor_requests if claims.is_monitor else live.requests, digest, live.clock())
        await refuse_elsewhere(live, request, lecture_id)
        if live.is_congested():
            raise Busy("too many facts wait for the database", retry_after=2.0)
        offer = await http.text(request, http.SDP, live.settings.sdp.max_bytes, {"Accept-Post": http.SDP})
        return http.created(await live.watching.subscribe(claims, digest, lecture_id, offer))
